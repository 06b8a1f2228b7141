"""Find the scale bars of one image: with a label, with a length from the caption, or alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mirsearch.analysis.base import BarCandidate, OcrEngine, Pixels, ScaleBarDetector
from mirsearch.analysis.panels.boxes import distance_from_corner, shift_bar, shift_box
from mirsearch.analysis.panels.masks import Gray
from mirsearch.analysis.scalebars.bar_looks import BarLooks, measure_looks
from mirsearch.analysis.scalebars.insets import find_frame_sides, find_insets, lies_in_any
from mirsearch.analysis.scalebars.labels import find_labelled_bar
from mirsearch.analysis.scalebars.letter_strokes import is_letter_stroke
from mirsearch.analysis.scalebars.line_shapes import LineShape, judge_line
from mirsearch.analysis.scalebars.pairing import Pair
from mirsearch.analysis.scalebars.titles import underlines_title
from mirsearch.corpus import Box

_MIN_SIDE = 24
"""Least side in px of an image in which a bar is looked for."""

_MIN_JUDGED_SCORE, _MAX_JUDGED = 0.3, 24
"""Least score of a line whose shape is looked at, and the greatest number of such lines. A bound on time."""

_MIN_OUTLINED_SHARE, _OUTLINE_PX = 0.9, 5.0
"""Least length of a bar as a share of the outline around it, and px by which it may be shorter in any case."""

_MIN_DRAWING_THICKNESS, _MIN_DRAWING_LOOKS = 3, 0.5
"""Least thickness in px of a bar in a drawing, and how even and how near to black or white it is at least (0 to 1)."""

_DARK = 60
"""Greatest gray level of half of the pixels of a drawing on dark ground."""

_MIN_LONE_SCORE = 0.4
"""Least score of a bar without a label that may get a length."""

_INSIDE_COST = 0.3
"""Share of its score that a bar in the middle of the image loses when bars without a label are compared."""

_MAX_MARGIN = 8
"""Greatest distance in px by which an image's box is extended."""

_MAX_BLANK_SPREAD = 20
"""Greatest difference between the levels of a blank row, in any channel."""

_MAX_BLEED, _MAX_BLEED_SHARE = 2, 0.08
"""Greatest number of lines next to a box in which the blurred end of something stands, and the share that it fills."""

_MAX_CROSSING_SHARE = 0.02
"""Greatest share of a blank row that thin lines fill which cross it, such as a hair of what a picture shows."""

_MIN_GROUND_SHARE = 0.3
"""Least share of an image's edge that must have the color of the blank row beyond it."""

_MAX_LONE = 4
"""Greatest number of bars without a label that are compared."""


@dataclass(frozen=True, slots=True)
class SeenBar:
    """A bar and how it looks."""

    bar: BarCandidate
    looks: BarLooks


@dataclass(frozen=True, slots=True)
class ImageBars:
    """The bars of one image in px of the figure.

    `pair` is the best bar with a label. `lone` are the bars that may get a length from elsewhere, best first. `box` is
    the image. `has_window` tells whether a frame is drawn in it, as around what another image magnifies.
    """

    box: Box
    pair: Pair | None = None
    lone: tuple[SeenBar, ...] = ()
    has_window: bool = False


