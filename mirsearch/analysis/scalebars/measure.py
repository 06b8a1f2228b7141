"""Second look at one rectangle: where it ends, to a fraction of a pixel, and how much it looks like a scale bar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.scalebars.candidates import MIN_LENGTH, Gray

Profile = NDArray[np.float64]

_MIN_CONTRAST = 14.0
"""Brightness by which a bar must differ from what is beyond each of its ends and sides."""

_EDGE_LEVEL = 0.6
"""Where between the outside's level (0) and the bar's (1) its end is put.

Half-way is where a blurred edge was; people who measure bars take the pixels that are fully the bar's, which is 1 to
2 px less on the two ends of a blurred bar. This value halves the difference
(142 real bars: 0.8 px at half-way, 0.4 px here).
"""

_MIN_HEIGHT_FOR_LABEL = 9
"""Rows from which on a bar can hold its own label: its ends are then looked for in the rows next to its edges."""

_SHOULDER_LEVEL, _MAX_FADE = 0.88, 3.5
"""Part of the contrast that a bar keeps up to its end, and px over which nothing but a neighbor lets it fade."""

_MAX_EXTENSION = 6
"""Pixels by which a mask may have cut an end of a bar short."""

_MIN_INK_LEVEL, _MAX_INK_DIFFERENCE, _TICK_COLUMN_WEIGHT = 228.0, 14.0, 0.7
"""Level (dark bars: of the negative) and spread of pure ink, and what a column with a tick counts as straight."""

_MIN_WIDTH_FOR_LABEL = 32
"""Columns from which on the height of a bar that can hold its label is measured beside the label."""

_GROUND_REACH = 4
"""Pixels beyond an edge in which the background is looked at."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A rectangle measured: edges in px (pixel i covers i to i+1), levels, and how bar-like each aspect is (0 to 1).

    `contrast` is the least difference to the four sides, 0 to 255; `even` how uniform the inside is; `straight` the
    part of the columns whose both long edges are where the bar's are; `sharp` how sudden the ends are; `level` the
    brightness inside.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    bright: bool
    level: float
    contrast: float
    even: float
    straight: float
    sharp: float

    @property
    def length(self) -> float:
        """Length in px."""
        return self.x1 - self.x0

    @property
    def thickness(self) -> float:
        """Thickness in px."""
        return self.y1 - self.y0


