"""Bring the pictures of a grid to the grid's cells: pictures of one size stand in common rows and columns.

Where a picture is dark along a seam, or has straight edges inside, cutting leaves too few or too many pieces. The other
pictures of its row and column then tell where it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from mirsearch.analysis.panels.boxes import area, bounding_box, lies_in, shared_area
from mirsearch.corpus import Box

_SIZE_TOLERANCE, _SIZE_TOLERANCE_PX = 0.02, 3
"""Difference up to which two sides or edges are the same: as a share of the side, and in px at least."""

_MIN_MEMBERS = 3
"""Least number of pictures of one size that make a grid."""

_MIN_COVERED = 0.25
"""Least share of a cell that pieces must fill to become its picture."""


def snap_to_grid(pictures: Sequence[Box]) -> list[Box]:
    """Return the pictures, with pieces of a grid's cell joined, and pictures over several cells divided."""
    result = list(pictures)
    for members in _sets(pictures):
        if all(member in result for member in members):
            result = _snap_to_cells(result, members)
    return result


def _sets(pictures: Sequence[Box]) -> list[list[Box]]:
    """Return the sets of at least three pictures of one size, the largest first."""
    sets: list[list[Box]] = []
    for box in pictures:
        members = [other for other in pictures if _have_one_size(box, other)]
        if len(members) >= _MIN_MEMBERS and not any(box in known for known in sets):
            sets.append(members)
    return sorted(sets, key=len, reverse=True)


def _snap_to_cells(pictures: Sequence[Box], members: Sequence[Box]) -> list[Box]:
    """Return the pictures brought to the cells of the grid in whose rows and columns the members stand."""
    columns, rows = _bands(members, 0), _bands(members, 1)
    cells = [(x0, y0, x1, y1) for y0, y1 in rows for x0, x1 in columns]
    result = list(members)
    rest = [box for box in pictures if box not in members]
    for cell in cells:
        if any(_overlap(cell, member) for member in members):
            continue
        pieces = [box for box in rest if lies_in(box, cell, _tolerance(cell))]
        if pieces and sum(area(box) for box in pieces) >= _MIN_COVERED * area(cell):
            result.append(cell)
            rest = [box for box in rest if box not in pieces]
    free = [cell for cell in cells if not any(_overlap(cell, box) for box in result)]
    for box in rest:
        inside = [cell for cell in free if lies_in(cell, box, _tolerance(box))]
        is_made_of_cells = len(inside) >= 2 and all(
            abs(a - b) <= _tolerance(box) for a, b in zip(bounding_box(inside), box, strict=True)
        )
        result.extend(inside if is_made_of_cells else [box])
    return result


def _have_one_size(first: Box, second: Box) -> bool:
    """Return whether two boxes have the same width and height."""
    return all(abs((first[n + 2] - first[n]) - (second[n + 2] - second[n])) <= _tolerance(second, n) for n in (0, 1))


def _tolerance(box: Box, axis: int = 0) -> float:
    """Return the difference in px up to which edges along an axis are the same."""
    return max(_SIZE_TOLERANCE_PX, _SIZE_TOLERANCE * (box[axis + 2] - box[axis]))


def _bands(members: Sequence[Box], axis: int) -> list[tuple[int, int]]:
    """Return the columns (`axis` 0) or rows (1) of a grid as starts and stops in px; overlapping ones are left out."""
    bands: list[tuple[int, int]] = []
    for box in sorted(members, key=lambda member: member[axis]):
        if not bands or box[axis] - bands[-1][0] > _tolerance(box, axis):
            bands.append((box[axis], box[axis + 2]))
    overlapping = {n for n, (one, other) in enumerate(pairwise(bands)) if other[0] < one[1] - _SIZE_TOLERANCE_PX}
    return [] if overlapping else bands


def _overlap(cell: Box, box: Box) -> bool:
    """Return whether a box fills a notable part of a cell."""
    return shared_area(cell, box) > 0.2 * area(cell)
