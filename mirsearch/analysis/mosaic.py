"""Splitting pictures that touch: long straight seams where no gutter runs."""

from __future__ import annotations

from mirsearch.analysis.gutters import Canvas
from mirsearch.corpus import Box

_SEAM = 0.75
_LEAST_SHARE = 0.15
_MAX_DEPTH = 6


def mosaic(canvas: Canvas, box: Box, depth: int = 0) -> list[Box]:
    """Parts of a filled rectangle between seams that run straight across it; the box itself where none does."""
    best: tuple[float, int, int] | None = None
    for axis in (0, 1):
        seams = canvas.seams(box, axis)
        margin = max(16, round(_LEAST_SHARE * len(seams)))
        for place in range(margin, len(seams) - margin):
            if seams[place] > _SEAM and (best is None or seams[place] > best[0]):
                best = (float(seams[place]), axis, place)
    if best is None or depth >= _MAX_DEPTH:
        return [box]
    _, axis, place = best
    x0, y0, x1, y1 = box
    if axis == 0:
        parts = [(x0, y0, x0 + place, y1), (x0 + place, y0, x1, y1)]
    else:
        parts = [(x0, y0, x1, y0 + place), (x0, y0 + place, x1, y1)]
    return [piece for part in parts for piece in mosaic(canvas, part, depth + 1)]
