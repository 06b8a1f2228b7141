"""Pieces of a bar of black and white segments: thin, alike, and as far apart as each is long."""

from __future__ import annotations

from collections.abc import Sequence

from mirsearch.analysis.scalebars.measure import Measure

_MAX_OFFSET = 1.5
"""Pixels by which pieces may differ in their rows and lengths, and the gap between them from a length."""

_MAX_THICKNESS = 8.0
"""Thickest piece in px: others are the chain's own search's."""


def drop_segment_pieces(lines: Sequence[Measure]) -> list[Measure]:
    """The lines that are no pieces of one segmented bar: one of them would be taken for the whole."""
    thin = sorted((line for line in lines if line.thickness <= _MAX_THICKNESS), key=lambda line: line.x0)
    pieces: list[Measure] = []
    for number, one in enumerate(thin):
        for other in thin[number + 1 :]:
            if _are_neighbors(one, other):
                pieces += [one, other]
    return [line for line in lines if not any(line is piece for piece in pieces)]


def _are_neighbors(one: Measure, other: Measure) -> bool:
    """Whether two lines are the next pieces of one color."""
    length, gap = (one.length + other.length) / 2, other.x0 - one.x1
    rows = max(abs(one.y0 - other.y0), abs(one.y1 - other.y1))
    alike = one.bright == other.bright and abs(one.length - other.length) <= _MAX_OFFSET + 0.05 * length
    return alike and rows <= 1 and abs(gap - length) <= _MAX_OFFSET + 0.05 * length
