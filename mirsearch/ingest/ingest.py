"""The one flow in: source → analysis → extractor → index.

Files are hashed first; what the index knows is not decoded again. The rest is read, analyzed and embedded by worker
threads inside a bounded window, and written in the order it was found, so that a corpus does not depend on timing.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from mirsearch import settings
from mirsearch.corpus import Figure, Panel, figure_id, panel_ids
from mirsearch.errors import ImageError, MirsearchError
from mirsearch.extractors.base import Extractor
from mirsearch.imaging import images
from mirsearch.indexes.base import FigureRecord, Index, IndexWriter, KnownFigure
from mirsearch.ingest.failures import FailureNotes
from mirsearch.ingest.merging import changed, merged, place, told
from mirsearch.ingest.pipeline import in_chunks
from mirsearch.ingest.retractions import mark
from mirsearch.ingest.summary import IngestSummary
from mirsearch.query import Pixels
from mirsearch.sources.base import FoundFigure, Item, Retraction, SourceFailure

log = logging.getLogger(__name__)

CHUNK = 64
"""Files asked of the index at once."""

COMMIT_SECONDS = 1.0
"""What a crash can cost: the work since the last commit."""


class Analyzer(Protocol):
    """What ingest needs of the analysis; see :class:`mirsearch.analysis.analyzer.FigureAnalyzer`."""

    @property
    def version(self) -> str:
        """What reads the figures."""

    def analyze(
        self,
        pixels: Pixels,
        caption: str = "",
        *,
        nm_per_px: float | None = None,
        given: tuple[Panel, ...] | None = None,
    ) -> list[Panel]:
        """The panels of a figure."""


@dataclass(slots=True)
class _Prepared:
    """What a worker made of one file: its records (pages), failures as (stage, reason), and seconds by stage."""

    records: list[FigureRecord] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Pending:
    found: FoundFigure
    identity: str
    update: bool
    future: Future[_Prepared] | None = None


class Ingest:
    """One run into one index. `progress(done, failed, panels)` is called after each file."""

    def __init__(
        self,
        index: Index,
        analyzer: Analyzer,
        extractor: Extractor,
        *,
        workers: int | None = None,
        progress: Callable[[IngestSummary, int], None] | None = None,
    ) -> None:
        self._index, self._analyzer, self._extractor = index, analyzer, extractor
        self._workers = workers or settings.threads()
        self._progress = progress
        self._summary = IngestSummary()
        self._queue: deque[_Pending] = deque()
        self._taken: dict[str, frozenset[str]] = {}
        self._failed: set[str] = set()
        self._retracted: list[Retraction] = []
        self._notes = FailureNotes(index)
        self._done = 0
        self._last_commit = time.monotonic()

    def run(self, items: Iterable[Item]) -> IngestSummary:
        """Take everything in; one bad file is counted and the rest goes on. Ctrl-C keeps what is done."""
        started = time.monotonic()
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="ingest")
        try:
            with self._index.writer() as writer:
                self._last_commit = time.monotonic()
                try:
                    self._take(items, writer, pool)
                except KeyboardInterrupt:
                    self._summary.interrupted = True
                self._write([], writer, commit=True)
                self._summary.retracted = mark(self._index, writer, self._retracted)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        self._summary.seconds["total"] = time.monotonic() - started
        return self._summary

    def _take(self, items: Iterable[Item], writer: IndexWriter, pool: ThreadPoolExecutor) -> None:
        for found, identity in self._hashed(items, writer):
            said, before = told(found), self._taken.get(identity, frozenset())
            if identity in self._taken and not said <= before:
                # A second copy brings what the first one lacked: settle the first, then add to it.
                self._drain(writer)
                writer.commit()
                del self._taken[identity]
            self._queue.append(self._start(found, identity, pool))
            self._taken[identity] = said | before
            while len(self._queue) > 2 * self._workers:
                self._finish(self._queue.popleft(), writer)
        self._drain(writer)

    def _drain(self, writer: IndexWriter) -> None:
        while self._queue:
            self._finish(self._queue.popleft(), writer)

    def _hashed(self, items: Iterable[Item], writer: IndexWriter) -> Iterator[tuple[FoundFigure, str]]:
        """Files that need work, with their figure id; those the index knows are settled on the way."""
        for chunk in in_chunks(items, CHUNK):
            started = time.monotonic()
            named = [pair for pair in map(self._identify, chunk) if pair is not None]
            known = self._index.known([identity for _, identity in named])
            self._add_seconds("read", time.monotonic() - started)
            for found, identity in named:
                there = known.get(identity)
                if there is None or changed(found, there):
                    yield found, identity
                else:
                    self._note_present(found, there, writer)

    def _identify(self, item: Item) -> tuple[FoundFigure, str] | None:
        if isinstance(item, Retraction):
            self._retracted.append(item)
            return None
        if isinstance(item, SourceFailure):
            (self._summary.notes if item.note else self._summary.failures).append((item.location, item.reason))
            if not item.note:
                self._notes.failed(item.location, "find", item.reason)
            return None
        try:
            return item, figure_id(images.content_hash(item.path), item.page or 0)
        except MirsearchError as error:
            self._fail(item, SourceFailure.of(item.path, error).reason)
            return None

    def _note_present(self, found: FoundFigure, there: KnownFigure, writer: IndexWriter) -> None:
        places = {place(origin) for origin in there.origins}
        for origin in (found.origin, *found.copies):
            if place(origin) not in places:
                writer.add_origin(there.id, origin)
        self._summary.figures_present += 1
        self._notes.taken(found)
        self._count_done()

    def _start(self, found: FoundFigure, identity: str, pool: ThreadPoolExecutor) -> _Pending:
        if identity in self._taken:
            return _Pending(found, identity, update=False)
        there = self._index.known([identity]).get(identity)
        if there is not None:
            found = merged(found, there)
        return _Pending(found, identity, there is not None, pool.submit(self._prepare, found, identity))

    def _prepare(self, found: FoundFigure, identity: str) -> _Prepared:
        """Worker: decode, analyze and embed every page of a file."""
        prepared = _Prepared()
        clock = _Clock(prepared.seconds)
        content = identity.partition(".")[0]
        pages = images.read_pages(found.path)
        count = 0
        try:
            while (page := clock("read", lambda: next(pages, None))) is not None:
                count += 1
                if found.page is None or found.page == page.number:
                    prepared.records.append(self._record(found, figure_id(content, page.number), page, clock))
            if not prepared.records:
                prepared.failures.append(("read", f"has no page {found.page}, but {count}; pages are counted from 0"))
        except ImageError as error:
            prepared.failures.append(("read", SourceFailure.of(found.path, error).reason))
        except Exception as error:
            # A figure that trips the analysis must not end a run of thousands; it is counted and its cause kept.
            log.debug("analysis of %s failed", found.path, exc_info=True)
            prepared.failures.append(("analyze", f"the analysis failed: {type(error).__name__}: {error}"))
        return prepared

    def _record(self, found: FoundFigure, identity: str, page: images.Page, clock: _Clock) -> FigureRecord:
        analyze = partial(self._analyzer.analyze, nm_per_px=page.nm_per_px, given=found.panels)
        panels = clock("analyze", lambda: analyze(page.pixels, found.caption))
        ids = panel_ids(identity, [panel.label for panel in panels])
        named = tuple(
            dataclasses.replace(panel, id=each, figure_id=identity) for panel, each in zip(panels, ids, strict=True)
        )
        crops = [images.crop(page.pixels, panel.box) for panel in named]
        vectors = clock("embed", lambda: self._extractor.embed(crops))
        height, width = page.pixels.shape[:2]
        figure = Figure(
            id=identity, width=width, height=height, label=found.label, caption=found.caption, article=found.article,
            origins=(found.origin, *found.copies), page=page.number, permission_note=found.permission_note,
        )  # fmt: skip
        thumbnails = tuple(images.thumbnail(crop) for crop in crops)
        return FigureRecord(figure, named, vectors, thumbnails, self._analyzer.version, found.panels or ())

    def _finish(self, pending: _Pending, writer: IndexWriter) -> None:
        """Write what a worker made (or, for a second copy in the same run, note its place)."""
        if pending.future is None:
            self._finish_copy(pending, writer)
            return
        prepared = pending.future.result()
        for stage, seconds in prepared.seconds.items():
            self._add_seconds(stage, seconds)
        for stage, reason in prepared.failures:
            self._add_failure(pending.found, stage, reason)
        if not prepared.failures:
            self._notes.taken(pending.found)
        self._write(prepared.records, writer)
        self._count(prepared.records, pending.update)
        if not prepared.records:
            self._failed.add(pending.identity)
        self._count_done()
        if time.monotonic() - self._last_commit > COMMIT_SECONDS:
            self._write([], writer, commit=True)
            self._last_commit = time.monotonic()

    def _write(self, records: list[FigureRecord], writer: IndexWriter, commit: bool = False) -> None:
        started = time.monotonic()
        # The first page goes in last: once it is there, so are all the others.
        for record in reversed(records):
            writer.put(record)
        if commit:
            self._notes.write(writer)
            writer.commit()
        self._add_seconds("index", time.monotonic() - started)

    def _count(self, records: list[FigureRecord], update: bool) -> None:
        self._summary.figures_updated += len(records) if update else 0
        self._summary.figures_new += 0 if update else len(records)
        panels = [panel for record in records for panel in record.panels]
        self._summary.panels_new += 0 if update else len(panels)
        self._summary.panels_with_scale += sum(panel.scale is not None for panel in panels)

    def _finish_copy(self, pending: _Pending, writer: IndexWriter) -> None:
        if pending.identity in self._failed:
            self._fail(pending.found, "the same content failed above")
            return
        for origin in (pending.found.origin, *pending.found.copies):
            writer.add_origin(pending.identity, origin)
        self._summary.figures_present += 1
        self._notes.taken(pending.found)
        self._count_done()

    def _fail(self, found: FoundFigure, reason: str) -> None:
        self._add_failure(found, "read", reason)
        self._count_done()

    def _add_failure(self, found: FoundFigure, stage: str, reason: str) -> None:
        self._summary.failures.append((str(found.path), reason))
        self._notes.failed(str(found.path), stage, reason)

    def _count_done(self) -> None:
        self._done += 1
        if self._progress:
            self._progress(self._summary, self._done)

    def _add_seconds(self, stage: str, seconds: float) -> None:
        self._summary.seconds[stage] = self._summary.seconds.get(stage, 0.0) + seconds


class _Clock:
    """Adds the seconds of calls to a stage's total."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds

    def __call__(self, stage: str, action: Callable[[], Any]) -> Any:
        started = time.monotonic()
        try:
            return action()
        finally:
            self._seconds[stage] = self._seconds.get(stage, 0.0) + time.monotonic() - started
