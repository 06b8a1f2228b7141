"""A better analysis for figures that are in an index already, from their files where they lie; nothing is fetched."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mirsearch import settings
from mirsearch.corpus import Box, Figure, Panel, figure_id, panel_ids
from mirsearch.corrections import applied
from mirsearch.errors import MirsearchError
from mirsearch.extractors.base import Extractor
from mirsearch.imaging import images
from mirsearch.indexes.base import FigureNotes, FigureRecord, Index, IndexWriter
from mirsearch.ingest.ingest import COMMIT_SECONDS, Analyzer
from mirsearch.ingest.pipeline import in_chunks
from mirsearch.query import StoredPanel

log = logging.getLogger(__name__)

CHUNK = 64
"""Figures asked of the index at once."""

GIVING = "exsclaim"
"""The source whose own panels an index of schema 1 did not note."""

State = Literal["reanalyzed", "current", "missing", "changed", "failed"]


@dataclass(slots=True)
class ReanalysisSummary:
    """What a run did: figures by state, panels, failures as (figure, file, reason); seconds by the clock."""

    figures: dict[State, int] = field(
        default_factory=lambda: {"reanalyzed": 0, "current": 0, "missing": 0, "changed": 0, "failed": 0}
    )
    panels: int = 0
    panels_with_scale: int = 0
    panels_embedded: int = 0
    corrections_kept: int = 0
    corrections_loose: list[str] = field(default_factory=list)
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types, as `mirsearch reanalyze --format json` prints them."""
        return {
            "figures": dict(self.figures),
            "panels": {"now": self.panels, "with_scale": self.panels_with_scale, "embedded": self.panels_embedded},
            "corrections": {"kept": self.corrections_kept, "without_panel": self.corrections_loose},
            "failures": [{"figure": each, "file": file, "reason": reason} for each, file, reason in self.failures],
            "seconds": round(self.seconds, 3),
            "interrupted": self.interrupted,
        }


@dataclass(slots=True)
class _Made:
    """What a worker made of one figure: a record to write, or why there is none."""

    figure: str
    state: State
    file: str = ""
    reason: str = ""
    record: FigureRecord | None = None
    embedded: int = 0
    kept: int = 0
    loose: int = 0


