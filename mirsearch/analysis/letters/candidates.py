"""Find lone marks of a panel letter's size without OCR: what the recognizer should read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.panels.masks import component_stats
from mirsearch.corpus import Box

_DARK_MARK, _LIGHT_MARK = 95, 175
"""Gray levels (of 255): dark marks are below the first, light marks above the second."""

_SMALLEST_HEIGHT, _LARGEST_HEIGHT = 0.009, 0.06
"""Least and greatest height of a mark, as shares of the image's longer side (7 and 12 px at least)."""

_MOST_PARTS = 20_000
"""Most connected parts of an image in which marks are looked for; noise has more, and would take seconds."""

_SOLID_SHARE, _STEM_WIDTH = 0.95, 0.4
"""A stroke that fills this share of its box is part of a letter only if its width is at most this times its height."""

_MOST_STROKES = 5
"""Most strokes beside each other in a mark, as in "(iii)"."""


def find_lone_marks(
    gray: NDArray[np.uint8], zones: Sequence[Box], height_range: tuple[float, float] | None = None
) -> list[Box]:
    """Return the boxes of dark or light marks of a few strokes ("a", "(a)") that stand alone in their line.

    Only marks that begin in one of the `zones` count. `height_range` bounds their height in px.
    """
    side = max(gray.shape)
    low, high = max(7.0, _SMALLEST_HEIGHT * side), max(12.0, _LARGEST_HEIGHT * side)
    if height_range is not None:
        low, high = height_range
    marks: list[Box] = []
    for mask in (gray < _DARK_MARK, gray > _LIGHT_MARK):
        parts = _letter_sized_parts(mask, low, high)
        marks.extend(_group_strokes(parts[_are_in_zones(parts, zones, high)], zones, low))
    return marks


def _are_in_zones(parts: NDArray[np.int32], zones: Sequence[Box], margin: float) -> NDArray[np.bool_]:
    """Return for each part whether it begins in a zone, or so near that it may belong to a mark there."""
    is_inside = np.zeros(len(parts), bool)
    for x0, y0, x1, y1 in zones:
        is_beside = (parts[:, 0] >= x0 - margin) & (parts[:, 0] < x1 + margin)
        is_inside |= is_beside & (parts[:, 1] >= y0 - margin) & (parts[:, 1] < y1 + margin)
    return is_inside


def _letter_sized_parts(mask: NDArray[np.bool_], low: float, high: float) -> NDArray[np.int32]:
    """Return the connected parts of a letter's size, from left to right, int32 (n, 5).

    The columns are x0, y0, x1, y1 and 1 for a mere bar, like the stem of "i".
    """
    stats = component_stats(mask.view(np.uint8))
    if len(stats) >= _MOST_PARTS:
        return np.zeros((0, 5), np.int32)
    width, height, area = stats[:, 2], stats[:, 3], stats[:, 4]
    fill = area / np.maximum(1, width * height)
    is_letter_sized = (height >= 0.55 * low) & (height <= high) & (width <= 1.3 * height + 2) & (fill > 0.12)
    is_bar = (fill >= _SOLID_SHARE) & (width <= _STEM_WIDTH * height)
    is_letter_sized &= (fill < _SOLID_SHARE) | is_bar
    kept = stats[is_letter_sized]
    ends = (kept[:, 0] + kept[:, 2], kept[:, 1] + kept[:, 3])
    boxes = np.stack([kept[:, 0], kept[:, 1], *ends, is_bar[is_letter_sized]], axis=1)
    return np.asarray(boxes[np.argsort(boxes[:, 0])], np.int32)


def _group_strokes(parts: NDArray[np.int32], zones: Sequence[Box], low: float) -> list[Box]:
    """Return the boxes of groups of one to five parts that have no other part of their size beside them."""
    groups: list[list[int]] = []
    boxes_of_parts = parts[:, :4].tolist()
    for number, box in enumerate(boxes_of_parts):
        _, y0, _, y1 = box
        for group in reversed(groups[-60:]):
            last = boxes_of_parts[group[-1]]
            if last[1] < y1 and last[3] > y0 and _is_beside(last, box):  # most are at other heights
                group.append(number)
                break
        else:
            groups.append([number])
    boxes = []
    for group in groups:
        if len(group) > _MOST_STROKES:
            continue
        members = parts[group]
        if members[:, 4].all():
            continue
        x0, y0 = members[:, :2].min(axis=0)
        x1, y1 = members[:, 2:4].max(axis=0)
        begins_in_zone = any(left <= x0 < right and top <= y0 < bottom for left, top, right, bottom in zones)
        if begins_in_zone and x1 - x0 <= 2.4 * (y1 - y0) and y1 - y0 >= low:
            boxes.append((int(x0), int(y0), int(x1), int(y1)))
    return boxes


def _is_beside(left: Sequence[int], right: Sequence[int]) -> bool:
    """Return whether two parts stand in one line of text, at most half a letter's height apart."""
    height = max(left[3] - left[1], right[3] - right[1])
    gap = right[0] - left[2]
    overlap = min(left[3], right[3]) - max(left[1], right[1])
    return bool(-0.3 * height <= gap <= 0.5 * height and overlap >= 0.5 * min(left[3] - left[1], right[3] - right[1]))
