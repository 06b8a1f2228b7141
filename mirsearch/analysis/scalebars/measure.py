"""Measure a rectangle: find its edges to a fraction of a pixel and how much it looks like a scale bar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.panels.masks import Gray
from mirsearch.analysis.scalebars.candidates import MIN_LENGTH
from mirsearch.analysis.scalebars.edges import MIN_OUTLINE_DIP, evenness_of, sharpness_of, straightness_of

Profile = NDArray[np.float64]
"""Brightness along a line, float64."""

_MIN_CONTRAST = 14.0
"""Least gray levels by which a bar must differ from the ground beyond each end and side."""

_EDGE_LEVEL = 0.6
"""Level at which a bar's end is put, between the ground (0) and the bar (1).

A blurred edge was at half-way. People who measure bars count only the pixels that are fully the bar's. For the two ends
of a blurred bar this is 1 to 2 px less. The value was chosen on 142 real bars of scale_truth.csv: it halves the
difference from 0.8 px (at half-way) to 0.4 px.
"""

_MIN_HEIGHT_FOR_LABEL = 9
"""Least height in px of a bar that can hold its label. Its ends are found only in the rows next to its long edges."""

_SHOULDER_LEVEL = 0.88
"""Share of its contrast that a bar keeps up to its end."""

_MAX_FADE = 3.5
"""Distance in px over which blur may fade a bar's end. Over a longer one, only a neighbor can cause the fading."""

_MAX_EXTENSION = 6
"""Greatest px by which a mask may have cut off an end of a bar."""

_MIN_WIDTH_FOR_LABEL = 32
"""Least width in px of a bar whose height is measured only beside the label that it may hold."""

_OUTLINE_REACH = 3
"""Greatest distance in px from a bar's end to the darkest px of an outline (the brightest, of a dark bar's)."""

_MIN_OUTLINE_SHARE = 0.5
"""Least depth of an outline below the ground, as a share of the bar's contrast to the ground: sharpening makes a
shallower rim."""

