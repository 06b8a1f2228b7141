"""Tell where no lettering can be, so that the text detector and the recognizer need not look there."""

from __future__ import annotations

import cv2
import numpy as np

from mirsearch.analysis.base import Pixels
from mirsearch.corpus import Box

_REACH = 2
"""Distance in px across which an edge is looked for: that of a blurred letter is wide."""

_MIN_STEP = 28
"""Least change of a channel, in levels, at the edge of a letter that OCR can read."""

_MIN_EDGE_PIXELS = 40
"""Least number of px with such an edge: that of the three letters of "1 µm", 7 px high, each with two edges."""


def may_hold_lettering(pixels: Pixels, box: Box, bar: Box | None = None) -> bool:
    """Return whether the RGB pixels of a box have enough upright edges for a label, without those of a bar in it."""
    x0, y0, x1, y1 = box
    crop = pixels[y0:y1, x0:x1]
    if crop.shape[1] <= _REACH or not crop.shape[0]:
        return False
    steps = cv2.absdiff(np.ascontiguousarray(crop[:, _REACH:]), np.ascontiguousarray(crop[:, :-_REACH]))
    edges = cv2.inRange(steps, (0, 0, 0), (_MIN_STEP - 1,) * 3) == 0
    if bar is not None:
        edges[max(0, bar[1] - y0 - 1) : max(0, bar[3] - y0 + 1), max(0, bar[0] - x0 - 4) : max(0, bar[2] - x0 + 4)] = 0
    return int(np.count_nonzero(edges)) >= _MIN_EDGE_PIXELS
