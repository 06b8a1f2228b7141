"""Analyzes figures of an index again with the present analysis, from their local files. Nothing is downloaded."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from mirsearch import settings
from mirsearch.corpus import Box, Panel
from mirsearch.corrections import apply_corrections
from mirsearch.errors import MirsearchError
from mirsearch.extractors.base import Extractor
from mirsearch.files.interrupts import DeferredInterrupt
from mirsearch.imaging import images
from mirsearch.indexes.base import FigureNotes, FigureRecord, Index, IndexWriter
from mirsearch.indexes.giving_way import give_way
from mirsearch.ingest.failures import analysis_failure
from mirsearch.ingest.figure_analysis import Analyzer, analyze_figure
from mirsearch.ingest.ingest import COMMIT_SECONDS
from mirsearch.ingest.pipeline import split_into_chunks
from mirsearch.query import Pixels, StoredPanel
from mirsearch.readers.figures import FileFigure
from mirsearch.readers.originals import open_original

log = logging.getLogger(__name__)

FIGURES_PER_LOOKUP = 64
"""Figures that are looked up in the index at once."""

UNRECORDED_PANEL_SOURCE = "exsclaim"
"""A source that gives its own panels. An index of schema 1 did not record which panels came from it."""

_REASONS = {"missing": "the file is missing", "changed": "the file has another content now"}

State = Literal["reanalyzed", "current", "missing", "changed", "failed"]


@dataclass(slots=True)
class ReanalysisSummary:
    """Figures by state, counts of panels, failures as (figure, file, reason), and elapsed seconds."""

    figures: dict[State, int] = field(
        default_factory=lambda: {"reanalyzed": 0, "current": 0, "missing": 0, "changed": 0, "failed": 0}
    )
    panels: int = 0
    panels_with_scale: int = 0
    panels_embedded: int = 0
    corrections_kept: int = 0
    corrections_without_panel: list[str] = field(default_factory=list)
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types, as `mirsearch reanalyze --format json` prints them."""
        return {
            "figures": dict(self.figures),
            "panels": {"now": self.panels, "with_scale": self.panels_with_scale, "embedded": self.panels_embedded},
            "corrections": {"kept": self.corrections_kept, "without_panel": self.corrections_without_panel},
            "failures": [{"figure": figure, "file": file, "reason": reason} for figure, file, reason in self.failures],
            "seconds": round(self.seconds, 3),
            "interrupted": self.interrupted,
        }


@dataclass(slots=True)
class _FigureResult:
    """The result of a worker for one figure: a record to write, or the reason why there is none."""

    figure: str
    state: State
    file: str = ""
    reason: str = ""
    record: FigureRecord | None = None
    embedded: int = 0
    corrections_kept: int = 0
    corrections_without_panel: int = 0


