"""Adds one index to another. What the target says stays; what only the source says is added; conflicts are told.

The same call can be repeated: figures that the target has all of are left alone. So an interrupted merge is completed
by merging again.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mirsearch.corpus import Article, Figure
from mirsearch.corrections import FIELDS, MIN_OVERLAP, Correction, intersection_over_union
from mirsearch.indexes import mismatch_error
from mirsearch.indexes.base import FigureRecord, Index, IndexWriter, Snapshot
from mirsearch.indexes.faults import COPYING
from mirsearch.ingest.deleted import DELETED
from mirsearch.query import Filters
from mirsearch.transfer.copying import (
    CommitClock,
    Progress,
    ignore_progress,
    in_batches,
    records_of,
    refuse_same,
    require_snapshots,
)
from mirsearch.transfer.ledgers import copy_ledger
from mirsearch.transfer.places import InsideNames, copy_pictures

_FIGURES_AT_ONCE = 64
_MOST_ARTICLES = 10_000
"""Articles of the target that are kept in memory."""
_MOST_CONFLICTS = 1_000
"""Conflicts that are listed; all are counted."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two indexes say different things about a figure. The target's value was kept."""

    figure: str
    field: str
    kept: str
    other: str

    def __str__(self) -> str:
        return f"figure {self.figure}: {self.field}: {self.kept!r} was kept, not {self.other!r}"


@dataclass(slots=True)
class MergeSummary:
    """What a merge did. `left_out`: figures that the target's list of deleted figures names."""

    figures: int = 0
    changed: int = 0
    present: int = 0
    left_out: int = 0
    pictures: int = 0
    unfinished: int = 0
    conflict_count: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    seconds: float = 0.0

    def add_conflict(self, figure: str, name: str, kept: object, other: object) -> None:
        """Note that two indexes differ."""
        self.conflict_count += 1
        if len(self.conflicts) < _MOST_CONFLICTS:
            self.conflicts.append(Conflict(figure, name, str(kept)[:200], str(other)[:200]))

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types, as `mirsearch index merge --format json` prints them."""
        counts = {name: getattr(self, name) for name in self.__slots__ if name != "conflicts"}
        return counts | {"conflicts": [dataclasses.asdict(each) for each in self.conflicts]}


def merge_index(source: Index, target: Index, progress: Progress = ignore_progress) -> MergeSummary:
    """Add all that an index has to another of the same extractor. Raises IndexMismatchError if it has another one."""
    started, summary = time.monotonic(), MergeSummary()
    require_snapshots(source, target)
    refuse_same(source.location, target.location)
    if source.extractor != target.extractor:
        raise mismatch_error(target.location, target.extractor, source.extractor)
    summary.pictures = copy_pictures(source.location, target.location)
    copy_ledger(source.location, target.location)
    names = InsideNames(source.location, target.location)
    with source.snapshot() as snapshot, target.writer() as writer:
        merger = _Merger(target, names, summary)
        total, clock = snapshot.count_figures(), CommitClock(writer)
        for number, batch in enumerate(in_batches(snapshot.records(), _FIGURES_AT_ONCE)):
            for record, own in merger.merged(batch):
                _write(writer, record, own)
            if clock.tick():
                merger.forget()
            progress(min((number + 1) * _FIGURES_AT_ONCE, total), total)
        _merge_lists(snapshot, target, writer, names)
        summary.unfinished = snapshot.unfinished
    summary.seconds = time.monotonic() - started
    return summary


class _Merger:
    """Works out what to write for figures of the source."""

    def __init__(self, target: Index, names: InsideNames, summary: MergeSummary) -> None:
        self._target, self._names, self._summary = target, names, summary
        self._deleted = target.entries(DELETED).keys()
        self._articles: dict[str, Article] = {}

    def forget(self) -> None:
        """Read again what the target says: others have written to it."""
        self._deleted = self._target.entries(DELETED).keys()
        self._articles.clear()

    def merged(self, batch: Sequence[FigureRecord]) -> Iterator[tuple[FigureRecord, FigureRecord | None]]:
        """Yield the records to write for some figures of the source, each with what the target has (None: new).

        What the target has is read before anything of the batch is written.
        """
        present = records_of(self._target, [record.figure.id for record in batch])
        for record in map(self._names.record, batch):
            own = present.get(record.figure.id)
            if own is None and record.figure.id in self._deleted:
                self._summary.left_out += 1
            elif own is None:
                self._summary.figures += 1
                yield self._with_known_article(record), None
            else:
                added = self._added(own, record)
                self._summary.changed += added is not None
                self._summary.present += added is None
                if added is not None:
                    yield added, own

    def _with_known_article(self, record: FigureRecord) -> FigureRecord:
        """Return a new figure whose article, if the target has it, is told as the target tells it."""
        article = record.figure.article
        if article is None:
            return record
        if article.id not in self._articles:
            if len(self._articles) >= _MOST_ARTICLES:
                self._articles.clear()
            stored = next(self._target.select_panels(Filters(articles=(article.id,))), None)
            own = None if stored is None else stored.figure.article
            same = None if own is None or own.id != article.id else own
            self._articles[article.id] = self._merge_articles(record.figure.id, same, article) or article
        figure = dataclasses.replace(record.figure, article=self._articles[article.id])
        return dataclasses.replace(record, figure=figure)

    def _added(self, own: FigureRecord, other: FigureRecord) -> FigureRecord | None:
        """Return the target's record with what only the source says, None if that is nothing."""
        figure = self._merge_figures(own.figure, other.figure)
        corrections = self._merge_corrections(figure.id, own.corrections or (), other.corrections or ())
        boxes = [panel.box for panel in own.panels], [panel.box for panel in other.panels]
        if boxes[0] != boxes[1]:
            told = [f"{len(part)} panels (analysis {record.analysis_version or 'unknown'})"
                    for part, record in zip(boxes, (own, other), strict=True)]  # fmt: skip
            self._summary.add_conflict(figure.id, "panels", *told)
        if figure == own.figure and corrections == (own.corrections or ()):
            return None
        return dataclasses.replace(own, figure=figure, corrections=corrections)

    def _merge_figures(self, own: Figure, other: Figure) -> Figure:
        known = {(origin.source, origin.location) for origin in own.origins}
        fresh = tuple(origin for origin in other.origins if (origin.source, origin.location) not in known)
        values: dict[str, Any] = {"origins": (*own.origins, *fresh)}
        for name in ("caption", "label", "permission_note", "mentions"):
            values[name] = self._choose(own.id, name, getattr(own, name), getattr(other, name))
        values["article"] = self._merge_articles(own.id, own.article, other.article)
        return dataclasses.replace(own, **values)

    def _merge_articles(self, figure: str, own: Article | None, other: Article | None) -> Article | None:
        if own is None or other is None:
            return own or other
        if own.id != other.id:
            self._summary.add_conflict(figure, "article", own.id, other.id)
            return own
        names = ("title", "doi", "pmcid", "journal", "year", "license", "url", "authors")
        values = {
            name: self._choose(figure, f"article.{name}", getattr(own, name), getattr(other, name)) for name in names
        }
        return dataclasses.replace(own, **values, retracted=own.retracted or other.retracted)

    def _choose(self, figure: str, name: str, own: Any, other: Any) -> Any:
        """Return the target's value if it has one, else the source's."""
        if own and other and own != other:
            self._summary.add_conflict(figure, name, own, other)
        return own or other

    def _merge_corrections(
        self, figure: str, own: Sequence[Correction], other: Sequence[Correction]
    ) -> tuple[Correction, ...]:
        merged = list(own)
        for correction in other:
            at = next((at for at, known in enumerate(merged) if _are_about_one_panel(known, correction)), None)
            if at is None:
                merged.append(correction)
                continue
            for name in FIELDS:
                mine, theirs = merged[at].changes, correction.changes
                if name in mine and name in theirs and mine[name] != theirs[name]:
                    self._summary.add_conflict(figure, f"correction of {name}", mine[name], theirs[name])
            both = correction.changes | merged[at].changes
            if both != merged[at].changes:
                merged[at] = dataclasses.replace(merged[at], changes=both)
        return tuple(merged)


