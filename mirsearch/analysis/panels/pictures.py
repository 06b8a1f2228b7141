"""Find the pictures of a region: rectangles that are filled to their edges, on ground of any color.

Text, lines and the noise of JPEG are thin. A morphological opening (Serra 1982) of all that is not white removes them
and leaves the bodies of pictures, which then are cut at gutters that are not white or not clean.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.panels.boxes import area, sides
from mirsearch.analysis.panels.grid import snap_to_grid
from mirsearch.analysis.panels.gutters import Canvas
from mirsearch.analysis.panels.masks import Gray, darkest_channel, median_level, remove_strokes
from mirsearch.analysis.panels.mosaics import cut_like_neighbors, cut_mosaic
from mirsearch.analysis.panels.pieces import cut_picture
from mirsearch.analysis.panels.strips import find_strips
from mirsearch.corpus import Box

_TOLERANCES = (7, 2)
"""Levels of 0 to 255 by which a picture's light ground differs at least from white; the next is tried if none is found.

The smallest suits files without the noise of JPEG.
"""

_BLUR, _LIGHT_GROUND = 5, 200
"""Px over which the noise of light ground is averaged, and the level that all of them exceed. Thin gutters beside
darker pictures are not averaged."""

_NOISE, _LIGHT_SHARE = 5, 0.3
"""Tolerance from which on down pictures are looked for only in light regions, and their least share of the region."""

_MAX_BLUR = 4
"""Most lines at a picture's edge that blur and noise of JPEG fill partly."""

_MAX_SPARSE_SHARE, _MAX_MARK_SHARE = 0.15, 0.35
"""How far a mark such as a letter's tag may stand out of a picture, and how wide it may be, as shares of its sides."""

_MIN_SIDE = 24
"""Least side of a picture in px."""

_MIN_STRIP = 16
"""Least side in px of a strip beside a picture."""

_MIN_SIDE_SHARE = 0.15
"""Least side of a picture, as a share of the longer side of the largest picture; colorbars are thinner."""

_MIN_FIGURE_SHARE = 0.02
"""Least side of a picture, as a share of the figure's longer side."""

_MIN_AREA, _MIN_SIBLINGS = 0.0015, 3
"""Least area of a picture that is not one of a set, as a share of the figure's longer side squared; size of a set."""

_GUTTER_TOLERANCE = 24
"""Levels of 0 to 255 by which a picture differs from a gutter's color. Noise of JPEG beside pictures differs less."""

_LONG_FACTOR, _LARGE_FACTOR = 1.7, 1.5
"""From when a picture is searched for seams: its longer side against the shorter, or its area against the median."""

_FILLED_SHARE, _EDGE_SHARE = 0.75, 0.8
"""Least share of a picture, and of its edges together, that is not white."""

_MIN_EDGE_SHARE = 0.5
"""Least share of one edge that is not white: the white frame of an inset may lie along it."""

_FLAT_RANGE, _FLAT_SHARE = 3, 0.985
"""Gray levels within which 3 × 3 px are flat, and the share of flat px from which a light rectangle is drawn."""

_EMPTY_SHARE, _DARK_LEVEL = 0.998, 60
"""Share of flat px from which a dark rectangle is empty or drawn, and the median gray level below which it is dark.

Sparse images of fluorescence are mostly flat, too.
"""

_PAINT_TOLERANCE, _PAINTED_SHARE, _LIGHT_LEVEL = 8, 0.7, 200
"""Levels within which px have one color, share of them in a painted rectangle, and level from which gray is light."""

_SAME_SIZE = 0.06
"""Difference of sides, as a share, up to which two pictures have one size."""


def find_pictures(pixels: Pixels, figure_side: int, on_black: bool = False) -> list[Box]:
    """Return the boxes of the pictures in a region, RGB uint8 (h, w, 3), whose ground is white.

    `figure_side` is the figure's longer side. `on_black` tells that the pixels were inverted since the figure's ground
    is black.
    """
    levels = _smooth_light_ground(pixels)
    for tolerance in _TOLERANCES:
        boxes = _find_filled(pixels, levels, figure_side, tolerance)
        pictures = _keep_pictures(pixels, boxes, figure_side, on_black)
        pictures += find_strips(pixels, levels < 255 - tolerance, boxes, pictures)
        if pictures:
            return pictures
    return []


def _smooth_light_ground(pixels: Pixels) -> Gray:
    """Return the darkest channel (h, w), in light ground at most its average: the noise there reaches white."""
    levels = darkest_channel(pixels)
    average = cv2.blur(levels, (_BLUR, _BLUR))
    darkest = cv2.erode(levels, np.ones((_BLUR, _BLUR), np.uint8))
    elsewhere = cv2.threshold(darkest, _LIGHT_GROUND, 255, cv2.THRESH_BINARY_INV)[1]
    return np.asarray(cv2.min(levels, cv2.max(average, elsewhere)), np.uint8)


def _find_filled(pixels: Pixels, levels: Gray, figure_side: int, tolerance: int) -> list[Box]:
    """Return the boxes that are filled with more than white, cut at gutters; `levels` tell white from the rest."""
    mask = np.asarray(levels < 255 - tolerance, np.uint8)
    if tolerance < _NOISE and mask.mean() < _LIGHT_SHARE:
        return []
    _, _, stats, _ = cv2.connectedComponentsWithStats(remove_strokes(mask, figure_side), connectivity=4)
    canvas: Canvas | None = None
    boxes: list[Box] = []
    for x, y, width, height, _ in stats[1:]:
        if min(width, height) >= _MIN_STRIP:
            canvas = canvas or Canvas(pixels, _GUTTER_TOLERANCE)
            boxes.extend(cut_picture(canvas, (int(x), int(y), int(x + width), int(y + height))))
    filled = [box for box in (_tighten(mask, box) for box in boxes) if _is_filled(mask, box)]
    return filled if canvas is None else cut_like_neighbors(canvas, _cut_butted(canvas, filled))


