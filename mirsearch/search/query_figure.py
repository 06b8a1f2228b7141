"""The images of a figure that is asked with: how a user names one of them, and what the figure offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from mirsearch.corpus import Box, Panel, ScaleReading, panel_keys
from mirsearch.indexes.comparison import known_technique
from mirsearch.query import Pixels

if TYPE_CHECKING:
    from mirsearch.analysis.base import OcrEngine, ScaleBarDetector

_MAX_NAMED = 12
"""Most images that are listed one by one. With more, each letter says how many it has."""
_MAX_SCALE_RATIO = 1.06
"""Ratio below which the pixel sizes of two images agree."""

FoundImages = tuple[list[Panel], bool]
"""The images of a figure in reading order, and whether they have what the analysis reads."""


@dataclass(frozen=True, slots=True)
class ChosenPart:
    """The part of a figure to search with: its box in px, its name, and the images in it.

    `is_read`: the images have what the analysis read, with their scales.
    """

    box: Box
    name: str | None
    images: tuple[Panel, ...]
    is_read: bool = True


def find_images(
    pixels: Pixels, ocr: OcrEngine, detector: ScaleBarDetector, nm_per_px: float | None, must_name: bool
) -> FoundImages:
    """Return the images of a figure in reading order, and whether they have what the analysis reads.

    A single image, found without reading texts, has only its box: that is fast. `must_name`: the names are needed.
    """
    from mirsearch.analysis.panels.cut import cut_figure

    found = cut_figure(pixels, ocr, (), (), caption_known=False).panels
    if len(found) == 1 and not must_name:
        return found, False
    from mirsearch.analysis.analyzer import FigureAnalyzer

    return FigureAnalyzer(ocr, detector).analyze(pixels, nm_per_px=nm_per_px), True


def choose_image(panels: Sequence[Panel], wanted: str) -> ChosenPart | None:
    """Return the image that is named by its key ("b2"), its letter or its number, or all images of a letter; or None.

    A letter that several images share names the box of all of them.
    """
    name = wanted.strip().strip("()").lower()
    keys = panel_keys(panels)
    under_letter = [panel for panel in panels if (panel.label or "").lower() == name]
    numbers = [str(number) for number in range(1, len(panels) + 1)]
    for names in (keys, numbers if not under_letter else []):
        if name in names:
            at = names.index(name)
            return ChosenPart(panels[at].box, keys[at], (panels[at],))
    if not name or not under_letter:
        return None
    boxes = [panel.group or panel.box for panel in under_letter]
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return ChosenPart((min(x0), min(y0), max(x1), max(y1)), name, tuple(under_letter))


def common_scale(panels: Sequence[Panel]) -> ScaleReading | None:
    """Return the scale that holds for all the images: their only one, or the surest if all that are known agree."""
    readings = [panel.scale for panel in panels if panel.scale is not None]
    if not readings:
        return None
    sizes = [reading.nm_per_px for reading in readings]
    best = max(readings, key=lambda reading: reading.confidence)
    return best if max(sizes) / min(sizes) <= _MAX_SCALE_RATIO else None


def list_images(panels: Sequence[Panel]) -> str:
    """Return the names of the images with what they show: "a (SEM), b1 (DAPI, fluorescence), b2 (Merge), c (plot)"."""
    keys = panel_keys(panels)
    if len(panels) <= _MAX_NAMED:
        return ", ".join(f"{key}{describe_image(panel)}" for key, panel in zip(keys, panels, strict=True))
    runs = [
        [key for key, _ in run] for _, run in groupby(zip(keys, panels, strict=True), key=lambda pair: pair[1].label)
    ]
    names = ", ".join(own[0] if len(own) == 1 else f"{own[0]} to {own[-1]}" for own in runs)
    return f"{names} (`mirsearch analyze` tells what each shows)"


def describe_image(panel: Panel) -> str:
    """Return what an image shows, in brackets: " (DAPI, fluorescence)"; empty if nothing is known of it."""
    kind = known_technique(panel) or ("" if panel.kind == "unknown" else panel.kind)
    inset = f"inset of {panel.inset_of}" if panel.inset_of else ""
    words = ", ".join(filter(None, (" ".join(panel.heading.split())[:40], kind, inset)))
    return f" ({words})" if words else ""
