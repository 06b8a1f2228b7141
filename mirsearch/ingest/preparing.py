"""Read, analyze and embed each figure of one file. Runs in a worker of an ingest."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from mirsearch.errors import ImageError
from mirsearch.extractors.base import Extractor
from mirsearch.imaging import images
from mirsearch.ingest.analyzed import AnalyzedFile, FileRequest, ReadyFigure, ReadyImage
from mirsearch.ingest.failures import analysis_failure
from mirsearch.ingest.figure_analysis import Analyzer, analyze_images
from mirsearch.ingest.summary import StageClock
from mirsearch.readers.figures import FileFigure, open_figures
from mirsearch.readers.selection import Selection
from mirsearch.sources.base import SourceFailure

log = logging.getLogger(__name__)


class _StoppedError(Exception):
    """Ctrl-C came between two planes."""


class FilePreparer:
    """Analyzes files. `is_stopped` tells between planes whether Ctrl-C came.

    `on_plane(name, done, total)` is called before each plane is read: 0 of 1 for a plain picture.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        extractor: Extractor,
        selection: Selection,
        is_stopped: Callable[[], bool] = lambda: False,
        on_plane: Callable[[str, int, int], None] = lambda name, done, total: None,
    ) -> None:
        self._analyzer, self._extractor, self._selection = analyzer, extractor, selection
        self._is_stopped, self._on_plane = is_stopped, on_plane
        self._in_hand: dict[str, ReadyFigure] = {}
        self._lock = threading.Lock()

    def prepare(self, asked: FileRequest, identity: str) -> AnalyzedFile:
        """Decode, analyze and embed every figure of a file. A failure is part of the result.

        `identity` is what `take_ready` may ask for meanwhile.
        """
        file = AnalyzedFile()
        clock = StageClock(file.seconds)
        try:
            with open_figures(asked.path, self._selection, page=asked.page) as figures:
                while (figure := clock("read", lambda: next(figures, None))) is not None:
                    self._add(file, asked, identity, figure, clock)
            if not file.figures and not file.is_stopped:
                page = (asked.page or 0) + 1
                file.failures.append(("read", f"has no page {page}; pages are counted from 1"))
        except ImageError as error:
            file.failures.append(("read", SourceFailure.from_error(asked.path, error).reason))
        except Exception as error:
            # One figure that breaks the analysis must not end a run over thousands. It is counted with its cause.
            log.debug("analysis of %s failed", asked.path, exc_info=True)
            file.failures.append(("analyze", "{} ({})".format(*analysis_failure(error))))
        return file

    def take_ready(self, identity: str) -> AnalyzedFile | None:
        """Return what is ready of a stack that a worker has in hand, and let the worker drop the rest; None if none is.

        The images after the one in hand are read when the file is ingested again.
        """
        with self._lock:
            stack = self._in_hand.pop(identity, None)
            return None if stack is None else AnalyzedFile([stack], is_stopped=True)

    def _add(
        self, file: AnalyzedFile, asked: FileRequest, identity: str, figure: FileFigure, clock: StageClock
    ) -> None:
        """Add a figure. Images that were ready before Ctrl-C or damage are kept."""
        own = ReadyFigure(
            figure.number, figure.width, figure.height, figure.fragment, figure.description, len(figure.images)
        )
        if figure.fragment:
            with self._lock:
                self._in_hand[identity] = own
        try:
            self._read_images(own, asked, figure, clock)
        except _StoppedError:
            file.is_stopped = True
        except ImageError as error:
            if not own.ready:
                raise
            file.failures.append(("read", SourceFailure.from_error(asked.path, error).reason))
        if figure.note:
            file.notes.append(figure.note)
        with self._lock:
            was_taken = figure.fragment and self._in_hand.pop(identity, None) is None
        if own.ready and not was_taken:
            file.figures.append(own)

    def _read_images(self, own: ReadyFigure, asked: FileRequest, figure: FileFigure, clock: StageClock) -> None:
        """Read, analyze and embed the images of a figure one by one."""
        before, caption = self._before(asked, figure), asked.caption or figure.description
        for image in analyze_images(figure, caption, self._analyzer, asked.panels, before, clock):
            vectors = clock("embed", partial(self._extractor.embed, list(image.crops)))
            thumbnails = tuple(map(images.thumbnail, image.crops))
            with self._lock:
                own.ready.append(ReadyImage(image.panels, vectors, thumbnails))

    def _before(self, asked: FileRequest, figure: FileFigure) -> Callable[[int, int], None]:
        """Return what is called before each plane. A flat picture is finished, however late Ctrl-C comes."""
        name = asked.path.name
        if len(figure.images) == 1 and not figure.fragment:
            return lambda done, total: self._on_plane(name, done, total)

        def check(done: int, total: int) -> None:
            if self._is_stopped():
                raise _StoppedError
            self._on_plane(name, done, total)

        return check
