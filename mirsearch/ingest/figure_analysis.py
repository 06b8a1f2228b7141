"""Analyze the figures of a file image by image: a flat picture as a whole, a figure of planes one image at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from mirsearch.analysis.panels.boxes import shift_box
from mirsearch.corpus import Figure, LoneBar, Panel, ScaleReading, name_panels
from mirsearch.imaging import images
from mirsearch.ingest.summary import StageClock
from mirsearch.query import Pixels
from mirsearch.readers.figures import FigureImage, FileFigure


class Analyzer(Protocol):
    """The analysis as ingest uses it; see :class:`mirsearch.analysis.analyzer.FigureAnalyzer`."""

    @property
    def version(self) -> str:
        """The version of the analysis, with its OCR engine and scale-bar detector."""

    def analyze(
        self,
        pixels: Pixels,
        caption: str = "",
        *,
        nm_per_px: float | None = None,
        known_panels: tuple[Panel, ...] | None = None,
    ) -> list[Panel]:
        """Return the panels of a figure."""


@dataclass(frozen=True, slots=True, eq=False)
class AnalyzedImage:
    """The panels of one image of a figure, with their boxes on the figure's canvas, and the pixels of each."""

    panels: tuple[Panel, ...]
    crops: tuple[Pixels, ...]


def analyze_images(
    figure: FileFigure,
    caption: str,
    analyzer: Analyzer,
    known_panels: tuple[Panel, ...] | None = None,
    before: Callable[[int, int], None] = lambda done, total: None,
    clock: StageClock | None = None,
) -> Iterator[AnalyzedImage]:
    """Yield each image of a figure when it is read and analyzed. `known_panels` are what a source knows of a picture.

    `before(done, total)` is called before each plane is decoded and each image is analyzed, with the planes read so
    far; what it raises ends the work.
    """
    measure = clock or StageClock({})
    total, done = sum(image.planes for image in figure.images), 0
    for image in figure.images:
        count = _PlaneCount(done, total, before)
        pixels: Pixels = measure("read", partial(image.read, count))
        done = count.done
        before(done, total)
        known = known_panels if image.panel is None or known_panels else (_at_origin(image),)
        work = partial(analyzer.analyze, pixels, caption, nm_per_px=image.nm_per_px, known_panels=known)
        panels: list[Panel] = measure("analyze", work)
        crops = tuple(images.crop(pixels, panel.box) for panel in panels)
        left, top = image.box[:2]
        yield AnalyzedImage(tuple(shift_panel(panel, left, top) for panel in panels), crops)


def analyze_figure(
    file: FileFigure, figure: Figure, analyzer: Analyzer, source_panels: tuple[Panel, ...]
) -> tuple[tuple[Panel, ...], list[Pixels]]:
    """Return the panels of a figure of an index, read again from its file, with their ids, and the pixels of each."""
    analyzed = list(analyze_images(file, figure.caption, analyzer, source_panels or None))
    panels = [panel for image in analyzed for panel in image.panels]
    return name_panels(figure.id, panels), [crop for image in analyzed for crop in image.crops]


class _PlaneCount:
    """Counts the planes that are read, and tells each."""

    def __init__(self, done: int, total: int, before: Callable[[int, int], None]) -> None:
        self.done, self._total, self._before = done, total, before

    def __call__(self, plane: int) -> None:
        """Take note of a plane that is read next."""
        self._before(self.done, self._total)
        self.done += 1


def _at_origin(image: FigureImage) -> Panel:
    """Return the panel of an image with its box in px of the image alone."""
    assert image.panel is not None
    x0, y0, x1, y1 = image.box
    return dataclasses.replace(image.panel, box=(0, 0, x1 - x0, y1 - y0))


def shift_panel(panel: Panel, left: int, top: int) -> Panel:
    """Return a panel of an image that begins at (left, top) with all its boxes in px of the canvas."""
    if left == top == 0:
        return panel
    return dataclasses.replace(
        panel,
        box=shift_box(panel.box, left, top),
        group=None if panel.group is None else shift_box(panel.group, left, top),
        scale=_shift_scale(panel.scale, left, top),
        doubtful_scale=_shift_scale(panel.doubtful_scale, left, top),
        bar=None if panel.bar is None else LoneBar(shift_box(panel.bar.box, left, top), panel.bar.length_px),
    )


def _shift_scale(reading: ScaleReading | None, left: int, top: int) -> ScaleReading | None:
    if reading is None or reading.bar is None:
        return reading
    return dataclasses.replace(reading, bar=shift_box(reading.bar, left, top))
