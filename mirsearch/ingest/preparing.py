"""Make the records of one file: read, analyze and embed each of its figures. Runs in a worker of an ingest."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from mirsearch.corpus import Figure, Origin, figure_id, panel_ids
from mirsearch.errors import ImageError
from mirsearch.extractors.base import Extractor
from mirsearch.imaging import images
from mirsearch.indexes.base import FigureRecord
from mirsearch.ingest.failures import analysis_failure
from mirsearch.ingest.figure_analysis import AnalyzedImage, Analyzer, analyze_images
from mirsearch.ingest.pending import PreparedFile
from mirsearch.ingest.summary import StageClock
from mirsearch.readers.figures import FileFigure, open_figures
from mirsearch.readers.selection import Selection
from mirsearch.sources.base import FoundFigure, SourceFailure

log = logging.getLogger(__name__)


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

    def _add(
        self, prepared: PreparedFile, found: FoundFigure, identity: str, figure: FileFigure, clock: StageClock
    ) -> None:
        """Add the record of a figure. Images that were ready before Ctrl-C or damage are kept."""
        caption = found.caption or figure.description
        ready: list[tuple[AnalyzedImage, Any]] = []
        try:
            before = self._before(found, figure)
            for image in analyze_images(figure, caption, self._analyzer, found.panels, before, clock):
                vectors = clock("embed", partial(self._extractor.embed, list(image.crops)))
                ready.append((image, vectors))
        except _StoppedError:
            prepared.is_stopped = True
        except ImageError as error:
            if not ready:
                raise
            prepared.failures.append(("read", SourceFailure.from_error(found.path, error).reason))
        if figure.note:
            prepared.notes.append(figure.note)
        if ready:
            part = "" if len(ready) == len(figure.images) else f"&images={len(ready)}"
            prepared.records.append(self._record(found, identity, figure, caption, ready, part))

    def _before(self, found: FoundFigure, figure: FileFigure) -> Callable[[int, int], None]:
        """Return what is called before each plane. A flat picture is finished, however late Ctrl-C comes."""
        if len(figure.images) == 1 and not figure.fragment:
            return lambda done, total: None

        def check(done: int, total: int) -> None:
            if self._is_stopped():
                raise _StoppedError
            self._on_plane(found.path.name, done, total)

        return check

    def _record(
        self,
        found: FoundFigure,
        identity: str,
        figure: FileFigure,
        caption: str,
        ready: Sequence[tuple[AnalyzedImage, Any]],
        part: str,
    ) -> FigureRecord:
        panels = [panel for image, _ in ready for panel in image.panels]
        named = tuple(
            dataclasses.replace(panel, id=panel_id, figure_id=identity)
            for panel, panel_id in zip(panels, panel_ids(identity, panels), strict=True)
        )
        fragment = f"{figure.fragment}{part}" if figure.fragment else ""
        origin = Origin(found.origin.source, f"{found.origin.location}{fragment}", found.origin.retrieved)
        own = Figure(
            id=identity, width=figure.width, height=figure.height, label=found.label, caption=caption,
            article=found.article, origins=(origin, *found.other_origins), page=figure.number,
            permission_note=found.permission_note, mentions=found.mentions,
        )  # fmt: skip
        thumbnails = tuple(images.thumbnail(crop) for image, _ in ready for crop in image.crops)
        vectors = np.concatenate([vectors for _, vectors in ready])
        return FigureRecord(own, named, vectors, thumbnails, self._analyzer.version, found.panels or ())
