"""Splitting pictures that touch: long straight seams where no gutter runs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mirsearch.analysis.gutters import Canvas, Profile
from mirsearch.corpus import Box

_SEAM = 0.45
_WEAKEST = 0.2
_STRETCHES = 6
_LEAST_SHARE = 0.15
_LEAST_OF_FIGURE = 0.1
_MAX_DEPTH = 6


def mosaic(canvas: Canvas, box: Box, depth: int = 0) -> list[Box]:
    """Parts of a filled rectangle between seams that run straight across it; the box itself where none does."""
    best: tuple[float, int, int] | None = None
    side = max(24, round(_LEAST_OF_FIGURE * max(canvas.width, canvas.height)))
    for axis in (0, 1):
        strength = seam_strength(canvas, box, axis)
        margin = max(side, round(_LEAST_SHARE * len(strength)))
        inner = strength[margin : len(strength) - margin]
        if len(inner) and float(inner.max()) > _SEAM and (best is None or float(inner.max()) > best[0]):
            best = (float(inner.max()), axis, margin + int(inner.argmax()))
    if best is None or depth >= _MAX_DEPTH:
        return [box]
    _, axis, place = best
    x0, y0, x1, y1 = box
    if axis == 0:
        parts = [(x0, y0, x0 + place, y1), (x0 + place, y0, x1, y1)]
    else:
        parts = [(x0, y0, x1, y0 + place), (x0, y0 + place, x1, y1)]
    return [piece for part in parts for piece in mosaic(canvas, part, depth + 1)]


def seam_strength(canvas: Canvas, box: Box, axis: int) -> Profile:
    """How surely a seam runs the whole way across at each column (row): the mean over stretches, if none is blank."""
    x0, y0, x1, y1 = box
    start, stop = (y0, y1) if axis == 0 else (x0, x1)
    bounds = np.linspace(start, stop, _STRETCHES + 1).astype(int)
    stretches = []
    for low, high in pairwise(bounds):
        part = (x0, int(low), x1, int(high)) if axis == 0 else (int(low), y0, int(high), y1)
        stretches.append(canvas.seams(part, axis))
    seams = np.sort(np.array(stretches), axis=0)
    mean: Profile = seams.mean(axis=0)
    mean[seams[1] < _WEAKEST] = 0.0
    return mean
