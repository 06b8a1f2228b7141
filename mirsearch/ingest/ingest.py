"""Ingest: source → analysis → extractor → index.

Each file is hashed first; a figure that the index has is not decoded again. Worker threads read, analyze and embed the
other files. A bounded number of files waits, and they are written in the order they were found, so that the corpus
does not depend on timing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from itertools import takewhile
from typing import TYPE_CHECKING

from mirsearch import settings
from mirsearch.corpus import figure_id
from mirsearch.errors import MirsearchError
from mirsearch.extractors.base import Extractor
from mirsearch.files.interrupts import DeferredInterrupt
from mirsearch.indexes.base import FigureRecord, Index, IndexWriter, KnownFigure
from mirsearch.indexes.giving_way import give_way
from mirsearch.ingest.contents import ContentHashes
from mirsearch.ingest.decisions import Decisions
from mirsearch.ingest.events import NO_EVENTS, RunEvents
from mirsearch.ingest.failures import FailureNotes
from mirsearch.ingest.figure_analysis import Analyzer
from mirsearch.ingest.mentions import write_mentions
from mirsearch.ingest.merging import (
    given_fields,
    has_changes,
    has_new_mentions,
    merge_figure,
    needs_planes,
    new_origins,
)
from mirsearch.ingest.pending import PendingFile, PreparedFile
from mirsearch.ingest.pipeline import split_into_chunks
from mirsearch.ingest.retractions import mark_retracted_articles
from mirsearch.ingest.summary import IngestSummary
from mirsearch.ingest.work import ThreadWork, Work, wait_for
from mirsearch.readers.selection import Selection
from mirsearch.sources.base import FoundFigure, Retraction, SkippedFiles, SourceFailure, SourceItem

if TYPE_CHECKING:
    from mirsearch.ingest.remote.client import RemoteWorkers

FILES_PER_LOOKUP = 64
"""Files that are looked up in the index at once."""

COMMIT_SECONDS = 1.0
"""Seconds between commits. A crash loses the work since the last commit."""


class Ingest:
    """One run into one index. `progress(summary, done)` is called after each file.

    `on_interrupt(names)` is called at Ctrl-C, with the names of the files that are still finished. `selection` chooses
    the planes of stacks. `workers`: a number of threads (None: one for each core), or workers elsewhere. Figures that a
    person deleted are left out, and failures that a person dismissed are told apart.
    """

    def __init__(
        self,
        index: Index,
        analyzer: Analyzer,
        extractor: Extractor,
        *,
        workers: int | RemoteWorkers | None = None,
        progress: Callable[[IngestSummary, int], None] | None = None,
        on_interrupt: Callable[[list[str]], None] = lambda names: None,
        selection: Selection | None = None,
        events: RunEvents = NO_EVENTS,
    ) -> None:
        self._index, self._selection = index, selection or Selection()
        self._analyzer, self._extractor, self._workers = analyzer, extractor, workers
        self._progress, self._on_interrupt, self._events = progress, on_interrupt, events
        self._interrupt = DeferredInterrupt(self._end_early)
        self._summary = IngestSummary()
        self._queue: deque[PendingFile] = deque()
        self._fields_by_figure: dict[str, frozenset[str]] = {}
        self._failed: set[str] = set()
        self._retractions: list[Retraction] = []
        self._failures, self._decisions = FailureNotes(index), Decisions(index)
        self._hashes = ContentHashes()
        self._done = 0
        self._is_left = False
        self._last_commit = time.monotonic()

    def run(self, items: Iterable[SourceItem], hashes: ContentHashes | None = None) -> IngestSummary:
        """Ingest all items. A bad file is counted, and the others go on. Ctrl-C finishes the files in hand.

        `hashes`: those that were read before.
        """
        started, self._hashes = time.monotonic(), hashes or ContentHashes()
        work = self._start_work()
        try:
            with self._index.writer() as writer, self._interrupt:
                self._last_commit = time.monotonic()
                try:
                    self._ingest_items(items, writer, work)
                except KeyboardInterrupt:
                    self._summary.interrupted = True
                self._summary.interrupted |= self._interrupt.requested
                self._write([], writer, commit=True)
                self._summary.retracted = mark_retracted_articles(self._index, writer, self._retractions)
        finally:
            work.close(wait=not self._is_left)
        self._summary.seconds["total"] = time.monotonic() - started
        return self._summary

    def _start_work(self) -> Work:
        """Return what analyzes the files: threads, or the workers that were asked for."""
        if self._workers is None or isinstance(self._workers, int):
            return self._start_threads(self._workers or settings.thread_count())
        return self._workers.open(self._analyzer, self._extractor, self._start_threads)

    def _start_threads(self, count: int) -> ThreadWork:
        analyzer, extractor, selection = self._analyzer, self._extractor, self._selection
        return ThreadWork(
            analyzer, extractor, selection, count, lambda: self._interrupt.requested, self._events.on_plane
        )

    def _ingest_items(self, items: Iterable[SourceItem], writer: IndexWriter, work: Work) -> None:
        for found, identity in self._figures_to_ingest(items, writer):
            fields, earlier_fields = given_fields(found), self._fields_by_figure.get(identity, frozenset())
            if identity in self._fields_by_figure and not fields <= earlier_fields:
                # This copy has a caption or article that the first copy lacks: write the first one, then add to it.
                self._store_all(writer, work)
                writer.commit()
                del self._fields_by_figure[identity]
            pending = self._submit(found, identity, work)
            self._queue.append(pending)
            if self._interrupt.requested and pending.future is not None:
                pending.future.cancel()  # Ctrl-C came while it was submitted
            self._fields_by_figure[identity] = fields | earlier_fields
            while len(self._queue) > 2 * work.count:
                self._store_next(writer, work)
        self._store_all(writer, work)

    def _end_early(self) -> None:
        """Drop the files that no worker has begun, and tell the others. Ctrl-C calls this at any moment."""
        waiting = [(pending.found.path.name, pending.future) for pending in self._queue if pending.future is not None]
        self._on_interrupt([name for name, future in waiting if not future.cancel()])

    def _store_all(self, writer: IndexWriter, work: Work) -> None:
        while self._queue:
            self._store_next(writer, work)

    def _store_next(self, writer: IndexWriter, work: Work) -> None:
        with suppress(CancelledError):
            self._store(self._queue[0], writer, work)
        self._queue.popleft()

    def _figures_to_ingest(self, items: Iterable[SourceItem], writer: IndexWriter) -> Iterator[tuple[FoundFigure, str]]:
        """Return the figures that need work, with their ids. Note new origins of the figures that the index has."""
        for chunk in split_into_chunks(items, FILES_PER_LOOKUP, lambda: self._interrupt.requested):
            started = time.monotonic()
            wanted = takewhile(lambda _: not self._interrupt.requested, chunk)
            identified = [pair for pair in map(self._identify, wanted) if pair is not None]
            known = self._index.known_figures([identity for _, identity in identified])
            self._add_seconds("read", time.monotonic() - started)
            for found, identity in identified:
                if self._interrupt.requested:
                    return
                figure = known.get(identity)
                if figure is None and self._decisions.is_deleted(identity):
                    self._leave_out(found)
                elif figure is None or has_changes(found, figure) or needs_planes(found, figure, self._selection):
                    yield found, identity
                else:
                    self._update_known(found, figure, writer)

    def _identify(self, item: SourceItem) -> tuple[FoundFigure, str] | None:
        """Return a found figure with its id; None for a failure or a retraction, which is noted."""
        if isinstance(item, Retraction):
            self._retractions.append(item)
            return None
        if isinstance(item, SkippedFiles):
            self._summary.add_skipped(item.kind, item.reason, item.count, item.location)
            return None
        if isinstance(item, SourceFailure):
            if item.is_note:
                self._summary.notes.append((item.location, item.reason))
            else:
                self._note_failure(item.location, "find", item.reason)
            return None
        try:
            content = self._hashes.read(item.path, lambda: self._interrupt.requested)
            return (item, figure_id(content, item.page or 0)) if content else None
        except MirsearchError as error:
            self._fail(item, SourceFailure.from_error(item.path, error).reason)
            return None

    def _leave_out(self, found: FoundFigure) -> None:
        """Count a figure that a person deleted."""
        self._summary.figures_deleted += 1
        self._failures.add_success(found)
        self._count_done()

    def _update_known(self, found: FoundFigure, known: KnownFigure, writer: IndexWriter) -> None:
        """Note what is new of a figure that need not be analyzed: its origins, and sentences that speak of it."""
        for origin in new_origins(found, known):
            writer.add_origin(known.id, origin)
        if has_new_mentions(found, known) and write_mentions(self._index, writer, known.id, found.mentions):
            self._summary.figures_updated += 1
        else:
            self._summary.figures_present += 1
        self._failures.add_success(found)
        self._count_done()

    def _submit(self, found: FoundFigure, identity: str, work: Work) -> PendingFile:
        if identity in self._fields_by_figure:
            return PendingFile(found, identity, is_update=False)
        known = self._index.known_figures([identity]).get(identity)
        if known is not None:
            found = merge_figure(found, known)
        return PendingFile(found, identity, known is not None, work.submit(found, identity))

    def _store(self, pending: PendingFile, writer: IndexWriter, work: Work) -> None:
        """Write the records of a file. For another copy of a figure of this run, only add its origins."""
        if pending.future is None:
            self._store_copy(pending, writer)
            return
        prepared, is_left = wait_for(pending.future, work, pending.figure_id, lambda: self._interrupt.requested)
        self._is_left |= is_left
        if prepared.records and not self._hashes.is_unchanged(pending.found.path):
            prepared = PreparedFile(failures=[("read", "it changed while it was read; the next run takes it")])
        for stage, seconds in prepared.seconds.items():
            self._add_seconds(stage, seconds)
        for stage, reason in prepared.failures:
            self._note_failure(str(pending.found.path), stage, reason)
        self._summary.notes += [(str(pending.found.path), note) for note in prepared.notes]
        if not prepared.failures and not prepared.is_stopped:
            self._failures.add_success(pending.found)
        records = self._decisions.apply(prepared.records)
        self._write(records, writer)
        self._count(records, pending.is_update)
        self._events.on_write(records)
        if not prepared.records:
            self._failed.add(pending.figure_id)
        self._count_done()
        if time.monotonic() - self._last_commit > COMMIT_SECONDS:
            self._write([], writer, commit=True)
            self._last_commit = time.monotonic()

    def _write(self, records: list[FigureRecord], writer: IndexWriter, commit: bool = False) -> None:
        started = time.monotonic()
        # The first page is written last: when it is in the index, so are all the others.
        for record in reversed(records):
            writer.put(record)
        if commit:
            self._failures.write(writer)
            writer.commit()
            self._decisions.after_commit(writer)
            if give_way(writer):  # a person may have deleted or dismissed something
                self._failures, self._decisions = FailureNotes(self._index), Decisions(self._index)
        self._add_seconds("index", time.monotonic() - started)

    def _count(self, records: list[FigureRecord], is_update: bool) -> None:
        self._summary.figures_updated += len(records) if is_update else 0
        self._summary.figures_new += 0 if is_update else len(records)
        panels = [panel for record in records for panel in record.panels]
        self._summary.panels_new += 0 if is_update else len(panels)
        self._summary.panels_with_scale += sum(panel.scale is not None for panel in panels)

    def _store_copy(self, pending: PendingFile, writer: IndexWriter) -> None:
        if self._interrupt.requested:
            return  # the first copy may have been dropped
        if pending.figure_id in self._failed:
            self._fail(pending.found, "another file with the same content failed in this run")
            return
        for origin in (pending.found.origin, *pending.found.other_origins):
            writer.add_origin(pending.figure_id, origin)
        self._summary.figures_present += 1
        self._failures.add_success(pending.found)
        self._count_done()

    def _fail(self, found: FoundFigure, reason: str) -> None:
        self._note_failure(str(found.path), "read", reason)
        self._count_done()

    def _note_failure(self, location: str, stage: str, reason: str) -> None:
        is_dismissed = self._failures.add_failure(location, stage, reason)
        (self._summary.dismissed if is_dismissed else self._summary.failures).append((location, reason))

    def _count_done(self) -> None:
        self._done += 1
        if self._progress:
            self._progress(self._summary, self._done)

    def _add_seconds(self, stage: str, seconds: float) -> None:
        self._summary.seconds[stage] = self._summary.seconds.get(stage, 0.0) + seconds
