"""Judge a measured rectangle: how even its inside is, how straight its long edges, how sharp its ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.panels.masks import Gray

MIN_OUTLINE_DIP = 60.0
"""Least gray levels by which a thin outline of the other ink beyond an end is darker than the ground (for a bright
bar)."""

_MIN_INK_LEVEL = 228.0
"""Least gray level of pure ink (of the negative for dark bars)."""

_MAX_INK_DIFFERENCE = 14.0
"""Greatest gray levels by which pure ink may be darker than the bar (brighter for dark bars)."""

_TICK_COLUMN_WEIGHT = 0.7
"""What a column with a tick counts in the share of straight columns."""


def _quantile(ordered: Gray, share: float) -> float:
    """Return the quantile of sorted values, interpolated as numpy's is; numpy's takes longer to begin."""
    place = (len(ordered) - 1) * share
    below = int(place)
    low, high = float(ordered[below]), float(ordered[min(below + 1, len(ordered) - 1)])
    weight = place - below
    return low + (high - low) * weight if weight < 0.5 else high - (high - low) * (1 - weight)


def evenness_of(inside: Gray, contrast: float) -> float:
    """Return 1 if all pixels have one level, 0 if their levels spread by about as much as the contrast."""
    if inside.size == 0:
        return 0.5
    ordered = np.sort(inside, axis=None)
    spread = _quantile(ordered, 0.95) - _quantile(ordered, 0.05)
    return min(1.0, max(0.0, 1.0 - spread / (1.2 * contrast + 12.0)))


def straightness_of(patch: Gray, edges: tuple[float, float, float, float], level: float, contrast: float) -> float:
    """Return the share of columns that have fallen by a third of the contrast just beyond both long edges.

    Columns of pure ink beyond an edge of pure ink count in part: they are caps, ticks, and the sides of a frame.
    """
    left_edge, top_edge, right_edge, bottom_edge = edges
    above, below = int(np.floor(top_edge - 0.8)), int(np.ceil(bottom_edge + 0.8))
    columns = slice(round(left_edge) + 1, max(round(right_edge) - 1, round(left_edge) + 2))
    floor = level - contrast / 3
    shares = []
    for row, further in ((above, above - 1), (below - 1, below)):
        if 0 <= row < len(patch) and 0 <= further < len(patch):
            beyond = np.minimum(patch[row, columns], patch[further, columns])
            share = np.count_nonzero(beyond < floor) / beyond.size
            if level >= _MIN_INK_LEVEL:
                inked = beyond >= max(floor, level - _MAX_INK_DIFFERENCE)
                share += _TICK_COLUMN_WEIGHT * (np.count_nonzero(inked) / beyond.size)
            shares.append(share)
    return min(shares) if shares else 0.0


def sharpness_of(line: NDArray[np.float64], left_edge: float, right_edge: float, level: float) -> float:
    """Return 1 if both ends fall from the level within two pixels, towards 0 if they fade over many pixels."""
    drops = []
    for edge, step in ((left_edge, -1), (right_edge, 1)):
        inner, outer = int(edge - 0.5 - step * 1.5), int(edge - 0.5 + step * 2.5)
        if not (0 <= inner < len(line) and 0 <= outer < len(line)):
            continue
        far_pixel = int(min(max(edge - 0.5 + step * 6, 0), len(line) - 1))
        outline = float(line[min(inner, outer) : max(inner, outer) + 1].min())
        beyond = outline if line[outer] - outline >= MIN_OUTLINE_DIP else line[outer]
        full_drop = max(level - min(beyond, line[far_pixel]), 1.0)
        drops.append((line[inner] - beyond) / full_drop)
    return float(min(1.0, max(0.0, min(drops)))) if drops else 0.0
