"""Copies a whole index into an empty one: between kinds, either way. An interrupted copy is continued by the same call.

The list "copying" of the target names the source until all is there. Figures that an interrupted copy has written are
compared with the source's and, where they are the same, left alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mirsearch.errors import UsageError
from mirsearch.indexes import backend_name
from mirsearch.indexes.base import FigureRecord, Index, IndexWriter, Snapshot
from mirsearch.indexes.faults import COPYING
from mirsearch.indexes.giving_way import give_way
from mirsearch.indexes.meanings import carry_meaning
from mirsearch.transfer.ledgers import copy_ledger
from mirsearch.transfer.places import InsideNames, copy_pictures

_FIGURES_AT_ONCE = 64
_COMMIT_SECONDS = 2.0
_SAME_VECTOR = 1e-3
"""Greatest difference of a number of two vectors that are the same: one of the indexes keeps 11 bits of it."""
_LISTED = 500
Progress = Callable[[int, int], None]
Item = TypeVar("Item")


@dataclass(slots=True)
class CopySummary:
    """What a copy did. `present`: figures that an interrupted copy had written; `unfinished`: being replaced there."""

    figures: int = 0
    panels: int = 0
    present: int = 0
    pictures: int = 0
    failures: int = 0
    unfinished: int = 0
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types, as `mirsearch index copy --format json` prints them."""
        return {name: getattr(self, name) for name in self.__slots__}


def ignore_progress(done: int, total: int) -> None:
    """Tell nobody."""


def copy_index(
    source: Index,
    target: Index,
    progress: Progress = ignore_progress,
    *,
    name: str | None = None,
    pictures: bool = True,
    is_marked: bool = False,
    is_resumed: bool = False,
) -> CopySummary:
    """Copy all of an index into an empty one of the same extractor. `name` is what an interrupted copy is known by.

    `is_marked`: the caller did what `mark_copies` does, and `is_resumed` is what that told.
    Raises UsageError if the target is not empty, or has an interrupted copy of another source.
    """
    started, summary = time.monotonic(), CopySummary()
    require_snapshots(source, target)
    refuse_same(source.location, target.location)
    name = name or known_name(source.location)
    is_resumed = is_resumed if is_marked else mark_copies(target, [name])
    carry_meaning(source, target)
    with target.writer() as writer:
        present = target if is_resumed else None
        fill_index(source, target.location, writer, summary, progress, present=present, pictures=pictures)
        if is_resumed:
            writer.commit()
            _delete_others(source, target, writer)
        writer.write_entries(COPYING, {}, [name])
    summary.seconds = time.monotonic() - started
    return summary


def fill_index(
    source: Index,
    location: str,
    writer: IndexWriter,
    summary: CopySummary,
    progress: Progress,
    *,
    present: Index | None = None,
    pictures: bool = True,
) -> None:
    """Write all of an index into another at `location`. Figures that `present` has in the same state are left alone."""
    if pictures:
        summary.pictures = copy_pictures(source.location, location)
        copy_ledger(source.location, location)
    names = InsideNames(source.location, location)
    with source.snapshot() as snapshot:
        total, clock = snapshot.count_figures(), CommitClock(writer)
        for batch in in_batches(snapshot.records(), _FIGURES_AT_ONCE):
            known = {} if present is None else records_of(present, [record.figure.id for record in batch])
            for record in map(names.record, batch):
                if is_same_record(record, known.get(record.figure.id)):
                    summary.present += 1
                else:
                    writer.put(record)
                    summary.figures += 1
                summary.panels += len(record.panels)
            clock.tick()
            progress(summary.figures + summary.present, total)
        copy_lists(snapshot, writer, names, summary)
        summary.unfinished = snapshot.unfinished


def records_of(index: Index, figure_ids: Sequence[str]) -> dict[str, FigureRecord]:
    """Return those of the figures that an index has now, by id."""
    known = list(index.known_figures(figure_ids))
    if not known:
        return {}
    with index.snapshot() as snapshot:
        return {record.figure.id: record for record in snapshot.records(known)}


