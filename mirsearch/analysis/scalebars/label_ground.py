"""Bars that are the ground of a label: the margin of the box it is printed in, not its scale bar."""

from __future__ import annotations

import numpy as np

from mirsearch.analysis.base import BarCandidate, Pixels
from mirsearch.corpus import Box

_MAX_TONE_DIFFERENCE = 25
"""Levels by which a pixel may differ from the tone of the ground in any channel."""

_RIM_WIDTH = 2
"""Width in px of the rim around a label that shows what it is printed on."""

_MIN_GROUND_SHARE, _MIN_ROW_SHARE = 0.25, 0.8
"""Share of a label's box that its ground fills between the letters, and of each row of a bar that is of its tone."""


def is_label_ground(panel: Pixels, bar: BarCandidate, label: Box) -> bool:
    """Whether a bar has the tone a label is printed on, all over: who can read the label cannot see the bar.

    A bar that its label is written in has that tone as well, and is one; bars in pieces have none of their own.
    """
    x0, y0, x1, y1 = bar.box
    if bar.broken or (x0 <= label[0] and label[2] <= x1 and y0 <= label[1] and label[3] <= y1):
        return False
    inside = panel[label[1] : label[3], label[0] : label[2]].reshape(-1, 3)
    rim = _rim_pixels(panel, label)
    if not inside.size or not rim.size:
        return False
    tone = np.median(rim, axis=0)
    if np.mean(_has_tone(inside, tone)) < _MIN_GROUND_SHARE:
        return False
    rows = panel[y0:y1, x0:x1]
    rows = rows.transpose(1, 0, 2) if bar.vertical else rows
    trim = len(rows) >= 4  # blur at the edges
    rows = rows[trim : len(rows) - trim]
    return bool(rows.size and _has_tone(rows, tone).mean(axis=1).min() >= _MIN_ROW_SHARE)


def _has_tone(pixels: Pixels, tone: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(pixels.astype(np.float32) - tone).max(axis=-1) <= _MAX_TONE_DIFFERENCE)


def _rim_pixels(panel: Pixels, label: Box) -> Pixels:
    """The pixels (n, 3) around a label's box."""
    x0, y0 = max(0, label[0] - _RIM_WIDTH), max(0, label[1] - _RIM_WIDTH)
    around = panel[y0 : label[3] + _RIM_WIDTH, x0 : label[2] + _RIM_WIDTH]
    free = np.ones(around.shape[:2], bool)
    free[label[1] - y0 : label[3] - y0, label[0] - x0 : label[2] - x0] = False
    return np.asarray(around[free], np.uint8)