_GROUND_REACH = 4
"""Px beyond an edge in which the ground is measured."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A measured rectangle: edges in px (pixel i covers i to i+1), gray levels, and how much it looks like a bar.

    `bright` means brighter than the ground; `level` is the gray level inside. `contrast` is the least difference to the
    ground on the four sides, 0 to 255. The rest is from 0 to 1: `evenness` tells how uniform the inside is,
    `straightness` is the share of columns in which both long edges are where the bar's edges are, and `sharpness` tells
    how sudden the ends are.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    bright: bool
    level: float
    contrast: float
    evenness: float
    straightness: float
    sharpness: float

    @property
    def length(self) -> float:
        """Length in px."""
        return self.x1 - self.x0

    @property
    def thickness(self) -> float:
        """Thickness in px."""
        return self.y1 - self.y0


def measure_rectangle(gray: Gray, box: tuple[int, int, int, int], bright: bool) -> Measure | None:
    """Measure a rectangle found in a mask; return None if it has no end, no edge, or too little contrast."""
    height, width = gray.shape
    x0, y0, x1, y1 = box
    pad = max(8, (y1 - y0))
    left, right = max(0, x0 - 12), min(width, x1 + 12)
    top, bottom = max(0, y0 - pad), min(height, y1 + pad)
    levels = gray[top:bottom, left:right] if bright else 255 - gray[top:bottom, left:right]
    trim = max(1, (x1 - x0) // 10)
    rows = _row_profile(levels[:, x0 - left + trim : x1 - left - trim], y1 - y0)
    long_edges = _find_edges(rows, y0 - top, y1 - top)
    if long_edges is None:
        return None
    top_edge, bottom_edge, level, side_contrast = long_edges
    first, last = _core_rows(top_edge, bottom_edge)
    line = levels[first:last]
    along = _column_profile(line)
    ends = _find_edges(along, x0 - left, x1 - left)
    if ends is None:
        return None
    left_edge, right_edge, _, end_contrast = ends
    if right_edge - left_edge < MIN_LENGTH:
        return None
    contrast = min(side_contrast, end_contrast)
    inner_rows = line if len(line) < _MIN_HEIGHT_FOR_LABEL else np.concatenate([line[:2], line[-2:]])
    inside = inner_rows[:, round(left_edge) + 2 : round(right_edge) - 2]
    edges = (left_edge, top_edge, right_edge, bottom_edge)
    return Measure(
        x0=left + left_edge, y0=top + top_edge, x1=left + right_edge, y1=top + bottom_edge, bright=bright,
        level=level if bright else 255.0 - level, contrast=contrast,
        evenness=evenness_of(inside, contrast), straightness=straightness_of(levels, edges, level, side_contrast),
        sharpness=sharpness_of(along, left_edge, right_edge, level),
    )  # fmt: skip


def find_ends(rows: Gray, start: int, stop: int) -> tuple[float, float] | None:
    """Return both ends in px of a bright bar along its rows (h, w), or None if it has none.

    `start` and `stop` are the columns between which a mask has it.
    """
    ends = _find_edges(_column_profile(rows), start, stop)
    return None if ends is None else ends[:2]


def _row_profile(core: Gray, height: int) -> Profile:
    """Return the median brightness of each row. A bar that can hold its label is measured only at both ends."""
    if height >= _MIN_HEIGHT_FOR_LABEL and core.shape[1] >= _MIN_WIDTH_FOR_LABEL:
        label_free = core.shape[1] // 8
        core = np.concatenate([core[:, :label_free], core[:, -label_free:]], axis=1)
    ordered, half = np.sort(core, axis=1), core.shape[1] // 2  # bytes are sorted faster than np.median finds its value
    upper = ordered[:, half].astype(np.float64)
    return upper if core.shape[1] % 2 else (ordered[:, half - 1] + upper) / 2


def _column_profile(rows: Gray) -> Profile:
    """Return the mean brightness of each column of a bar, in one that can hold its label that of its long edges."""
    if len(rows) < _MIN_HEIGHT_FOR_LABEL:
        return np.asarray(np.add.reduce(rows, axis=0, dtype=np.float64) / len(rows), np.float64)
    return np.asarray((rows[:2].max(axis=0).astype(np.float64) + rows[-2:].max(axis=0)) / 2, np.float64)


def _core_rows(top_edge: float, bottom_edge: float) -> tuple[int, int]:
    """Return the first row and the row after the last that lie well inside the bar; at least one row."""
    first, last = int(np.ceil(top_edge + 0.35)), int(np.floor(bottom_edge - 0.35))
    if last <= first:
        middle = int((top_edge + bottom_edge) / 2)
        return middle, middle + 1
    return first, last


def _find_edges(profile: Profile, start: int, stop: int) -> tuple[float, float, float, float] | None:
    """Find where a profile falls from the bar to the ground: return (first edge, last edge, level, contrast).

    Return None if it does not fall by the least contrast on both sides, or if a side lies at the image's border.
    """
    if start < 1 or stop > len(profile) - 1 or stop <= start:
        return None
    values = profile.tolist()  # single values of a list are read much faster than those of an array
    inner = values[start:stop]
    level = _median(inner) if len(inner) > 4 else max(inner)
    start, stop = _extend_run(values, start, stop, level)
    before = values[max(0, start - _GROUND_REACH - 1) : start]
    after = values[stop : stop + _GROUND_REACH + 1]
    low_before, low_after = _median(before), _median(after)
    contrast = min(level - low_before, level - low_after)
    if contrast < _MIN_CONTRAST:
        return None
    middle = (start + stop) // 2 if len(inner) > 4 else start + inner.index(level)
    first = _find_fall(values, middle, -1, low_before + _EDGE_LEVEL * (level - low_before))
    last = _find_fall(values, middle, 1, low_after + _EDGE_LEVEL * (level - low_after))
    if first is None or last is None:
        return None
    first = _skip_shoulder(values, middle, -1, first, (low_before, level))
    last = _skip_shoulder(values, middle, 1, last, (low_after, level))
    first = _end_at_outline(values, middle, -1, first, (low_before, level))
    last = _end_at_outline(values, middle, 1, last, (low_after, level))
    return first, last, level, contrast


def _end_at_outline(profile: list[float], middle: int, step: int, edge: float, levels: tuple[float, float]) -> float:
    """Return the edge. If a thin outline of the other ink lies between bar and ground, return where it begins.

    On a ground about as bright as the bar, the outline is what the bar stands out from.
    """
    ground, level = levels
    nearest = int(edge) if step > 0 else int(edge) - _OUTLINE_REACH
    beyond = profile[max(0, nearest) : max(0, nearest + _OUTLINE_REACH + 1)]
    outline = min(beyond, default=ground)
    if ground - outline < max(MIN_OUTLINE_DIP, _MIN_OUTLINE_SHARE * (level - ground)):
        return edge
    return _find_fall(profile, middle, step, outline + _EDGE_LEVEL * (level - outline)) or edge


def _skip_shoulder(profile: list[float], middle: int, step: int, edge: float, levels: tuple[float, float]) -> float:
    """Return the edge. If something of a medium level lies between bar and ground, return where the bar itself ends."""
    ground, level = levels
    bar_edge = _find_fall(profile, middle, step, ground + _SHOULDER_LEVEL * (level - ground))
    if bar_edge is None or step * (edge - bar_edge) < _MAX_FADE:
        return edge
    between = profile[round(min(edge, bar_edge)) : max(round(max(edge, bar_edge)), round(min(edge, bar_edge)) + 1)]
    shoulder = _median(between) if between else level
    if level - shoulder < 1.5 * _MIN_CONTRAST:
        return edge
    return _find_fall(profile, middle, step, shoulder + _EDGE_LEVEL * (level - shoulder)) or edge


def _extend_run(profile: list[float], start: int, stop: int, level: float) -> tuple[int, int]:
    """Return the ends of a run, moved out over pixels of its level: masks at a high level cut off the ends of a bar."""
    low, high = max(1, start - _MAX_EXTENSION), min(len(profile) - 1, stop + _MAX_EXTENSION)
    first, last = start, stop
    while first > low and profile[first - 1] >= level - _MIN_CONTRAST:
        first -= 1
    while last < high and profile[last] >= level - _MIN_CONTRAST:
        last += 1
    # An extension by one px is the slope of a blurred edge.
    return first if start - first > 1 else start, last if last - stop > 1 else stop


def _find_fall(profile: list[float], start: int, step: int, threshold: float) -> float | None:
    """Return the position in px where a profile first falls below `threshold` going out from `start`, or None."""
    inside = profile[start]
    for place in range(start + step, len(profile) if step > 0 else -1, step):
        outside = profile[place]
        if outside < threshold:
            if inside >= threshold:
                share = (inside - threshold) / (inside - outside)
                return float(place - step + 0.5 + step * share)
            if step * (place - start) > 3:
                return None
        inside = outside
    return None


def _median(values: list[float]) -> float:
    """Return the median of a few values; numpy's takes longer to begin than to find it."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2
