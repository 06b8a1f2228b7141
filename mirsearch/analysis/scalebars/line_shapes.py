"""Tell scale bars from other straight lines by what joins them: sides of a frame, arrowheads, further dashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import BarCandidate, Pixels
from mirsearch.analysis.panels.boxes import transpose_box
from mirsearch.analysis.scalebars.arrowheads import has_open_head
from mirsearch.analysis.scalebars.unit_shapes import bar_colors
from mirsearch.corpus import Box

LineKind = Literal["bar", "frame", "arrow", "dashes"]

_INK_SHARE = 0.45
"""Greatest distance in color of a pixel of a line from the line, as a share of the distance from line to ground."""

_MIN_INK_SLACK = 20.0
"""Least distance in color, in levels, that a pixel of a line may have."""

_MIN_LEG_SHARE = 0.35
"""Least length of a line that leaves an end at a right angle and is no end cap, as a share of the bar's length."""

_MIN_LEG = 8
"""Least length in px of such a line."""

_MIN_JOINED = 4
"""Rows next to a bar in which such a line must have ink: the letters of a label do not join the bar."""

_MIN_JOINED_SHARE, _MIN_UPRIGHT_SHARE = 0.75, 0.8
"""Least share of these rows, and of all rows, in which one column of such a line has ink."""

_MAX_REACH = 700
"""Greatest distance in px to which such a line is followed. A bound on time."""

_MIN_CLEAR_SHARE = 0.6
"""Least share of the rows of such a line beside which there is no ink: it is a line and not texture."""

_MIN_CLOSED_SHARE = 0.85
"""Least share of a frame's opposite side that has ink."""

_MAX_FRAME_THICKNESS, _MAX_FRAME_SHARE = 3, 0.03
"""Greatest thickness of a line around an inset, in px and as a share of its length."""

_MAX_OUTLINE_HEIGHT = 40
"""Greatest height in px of an outline that may hold a bar."""

_BORDER_SLACK = 4
"""Greatest distance in px from the panel's border of a line that ends there."""

_MIN_HEAD_EXCESS = 1.2
"""Least width of an arrowhead beyond its shaft, as a multiple of the shaft's thickness."""

_MIN_HEAD_COLUMNS, _MIN_HEAD_SHARE = 4, 0.3
"""Least length of the wide part of an arrowhead: in px, and as a share of its width. An end cap is a thin stroke."""

_MAX_END_DIFFERENCE = 2
"""Greatest difference in px between the widths of a line at equal distances from both ends that are alike."""

_MAX_DASH_DIFFERENCE = 0.3
"""Greatest relative difference in length of the dashes of one line."""

_MAX_DASH, _DASH_REACH = 60, 6
"""Greatest length in px of a dash, and how far further dashes are looked for, in lengths."""