def _write(writer: IndexWriter, record: FigureRecord, own: FigureRecord | None) -> None:
    """Write a figure; only its origins if nothing else is new."""
    if own is None or record != dataclasses.replace(
        own, figure=dataclasses.replace(own.figure, origins=record.figure.origins), vectors=record.vectors
    ):
        writer.put(record)
    else:
        writer.replace_origins(record.figure.id, record.figure.origins)


def _are_about_one_panel(one: Correction, other: Correction) -> bool:
    return (one.label, one.part) == (other.label, other.part) and intersection_over_union(
        one.box, other.box
    ) >= MIN_OVERLAP


def _merge_lists(snapshot: Snapshot, target: Index, writer: IndexWriter, names: InsideNames) -> None:
    """Add the entries, failures and kept corrections that the target lacks. Of two of one name, the target's stays.

    A figure that the source had deleted stays in the target if that has it.
    """
    with target.snapshot() as own:
        failed = {failure.input for failure in own.failures()}
        kept = {figure_id for figure_id, _ in own.kept_corrections()}
    for kept_list, entries in snapshot.entries().items():
        known = target.entries(kept_list).keys() | (
            target.known_figures(list(entries)).keys() if kept_list == DELETED else set()
        )
        fresh = {name: value for name, value in entries.items() if name not in known}
        if kept_list != COPYING and fresh:
            writer.write_entries(kept_list, fresh)
    failures = (dataclasses.replace(each, input=names.location(each.input)) for each in snapshot.failures())
    writer.record_failures(failure for failure in failures if failure.input not in failed)
    for figure_id, corrections in snapshot.kept_corrections():
        if figure_id not in kept and not target.known_figures([figure_id]):
            writer.keep_corrections(figure_id, corrections)