def clip_box(box: Box, pixels: Pixels) -> Box | None:
    """Return the part of a box that lies in the figure, or None if it is too small to hold a bar."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = max(0, box[0]), max(0, box[1]), min(width, box[2]), min(height, box[3])
    return (x0, y0, x1, y1) if x1 - x0 >= _MIN_SIDE and y1 - y0 >= _MIN_SIDE else None


def find_image_bars(
    pixels: Pixels,
    box: Box,
    insets: Sequence[Box],
    detector: ScaleBarDetector,
    ocr: OcrEngine,
    expected_nm: Sequence[float] = (),
    thorough: bool = True,
) -> ImageBars:
    """Return the bars of the image in a box that lies in the figure. Bars in its `insets` are not its own.

    `expected_nm` are the lengths that the caption gives for it. Without `thorough`, fewer labels are read.
    """
    grown = grow_by_margin(pixels, box)
    left, top = grown[:2]
    image = np.ascontiguousarray(pixels[grown[1] : grown[3], grown[0] : grown[2]])
    known = [shift_box(inset, -left, -top) for inset in insets]
    bars = [bar for bar in detector.detect(image) if not lies_in_any(bar.box, known)]
    shapes = [judge_line(image, bar) for bar in bars[:_MAX_JUDGED] if bar.score >= _MIN_JUDGED_SCORE]
    solid = [bar for bar, shape in zip(bars, shapes, strict=False) if shape.kind == "bar"] + bars[len(shapes) :]
    sides = find_frame_sides(bars)
    solid = [_raise_outlined(bar, bars, shapes) for bar in solid if bar.box not in sides]
    gray = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    if not thorough:
        thorough = bool(np.median(gray) <= _DARK)
        solid = [bar for bar in solid if _may_scale_drawing(image, bar, on_dark=thorough)]
    solid.sort(key=lambda bar: -bar.score)
    own, pair = _find_own_bars(image, gray, solid, (bars, shapes), ocr, expected_nm, thorough)
    lone = sorted(
        (bar for bar in own if bar.score >= _MIN_LONE_SCORE and not bar.broken and not _is_lettering(image, gray, bar)),
        key=lambda bar: -bar.score * (1 - _INSIDE_COST * distance_from_corner(bar.box, image.shape)),
    )
    return ImageBars(
        box,
        None if pair is None else replace(pair, bar=shift_bar(pair.bar, left, top)),
        tuple(SeenBar(shift_bar(bar, left, top), measure_looks(image, bar)) for bar in lone[:_MAX_LONE]),
        any(shape.frame is not None for shape in shapes),
    )


def _is_lettering(image: Pixels, gray: Gray, bar: BarCandidate) -> bool:
    """Return whether a line belongs to lettering: it underlines a title, or is a stroke of a letter."""
    return underlines_title(gray, bar) or is_letter_stroke(image, bar)


def _may_scale_drawing(image: Pixels, bar: BarCandidate, *, on_dark: bool) -> bool:
    """Return whether a line in a drawing may be a bar: drawings are full of thin and of colored lines.

    On a dark ground are renderings, whose bars are often colored.
    """
    x0, y0, x1, y1 = bar.box
    if min(x1 - x0, y1 - y0) < _MIN_DRAWING_THICKNESS:
        return False
    looks = measure_looks(image, bar)
    least = looks.even if on_dark else min(looks.pure, looks.even)
    return bar.broken or least >= _MIN_DRAWING_LOOKS


def _raise_outlined(bar: BarCandidate, lines: Sequence[BarCandidate], shapes: Sequence[LineShape]) -> BarCandidate:
    """Return a bar, with the score of its outline if that is better: ink on a ground as bright needs an outline."""
    scores = [
        line.score
        for line, shape in zip(lines, shapes, strict=False)
        if shape.outline is not None
        and lies_in_any(bar.box, [shape.outline])
        and bar.length_px >= min(_MIN_OUTLINED_SHARE * line.length_px, line.length_px - _OUTLINE_PX)
    ]
    return replace(bar, score=max([bar.score, *scores]))


def _find_own_bars(
    image: Pixels,
    gray: np.ndarray,
    bars: Sequence[BarCandidate],
    lines: tuple[Sequence[BarCandidate], Sequence[LineShape]],
    ocr: OcrEngine,
    expected_nm: Sequence[float],
    thorough: bool,
) -> tuple[list[BarCandidate], Pair | None]:
    """Return the image's own bars, and the best bar with its label.

    A bar in a framed inset is taken only if its label gives the caption's length and the best other bar's does not.
    """
    if not bars:
        return [], None
    frames = find_insets(gray, *lines)
    own = [bar for bar in bars if not lies_in_any(bar.box, frames)]
    expected = expected_nm[0] if len(expected_nm) == 1 else None
    pair = find_labelled_bar(image, own, ocr, expected, thorough)
    if len(own) < len(bars) and expected is not None and (pair is None or not agree(pair.label.length.nm, expected)):
        inset_pair = find_labelled_bar(image, [bar for bar in bars if bar not in own], ocr, expected)
        if inset_pair is not None and agree(inset_pair.label.length.nm, expected):
            return own, inset_pair
    return own, pair


def agree(one: float, other: float, ratio: float = 1.06) -> bool:
    """Return whether two lengths or pixel sizes agree."""
    return max(one, other) < ratio * min(one, other)


def grow_by_margin(pixels: Pixels, box: Box) -> Box:
    """Return the box extended by the blank rows and columns around it that continue its ground.

    A bar at the edge of a white databar needs them. Gutters beside a picture do not continue its ground.
    """
    x0, y0, x1, y1 = box
    y1 += _count_blank_lines(pixels[y1:, x0:x1], pixels[y1 - 3 : y1, x0:x1])
    y0 -= _count_blank_lines(pixels[:y0, x0:x1][::-1], pixels[y0 : y0 + 3, x0:x1])
    columns = pixels[y0:y1].transpose(1, 0, 2)
    x1 += _count_blank_lines(columns[x1:], columns[x1 - 3 : x1])
    x0 -= _count_blank_lines(columns[:x0][::-1], columns[x0 : x0 + 3])
    return x0, y0, x1, y1


def _count_blank_lines(lines: Pixels, edge: Pixels) -> int:
    """Return how many of the nearest lines beyond a box continue its ground."""
    nearest = lines[:_MAX_MARGIN]
    start = next((n for n, line in enumerate(nearest[: _MAX_BLEED + 1]) if _continues_ground(line, edge)), 0)
    if start and not all(_bleeds_into(line, nearest[start]) for line in nearest[:start]):
        start = 0
    return next((n for n in range(start, len(nearest)) if not _continues_ground(nearest[n], edge)), len(nearest))


def _bleeds_into(line: Pixels, blank: Pixels) -> bool:
    """Return whether a line (n, 3) has the color of a blank one, but for the blurred end of what the box cuts off."""
    differs = np.abs(line.astype(np.int16) - np.median(blank, axis=0)).max(axis=1) > _MAX_BLANK_SPREAD
    return bool(differs.mean() <= _MAX_BLEED_SHARE)


def _continues_ground(line: Pixels, edge: Pixels) -> bool:
    """Return whether a line (n, 3) beyond a box is blank and its color is also found at the box's edge (3, n, 3)."""
    color = np.median(line, axis=0)
    if np.ptp(line, axis=0).max() > _MAX_BLANK_SPREAD:
        differs = np.abs(line.astype(np.int16) - color).max(axis=1) > _MAX_BLANK_SPREAD
        if differs.mean() > _MAX_CROSSING_SHARE:
            return False
    difference = np.abs(edge.astype(np.int16) - color).max(axis=2)
    return bool((difference <= _MAX_BLANK_SPREAD).mean(axis=1).max() >= _MIN_GROUND_SHARE)
