"""The image of a question: which part of it is searched with, and at what scale."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, overload

from mirsearch.corpus import Box, LoneBar, Panel, ScaleReading
from mirsearch.errors import UsageError
from mirsearch.imaging import images
from mirsearch.query import Pixels
from mirsearch.search.query_figure import (
    ChosenPart,
    FoundImages,
    choose_image,
    common_scale,
    find_images,
    list_images,
)
from mirsearch.search.query_page import QueryPage, open_query_page
from mirsearch.search.scale_options import ScaleOptions
from mirsearch.text.lengths import format_length

if TYPE_CHECKING:
    from mirsearch.analysis.base import OcrEngine, ScaleBarDetector


@dataclass(frozen=True, slots=True)
class QueryPart:
    """The part of an image that is searched with: its box in px of the file, pixels, name, scale, and notes.

    `doubtful_scale` is a reading that is not sure enough to be used, `bar` a bar whose length is not known.
    """

    box: Box
    pixels: Pixels
    kind: str = "unknown"
    label: str | None = None
    scale: ScaleReading | None = None
    field_of_view_nm: float | None = None
    notes: tuple[str, ...] = ()
    doubtful_scale: ScaleReading | None = None
    bar: LoneBar | None = None


class AskedImage(Protocol):
    """An image that is asked with: its file, what the answer calls it, and the part to search with."""

    @property
    def path(self) -> Path:
        """Return the file."""

    @property
    def page(self) -> int:
        """Return the page of the file, counted from 1; 0: the image that stands for it."""

    @property
    def name(self) -> str:
        """Return what the answer calls the image."""

    def resolve(self) -> QueryPart:
        """Return the part to search with, and its scale. Raises UsageError or ImageError."""


@dataclass(frozen=True)
class ImageQuestion:
    """An image file, the part of it to search with (an image's name or a box), and what is known about its scale.

    `page` counts from 1; 0 takes the image that stands for the file. `shown` is the image's address, where the file is
    only a copy of what is there.
    """

    path: Path
    ocr: OcrEngine
    detector: ScaleBarDetector
    panel: str | None = None
    crop: Box | None = None
    scale: ScaleOptions = dataclasses.field(default_factory=ScaleOptions)
    page: int = 0
    shown: str = ""

    @property
    def name(self) -> str:
        """Return what the answer calls the image: where the user said it is, `shown`, else the path."""
        return self.shown or str(self.path)

    @cached_property
    def _page(self) -> QueryPage:
        return self.open_page()

    def open_page(self) -> QueryPage:
        """Return the page of the file, decoded."""
        return open_query_page(self.path, self.page)

    def find_images(self, must_name: bool) -> FoundImages:
        """Return the images of the figure, see :func:`query_figure.find_images`."""
        return find_images(self._page.pixels, self.ocr, self.detector, self._page.nm_per_px, must_name)

    def resolve(self) -> QueryPart:
        """Return the part to search with, and its scale. Raises UsageError if the panel or box is not in the image."""
        chosen, notes = self._choose_part(self._page.pixels)
        part = images.crop(self._page.pixels, chosen.box)
        found = self._read_scale(part, chosen, notes)
        reading = found.scale
        fov = self.scale.field_of_view_nm
        if fov is None and reading is not None:
            fov = part.shape[1] * reading.nm_per_px
        kind = chosen.images[0].kind if len(chosen.images) == 1 else "unknown"
        if kind == "unknown":
            from mirsearch.analysis.kinds.kind import kind_from_pixels

            kind = kind_from_pixels(part)
        return QueryPart(
            chosen.box, part, kind, chosen.name, reading, fov, tuple(notes), found.doubtful_scale, found.bar
        )

    def _choose_part(self, pixels: Pixels) -> tuple[ChosenPart, list[str]]:
        height, width = pixels.shape[:2]
        notes = [self._page.note] if self._page.note else []
        if self.crop is not None:
            return self._cropped_part(width, height), notes
        if self._page.is_single and self.panel is None:
            whole = (0, 0, width, height)
            return ChosenPart(whole, None, (Panel(box=whole),), is_read=False), notes
        panels, are_read = self.find_images(must_name=self.panel is not None)
        if self.panel is not None:
            return self._named_part(panels, self.panel)
        if len(panels) == 1:
            return ChosenPart(panels[0].box, panels[0].label, tuple(panels), are_read), notes
        note = f"{self.name} has {len(panels)} images: {list_images(panels)}. All of it was used; --panel chooses one"
        return ChosenPart((0, 0, width, height), None, tuple(panels)), [*notes, note]

    def _cropped_part(self, width: int, height: int) -> ChosenPart:
        assert self.crop is not None
        if self.panel is not None:
            raise UsageError("--panel and --crop both choose a part", "give one of them")
        x0, y0, x1, y1 = self.crop
        if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
            raise UsageError(f"--crop {x0},{y0},{x1},{y1} is not inside {self.name}", f"it is {width} × {height} px")
        return ChosenPart(self.crop, None, (Panel(box=self.crop),), is_read=False)

    def _named_part(self, panels: list[Panel], wanted: str) -> tuple[ChosenPart, list[str]]:
        chosen = choose_image(panels, wanted)
        if chosen is None:
            raise UsageError(
                f"{self.name} has no panel {wanted!r}", f"it has {list_images(panels)}; or give --crop x0,y0,x1,y1"
            )
        if len(chosen.images) == 1:
            return chosen, []
        count, names = len(chosen.images), list_images(chosen.images)
        return chosen, [f"{wanted} has {count} images: {names}. All of {wanted} was used; --panel chooses one"]

    def _read_scale(self, part: Pixels, chosen: ChosenPart, notes: list[str]) -> Panel:
        """Return a panel with the scale of the part: what the user gave, else what is read. Bars are in px of the file.

        Adds notes about a scale that is not used.
        """
        options, panel = self.scale, Panel(box=chosen.box)
        if options.nm_per_px is not None:
            return dataclasses.replace(panel, scale=ScaleReading(options.nm_per_px, source="user"))
        if options.length_nm is not None and options.bar_px is not None:
            reading = ScaleReading(options.length_nm / options.bar_px, options.length_nm, options.bar_px, source="user")
            return dataclasses.replace(panel, scale=reading)
        if options.length_nm is None and (not options.read or options.field_of_view_nm is not None):
            return panel
        found = self._find_scale(part, chosen)
        if options.length_nm is not None:
            return dataclasses.replace(panel, scale=self._reading_of_length(part, found, options.length_nm, notes))
        notes += _scale_notes(found)
        return found

    def _find_scale(self, part: Pixels, chosen: ChosenPart) -> Panel:
        """Return a panel with the scale that is read from the part, or that the analysis of the figure read."""
        if len(chosen.images) > 1:
            return Panel(box=chosen.box, scale=common_scale(chosen.images))
        image = chosen.images[0]
        if chosen.is_read:
            return image
        from mirsearch.analysis.scalebars.panel_scales import read_panel_scales

        whole = Panel(box=(0, 0, part.shape[1], part.shape[0]))
        read = read_panel_scales(part, [whole], self.detector, self.ocr, nm_per_px=self._page.nm_per_px)[0]
        return _move_panel(
            dataclasses.replace(whole, scale=read.scale, doubtful_scale=read.doubtful, bar=read.bar), chosen.box
        )

    def _reading_of_length(self, part: Pixels, found: Panel, length: float, notes: list[str]) -> ScaleReading:
        """Return the reading of the found bar with the length that the user gave, in nm."""
        pixels, box, score = _found_bar(found)
        if pixels is None:
            candidates = self.detector.detect(part)
            if not candidates:
                raise UsageError(f"no scale bar was found in {self.name}", "give its length with --bar-px N")
            pixels, box, score = candidates[0].length_px, _move_box(candidates[0].box, found.box), candidates[0].score
        notes.append(f"the scale bar of {pixels:.1f} px was taken as {format_length(length)}; --bar-px overrides that")
        return ScaleReading(length / pixels, length, pixels, box, None, "user", score)


def _found_bar(panel: Panel) -> tuple[float | None, Box | None, float]:
    """Return the length of a panel's bar in px (None: it has none), its box, and how sure it is."""
    for reading in (panel.scale, panel.doubtful_scale):
        if reading is not None and reading.length_px:
            return reading.length_px, reading.bar, reading.confidence
    return (None, None, 0.0) if panel.bar is None else (panel.bar.length_px, panel.bar.box, 1.0)


def _scale_notes(panel: Panel) -> list[str]:
    """Return what a user should know about a scale that is not used, and how to give it."""
    doubtful = panel.doubtful_scale
    if panel.scale is not None and doubtful is not None:
        other = "the file's metadata say" if doubtful.source == "metadata" else "what is read says"
        return [
            f"the scale used is {panel.scale.nm_per_px:.4g} nm/px ({panel.scale.source}), but {other} "
            f"{doubtful.nm_per_px:.4g} nm/px; --nm-per-px chooses one"
        ]
    if panel.scale is not None:
        return []
    if doubtful is not None:
        known = doubtful.length_nm is not None
        value = format_length(doubtful.length_nm) if doubtful.length_nm else f"{doubtful.nm_per_px:.4g} nm/px"
        option = f'--scale "{value}"' if known else f"--nm-per-px {doubtful.nm_per_px:.4g}"
        return [f"the scale was read as {value}?, which is doubtful; {option} confirms it, --doubtful uses it as it is"]
    if panel.bar is not None:
        return [f'bar {panel.bar.length_px:.1f} px, length unknown; --scale "5 µm" gives it one']
    return []


def _move_panel(panel: Panel, box: Box) -> Panel:
    """Return a panel that was read of a part with its bars in px of the file; `box` is that of the part."""
    scales = [
        None if reading is None else dataclasses.replace(reading, bar=_move_box(reading.bar, box))
        for reading in (panel.scale, panel.doubtful_scale)
    ]
    bar = None if panel.bar is None else LoneBar(_move_box(panel.bar.box, box), panel.bar.length_px)
    return dataclasses.replace(panel, box=box, scale=scales[0], doubtful_scale=scales[1], bar=bar)


@overload
def _move_box(inner: Box, box: Box) -> Box: ...


@overload
def _move_box(inner: None, box: Box) -> None: ...


def _move_box(inner: Box | None, box: Box) -> Box | None:
    x, y = box[:2]
    return None if inner is None else (inner[0] + x, inner[1] + y, inner[2] + x, inner[3] + y)
