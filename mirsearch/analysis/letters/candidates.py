"""Lone marks of the size of a panel letter, found without OCR: what is worth a look by the recognizer."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.corpus import Box

_DARKEST_GROUND, _LIGHTEST_GROUND = 95, 175
_SMALLEST_HEIGHT, _LARGEST_HEIGHT = 0.009, 0.06
_MOST_PARTS = 20_000
_SOLID_SHARE, _STEM_WIDTH = 0.95, 0.4
_MOST_STROKES = 5
"""Strokes beside each other in "(iii)"; a stroke that fills its box is part of a letter only if narrow."""


def find_lone_marks(gray: NDArray[np.uint8], zones: Sequence[Box], heights: tuple[float, float] | None = None) -> list[Box]:
    """Boxes of dark or light marks of up to three strokes side by side ("a", "(a)") with nothing near them in line.

    Only marks that begin in one of the `zones` count, of a height in px within `heights` where these are given.
    """
    side = max(gray.shape)
    low, high = max(7.0, _SMALLEST_HEIGHT * side), max(12.0, _LARGEST_HEIGHT * side)
    if heights is not None:
        low, high = heights
    found: list[Box] = []
    for mask in (gray < _DARKEST_GROUND, gray > _LIGHTEST_GROUND):
        parts = _letter_sized_parts(mask, low, high)
        found.extend(_group_strokes(parts[_are_in_zones(parts, zones, high)], zones, low))
    return found


def _are_in_zones(parts: NDArray[np.int32], zones: Sequence[Box], margin: float) -> NDArray[np.bool_]:
    """Which parts begin in a zone or so near it that they may belong to a mark there."""
    inside = np.zeros(len(parts), bool)
    for x0, y0, x1, y1 in zones:
        across = (parts[:, 0] >= x0 - margin) & (parts[:, 0] < x1 + margin)
        inside |= across & (parts[:, 1] >= y0 - margin) & (parts[:, 1] < y1 + margin)
    return inside


def _letter_sized_parts(mask: NDArray[np.bool_], low: float, high: float) -> NDArray[np.int32]:
    """Connected parts of letter-like size, from the left: x0, y0, x1, y1, and 1 for a mere bar as the stem of "i"."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count > _MOST_PARTS:
        return np.zeros((0, 5), np.int32)
    width, height, area = stats[:, 2], stats[:, 3], stats[:, 4]
    share = area / np.maximum(1, width * height)
    right = (height >= 0.55 * low) & (height <= high) & (width <= 1.3 * height + 2) & (share > 0.12)
    bar = (share >= _SOLID_SHARE) & (width <= _STEM_WIDTH * height)
    right &= (share < _SOLID_SHARE) | bar
    right[0] = False
    kept = stats[right]
    ends = (kept[:, 0] + kept[:, 2], kept[:, 1] + kept[:, 3])
    boxes = np.stack([kept[:, 0], kept[:, 1], *ends, bar[right]], axis=1)
    return np.asarray(boxes[np.argsort(boxes[:, 0])], np.int32)


def _group_strokes(parts: NDArray[np.int32], zones: Sequence[Box], low: float) -> list[Box]:
    """Groups of one to three parts in line with no other part of their size beside them."""
    groups: list[list[int]] = []
    for number in range(len(parts)):
        home = next((group for group in reversed(groups[-60:]) if _is_beside(parts[group[-1]], parts[number])), None)
        if home is None:
            groups.append([number])
        else:
            home.append(number)
    boxes = []
    for group in groups:
        if len(group) > _MOST_STROKES:
            continue
        members = parts[group]
        if members[:, 4].all():
            continue
        x0, y0 = members[:, :2].min(axis=0)
        x1, y1 = members[:, 2:4].max(axis=0)
        starts = any(left <= x0 < right and top <= y0 < bottom for left, top, right, bottom in zones)
        if starts and x1 - x0 <= 2.4 * (y1 - y0) and y1 - y0 >= low:
            boxes.append((int(x0), int(y0), int(x1), int(y1)))
    return boxes


def _is_beside(left: NDArray[np.int32], right: NDArray[np.int32]) -> bool:
    """Whether two parts stand in one line of text, a gap of a narrow space apart at most."""
    height = max(left[3] - left[1], right[3] - right[1])
    gap = right[0] - left[2]
    shared = min(left[3], right[3]) - max(left[1], right[1])
    return bool(-0.3 * height <= gap <= 0.5 * height and shared >= 0.5 * min(left[3] - left[1], right[3] - right[1]))
