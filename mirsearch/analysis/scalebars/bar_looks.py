"""Measure how a bar looks: drawn ink of one color with straight edges, or a stripe in the picture's texture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import BarCandidate, Pixels
from mirsearch.analysis.panels.boxes import transpose_box
from mirsearch.imaging.percentiles import median

_MAX_SPREAD = 40.0
"""Standard deviation, in levels, from which on a bar is not even at all."""

_MAX_TINT = 80.0
"""Distance in levels from white and black from which on a color is neither."""

_FULL_CONTRAST = 120.0
"""Distance in color, in levels, of a bar and its ground that counts as full contrast."""

_EDGE_SHARE = 0.5
"""Least change of color at an edge, as a share of the distance between bar and ground."""


@dataclass(frozen=True, slots=True)
class BarLooks:
    """How a bar looks, each from 0 to 1.

    `even`: its pixels have one color. `pure`: it is white or black. `contrast`: it differs from the ground on all
    sides. `straight`: share of its length in which both long edges are sharp. `ends`: the same for its short edges.
    """

    even: float = 1.0
    pure: float = 1.0
    contrast: float = 1.0
    straight: float = 1.0
    ends: float = 1.0


def measure_looks(panel: Pixels, bar: BarCandidate) -> BarLooks:
    """Return how a bar looks in the RGB pixels of its panel."""
    box = bar.box
    if bar.vertical:
        panel, box = panel.transpose(1, 0, 2), transpose_box(box)
    x0, y0, x1, y1 = box
    trim_x, trim_y = min(2, (x1 - x0) // 4), (y1 - y0 - 1) // 2 if y1 - y0 < 6 else 2
    inner = panel[y0 + trim_y : y1 - trim_y, x0 + trim_x : x1 - trim_x].astype(np.float32)
    if not inner.size:
        return BarLooks(0.0, 0.0, 0.0, 0.0, 0.0)
    color = median(inner.reshape(-1, 3))
    tint = min(float(np.abs(color - 255).max()), float(np.abs(color).max()))
    height, width = panel.shape[:2]
    above, below = panel[max(0, y0 - 3) : max(1, y0 - 1), x0:x1], panel[min(y1 + 1, height - 1) : y1 + 3, x0:x1]
    left, right = panel[y0:y1, max(0, x0 - 3) : max(1, x0 - 1)], panel[y0:y1, min(x1 + 1, width - 1) : x1 + 3]
    sides = [_distances(side, color, axis) for side, axis in ((above, 0), (below, 0), (left, 1), (right, 1))]
    contrast = min(float(median(side)) for side in sides)
    least = _EDGE_SHARE * max(float(median(sides[0])), float(median(sides[1])))
    return BarLooks(
        even=_fall(float(inner.std(axis=(0, 1)).max()), _MAX_SPREAD),
        pure=_fall(tint, _MAX_TINT),
        contrast=min(1.0, contrast / _FULL_CONTRAST),
        straight=float(min(np.mean(side >= least) for side in sides[:2])),
        ends=float(min(np.mean(side >= least) for side in sides[2:])),
    )


def _distances(side: Pixels, color: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Return the greatest distance in color along one axis of the pixels beside a bar; 0 where there are none."""
    if not side.size:
        return np.zeros(1, np.float32)
    return np.asarray(np.abs(side.astype(np.float32) - color).max(axis=2).max(axis=axis), np.float32)


def _fall(value: float, end: float) -> float:
    """Return 1 for a value of 0, 0 from `end` on."""
    return max(0.0, 1 - value / end)