def _cut_butted(canvas: Canvas, boxes: Sequence[Box]) -> list[Box]:
    """Return the pictures, with those cut at seams that are much longer than wide, or larger than the others."""
    usual = float(np.median([area(box) for box in boxes])) if len(boxes) > 1 else 0.0
    cut: list[Box] = []
    for box in boxes:
        is_long = max(sides(box)) >= _LONG_FACTOR * min(sides(box))
        if is_long or area(box) >= _LARGE_FACTOR * usual:
            cut.extend(cut_mosaic(canvas, box, even_only=not is_long and len(boxes) == 1))
        else:
            cut.append(box)
    return cut


def _tighten(mask: NDArray[np.uint8], box: Box) -> Box:
    """Return a box without the partly filled lines at its edges: blur, and marks that touch the picture."""
    x0, y0, x1, y1 = box
    inside = mask[y0:y1, x0:x1]
    rows, columns = inside.mean(axis=1), inside.mean(axis=0)
    left, top, right, bottom = (_count_sparse(line) for line in (columns, rows, columns[::-1], rows[::-1]))
    return (x0 + left, y0 + top, x1 - right, y1 - bottom)


def _count_sparse(shares: NDArray[np.float64]) -> int:
    """Return how many of the first lines lie before a picture's sharp edge, by the share of each that is filled."""
    first = int(np.argmax(shares >= _EDGE_SHARE)) if (shares >= _EDGE_SHARE).any() else 0
    if first <= _MAX_BLUR:
        return first
    is_sharp = float(shares[: first - 2].max()) <= _MAX_MARK_SHARE
    return first if is_sharp and first <= _MAX_SPARSE_SHARE * len(shares) else 0


def _is_filled(mask: NDArray[np.uint8], box: Box) -> bool:
    """Return whether a box is filled to all its edges."""
    x0, y0, x1, y1 = box
    if min(x1 - x0, y1 - y0) < _MIN_STRIP:
        return False
    inside = mask[y0:y1, x0:x1]
    depth = max(1, min(4, round(0.02 * min(inside.shape))))
    edges = [float(edge.mean()) for edge in (inside[:depth], inside[-depth:], inside[:, :depth], inside[:, -depth:])]
    return bool(inside.mean() >= _FILLED_SHARE and min(edges) >= _MIN_EDGE_SHARE and sum(edges) >= 4 * _EDGE_SHARE)


def _keep_pictures(pixels: Pixels, boxes: Sequence[Box], figure_side: int, on_black: bool) -> list[Box]:
    """Return the boxes without slivers, such as colorbars, and without flat ones that are no empty picture of a set."""
    boxes = snap_to_grid(boxes)
    textured = [box for box in boxes if not _is_flat(pixels, box, on_black)]
    longest = max((max(sides(box)) for box in textured), default=0)
    least = max(_MIN_SIDE, _MIN_SIDE_SHARE * longest, _MIN_FIGURE_SHARE * figure_side)
    kept = [box for box in textured if min(sides(box)) >= least]
    kept = [box for box in kept if area(box) >= _MIN_AREA * figure_side**2 or is_one_of_set(box, kept)]
    empty = [box for box in boxes if box not in textured and any(have_one_size(box, other) for other in kept)]
    return kept + empty


def is_one_of_set(box: Box, boxes: Sequence[Box]) -> bool:
    """Return whether a picture is one of a set of one size."""
    return sum(have_one_size(box, other) for other in boxes) >= _MIN_SIBLINGS


def _is_flat(pixels: Pixels, box: Box, on_black: bool) -> bool:
    """Return whether a rectangle is of even color, as bars of a chart and drawn boxes are."""
    x0, y0, x1, y1 = box
    inner = pixels[y0 + _FLAT_RANGE : y1 - _FLAT_RANGE, x0 + _FLAT_RANGE : x1 - _FLAT_RANGE]
    if _has_paint(inner, on_black):
        return True
    gray = cv2.cvtColor(np.ascontiguousarray(inner), cv2.COLOR_RGB2GRAY)
    kernel = np.ones((3, 3), np.uint8)
    share = float((cv2.dilate(gray, kernel) - cv2.erode(gray, kernel) <= _FLAT_RANGE).mean())
    level = median_level(np.asarray(gray, np.uint8))
    is_dark = (255 - level if on_black else level) < _DARK_LEVEL
    return share >= (_EMPTY_SHARE if is_dark else _FLAT_SHARE)


def _has_paint(pixels: Pixels, on_black: bool) -> bool:
    """Return whether most px have one color that is neither dark nor light gray. Few pictures have such a ground."""
    flat = pixels.reshape(-1, 3)[:: max(1, pixels.size // 60_000)]
    if on_black:
        flat = 255 - flat
    color = np.array([median_level(channel) for channel in flat.T])
    share = float((np.abs(flat - color).max(axis=1) <= _PAINT_TOLERANCE).mean())
    level = float(color.max())
    is_colored = float(np.ptp(color)) > _PAINT_TOLERANCE
    return share > _PAINTED_SHARE and level > _DARK_LEVEL and (is_colored or level < _LIGHT_LEVEL)


def have_one_size(first: Box, second: Box) -> bool:
    """Return whether two boxes have the same sides within a few percent."""
    return all(abs(a - b) <= max(2, _SAME_SIZE * b) for a, b in zip(sides(first), sides(second), strict=True))