def known_name(location: str) -> str:
    """Return the name of a source by which a later call knows an interrupted copy of it."""
    return location.rstrip("/") if "://" in location else str(Path(location).resolve())


def refuse_same(source: str, target: str) -> None:
    """Raise UsageError if two locations are those of one index."""
    if known_name(source) == known_name(target):
        raise UsageError(f"{source} and {target} are the same index", "give another one")


def require_snapshots(*indexes: Index) -> None:
    """Raise UsageError for an index of a plug-in that can't be read or written as a whole."""
    for index in indexes:
        if not hasattr(index, "snapshot"):
            raise UsageError(
                f"an index of the plug-in {backend_name(index.location)} can't be copied", "ingest its figures again"
            )


def mark_copies(target: Index, names: Sequence[str]) -> bool:
    """Mark an empty target with the sources that will come; return True for one that had an interrupted copy of them.

    Raises UsageError for a target that is not empty, or has an interrupted copy of others.
    """
    marks = target.entries(COPYING)
    others = [name for name in marks if name not in names]
    if others:
        raise UsageError(
            f"{target.location} has an interrupted copy of {others[0]}",
            "copy that again to complete it, or give another target",
        )
    if marks:
        return True
    with target.snapshot() as snapshot:
        figures = snapshot.count_figures()
        if figures or snapshot.entries() or next(iter(snapshot.failures()), None):
            raise UsageError(
                f"{target.location} is not empty: it has {figures:,} figures",
                "mirsearch index merge adds an index to another; or give an empty target",
            )
    with target.writer() as writer:
        writer.write_entries(COPYING, {name: {"since": time.time()} for name in names})
    return False


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield items in lists of at most `size`."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


@dataclass(slots=True)
class CommitClock:
    """Commits a writer every few seconds."""

    writer: IndexWriter
    last: float = field(default_factory=time.monotonic)

    def tick(self) -> bool:
        """Commit if the last commit was long ago, and let others write then; return whether one did."""
        if time.monotonic() - self.last <= _COMMIT_SECONDS:
            return False
        self.writer.commit()
        others_wrote = give_way(self.writer)
        self.last = time.monotonic()
        return others_wrote


def is_same_record(one: FigureRecord, other: FigureRecord | None) -> bool:
    """Return whether two figures are the same with all their panels, vectors, thumbnails and corrections."""
    if other is None or one.vectors.shape != other.vectors.shape:
        return False
    names = ("figure", "panels", "thumbnails", "analysis_version", "source_panels", "corrections")
    return all(getattr(one, name) == getattr(other, name) for name in names) and bool(
        np.abs(one.vectors - other.vectors).max(initial=0.0) < _SAME_VECTOR
    )


def copy_lists(snapshot: Snapshot, writer: IndexWriter, names: InsideNames, summary: CopySummary) -> None:
    """Copy all that an index keeps besides figures. Entries and failures of the same name are replaced."""
    for failures in in_batches(snapshot.failures(), _LISTED):
        writer.record_failures(type(each)(names.location(each.input), each.stage, each.reason, each.noted_at)
                               for each in failures)  # fmt: skip
        summary.failures += len(failures)
    for kept, entries in snapshot.entries().items():
        if kept != COPYING:
            writer.write_entries(kept, entries)
    for figure_id, corrections in snapshot.kept_corrections():
        writer.keep_corrections(figure_id, corrections)


def _delete_others(source: Index, target: Index, writer: IndexWriter) -> None:
    """Delete figures of the target that the source has lost since the copy began."""
    with target.snapshot() as snapshot:
        for batch in in_batches((figure.id for figure in snapshot.figures()), _LISTED):
            known = source.known_figures(batch)
            writer.delete_figures(figure_id for figure_id in batch if figure_id not in known)