_MIN_DASHES = 4
"""Least number of equal dashes in a row that are a dashed line."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LineShape:
    """What a straight line is, and the box of the frame or of the flat outline that it is a side of."""

    kind: LineKind
    frame: Box | None = None
    outline: Box | None = None


@dataclass(frozen=True, slots=True)
class _View:
    """A horizontal line in a mask of the pixels of its color: rows y0 to y1, columns x0 to x1 of the mask."""

    ink: Mask
    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def length(self) -> int:
        return self.x1 - self.x0

    @property
    def thickness(self) -> int:
        return self.y1 - self.y0

    @property
    def box(self) -> Box:
        return self.x0, self.y0, self.x1, self.y1


def judge_line(panel: Pixels, bar: BarCandidate) -> LineShape:
    """Return what a candidate is: a bar, a side of a frame or an axis, the shaft of an arrow, or a dash of many."""
    box = bar.box
    if bar.broken:
        return LineShape("bar")
    if bar.vertical:
        panel, box = panel.transpose(1, 0, 2), transpose_box(box)
    view, left, top = _view_line(panel, box)
    legs = _find_legs(view)
    if legs is not None:
        above, below = legs
        frame = (left + view.x0, top + view.y0 - above, left + view.x1, top + view.y1 + below)
        frame = transpose_box(frame) if bar.vertical else frame
        if _bounds_inset(view, panel.shape[1] - left):
            return LineShape("frame", frame)
        return LineShape("frame", outline=frame if max(above, below) <= _MAX_OUTLINE_HEIGHT else None)
    if _has_one_head(view):
        return LineShape("arrow")
    return LineShape("dashes" if _is_dash(view) else "bar")


def _view_line(panel: Pixels, box: Box) -> tuple[_View, int, int]:
    """Return a line in the mask of its color around it, and the mask's left and top in px of the panel."""
    x0, y0, x1, y1 = box
    height, width = panel.shape[:2]
    reach = min(_MAX_REACH, max(24, round(1.5 * (x1 - x0))))
    beside = _DASH_REACH * (x1 - x0) if x1 - x0 <= _MAX_DASH else reach // 2
    left, right = max(0, x0 - beside), min(width, x1 + beside)
    top, bottom = max(0, y0 - reach), min(height, y1 + reach)
    color, ground = bar_colors(panel, box)
    slack = max(_MIN_INK_SLACK, _INK_SHARE * float(np.abs(color - ground).max()))
    low, high = np.ceil(np.clip(color - slack, 0, 255)), np.floor(np.clip(color + slack, 0, 255))
    crop = np.ascontiguousarray(panel[top:bottom, left:right])
    ink: Mask = cv2.inRange(crop, low.astype(np.float64), high.astype(np.float64)) > 0
    return _View(ink, x0 - left, y0 - top, x1 - left, y1 - top), left, top


def _bounds_inset(view: _View, right_border: int) -> bool:
    """Return whether a line is thin, with lines from both ends, or from one while the other is at the panel's border.

    `right_border` is the column of the panel's right border. The margin of a box around a bar is thick.
    """
    if view.thickness > max(_MAX_FRAME_THICKNESS, _MAX_FRAME_SHARE * view.length):
        return False
    at_border = (view.x0 <= _BORDER_SLACK, view.x1 >= right_border - _BORDER_SLACK)
    least = max(_MIN_LEG_SHARE * view.length, 3 * view.thickness + 4, _MIN_LEG)
    sides = [[_leg_length(view, end, step) >= least for end in (-1, 1)] for step in (-1, 1)]
    return any(all(leg or edge for leg, edge in zip(legs, at_border, strict=True)) and any(legs) for legs in sides)


def _find_legs(view: _View) -> tuple[int, int] | None:
    """Return the lengths in px of the lines that go up and down from the ends of a line, or None if none does."""
    up = [_leg_length(view, end, -1) for end in (-1, 1)]
    down = [_leg_length(view, end, 1) for end in (-1, 1)]
    least = max(_MIN_LEG_SHARE * view.length, 3 * view.thickness + 4, _MIN_LEG)
    above, below = max(up), max(down)
    if max(above, below) >= least:
        return (above if above >= least else 0), (below if below >= least else 0)
    for legs, step in ((up, -1), (down, 1)):
        if min(legs) >= view.thickness + 3 and abs(legs[0] - legs[1]) <= 2 and _is_closed(view, min(legs), step):
            return (min(legs), 0) if step < 0 else (0, min(legs))
    return None


def _leg_length(view: _View, end: int, step: int) -> int:
    """Return how far a line of a bar's color goes up (step -1) or down (1) from the left (end -1) or right (1) end."""
    width = max(2, min(view.thickness, 6))
    start = max(0, view.x0 - 2 if end < 0 else view.x1 - width - 1)
    stop = start + width + 3
    rows = view.ink[view.y1 :] if step > 0 else view.ink[: view.y0][::-1]
    on_leg = np.asarray(rows[:, start:stop].any(axis=1), np.bool_)
    missing = np.flatnonzero(~on_leg[:-1] & ~on_leg[1:]) if len(on_leg) > 1 else np.zeros(0, np.intp)
    length = int(missing[0]) if len(missing) else len(on_leg)
    if length == 0 or not on_leg[:_MIN_JOINED].all() or not _is_upright(rows[:length, start:stop]):
        return 0
    beside = [rows[:length, stop + 1 : stop + 1 + width], rows[:length, max(0, start - 1 - width) : max(0, start - 1)]]
    clear = [1.0 if not part.shape[1] else float(np.mean(~part.all(axis=1))) for part in beside]
    return length if min(clear) >= _MIN_CLEAR_SHARE else 0


