"""Recognize a stroke of a panel letter that looks like a scale bar: the stem of a D, an arm of an F."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import BarCandidate, Pixels
from mirsearch.analysis.panels.boxes import transpose_box
from mirsearch.analysis.scalebars.unit_shapes import bar_colors
from mirsearch.corpus import Box

_INK_SHARE, _MIN_INK_SLACK = 0.25, 16.0
"""Greatest distance in color of a letter's pixel from its stroke, as a share of the stroke's distance from the ground,
and in levels. Objects that touch a bar are seldom of its very color."""

_MAX_LETTER = 110
"""Greatest side of a letter in px."""

_MIN_STROKE_SHARE = 0.7
"""Least length of the stroke as a share of the letter's side along it."""

_MIN_LETTER_ASPECT, _MAX_LETTER_ASPECT = 0.55, 2.4
"""Bounds of the letter's side across the stroke to that along it. End caps are shorter."""

_MIN_STROKES = 2.2
"""Least size of the letter across the stroke, as a multiple of the stroke's thickness."""

_SOFT_EDGE = 2
"""How many rows beside a line still belong to it, in px."""

_MAX_FILL = 0.8
"""Greatest share of its box that a letter fills."""


def is_letter_stroke(image: Pixels, bar: BarCandidate) -> bool:
    """Return whether what has a bar's color and joins it has the size and form of a letter; pixels are RGB."""
    box = bar.box
    if bar.vertical:
        image, box = image.transpose(1, 0, 2), transpose_box(box)
    x0, y0, x1, y1 = box
    length, thickness = x1 - x0, max(1, y1 - y0)
    if length > _MAX_LETTER or bar.broken:
        return False
    height, width = image.shape[:2]
    across = round(_MAX_LETTER_ASPECT * length / _MIN_STROKE_SHARE) + 2
    along = round(length / _MIN_STROKE_SHARE) - length + 2
    left, top = max(0, x0 - along), max(0, y0 - across)
    crop = np.ascontiguousarray(image[top : min(height, y1 + across), left : min(width, x1 + along)])
    color, ground = bar_colors(image, box)
    slack = max(_MIN_INK_SLACK, _INK_SHARE * float(np.abs(color - ground).max()))
    low, high = np.clip(color - slack, 0, 255), np.clip(color + slack, 0, 255)
    ink = np.asarray(cv2.inRange(crop, low.astype(np.float64), high.astype(np.float64)), np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    inside = labels[(y0 + y1) // 2 - top, x0 - left : x1 - left]
    inside = inside[inside > 0]
    if not inside.size:
        return False
    own = int(np.bincount(inside).argmax())
    _, _, wide, high_px, area = stats[own]
    if _has_two_caps(labels == own, (x0 - left, y0 - top, x1 - left, y1 - top)):
        return False
    has_form = _MIN_LETTER_ASPECT * wide <= high_px <= _MAX_LETTER_ASPECT * wide and high_px >= _MIN_STROKES * thickness
    is_stroke = length >= _MIN_STROKE_SHARE * wide and max(wide, high_px) <= _MAX_LETTER
    return bool(has_form and is_stroke and area <= _MAX_FILL * wide * high_px)


def _has_two_caps(ink: NDArray[np.bool_], line: Box) -> bool:
    """Return whether a mask has, besides a line, only what stands above and below both of its ends: caps, or an H.

    Few figures have so broad an H, and many bars have caps.
    """
    x0, y0, x1, y1 = line
    quarter = (x1 - x0) // 4
    above, below = ink[: max(0, y0 - _SOFT_EDGE)], ink[y1 + _SOFT_EDGE :]
    middle, ends = slice(x0 + quarter, x1 - quarter), (slice(0, x0 + quarter), slice(x1 - quarter, None))
    if above[:, middle].any() or below[:, middle].any():
        return False
    return all(side[:, end].any() for side in (above, below) for end in ends)
