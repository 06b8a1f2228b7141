"""The part of an embedded index that searches: for the best panels, and for the images under some letters."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mirsearch.errors import IndexMismatchError
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.embedded.database import schema
from mirsearch.indexes.embedded.database.access import ReaderPool
from mirsearch.indexes.embedded.database.checking import CheckedCommits
from mirsearch.indexes.embedded.database.checksums import batches, placeholders
from mirsearch.indexes.embedded.database.figures import FigureCache
from mirsearch.indexes.embedded.database.rows import read_in_order
from mirsearch.indexes.embedded.derived_files import DamagedFileError
from mirsearch.indexes.embedded.search import Searcher
from mirsearch.indexes.embedded.vectors.matrix import Matrix, Snapshot
from mirsearch.query import ScoredPanel, SearchRequest, SearchResult, StoredPanel

if TYPE_CHECKING:
    from mirsearch.indexes.embedded.database.writer import AddMeanings
    from mirsearch.indexes.embedded.vectors.meaning import MeaningMatrices
    from mirsearch.indexes.meanings import Progress

Found = TypeVar("Found")


_Row = tuple[int, str, int, str, str | None, int | None]
"""Key, id, key of the figure, id of the figure, letter and part of a panel."""


class Searches:
    """Searches one commit of an index, and makes derived files again that turn out to be damaged."""

    location: str
    _folder: Path
    _readers: ReaderPool
    _extractor: ExtractorIdentity
    _matrix: Matrix
    _searcher: Searcher
    _whole: CheckedCommits

    def search(self, request: SearchRequest) -> SearchResult:
        """Return the best panels for a request; always exact.

        Raises IndexMismatchError if the index was embedded with another extractor since it was opened.
        """

        def search(connection: sqlite3.Connection, snapshot: Snapshot) -> SearchResult:
            self._whole.check_filters(connection, request.filters)
            return self._searcher.search(connection, snapshot, request)

        with self._readers.transaction() as connection:
            return self._search_snapshot(connection, request, search)

    def search_letters(
        self, request: SearchRequest, letters: Collection[tuple[str, str]], known: Mapping[str, StoredPanel]
    ) -> list[tuple[ScoredPanel, StoredPanel]]:
        """Return the panels that share some letters, best first. See `LetterIndex`."""

        def search(connection: sqlite3.Connection, snapshot: Snapshot) -> tuple[list[_Row], list[ScoredPanel]]:
            self._whole.check_core(connection)  # a damaged row could belong to a letter
            rows = _rows_of_figures(connection, dict.fromkeys(figure for figure, _ in letters))
            under = [row for row in rows if row[5] is not None and (row[3], row[4]) in letters]
            among = under if len(rows) <= request.top else rows  # if too many, a figure's other panels take places
            ids = {row[0]: row[1] for row in among}
            return under, self._searcher.search_among(connection, snapshot, request, ids)

        with self._readers.transaction() as connection:
            under, best = self._search_snapshot(connection, request, search)
            ids = {row[1] for row in under}
            found = [scored for scored in best if scored.panel_id in ids]
            unknown = [scored.panel_id for scored in found if scored.panel_id not in known]
            cache = FigureCache()
            cache.add_known(connection, {row[3]: row[2] for row in under}, (panel.figure for panel in known.values()))
            read = {stored.panel.id: stored for stored in read_in_order(connection, unknown, cache)}
        return [(scored, read.get(scored.panel_id) or known[scored.panel_id]) for scored in found]

    @cached_property
    def _meanings(self) -> MeaningMatrices:
        from mirsearch.indexes.embedded.vectors.meaning import MeaningMatrices  # a question about a picture needs none

        return MeaningMatrices(self._folder)

    def meaning(self) -> ExtractorIdentity | None:
        """Return the model of the index's sentence vectors; None if it has none."""
        with self._readers.transaction() as connection:
            from mirsearch.indexes.embedded.database.meaning_facts import read_meaning

            return read_meaning(connection)

    def _meaning_adder(self, connection: sqlite3.Connection) -> AddMeanings | None:
        """Return what writes sentence vectors, None if the index has none. MissingDependencyError without the model."""
        if not schema.read_meta(connection).get("meaning"):
            return None
        from mirsearch.indexes.embedded.database.meanings import add_figure, maker_of

        maker = maker_of(connection)
        if maker is None:
            return None
        maker.check()
        return partial(add_figure, maker=maker)

    def add_meaning(self, model: ExtractorIdentity, progress: Progress | None = None) -> int:
        """Give every panel a sentence vector of this model. See `MeaningIndex`."""
        from mirsearch.indexes.embedded.database.meanings import add_meaning

        return add_meaning(self.location, model, progress)

    def remove_meaning(self) -> None:
        """Take all sentence vectors out."""
        from mirsearch.indexes.embedded.database.meanings import remove_meaning

        remove_meaning(self.location)

    def _search_snapshot(
        self,
        connection: sqlite3.Connection,
        request: SearchRequest,
        search: Callable[[sqlite3.Connection, Snapshot], Found],
    ) -> Found:
        """Return what `search` finds in the vectors of the connection's transaction, which may be a newer one then."""
        while True:
            self._check_extractor(connection)
            snapshot: Snapshot | None = self._matrix.snapshot(connection)
            if snapshot is not None and request.meaning_vector is not None:
                snapshot = self._meanings.join(connection, snapshot)
            self._check_extractor(connection)  # again, because a matrix may have begun a newer transaction
            if snapshot is None:  # it has, and the other matrix is of the one before
                continue
            try:
                return search(connection, snapshot)
            except DamagedFileError as error:  # the file is made again; a third time is a disk that loses data
                self._matrix.discard(error.name)
                if request.meaning_vector is not None:
                    self._meanings.discard(error.name)

    def _check_extractor(self, connection: sqlite3.Connection) -> None:
        """Raise IndexMismatchError if the index was embedded with another extractor since it was opened."""
        current = schema.read_extractor(connection)
        if current != self._extractor:
            raise IndexMismatchError(
                f"the vectors of the index at {self.location} were replaced by those of {current} after it was opened",
                "open it again",
            )


def _rows_of_figures(connection: sqlite3.Connection, figure_ids: Iterable[str]) -> list[_Row]:
    rows: list[_Row] = []
    for batch in batches(figure_ids):
        query = (
            "SELECT p.key, p.id, f.key, f.id, p.label, p.part FROM figures f JOIN panels p ON p.figure = f.key "
            f"WHERE f.id IN ({placeholders(batch)})"
        )
        rows += connection.execute(query, batch)
    return rows