def _is_upright(rows: Mask) -> bool:
    """Return whether ink goes straight on from a bar's end; an object that touches it has no such side.

    `rows` begin at the bar.
    """
    joins = rows[:_MIN_JOINED].mean(axis=0) >= _MIN_JOINED_SHARE
    return bool((joins & (rows.mean(axis=0) >= _MIN_UPRIGHT_SHARE)).any())


def _is_closed(view: _View, distance: int, step: int) -> bool:
    """Return whether a line runs parallel to a bar, at the ends of both legs, and joins them."""
    row = view.y1 + distance if step > 0 else view.y0 - distance
    rows = view.ink[max(0, row - 2) : row + 3, view.x0 : view.x1]
    return bool(rows.size and rows.any(axis=0).mean() >= _MIN_CLOSED_SHARE)


def _has_one_head(view: _View) -> bool:
    """Return whether a line has an arrowhead, solid or open, at one end only."""
    if _has_head(view, 1) != _has_head(view, -1) and not _has_equal_ends(view):
        return True
    return has_open_head(view.ink, view.box, 1) != has_open_head(view.ink, view.box, -1)


def _has_head(view: _View, end: int) -> bool:
    """Return whether a line has an arrowhead at its left (-1) or right (1) end: it widens and narrows to a point."""
    thickness = view.thickness
    span = max(6, 5 * thickness)
    if span > view.length // 2:
        return False
    columns = view.ink[:, view.x1 - span : view.x1] if end > 0 else view.ink[:, view.x0 : view.x0 + span][:, ::-1]
    above, below = _extents(columns[: view.y0][::-1]), _extents(columns[view.y1 :])
    least = max(2.0, _MIN_HEAD_EXCESS * thickness / 2)
    peak = int((above + below).argmax())
    symmetric = abs(int(above[peak]) - int(below[peak])) <= max(1, 0.35 * (above[peak] + below[peak]))
    tip, shaft = (above + below)[-2:].min(), (above + below)[: span // 4 + 1].min()
    is_wide = min(above[peak], below[peak]) >= least
    wide_columns = int(np.count_nonzero(above + below >= (above[peak] + below[peak]) / 2))
    is_long = wide_columns >= max(_MIN_HEAD_COLUMNS, _MIN_HEAD_SHARE * int(above[peak] + below[peak]))
    return bool(is_wide and is_long and symmetric and tip <= least and shaft <= least / 2 and 0 < peak < span - 1)


def _has_equal_ends(view: _View) -> bool:
    """Return whether a line widens alike at both ends: the tips of a small double arrow may be too blunt for heads."""
    ink = view.ink[:, view.x0 : view.x1]
    widths = _extents(ink[: view.y0][::-1]) + _extents(ink[view.y1 :])
    half = len(widths) // 2
    left, right = widths[:half], widths[::-1][:half]
    differences = [np.abs(left[max(0, n) : half + n] - right[max(0, -n) : half - n]) for n in (-1, 0, 1)]
    return min(float(each.max(initial=0)) for each in differences) <= _MAX_END_DIFFERENCE


def _extents(rows: Mask) -> NDArray[np.int64]:
    """Return for each column how many of the first rows have ink without a gap."""
    if not len(rows):
        return np.zeros(rows.shape[1], np.int64)
    return np.where(rows.all(axis=0), len(rows), (~rows).argmax(axis=0)).astype(np.int64)


def _is_dash(view: _View) -> bool:
    """Return whether a line is one of several equal dashes in a row."""
    if view.length > _MAX_DASH:
        return False
    row = view.ink[view.y0 : view.y1].mean(axis=0) >= 0.5
    edges = np.flatnonzero(np.diff(np.r_[False, row, False].astype(np.int8)))
    starts, stops = edges[::2], edges[1::2]
    lengths = stops - starts
    equal = np.abs(lengths - view.length) <= max(2.0, _MAX_DASH_DIFFERENCE * view.length)
    return bool(np.count_nonzero(equal) >= _MIN_DASHES)
