"""Recognize bars that are a label's ground: the margin of the box it is printed in, not its scale bar."""

from __future__ import annotations

import numpy as np

from mirsearch.analysis.base import BarCandidate, Pixels
from mirsearch.corpus import Box

_MAX_TONE_DIFFERENCE = 25
"""Greatest difference in levels, in any channel, between a pixel and the color of the ground."""

_RIM_WIDTH = 2
"""Width in px of the rim around a label, from which the color of its ground is taken."""

_MIN_GROUND_SHARE = 0.25
"""Least share of a label's box that its ground fills between the letters."""

_MIN_ROW_SHARE = 0.8
"""Least share of each row of a bar that has the color of the label's ground."""


def is_label_ground(panel: Pixels, bar: BarCandidate, label: Box) -> bool:
    """Return whether a bar has the color of a label's ground all over. Such a bar could not be seen on that ground.

    A bar that holds its label also has that color, but it is a bar. A `broken` bar has no single color.
    """
    x0, y0, x1, y1 = bar.box
    if bar.broken or (x0 <= label[0] and label[2] <= x1 and y0 <= label[1] and label[3] <= y1):
        return False
    label_pixels = panel[label[1] : label[3], label[0] : label[2]].reshape(-1, 3)
    rim = _rim_pixels(panel, label)
    if not label_pixels.size or not rim.size:
        return False
    tone = np.median(rim, axis=0)
    if np.mean(_has_tone(label_pixels, tone)) < _MIN_GROUND_SHARE:
        return False
    bar_rows = panel[y0:y1, x0:x1]
    bar_rows = bar_rows.transpose(1, 0, 2) if bar.vertical else bar_rows
    trim = len(bar_rows) >= 4  # the rows at the edges may be blurred
    bar_rows = bar_rows[trim : len(bar_rows) - trim]
    return bool(bar_rows.size and _has_tone(bar_rows, tone).mean(axis=1).min() >= _MIN_ROW_SHARE)


def _has_tone(pixels: Pixels, tone: np.ndarray) -> np.ndarray:
    """Return a mask of the pixels whose color differs little from a tone."""
    return np.asarray(np.abs(pixels.astype(np.float32) - tone).max(axis=-1) <= _MAX_TONE_DIFFERENCE)


def _rim_pixels(panel: Pixels, label: Box) -> Pixels:
    """Return the pixels (n, 3) around a label's box."""
    x0, y0 = max(0, label[0] - _RIM_WIDTH), max(0, label[1] - _RIM_WIDTH)
    around = panel[y0 : label[3] + _RIM_WIDTH, x0 : label[2] + _RIM_WIDTH]
    on_rim = np.ones(around.shape[:2], bool)
    on_rim[label[1] - y0 : label[3] - y0, label[0] - x0 : label[2] - x0] = False
    return np.asarray(around[on_rim], np.uint8)