class Reanalysis:
    """One run over figures of an index. `progress(summary, done)` is called after each figure."""

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
    ) -> None:
        self._index, self._analyzer, self._extractor = index, analyzer, extractor
        self._force, self._embed, self._progress = force, embed, progress
        self._workers = workers or settings.threads()
        self._summary = ReanalysisSummary()
        self._done = 0

    def run(self, figure_ids: Sequence[str]) -> ReanalysisSummary:
        """Read the figures again; one that can't be read stays as it is and is counted. Ctrl-C keeps what is done."""
        started = time.monotonic()
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="reanalyze")
        try:
            with self._index.writer() as writer:
                try:
                    self._take(figure_ids, writer, pool)
                except KeyboardInterrupt:
                    self._summary.interrupted = True
                writer.commit()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        self._summary.seconds = time.monotonic() - started
        return self._summary

    def _take(self, figure_ids: Sequence[str], writer: IndexWriter, pool: ThreadPoolExecutor) -> None:
        queue: deque[Future[_Made]] = deque()
        committed = time.monotonic()
        for figure, notes in self._outdated(figure_ids):
            queue.append(pool.submit(self._prepare, figure, notes))
            while len(queue) > 2 * self._workers:
                self._finish(queue.popleft().result(), writer)
            if time.monotonic() - committed > COMMIT_SECONDS:
                writer.commit()
                committed = time.monotonic()
        while queue:
            self._finish(queue.popleft().result(), writer)

    def _outdated(self, figure_ids: Sequence[str]) -> Iterator[tuple[str, FigureNotes]]:
        """Figures that the present analysis has not read; the others are counted on the way."""
        for chunk in in_chunks(figure_ids, CHUNK):
            known = self._index.notes(chunk)
            for figure in chunk:
                notes = known.get(figure)
                if notes is None:
                    continue  # deleted since it was asked for
                if notes.analysis == self._analyzer.version and not (self._force or self._embed):
                    self._count("current")
                else:
                    yield figure, notes

    def _prepare(self, figure: str, notes: FigureNotes) -> _Made:
        """Worker: find the file, read, analyze and embed what is new in it."""
        stored = self._index.figure_panels(figure)
        if not stored:
            return _Made(figure, "failed", reason="it has no panels in the index")
        if notes.analysis is None and any(origin.source == GIVING for origin in stored[0].figure.origins):
            why = f"its panels came from {GIVING} before these were noted; delete it and ingest it again"
            return _Made(figure, "failed", stored[0].figure.image or "nowhere", why)
        path, state = find_file(stored[0].figure)
        if path is None:
            told = {"missing": "the file is gone", "changed": "the file holds something else now"}
            return _Made(figure, state, stored[0].figure.image or "nowhere", f"{told[state]}; kept as it was")
        try:
            return self._made(path, stored, notes)
        except MirsearchError as error:
            return _Made(figure, "failed", str(path), str(error).removeprefix(f"{path}: "))
        except Exception as error:
            # A figure that trips the analysis must not end a run of thousands; it is counted and its cause kept.
            log.debug("analysis of %s failed", path, exc_info=True)
            return _Made(figure, "failed", str(path), f"the analysis failed: {type(error).__name__}: {error}")

    def _made(self, path: Path, stored: Sequence[StoredPanel], notes: FigureNotes) -> _Made:
        figure = stored[0].figure
        page = next(each for each in images.read_pages(path) if each.number == figure.page)
        given = notes.given or None
        panels = self._analyzer.analyze(page.pixels, figure.caption, nm_per_px=page.nm_per_px, given=given)
        ids = panel_ids(figure.id, [panel.label for panel in panels])
        named = tuple(
            dataclasses.replace(panel, id=each, figure_id=figure.id) for panel, each in zip(panels, ids, strict=True)
        )
        vectors, thumbnails, embedded = self._vectors(page, named, stored)
        record = FigureRecord(figure, named, vectors, thumbnails, self._analyzer.version, notes.given)
        settled = applied(named, notes.corrections)[1]
        loose = sum(each.panel is None for each in settled)
        return _Made(figure.id, "reanalyzed", str(path), "", record, embedded, len(settled) - loose, loose)

    def _vectors(
        self, page: images.Page, panels: Sequence[Panel], stored: Sequence[StoredPanel]
    ) -> tuple[np.ndarray[Any, np.dtype[np.float32]], tuple[bytes, ...], int]:
        """Vectors and pictures of panels, those whose box is the same from the index; how many were embedded."""
        old: dict[Box, str] = {} if self._embed else {each.panel.box: each.panel.id for each in stored}
        crops = {at: images.crop(page.pixels, each.box) for at, each in enumerate(panels) if each.box not in old}
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

    def _finish(self, made: _Made, writer: IndexWriter) -> None:
        if made.record is None:
            self._summary.failures.append((made.figure, made.file, made.reason))
        else:
            writer.put(made.record)
            self._summary.panels += len(made.record.panels)
            self._summary.panels_with_scale += sum(panel.scale is not None for panel in made.record.panels)
            self._summary.panels_embedded += made.embedded
            self._summary.corrections_kept += made.kept
            self._summary.corrections_loose.extend([made.figure] * made.loose)
        self._count(made.state)

    def _count(self, state: State) -> None:
        self._summary.figures[state] += 1
        self._done += 1
        if self._progress:
            self._progress(self._summary, self._done)


def find_file(figure: Figure) -> tuple[Path | None, State]:
    """The newest place of a figure that still holds it; else None, and whether files are "missing" or "changed"."""
    state: State = "missing"
    for origin in reversed(figure.origins):
        path = Path(origin.location)
        try:
            if not path.is_file():
                continue
            if figure_id(images.content_hash(path), figure.page) == figure.id:
                return path, "reanalyzed"
        except (MirsearchError, OSError, ValueError):
            log.debug("%s can't be read", path, exc_info=True)
        state = "changed"
    return None, state