class Reanalysis:
    """One run over figures of an index. `progress(summary, done)` is called after each figure.

    `on_interrupt(ids)` is called at Ctrl-C, with the ids of the figures that are still finished.
    """

    def __init__(
        self,
        index: Index,
        analyzer: Analyzer,
        extractor: Extractor,
        *,
        force: bool = False,
        embed: bool = False,
        workers: int | None = None,
        progress: Callable[[ReanalysisSummary, int], None] | None = None,
        on_interrupt: Callable[[list[str]], None] = lambda ids: None,
    ) -> None:
        self._index, self._analyzer, self._extractor = index, analyzer, extractor
        self._force, self._embed, self._progress = force, embed, progress
        self._workers = workers or settings.thread_count()
        self._summary = ReanalysisSummary()
        self._done = 0
        self._others_wrote = False
        self._queue: deque[tuple[str, Future[_FigureResult]]] = deque()
        self._on_interrupt = on_interrupt
        self._interrupt = DeferredInterrupt(self._end_early)

    def run(self, figure_ids: Sequence[str]) -> ReanalysisSummary:
        """Analyze the figures again. Count those that can't be read, and leave them. Ctrl-C finishes those in hand."""
        started = time.monotonic()
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="reanalyze")
        try:
            with self._index.writer() as writer, self._interrupt:
                try:
                    self._process(figure_ids, writer, pool)
                except KeyboardInterrupt:
                    self._summary.interrupted = True
                self._summary.interrupted |= self._interrupt.requested
                writer.commit()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        self._summary.seconds = time.monotonic() - started
        return self._summary

    def _process(self, figure_ids: Sequence[str], writer: IndexWriter, pool: ThreadPoolExecutor) -> None:
        committed = time.monotonic()
        for figure, notes in self._outdated_figures(figure_ids):
            self._queue.append((figure, pool.submit(self._reanalyze_figure, figure, notes)))
            if self._interrupt.requested:
                self._queue[-1][1].cancel()  # Ctrl-C came while it was submitted
            while len(self._queue) > 2 * self._workers:
                self._store_next(writer)
            if time.monotonic() - committed > COMMIT_SECONDS:
                writer.commit()
                self._others_wrote |= give_way(writer)
                committed = time.monotonic()
        while self._queue:
            self._store_next(writer)

    def _end_early(self) -> None:
        """Drop the figures that no worker has begun, and tell the others. Ctrl-C calls this at any moment."""
        self._on_interrupt([figure for figure, future in self._queue if not future.cancel()])

    def _store_next(self, writer: IndexWriter) -> None:
        with suppress(CancelledError):
            self._store(self._queue[0][1].result(), writer)
        self._queue.popleft()

    def _outdated_figures(self, figure_ids: Sequence[str]) -> Iterator[tuple[str, FigureNotes]]:
        """Return the figures that the present analysis has not read. Count the others."""
        for chunk in split_into_chunks(figure_ids, FIGURES_PER_LOOKUP, lambda: self._interrupt.requested):
            known = self._index.figure_notes(chunk)
            for figure in chunk:
                if self._interrupt.requested:
                    return
                notes = known.get(figure)
                if notes is None:
                    continue  # deleted in the meantime
                if notes.analysis_version == self._analyzer.version and not (self._force or self._embed):
                    self._count("current")
                else:
                    yield figure, notes

    def _reanalyze_figure(self, figure: str, notes: FigureNotes) -> _FigureResult:
        """Find the file of a figure, read and analyze it, and embed new panels. Runs in a worker."""
        stored = self._index.figure_panels(figure)
        if not stored:
            return _FigureResult(figure, "failed", reason="it has no panels in the index")
        if notes.analysis_version is None and any(
            origin.source == UNRECORDED_PANEL_SOURCE for origin in stored[0].figure.origins
        ):
            reason = (
                f"its panels came from {UNRECORDED_PANEL_SOURCE}, and this old index did not record them; "
                "delete the figure and ingest it again"
            )
            return _FigureResult(figure, "failed", stored[0].figure.image or "nowhere", reason)
        file = stored[0].figure.image or "nowhere"
        try:
            with open_original(stored[0].figure) as original:
                state = original.state
                if original.figure is not None:
                    file = str(original.path)
                    result = self._analyze_original(original.figure, file, stored, notes)
                    if original.is_unchanged:
                        return result
                    state = "changed"
            reason = f"{_REASONS[state]}; the figure stays as it was"
            return _FigureResult(figure, "missing" if state == "missing" else "changed", file, reason)
        except MirsearchError as error:
            return _FigureResult(figure, "failed", file, str(error).removeprefix(f"{file}: "))
        except Exception as error:
            # One figure that breaks the analysis must not end a run over thousands. It is counted with its cause.
            log.debug("analysis of %s failed", file, exc_info=True)
            return _FigureResult(figure, "failed", file, "{} ({})".format(*analysis_failure(error)))

    def _analyze_original(
        self, original: FileFigure, file: str, stored: Sequence[StoredPanel], notes: FigureNotes
    ) -> _FigureResult:
        figure = stored[0].figure
        panels, crops = analyze_figure(original, figure, self._analyzer, notes.source_panels)
        vectors, thumbnails, embedded = self._vectors(crops, panels, stored)
        record = FigureRecord(figure, panels, vectors, thumbnails, self._analyzer.version, notes.source_panels)
        corrections = apply_corrections(panels, notes.corrections)[1]
        # one correction may now be several, one for each image; counted are those that a person made
        unmatched = sum(correction.panel is None for correction in corrections)
        return _FigureResult(
            figure.id, "reanalyzed", file, "", record, embedded, len(notes.corrections) - unmatched, unmatched
        )

    def _vectors(
        self, pixels: Sequence[Pixels], panels: Sequence[Panel], stored: Sequence[StoredPanel]
    ) -> tuple[np.ndarray[Any, np.dtype[np.float32]], tuple[bytes, ...], int]:
        """Return vectors and thumbnails of panels, and how many panels were embedded.

        A panel whose box has not changed keeps its vector and thumbnail.
        """
        old: dict[Box, str] = {} if self._embed else {panel.panel.box: panel.panel.id for panel in stored}
        crops = {at: pixels[at] for at, panel in enumerate(panels) if panel.box not in old}
        fresh = iter(self._extractor.embed(list(crops.values()))) if crops else iter(())
        vectors, thumbnails = [], []
        for at, panel in enumerate(panels):
            if at in crops:
                vectors.append(next(fresh))
                thumbnails.append(images.thumbnail(crops[at]))
            else:
                vectors.append(self._index.vector(old[panel.box]))
                thumbnails.append(self._index.thumbnail(old[panel.box]) or b"")
        return np.stack(vectors).astype(np.float32), tuple(thumbnails), len(crops)

    def _store(self, result: _FigureResult, writer: IndexWriter) -> None:
        if self._others_wrote and not self._index.known_figures([result.figure]):
            return  # a person deleted it while it was analyzed
        if result.record is None:
            self._summary.failures.append((result.figure, result.file, result.reason))
        else:
            writer.put(result.record)
            self._summary.panels += len(result.record.panels)
            self._summary.panels_with_scale += sum(panel.scale is not None for panel in result.record.panels)
            self._summary.panels_embedded += result.embedded
            self._summary.corrections_kept += result.corrections_kept
            self._summary.corrections_without_panel.extend([result.figure] * result.corrections_without_panel)
        self._count(result.state)

    def _count(self, state: State) -> None:
        self._summary.figures[state] += 1
        self._done += 1
        if self._progress:
            self._progress(self._summary, self._done)
