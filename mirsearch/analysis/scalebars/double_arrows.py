"""Find scale bars that are double arrows: a shaft with an equal head at each end."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.panels.masks import Gray
from mirsearch.analysis.scalebars.measure import find_ends
from mirsearch.analysis.scalebars.ticks import CompoundBar

ARROW_SCORE = 0.96
"""Score of a double arrow. No texture has its shape, but two arrows that touch have."""

_MIN_LENGTH, _MIN_HEIGHT, _MAX_HEIGHT = 20, 5, 48
"""Least length of a double arrow, and least and greatest width of its heads, in px."""

_MIN_ASPECT = 1.8
"""Least ratio of its length to the width of its heads."""

_FILL = (0.12, 0.75)
"""Share of its box that it fills."""

_MAX_SHAFT_SHARE, _MAX_TIP_SHARE = 0.6, 0.6
"""Greatest thickness of its shaft and of its tips as shares of the width of its heads."""

_MIN_HEAD, _MAX_HEAD_SHARE = 3, 0.46
"""Least length of a head in px, and its greatest length as a share of the arrow's."""

_MIN_EVEN_SHARE = 0.9
"""Least share of the shaft's columns that have its thickness to a px."""

_SLACK = 1.5
"""Greatest difference in px between what must be equal: both heads, and what is above and below the shaft."""


def find_double_arrows(image: Gray, mask: Gray, stats: NDArray[np.int32]) -> Iterator[CompoundBar]:
    """Yield the shafts of double arrows, from tip to tip, among the bright components of a mask of an image.

    `stats` (n, 5) are x, y, w, h and the number of px of each component.
    """
    _, _, w, h, area = stats.T
    has_size = (w >= _MIN_LENGTH) & (h >= _MIN_HEIGHT) & (h <= _MAX_HEIGHT) & (w >= _MIN_ASPECT * h)
    has_size &= (area >= _FILL[0] * w * h) & (area <= _FILL[1] * w * h)
    for x, y, width, height, _ in stats[has_size].tolist():
        shaft = _find_shaft(mask[y : y + height, x : x + width] > 0)
        if shaft is None:
            continue
        top, bottom = y + shaft[0], y + shaft[1]
        ends = find_ends(image[top:bottom], x, x + width)
        if ends is not None:
            yield ends[0], float(top), ends[1], float(bottom), ARROW_SCORE


def _find_shaft(ink: NDArray[np.bool_]) -> tuple[int, int] | None:
    """Return the first row of the shaft of a double arrow that fills a mask, and the row after its last, or None."""
    height, width = ink.shape
    counts = np.count_nonzero(ink, axis=0)
    most = int(width * _MAX_HEAD_SHARE) + 1
    left, right = int(counts[:most].argmax()), int(counts[::-1][:most].argmax())
    peaks = counts[left], counts[width - 1 - right]
    if min(left, right) < _MIN_HEAD or abs(left - right) > _SLACK + 0.1 * left or min(peaks) < height - _SLACK:
        return None
    middle = ink[:, left + 1 : width - 1 - right]
    rows = np.flatnonzero(np.count_nonzero(middle, axis=1) > middle.shape[1] / 2)
    if not len(rows):
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    is_central = abs(top - (height - bottom)) <= _SLACK
    if not is_central or bottom - top > _MAX_SHAFT_SHARE * height or not ink[top:bottom].any(axis=0).all():
        return None
    return (top, bottom) if _has_heads(counts, left, right, bottom - top, height) else None


def _has_heads(counts: NDArray[np.intp], left: int, right: int, thickness: int, height: int) -> bool:
    """Return whether the columns of a line widen from both tips to the heads, and are even between them."""
    width = len(counts)
    for side, peak in ((counts, left), (counts[::-1], right)):
        head = side[: peak + 1]
        if head[0] > max(thickness + 1, _MAX_TIP_SHARE * height) or np.any(np.diff(head) < -1):
            return False
        # A head of straight sides is half as wide in its middle; an end cap or a ball is not.
        if abs(float(np.mean(head)) - (float(head[0]) + float(head[-1])) / 2) > 0.2 * height:
            return False
    between = counts[left + 1 : width - 1 - right]
    is_even = np.abs(between - thickness) <= 1
    falling = 2 * max(2, left // 4)  # a blurred head does not end in one column
    return bool(len(between) and np.count_nonzero(~is_even) <= falling + (1 - _MIN_EVEN_SHARE) * len(between))
