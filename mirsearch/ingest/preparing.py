"""Make the records of one file: read, analyze and embed each of its figures. Runs in a worker of an ingest."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from mirsearch.corpus import Figure, Origin, Panel, figure_id, name_panels
from mirsearch.errors import ImageError
from mirsearch.extractors.base import Extractor
from mirsearch.imaging import images
from mirsearch.indexes.base import FigureRecord
from mirsearch.ingest.failures import analysis_failure
from mirsearch.ingest.figure_analysis import Analyzer, analyze_images
from mirsearch.ingest.pending import PreparedFile
from mirsearch.ingest.summary import StageClock
from mirsearch.query import Vector
from mirsearch.readers.figures import FileFigure, open_figures
from mirsearch.readers.selection import Selection
from mirsearch.sources.base import FoundFigure, SourceFailure

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _ReadyImage:
    """What is kept of an image: its panels, and a vector and a thumbnail of each, but not its pixels."""

    panels: tuple[Panel, ...]
    vectors: Vector
    thumbnails: tuple[bytes, ...]


@dataclass(slots=True, eq=False)
class _FigureInHand:
    """A figure that a worker reads, and its images that are ready."""

    found: FoundFigure
    identity: str
    figure: FileFigure
    caption: str
    ready: list[_ReadyImage] = field(default_factory=list)


class _StoppedError(Exception):
    """Ctrl-C came between two planes."""


class FilePreparer:
    """Prepares files for an index. `is_stopped` tells between planes whether Ctrl-C came.

    `on_plane(name, done, total)` is called before each plane of a file with several is read.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        extractor: Extractor,
        selection: Selection,
        is_stopped: Callable[[], bool],
        on_plane: Callable[[str, int, int], None],
    ) -> None:
        self._analyzer, self._extractor, self._selection = analyzer, extractor, selection
        self._is_stopped, self._on_plane = is_stopped, on_plane
        self._in_hand: dict[str, _FigureInHand] = {}
        self._lock = threading.Lock()

    def prepare(self, found: FoundFigure, identity: str) -> PreparedFile:
        """Decode, analyze and embed every figure of a file. A failure is part of the result."""
        prepared = PreparedFile()
        clock = StageClock(prepared.seconds)
        content = identity.partition(".")[0]
        try:
            with open_figures(found.path, self._selection, page=found.page) as figures:
                while (figure := clock("read", lambda: next(figures, None))) is not None:
                    self._add(prepared, found, figure_id(content, figure.number), figure, clock)
            if not prepared.records and not prepared.is_stopped:
                page = (found.page or 0) + 1
                prepared.failures.append(("read", f"has no page {page}; pages are counted from 1"))
        except ImageError as error:
            prepared.failures.append(("read", SourceFailure.from_error(found.path, error).reason))
        except Exception as error:
            # One figure that breaks the analysis must not end a run over thousands. It is counted with its cause.
            log.debug("analysis of %s failed", found.path, exc_info=True)
            prepared.failures.append(("analyze", "{} ({})".format(*analysis_failure(error))))
        return prepared

    def take_ready(self, identity: str) -> PreparedFile | None:
        """Return what is ready of a stack that a worker has in hand, and let the worker drop the rest; None if none is.

        The images after the one in hand are read when the file is ingested again.
        """
        with self._lock:
            stack = self._in_hand.pop(identity, None)
            if stack is None:
                return None
            prepared = PreparedFile(is_stopped=True)
            if stack.ready:
                prepared.records.append(self._record(stack))
            return prepared

    def _add(
        self, prepared: PreparedFile, found: FoundFigure, identity: str, figure: FileFigure, clock: StageClock
    ) -> None:
        """Add the record of a figure. Images that were ready before Ctrl-C or damage are kept."""
        own = _FigureInHand(found, identity, figure, found.caption or figure.description)
        if figure.fragment:
            with self._lock:
                self._in_hand[identity] = own
        try:
            self._read_images(own, clock)
        except _StoppedError:
            prepared.is_stopped = True
        except ImageError as error:
            if not own.ready:
                raise
            prepared.failures.append(("read", SourceFailure.from_error(found.path, error).reason))
        if figure.note:
            prepared.notes.append(figure.note)
        with self._lock:
            was_taken = figure.fragment and self._in_hand.pop(identity, None) is None
        if own.ready and not was_taken:
            prepared.records.append(self._record(own))

    def _read_images(self, own: _FigureInHand, clock: StageClock) -> None:
        """Read, analyze and embed the images of a figure one by one."""
        found = own.found
        before = self._before(found, own.figure)
        for image in analyze_images(own.figure, own.caption, self._analyzer, found.panels, before, clock):
            vectors = clock("embed", partial(self._extractor.embed, list(image.crops)))
            thumbnails = tuple(map(images.thumbnail, image.crops))
            with self._lock:
                own.ready.append(_ReadyImage(image.panels, vectors, thumbnails))

    def _before(self, found: FoundFigure, figure: FileFigure) -> Callable[[int, int], None]:
        """Return what is called before each plane. A flat picture is finished, however late Ctrl-C comes."""
        if len(figure.images) == 1 and not figure.fragment:
            return lambda done, total: None

        def check(done: int, total: int) -> None:
            if self._is_stopped():
                raise _StoppedError
            self._on_plane(found.path.name, done, total)

        return check

    def _record(self, own: _FigureInHand) -> FigureRecord:
        """Return the record of the images that are ready. Its origin says if they are not all."""
        found, figure, ready = own.found, own.figure, tuple(own.ready)
        panels = name_panels(own.identity, [panel for image in ready for panel in image.panels])
        part = "" if len(ready) == len(figure.images) else f"&images={len(ready)}"
        fragment = f"{figure.fragment}{part}" if figure.fragment else ""
        origin = Origin(found.origin.source, f"{found.origin.location}{fragment}", found.origin.retrieved)
        described = Figure(
            id=own.identity, width=figure.width, height=figure.height, label=found.label, caption=own.caption,
            article=found.article, origins=(origin, *found.other_origins), page=figure.number,
            permission_note=found.permission_note, mentions=found.mentions
        )  # fmt: skip
        thumbnails = tuple(thumbnail for image in ready for thumbnail in image.thumbnails)
        vectors = np.concatenate([image.vectors for image in ready])
        return FigureRecord(described, panels, vectors, thumbnails, self._analyzer.version, found.panels or ())
