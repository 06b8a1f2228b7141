"""Recognize an open arrowhead: two strokes that leave the end of a line aslant, one up and one down."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mirsearch.corpus import Box

_MAX_HEAD_SHARE, _MIN_HEAD = 0.45, 4
"""Greatest length of a head as a share of the line's length, and its least length in px."""

_SLOPES = (0.35, 2.5)
"""Least and greatest slope of the strokes: rows per column."""

_MAX_TIP, _MAX_STEP, _MIN_OPEN_SHARE = 5, 3, 0.3
"""Greatest length in px of the tip before both strokes part, greatest rise of a stroke in one column, and least share
of its columns in which a gap parts it from the line."""

_MAX_DEVIATION = 1.6
"""Greatest distance in px, in the mean, of a stroke's outer edge from a straight line."""

_MAX_SLOPE_DIFFERENCE = 0.3
"""Greatest relative difference of the slopes of both strokes."""

_MAX_BESIDE_SHARE = 0.2
"""Greatest share of the columns behind the head in which ink joins the line."""


def has_open_head(ink: NDArray[np.bool_], line: Box, end: int) -> bool:
    """Return whether a horizontal line in a mask of its color has an open head at its left (-1) or right (1) end."""
    x0, y0, x1, y1 = line
    span = int(_MAX_HEAD_SHARE * (x1 - x0))
    reach = round(_SLOPES[1] * span)
    columns = ink[:, x1 - span : x1][:, ::-1] if end > 0 else ink[:, x0 : x0 + span]
    sides = columns[max(0, y0 - reach) : y0][::-1], columns[y1 : y1 + reach]
    slopes = [_stroke_slope(side) for side in sides]
    if None in slopes:
        return False
    up, down = (slope for slope in slopes if slope is not None)
    return abs(up - down) <= _MAX_SLOPE_DIFFERENCE * max(up, down)


def _stroke_slope(rows: NDArray[np.bool_]) -> float | None:
    """Return the slope of a stroke that leaves the line's end in the first columns, or None. `rows` begin at the line.

    In each of its columns the stroke has one run of ink; away from the end a gap parts it from the line.
    """
    if not rows.size:
        return None
    rows = rows[:, int(rows[0, :_MAX_TIP].argmax()) :]
    outer: list[int] = []
    opened = 0
    for column in rows.T:
        near = np.flatnonzero(column[: outer[-1] + _MAX_STEP if outer else _MAX_STEP])
        if not len(near) or (len(outer) > 2 and near[-1] + 1 < outer[-1]):
            break
        outer.append(int(near[-1]) + 1)
        opened += int(near[0] > 0)
    length = len(outer)
    beside = rows[0, length + 1 :]
    if length < _MIN_HEAD or opened < _MIN_OPEN_SHARE * length or not beside.size or beside.mean() > _MAX_BESIDE_SHARE:
        return None
    columns = np.arange(length)
    slope, offset = np.polyfit(columns, outer, 1)
    deviation = float(np.abs(np.array(outer) - offset - slope * columns).mean())
    return float(slope) if _SLOPES[0] <= slope <= _SLOPES[1] and deviation <= _MAX_DEVIATION else None
