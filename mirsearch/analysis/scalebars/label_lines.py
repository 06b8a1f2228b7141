"""Find lines of lettering in the color of a bar and close to it by connected components, without a text detector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import BarCandidate
from mirsearch.analysis.panels.masks import Gray, component_stats
from mirsearch.corpus import Box

_MIN_LETTER_HEIGHT = 5
"""Least height of a letter in px."""

_MAX_LETTER_HEIGHT = 110
"""Greatest height of a letter in px."""

_MAX_LETTERS = 120
"""Greatest number of components near a bar. More of them are texture."""

_MAX_WIDE_FILL = 0.75
"""Greatest share of its box that a wide component fills if it is letters that touch. A filled one is a box."""

_MAX_LINES = 2
"""Greatest number of lines that are returned for a bar."""

_MAX_SPLIT_THICKNESS = 4
"""Greatest thickness in px of a bar that is split by its label."""

_INK_SLACK = 0.3
"""Greatest difference between the brightness of lettering and of its bar, as a share of the bar's contrast."""

_MIN_TICKS = 4
"""Least number of strokes that make a line a ruler."""

_MAX_TICK_WIDTH = 0.06
"""Greatest width of such a stroke as a share of the line's length; 3 px are always allowed."""

_MAX_TICK_GAP = 2
"""Greatest distance in px between such a stroke and the line."""


def find_label_lines(gray: Gray, candidate: BarCandidate) -> list[Box]:
    """Return the boxes of the likeliest lines of lettering in a bar's color, nearest first, in px of the image."""
    bar = candidate.box
    window = _search_window(bar, gray.shape[1], gray.shape[0])
    split = candidate.broken and bar[3] - bar[1] <= _MAX_SPLIT_THICKNESS
    letters = _find_letters(gray, bar, window, split)
    if not 2 <= len(letters) <= _MAX_LETTERS:
        return []
    lines = {line for line in (_grow_line(letters, seed) for seed in letters) if line is not None}
    # Of lines at the same distance, the longest comes first: `nm` alone would lack the number before it.
    ranked = sorted(lines, key=lambda line: (round(_distance_to_bar(line, bar), 1), line[0] - line[2]))
    kept: list[Box] = []
    for line in ranked:
        if all(_overlap_share(line, other) < 0.3 for other in kept):
            kept.append(line)
    height, width = gray.shape
    return [_pad_line(line, width, height) for line in kept[:_MAX_LINES]]


def _search_window(bar: Box, width: int, height: int) -> Box:
    """Return the box around a bar in which its label is looked for."""
    x0, y0, x1, y1 = bar
    along, across = max(90, (x1 - x0)), int(min(max(48, 0.5 * (x1 - x0)), 130))
    if y1 - y0 > x1 - x0:
        along, across = int(max(90, 0.8 * (y1 - y0), 0.3 * width)), 30
    return max(0, x0 - along), max(0, y0 - across), min(width, x1 + along), min(height, y1 + across)


