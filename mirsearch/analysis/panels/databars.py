"""Find databars on white ground: strips of instrument settings that belong to the picture above them.

A databar that has the tone of the page looks like text below a picture. It is told from a heading by what it holds: a
scale bar beside lettering, within the picture's width and along most of it, or the words of an instrument.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels, TextBox
from mirsearch.analysis.panels.boxes import is_centered_in
from mirsearch.analysis.panels.gutters import find_runs
from mirsearch.corpus import Box

_REACH, _START = 0.3, 0.12
"""Height of the strip below a picture in which a databar stands, and greatest distance of its lettering from the
picture, as shares of the picture's height. Chosen on drawn databars; those of instruments take .06 to .15."""

_LEAST_REACH = 40
"""Least height in px of the strip: lettering that can be read isn't smaller."""

_DARK, _LIGHT, _LIGHT_SHARE = 140, 225, 0.5
"""Gray levels up to which a px is lettering, and from which it is the ground of a databar; least share of ground."""

_FILLED_SHARE, _WHITE = 0.75, 247
"""Least share of a box that is darker than white if it is a picture."""

_LINE_GAP = 0.05
"""Greatest gap between the lines of a databar, as a share of the picture's height (4 px at least)."""

_WIDTH, _BAR_WIDTH = 0.6, (0.08, 0.55)
"""Least width of the lettering, and least and greatest width of the bar, as shares of the picture's width."""

_BAR_THICKNESS, _BESIDE_BAR = 0.3, 0.12
"""Greatest thickness of the bar, as a share of the lettering's height (3 px at least), and least share of the width on
which lettering stands beside the bar."""

_EDGE_PX, _MARGIN_PX, _FRAME_SHARE = 2, 4, 0.95
"""Px at the edges of a databar where its frame may run, most px of its ground that are kept below the lettering, and
least share of a row that is dark if it is the frame."""

_SETTINGS = re.compile(
    r"\b(EHT|HV|WD|Mag|Det|Signal|Hochsp|InLens|SE2?|BSE|ETD|TLD)\b|\d\s?kV\b|\d\s?kx\b|\bx\s?\d", re.IGNORECASE
)
_LEAST_SETTINGS = 2
"""Words of instruments, and how many of them make lettering a databar that has no bar."""


def add_databar(pixels: Pixels, box: Box, others: Sequence[Box], texts: Sequence[TextBox]) -> Box:
    """Return the box of a picture of a figure on white, RGB uint8 (h, w, 3), with the databar below it, if it has one.

    `others` are the boxes of the other images of the figure; a databar ends before them.
    """
    x0, y0, x1, y1 = box
    height, width = y1 - y0, x1 - x0
    below = [other[1] for other in others if other[1] >= y1 and other[0] < x1 and other[2] > x0]
    stop = min([pixels.shape[0], y1 + max(_LEAST_REACH, round(_REACH * height)), *below])
    if stop - y1 < 8 or (pixels[y0:y1:4, x0:x1:4].min(axis=2) < _WHITE).mean() < _FILLED_SHARE:
        return box
    inner = np.ascontiguousarray(pixels[y1:stop, x0 + _EDGE_PX : x1 - _EDGE_PX])
    strip = np.asarray(cv2.cvtColor(inner, cv2.COLOR_RGB2GRAY), np.uint8)
    lines = _lettered_rows(strip, height)
    if lines is None:
        return box
    top, bottom, end = lines
    lettering = strip[top:bottom] <= _DARK
    columns = np.flatnonzero(lettering.any(axis=0))
    is_wide = columns[-1] + 1 - columns[0] >= _WIDTH * width
    is_inside = columns[0] > 0 and columns[-1] + 1 < strip.shape[1]
    if not (is_wide and is_inside and (strip[top:bottom] >= _LIGHT).mean() >= _LIGHT_SHARE):
        return box
    words = " ".join(text.text for text in texts if is_centered_in(text.box, (x0, y1, x1, y1 + bottom)))
    has_settings = len(_SETTINGS.findall(words)) >= _LEAST_SETTINGS
    return (x0, y0, x1, min(stop, y1 + end)) if has_settings or _has_bar(lettering) else box


def _lettered_rows(strip: NDArray[np.uint8], picture_height: int) -> tuple[int, int, int] | None:
    """Return the first and the end of the rows of lettering near the top of a strip, and where their databar ends.

    It ends at its frame, if it has one, else a little below the lettering.
    """
    shares = (strip <= _DARK).mean(axis=1)
    edge = int(np.argmin(shares > 0)) if shares.min() == 0 else len(shares)  # what touches the picture is its edge
    frame = np.flatnonzero(shares[edge:] >= _FRAME_SHARE) + edge
    rows = np.flatnonzero(shares[edge : frame[0] if len(frame) else None]) + edge
    if edge > _EDGE_PX or not len(rows) or rows[0] > max(_START * picture_height, _LEAST_REACH / 2):
        return None
    gap = max(4, round(_LINE_GAP * picture_height))
    breaks = np.flatnonzero(np.diff(rows) > gap)
    last = int(rows[breaks[0]] if len(breaks) else rows[-1])
    if len(frame) and not len(breaks):
        return int(rows[0]), last + 1, int(frame[0]) + 1
    is_whole = last + _EDGE_PX < len(strip)
    return (int(rows[0]), last + 1, last + 1 + min(int(rows[0]), _MARGIN_PX)) if is_whole else None


def _has_bar(lettering: NDArray[np.bool_]) -> bool:
    """Return whether lettering, bool (h, w), holds one level bar with other lettering beside it."""
    height, width = lettering.shape
    bars = []
    for row in range(height):
        run = max(find_runs(lettering[row], 1), key=lambda each: each.width, default=None)
        if run is not None and run.width >= _BAR_WIDTH[0] * width:
            bars.append((row, run))
    if not bars or bars[-1][0] - bars[0][0] >= max(3, _BAR_THICKNESS * height):
        return False
    longest = max((run for _, run in bars), key=lambda each: each.width)
    beside = np.delete(lettering.any(axis=0), slice(longest.start, longest.stop))
    return longest.width <= _BAR_WIDTH[1] * width and bool(beside.sum() >= _BESIDE_BAR * width)
