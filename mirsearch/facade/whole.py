"""What a Python program does with a whole corpus: copy, merge, back up, tell it where its files are."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from mirsearch import indexes
from mirsearch.facade.values import FieldConditions, to_conditions
from mirsearch.indexes.base import Index

if TYPE_CHECKING:
    from mirsearch.transfer.backup import About
    from mirsearch.transfer.copying import CopySummary
    from mirsearch.transfer.dataset import DatasetSummary
    from mirsearch.transfer.merging import MergeSummary
    from mirsearch.transfer.relocation import Relocation

PathLike = str | os.PathLike[str]


class WholeCorpus:
    """The part of a corpus that moves all of it."""

    index: Index

    def copy(self, target: PathLike) -> CopySummary:
        """Copy the corpus into a new or empty index at a path or address. Interrupted, call it again.

        Raises UsageError if the target is not empty, IndexMismatchError if it has another extractor.
        """
        from mirsearch.transfer.copying import copy_index

        with closing(indexes.open_index(os.fspath(target), create=self.index.extractor)) as copied:
            return copy_index(self.index, copied)

    def merge(self, source: PathLike) -> MergeSummary:
        """Add the index at a path or address to this corpus. The summary tells conflicts."""
        from mirsearch.transfer.merging import merge_index

        with closing(indexes.open_index(os.fspath(source))) as added:
            return merge_index(added, self.index)

    def add_meaning(self) -> int:
        """Give every panel a sentence vector, so that words rank by meaning, too. Returns the number of panels.

        Raises MissingDependencyError without the extra `meaning`, UsageError for an index that can't have them.
        """
        from mirsearch.indexes.meanings import installed_model, with_meaning

        return with_meaning(self.index).add_meaning(installed_model())

    def remove_meaning(self) -> None:
        """Take the sentence vectors out. Raises UsageError for an index that can't have them."""
        from mirsearch.indexes.meanings import with_meaning

        with_meaning(self.index).remove_meaning()

    def backup(self, file: PathLike) -> About:
        """Write the corpus, with the pictures inside it, into one archive. `mirsearch.restore` puts it back."""
        from mirsearch.transfer.backup import back_up

        return back_up(self.index, Path(file))[0]

    def export_dataset(
        self,
        folder: PathLike,
        *,
        filter: FieldConditions = None,  # noqa: A002  the name of the option
        thumbnails: bool = False,
        any_license: bool = False,
        shards: bool = False,
    ) -> DatasetSummary:
        """Write a dataset for learning into a new folder, as `mirsearch export --dataset`. Raises UsageError."""
        from mirsearch import settings
        from mirsearch.acquisition.ledger import Ledger
        from mirsearch.query import Filters
        from mirsearch.search.option_values import add_filters
        from mirsearch.transfer.dataset import DatasetOptions, export_dataset
        from mirsearch.transfer.places import LEDGER

        filters = add_filters(Filters(), None, None, None, to_conditions(filter))
        path = settings.workspace(self.index.location) / LEDGER
        options = DatasetOptions(thumbnails, any_license, shards)
        with closing(Ledger(path if path.is_file() else None)) as ledger:
            return export_dataset(self.index, Path(folder), filters, ledger, options)

    def relocate(self, old: PathLike, new: PathLike, *, dry_run: bool = False, force: bool = False) -> Relocation:
        """Tell the corpus that the files of a folder were moved. Raises UsageError if none is at the new place."""
        from mirsearch.transfer.relocation import relocate

        return relocate(self.index, os.fspath(old), os.fspath(new), dry_run=dry_run, force=force)


def put_back(file: PathLike, location: str, force: bool) -> None:
    """Put a backup back at a location. See `mirsearch.restore`."""
    from mirsearch.transfer.backup import restore

    restore(Path(file), location, force=force)