def measure_rectangle(gray: Gray, box: tuple[int, int, int, int], bright: bool) -> Measure | None:
    """Measure a rectangle found in a mask; None where it has no end, no edge or no contrast."""
    height, width = gray.shape
    x0, y0, x1, y1 = box
    pad = max(8, (y1 - y0))
    left, right = max(0, x0 - 12), min(width, x1 + 12)
    top, bottom = max(0, y0 - pad), min(height, y1 + pad)
    patch = gray[top:bottom, left:right].astype(np.float64)
    if not bright:
        patch = 255.0 - patch
    trim = max(1, (x1 - x0) // 10)
    core = patch[:, x0 - left + trim : x1 - left - trim]
    if y1 - y0 >= _MIN_HEIGHT_FOR_LABEL and core.shape[1] >= _MIN_WIDTH_FOR_LABEL:
        free = core.shape[1] // 8
        core = np.concatenate([core[:, :free], core[:, -free:]], axis=1)
    rows = np.median(core, axis=1)
    sides = _find_edges(rows, y0 - top, y1 - top)
    if sides is None:
        return None
    ya, yb, level, side_contrast = sides
    first, last = _core_rows(ya, yb)
    line = patch[first:last]
    along = line.mean(axis=0) if len(line) < _MIN_HEIGHT_FOR_LABEL else (line[:2].max(axis=0) + line[-2:].max(axis=0)) / 2
    ends = _find_edges(along, x0 - left, x1 - left)
    if ends is None:
        return None
    xa, xb, _, end_contrast = ends
    if xb - xa < MIN_LENGTH:
        return None
    contrast = min(side_contrast, end_contrast)
    inside = (line if len(line) < _MIN_HEIGHT_FOR_LABEL else np.concatenate([line[:2], line[-2:]]))[
        :, round(xa) + 2 : round(xb) - 2
    ]
    return Measure(
        x0=left + xa, y0=top + ya, x1=left + xb, y1=top + yb, bright=bright,
        level=level if bright else 255.0 - level, contrast=contrast,
        even=_evenness(inside, contrast), straight=_straightness(patch, (xa, ya, xb, yb), level, side_contrast),
        sharp=_sharpness(along, xa, xb, level),
    )  # fmt: skip


def _core_rows(ya: float, yb: float) -> tuple[int, int]:
    """Rows well inside the bar, at least one."""
    first, last = int(np.ceil(ya + 0.35)), int(np.floor(yb - 0.35))
    if last <= first:
        middle = int((ya + yb) / 2)
        return middle, middle + 1
    return first, last


def _find_edges(profile: Profile, start: int, stop: int) -> tuple[float, float, float, float] | None:
    """Where a profile falls from the inside towards the outside: (first edge, last edge, level, contrast).

    None where it does not fall by the least contrast on both sides, or where a side lies at the image's border.
    """
    if start < 1 or stop > len(profile) - 1 or stop <= start:
        return None
    inner = profile[start:stop]
    level = float(np.median(inner)) if len(inner) > 4 else float(inner.max())
    start, stop = _extend_run(profile, start, stop, level)
    before = profile[max(0, start - _GROUND_REACH - 1) : start]
    after = profile[stop : stop + _GROUND_REACH + 1]
    low_before, low_after = float(np.median(before)), float(np.median(after))
    contrast = min(level - low_before, level - low_after)
    if contrast < _MIN_CONTRAST:
        return None
    middle = (start + stop) // 2 if len(inner) > 4 else start + int(inner.argmax())
    first = _find_fall(profile, middle, -1, low_before + _EDGE_LEVEL * (level - low_before))
    last = _find_fall(profile, middle, 1, low_after + _EDGE_LEVEL * (level - low_after))
    if first is None or last is None:
        return None
    first = _skip_shoulder(profile, middle, -1, first, (low_before, level))
    last = _skip_shoulder(profile, middle, 1, last, (low_after, level))
    return first, last, level, contrast


def _skip_shoulder(profile: Profile, middle: int, step: int, edge: float, levels: tuple[float, float]) -> float:
    """The edge, or where the bar proper ends if something of an intermediate level lies between it and the ground."""
    low, level = levels
    inner = _find_fall(profile, middle, step, low + _SHOULDER_LEVEL * (level - low))
    if inner is None or step * (edge - inner) < _MAX_FADE:
        return edge
    between = profile[round(min(edge, inner)) : max(round(max(edge, inner)), round(min(edge, inner)) + 1)]
    shoulder = float(np.median(between))
    if level - shoulder < 1.5 * _MIN_CONTRAST:
        return edge
    return _find_fall(profile, middle, step, shoulder + _EDGE_LEVEL * (level - shoulder)) or edge


def _extend_run(profile: Profile, start: int, stop: int, level: float) -> tuple[int, int]:
    """The ends of a run moved out over what is still of its level: masks at a high level lose the ends of a bar."""
    low, high = max(1, start - _MAX_EXTENSION), min(len(profile) - 1, stop + _MAX_EXTENSION)
    first, last = start, stop
    while first > low and profile[first - 1] >= level - _MIN_CONTRAST:
        first -= 1
    while last < high and profile[last] >= level - _MIN_CONTRAST:
        last += 1
    return first if start - first > 1 else start, last if last - stop > 1 else stop  # one px is the slope of a blur


def _find_fall(profile: Profile, start: int, step: int, half: float) -> float | None:
    """Position, in px of the left edge of pixel 0, where a profile first falls below `half` going out from `start`."""
    index = start
    while 0 <= index + step < len(profile):
        inside, outside = profile[index], profile[index + step]
        if outside < half <= inside:
            part = (inside - half) / (inside - outside)
            return float(index + 0.5 + step * part)
        index += step
        if step * (index - start) > 3 and profile[index] < half:
            return None
    return None


def _evenness(inside: Profile, contrast: float) -> float:
    """1 for one level all over, 0 where the level wanders by as much as the contrast."""
    if inside.size == 0:
        return 0.5
    spread = float(np.percentile(inside, 95) - np.percentile(inside, 5))
    return float(np.clip(1.0 - spread / (1.2 * contrast + 12.0), 0.0, 1.0))


def _straightness(patch: Profile, edges: tuple[float, float, float, float], level: float, contrast: float) -> float:
    """Part of the columns that have fallen by a third of the contrast just beyond both long edges, 0 to 1.

    Columns of pure ink beyond an edge of pure ink count in part: caps, ticks and the sides of a frame.
    """
    xa, ya, xb, yb = edges
    above, below = int(np.floor(ya - 0.8)), int(np.ceil(yb + 0.8))
    columns = slice(round(xa) + 1, max(round(xb) - 1, round(xa) + 2))
    floor = level - contrast / 3
    parts = []
    for row, further in ((above, above - 1), (below - 1, below)):
        if 0 <= row < len(patch) and 0 <= further < len(patch):
            beyond = np.minimum(patch[row, columns], patch[further, columns])
            inked = (beyond >= level - _MAX_INK_DIFFERENCE) & (level >= _MIN_INK_LEVEL)
            parts.append(float(np.mean(beyond < floor) + _TICK_COLUMN_WEIGHT * np.mean(inked & (beyond >= floor))))
    return min(parts) if parts else 0.0


def _sharpness(line: Profile, xa: float, xb: float, level: float) -> float:
    """1 where both ends fall from the level within two pixels, towards 0 where they fade over many."""
    widths = []
    for edge, step in ((xa, -1), (xb, 1)):
        inner, outer = int(edge - 0.5 - step * 1.5), int(edge - 0.5 + step * 2.5)
        if not (0 <= inner < len(line) and 0 <= outer < len(line)):
            continue
        far = int(np.clip(edge - 0.5 + step * 6, 0, len(line) - 1))
        whole = max(level - min(line[outer], line[far]), 1.0)
        widths.append((line[inner] - line[outer]) / whole)
    return float(np.clip(min(widths), 0.0, 1.0)) if widths else 0.0