def _bar_and_ground_levels(gray: Gray, bar: Box, split: bool) -> tuple[float, float]:
    """Return the brightness of a bar and of what lies along its long sides.

    Of a bar that is `split` by its label, only the beginning is measured.
    """
    x0, y0, x1, y1 = bar
    if y1 - y0 > x1 - x0:
        gray, (x0, y0, x1, y1) = gray.T, (y0, x0, y1, x1)
    trim = max(1, (x1 - x0) // 8)
    line = gray[y0:y1, x0 + 2 : x0 + 2 + trim] if split else gray[y0:y1, x0 + trim : x1 - trim]
    beside = np.concatenate([gray[max(0, y0 - 5) : max(1, y0 - 1), x0:x1], gray[y1 + 1 : y1 + 5, x0:x1]])
    level = float(np.median(line)) if line.size else 255.0
    return level, float(np.median(beside)) if beside.size else 255.0 - level


def _find_letters(gray: Gray, bar: Box, window: Box, split: bool) -> NDArray[np.int32]:
    """Return the boxes (n, 4) of components that have the bar's brightness and the size of letters, in px of the image.

    `split` means that the bar has its label between its two ends: only these ends are then left out.
    """
    wx0, wy0, wx1, wy1 = window
    x0, y0, x1, y1 = bar
    crop = gray[wy0:wy1, wx0:wx1]
    level, ground = _bar_and_ground_levels(gray, bar, split)
    slack = max(18.0, _INK_SLACK * abs(level - ground))
    mask = np.asarray(np.abs(crop.astype(np.float32) - level) <= slack, np.uint8)
    if not split:
        mask[max(0, y0 - wy0 - 1) : y1 - wy0 + 1, max(0, x0 - wx0 - 2) : x1 - wx0 + 2] = 0
    x, y, w, h, area = component_stats(mask).T
    uncut = (x > 0) | (wx0 == 0)
    uncut &= (x + w < crop.shape[1]) | (wx1 == gray.shape[1])
    letter_like = uncut & (h >= _MIN_LETTER_HEIGHT) & (h <= _MAX_LETTER_HEIGHT) & (w <= 6 * h) & (w >= 2)
    if split:
        uncut &= ((x + wx0 > x0 + 2) & (x + w + wx0 < x1 - 2)) | (y + wy0 > y1) | (y + h + wy0 < y0)
        letter_like &= uncut
    letter_like &= (w < 1.5 * h) | (area <= _MAX_WIDE_FILL * w * h)
    boxes = np.stack([x + wx0, y + wy0, x + w + wx0, y + h + wy0], axis=1)
    return np.asarray(boxes[letter_like & ~_are_ticks(boxes, bar)], np.int32)


def _are_ticks(boxes: NDArray[np.int32], bar: Box) -> NDArray[np.bool_]:
    """Return which components (n, 4) are the ticks of a ruler: several narrow ones that stand on its line."""
    tick_like = (np.abs(boxes[:, 1] - bar[3]) <= _MAX_TICK_GAP) | (np.abs(boxes[:, 3] - bar[1]) <= _MAX_TICK_GAP)
    tick_like &= (boxes[:, 0] >= bar[0] - 2) & (boxes[:, 2] <= bar[2] + 2)
    tick_like &= boxes[:, 2] - boxes[:, 0] <= max(3.0, _MAX_TICK_WIDTH * (bar[2] - bar[0]))
    return np.asarray(tick_like & (np.count_nonzero(tick_like) >= _MIN_TICKS), np.bool_)


def _grow_line(letters: NDArray[np.int32], seed: NDArray[np.int32]) -> Box | None:
    """Return the box of the row of letters that a letter belongs to, or None if it is no line.

    The row grows sideways while the gaps are smaller than about a letter's height.
    """
    height = int(seed[3] - seed[1])
    heights = letters[:, 3] - letters[:, 1]
    shared = np.minimum(letters[:, 3], seed[3]) - np.maximum(letters[:, 1], seed[1])
    row = letters[
        (shared >= 0.5 * np.minimum(heights, height)) & (heights <= 1.7 * height) & (heights >= 0.45 * height)
    ]
    row = row[np.argsort(row[:, 0])]
    middle = int(np.flatnonzero((row == seed).all(axis=1))[0])
    first = last = middle
    while first > 0 and row[first][0] - row[:first, 2].max() <= 1.3 * height:
        first -= 1
    while last + 1 < len(row) and row[last + 1][0] - row[: last + 1, 2].max() <= 1.3 * height:
        last += 1
    members = row[first : last + 1]
    if len(members) < 2 and (seed[2] - seed[0]) < 2 * height:
        return None
    x0, y0, x1, y1 = members[:, 0].min(), members[:, 1].min(), members[:, 2].max(), members[:, 3].max()
    if not 1.3 * height <= x1 - x0 <= 9 * height or y1 - y0 > 1.9 * height:
        return None
    return int(x0), int(y0), int(x1), int(y1)


def _distance_to_bar(line: Box, bar: Box) -> float:
    """Return the gap between a line and a bar in letter heights. Sideways gaps count more, and very short lines too."""
    height = max(1, line[3] - line[1])
    gap_x = max(0, line[0] - bar[2], bar[0] - line[2])
    gap_y = max(0, line[1] - bar[3], bar[1] - line[3])
    short_penalty = 0.5 if (line[2] - line[0]) < 2 * height else 0.0
    return (1.5 * gap_x + gap_y) / height + short_penalty


def _overlap_share(one: Box, other: Box) -> float:
    """Return the area that two boxes share, as a share of the smaller box."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return max(0, width) * max(0, height) / max(1, smaller)


def _pad_line(line: Box, width: int, height: int) -> Box:
    """Return the box of a line with a margin around it, within the image."""
    pad = max(2, round(0.18 * (line[3] - line[1])))
    return max(0, line[0] - 2 * pad), max(0, line[1] - pad), min(width, line[2] + 2 * pad), min(height, line[3] + pad)


def crop_boxes(panel: NDArray[np.uint8], boxes: Sequence[Box]) -> list[NDArray[np.uint8]]:
    """Return the pixels of the boxes, one contiguous array each, as the recognizer needs them."""
    return [np.ascontiguousarray(panel[y0:y1, x0:x1]) for x0, y0, x1, y1 in boxes]
