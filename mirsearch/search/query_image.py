"""The image of a question: which part of it is searched with, and at what scale."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mirsearch.corpus import Box, Panel, ScaleReading
from mirsearch.errors import UsageError
from mirsearch.imaging import images
from mirsearch.query import Pixels

if TYPE_CHECKING:
    from mirsearch.analysis.base import OcrEngine, ScaleBarDetector


@dataclass(frozen=True, slots=True)
class ScaleOptions:
    """What the user gave for the scale of the query, in nm and px. `read` False: do not look for a scale bar."""

    length_nm: float | None = None
    bar_px: float | None = None
    nm_per_px: float | None = None
    field_of_view_nm: float | None = None
    read: bool = True

    def __post_init__(self) -> None:
        scales = [self.length_nm, self.nm_per_px, self.field_of_view_nm]
        if sum(value is not None for value in scales) > 1:
            raise UsageError("the scale is given twice", "give one of --scale, --nm-per-px and --field-of-view")
        if not self.read and any(value is not None for value in scales):
            raise UsageError("--no-scale and a scale can't be combined", "give one of them")
        if self.bar_px is not None and self.length_nm is None:
            raise UsageError(
                "--bar-px gives the bar's length in px, but not the length it stands for", 'add --scale "500 nm"'
            )


@dataclass(frozen=True, slots=True)
class QueryPart:
    """The part of an image that is searched with: its box in px of the file, pixels, letter, scale, and notes."""

    box: Box
    pixels: Pixels
    kind: str = "unknown"
    label: str | None = None
    scale: ScaleReading | None = None
    field_of_view_nm: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageQuestion:
    """An image file, the part of it to search with (a panel's letter or a box), and what is known about its scale."""

    path: Path
    ocr: OcrEngine
    detector: ScaleBarDetector
    panel: str | None = None
    crop: Box | None = None
    scale: ScaleOptions = dataclasses.field(default_factory=ScaleOptions)
    page: int = 0

    @cached_property
    def _page(self) -> images.Page:
        return _open_page(self.path, self.page)

    def resolve(self) -> QueryPart:
        """Return the part to search with, and its scale. Raises UsageError if the panel or box is not in the image."""
        pixels = self._page.pixels
        box, label, notes = self._choose_part(pixels)
        part = images.crop(pixels, box)
        reading = self._scale_reading(part, box, notes)
        fov = self.scale.field_of_view_nm
        if fov is None and reading is not None:
            fov = part.shape[1] * reading.nm_per_px
        from mirsearch.analysis.kinds.kind import kind_from_pixels

        return QueryPart(box, part, kind_from_pixels(part), label, reading, fov, tuple(notes))

    def _choose_part(self, pixels: Pixels) -> tuple[Box, str | None, list[str]]:
        height, width = pixels.shape[:2]
        if self.crop is not None:
            if self.panel is not None:
                raise UsageError("--panel and --crop both choose a part", "give one of them")
            x0, y0, x1, y1 = self.crop
            if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
                raise UsageError(
                    f"--crop {x0},{y0},{x1},{y1} is not inside {self.path}", f"it is {width} × {height} px"
                )
            return self.crop, None, []
        panels = self._find_panels(pixels)
        if self.panel is not None:
            return self._panel_of_label(panels)
        if len(panels) == 1:
            return panels[0].box, panels[0].label, []
        note = (
            f"{self.path} has {len(panels)} panels ({_label_list(panels)}): the whole image was used; "
            "--panel chooses one"
        )
        return (0, 0, width, height), None, [note]

    def _find_panels(self, pixels: Pixels) -> list[Panel]:
        """Return the panels. Letters are read only for several panels: finding panels by geometry alone is fast."""
        from mirsearch.analysis.panels.separate import separate_panels

        found = separate_panels(pixels, self.ocr, texts=())
        if len(found) > 1 or self.panel is not None:
            found = separate_panels(pixels, self.ocr)
        return [Panel(box=box, label=label) for box, label in found]

    def _panel_of_label(self, panels: list[Panel]) -> tuple[Box, str | None, list[str]]:
        assert self.panel is not None
        wanted = self.panel.strip("()").lower()
        for number, panel in enumerate(panels, start=1):
            if wanted in ((panel.label or "").lower(), str(number)):
                return panel.box, panel.label, []
        raise UsageError(
            f"{self.path} has no panel {self.panel!r}", f"it has {_label_list(panels)}; or give --crop x0,y0,x1,y1"
        )

    def _scale_reading(self, part: Pixels, box: Box, notes: list[str]) -> ScaleReading | None:
        options = self.scale
        if options.nm_per_px is not None:
            return ScaleReading(options.nm_per_px, source="user")
        if options.length_nm is not None:
            return self._reading_of_length(part, box, notes)
        if not options.read or options.field_of_view_nm is not None:
            return None
        from mirsearch.analysis.scalebars.reader import read_scales

        whole: Box = (0, 0, part.shape[1], part.shape[0])
        reading = read_scales(part, [whole], [""], self.detector, self.ocr, self._page.nm_per_px)[0]
        return _shift_bar(reading, box)

    def _reading_of_length(self, part: Pixels, box: Box, notes: list[str]) -> ScaleReading:
        length, pixels = self.scale.length_nm, self.scale.bar_px
        assert length is not None
        if pixels is not None:
            return ScaleReading(length / pixels, length, pixels, source="user")
        candidates = self.detector.detect(part)
        if not candidates:
            raise UsageError(f"no scale bar was found in {self.path}", "give its length with --bar-px N")
        best = candidates[0]
        notes.append(f"the scale bar of {best.length_px:.1f} px was taken as {length:g} nm; --bar-px overrides that")
        reading = ScaleReading(length / best.length_px, length, best.length_px, best.box, None, "user", best.score)
        shifted = _shift_bar(reading, box)
        assert shifted is not None
        return shifted


def _label_list(panels: list[Panel]) -> str:
    """Return the letters of the panels, or their numbers, separated by commas."""
    return ", ".join(panel.label or str(number) for number, panel in enumerate(panels, start=1))


def _open_page(path: Path, number: int) -> images.Page:
    """Return a page of a file, counted from 0."""
    if number == 0:
        return images.open_picture(path)
    count = 0
    for page in images.read_pages(path):
        count += 1
        if page.number == number:
            return page
    raise UsageError(f"{path} has no page {number}", f"it has {count}, counted from 0")


def _shift_bar(reading: ScaleReading | None, box: Box) -> ScaleReading | None:
    """Return the reading of a part with its bar in px of the file."""
    if reading is None or reading.bar is None:
        return reading
    x, y = box[:2]
    bar = reading.bar
    return dataclasses.replace(reading, bar=(bar[0] + x, bar[1] + y, bar[2] + x, bar[3] + y))
