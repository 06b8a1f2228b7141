"""Split pictures that touch: find long straight seams where no gutter runs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mirsearch.analysis.panels.gutters import Canvas, Profile, is_picture
from mirsearch.analysis.panels.seams import continues_across, continues_across_unseen_part
from mirsearch.corpus import Box

_SEAM_STRENGTH = 0.45
"""Strength in [0, 1] above which a step may be a sure seam."""

_WEAKEST_STRETCH = 0.2
"""Least strength of all stretches of a seam but the weakest one."""

_STRETCHES, _UNSEEN_PARTS = 6, 4
"""Number of parts of a seam's length: for its strength, and for telling where it is invisible."""

_MARGIN_SHARE = 0.15
"""Least distance of a seam from the box's edges, as a share of the side that it cuts."""

_SMALLEST_SIDE = 0.1
"""Least side of a picture, as a share of the figure's longer side (24 px at least)."""

_MAX_DEPTH = 6
"""Most cuts within each other; a bound on time."""

_EVEN_COUNTS = (2, 3, 4)
"""Numbers of equal parts into which weaker seams may divide a box."""

_EVEN_VISIBILITY, _LONE_VISIBILITY = (0.2, 8.0), (0.55, 12.0)
"""Least visibility of seams that divide evenly, and of one that stands alone (see `_is_visible_seam`)."""

_OTHERS_PERCENTILE, _ALONE_FACTOR = 97, 2.2
"""Percentile of the other steps, and factor by which a seam exceeds it: layers and scan lines make many such steps."""

_EXPECTED_VISIBILITY = (0.2, 4.0)
"""Least visibility of a seam that neighbors let expect (see `_is_visible_seam`)."""

_SIZE_TOLERANCE_PX = 3
"""Most px by which sizes and edges of neighbors may differ and still count as equal."""

_MOST_PARTS = 4
"""Most pictures of a neighbor's size that one box is divided into."""

_MOST_CANDIDATES, _CANDIDATE_DISTANCE_PX = 4, 12
"""Most steps examined along each axis, and the least distance between two of them in px."""


def cut_mosaic(canvas: Canvas, box: Box, depth: int = 0, even_only: bool = False) -> list[Box]:
    """Return the parts of a filled rectangle between seams that run straight across it, or the box itself.

    With `even_only`, only seams that divide it into parts of one size count.
    """
    if depth >= _MAX_DEPTH:
        return [box]
    axis, places = _next_seams(canvas, box, even_only)
    if not places:
        return [box]
    return [piece for part in _cut_box(box, axis, places) for piece in cut_mosaic(canvas, part, depth + 1, even_only)]


def _cut_box(box: Box, axis: int, places: list[int]) -> list[Box]:
    """Return the parts that cuts at some places, in px from the box's edge, leave of it."""
    edges = [box[axis], *(box[axis] + place for place in places), box[axis + 2]]
    x0, y0, x1, y1 = box
    return [(low, y0, high, y1) if axis == 0 else (x0, low, x1, high) for low, high in pairwise(edges)]


def _next_seams(canvas: Canvas, box: Box, even_only: bool) -> tuple[int, list[int]]:
    """Return the axis of the seams where a box is cut next, and their places in px from its edge."""
    best = None if even_only else _best_seam(canvas, box)
    if best is not None:
        return best[1], [best[2]]
    even_seams = _even_seams(canvas, box)
    if even_seams is not None:
        return even_seams
    return (0, []) if even_only else _lone_seam(canvas, box)


def _best_seam(canvas: Canvas, box: Box) -> tuple[float, int, int] | None:
    """Return strength, axis and place (px from the box's edge) of the surest seam between two pictures, or None."""
    seams = []
    for axis in (0, 1):
        strength = seam_strength(canvas, box, axis)
        margin = max(_smallest_side(canvas), round(_MARGIN_SHARE * len(strength)))
        strength[:margin] = 0.0
        strength[max(0, len(strength) - margin) :] = 0.0
        for _ in range(_MOST_CANDIDATES):
            place = int(strength.argmax())
            if strength[place] <= _SEAM_STRENGTH:
                break
            if _stands_alone(canvas.step_shares(box, axis), place):
                seams.append((float(strength[place]), axis, place))
            strength[max(0, place - _CANDIDATE_DISTANCE_PX) : place + _CANDIDATE_DISTANCE_PX + 1] = 0.0
    seams.sort(key=lambda seam: -seam[0])
    return next((seam for seam in seams if _separates_pictures(canvas, box, *seam)), None)


def _separates_pictures(canvas: Canvas, box: Box, strength: float, axis: int, place: int) -> bool:
    """Return whether no picture continues across a step, neither on all its length nor where the step is invisible."""
    continues = continues_across(canvas.pixels, box, axis, place, strength)
    return not continues and not _continues_unseen(canvas, box, axis, place)


def _stands_alone(steps: Profile, place: int) -> bool:
    """Return whether few other steps are nearly as strong as this one (its neighbors within a pixel included)."""
    others = np.delete(steps, np.arange(max(0, place - 2), min(len(steps), place + 3)))
    return bool(steps[place - 1 : place + 2].max() >= _ALONE_FACTOR * np.percentile(others, _OTHERS_PERCENTILE))


def cut_like_neighbors(canvas: Canvas, boxes: list[Box]) -> list[Box]:
    """Return the boxes, cut at faint seams where the boxes that touch them let seams be expected.

    A seam is expected where a picture is two to four times as large as its neighbor, and where the boxes of a row
    (column) that touches it end.
    """
    return [
        part
        for box in boxes
        for part in (_cut_like_neighbors(canvas, box, boxes) if is_picture(canvas, box) else [box])
    ]


def _cut_like_neighbors(canvas: Canvas, box: Box, boxes: list[Box]) -> list[Box]:
    """Return the parts of one box at the seams that its neighbors let expect, or the box itself."""
    for axis in (0, 1):
        steps = canvas.step_shares(box, axis)
        neighbors = [other for other in boxes if _touches(box, other, axis)]
        for expected_places in [
            *(_expected_by_size(box, other, axis) for other in neighbors),
            _expected_by_row(box, boxes, axis),
        ]:
            places = [_strongest_step(steps, place) for place in expected_places]
            if places and all(
                _is_visible_seam(canvas, box, axis, place, places, _EXPECTED_VISIBILITY) for place in places
            ):
                return _cut_box(box, axis, places)
    return [box]


def _touches(box: Box, other: Box, axis: int) -> bool:
    """Return whether one box ends along an axis where the other begins (within 1 px)."""
    return min(abs(other[axis] - box[axis + 2]), abs(other[axis + 2] - box[axis])) <= 1


def _expected_by_size(box: Box, other: Box, axis: int) -> list[int]:
    """Return the places that divide a box into two to four of a neighbor's size, if both are aligned; else none."""
    length, size = box[axis + 2] - box[axis], max(1, other[axis + 2] - other[axis])
    is_aligned = max(abs(other[n] - box[n]) for n in (1 - axis, 3 - axis)) <= _SIZE_TOLERANCE_PX
    count = round(length / size)
    is_multiple = is_aligned and 2 <= count <= _MOST_PARTS and abs(length - count * size) <= _SIZE_TOLERANCE_PX
    return [round(length * n / count) for n in range(1, count)] if is_multiple else []


def _expected_by_row(box: Box, boxes: list[Box], axis: int) -> list[int]:
    """Return the places inside a box where the boxes of a touching row (column) of equal length end."""
    low, high = box[axis], box[axis + 2]
    row_boxes = [
        other
        for other in boxes
        if _touches(box, other, 1 - axis) and low - 1 <= other[axis] and other[axis + 2] <= high + 1
    ]
    if (
        len(row_boxes) < 2
        or abs(sum(other[axis + 2] - other[axis] for other in row_boxes) - (high - low)) > _SIZE_TOLERANCE_PX
    ):
        return []
    return sorted({other[axis] - low for other in row_boxes if other[axis] > low + _SIZE_TOLERANCE_PX})


def _even_seams(canvas: Canvas, box: Box) -> tuple[int, list[int]] | None:
    """Return axis and places of weaker seams that divide a box evenly, or None.

    Pictures of one size lie so. Where they are dark or bright along the seam, no step can be seen there.
    """
    for axis in (0, 1):
        steps = canvas.step_shares(box, axis)
        for count in _EVEN_COUNTS:
            if len(steps) < count * _smallest_side(canvas):
                continue
            places = [_strongest_step(steps, round(len(steps) * n / count)) for n in range(1, count)]
            if all(_is_seam(canvas, box, axis, place, places, _EVEN_VISIBILITY) for place in places):
                return axis, places
    return None


def _lone_seam(canvas: Canvas, box: Box) -> tuple[int, list[int]]:
    """Return axis and place of a seam that no other step comes near in strength; no place if there is none.

    The seam may lie anywhere and need not be visible on all its length.
    """
    for axis in (0, 1):
        steps = canvas.step_shares(box, axis)
        margin: int = max(_smallest_side(canvas), round(_MARGIN_SHARE * len(steps)))
        if len(steps) > 2 * margin:
            place = margin + int(steps[margin:-margin].argmax())
            if _is_seam(canvas, box, axis, place, [place], _LONE_VISIBILITY):
                return axis, [place]
    return 0, []


def _is_seam(
    canvas: Canvas, box: Box, axis: int, place: int, places: list[int], visibility: tuple[float, float]
) -> bool:
    """Return whether a step is a visible seam and no picture continues anywhere along it."""
    return _is_visible_seam(canvas, box, axis, place, places, visibility) and not _continues_unseen(
        canvas, box, axis, place
    )


def _is_visible_seam(
    canvas: Canvas, box: Box, axis: int, place: int, places: list[int], visibility: tuple[float, float]
) -> bool:
    """Return whether a step shows clearly and no picture continues across it.

    `visibility` gives the least share of the length on which it shows, and by how many standard deviations it exceeds
    the mean of the steps off `places`.
    """
    steps = canvas.step_shares(box, axis)
    others = np.delete(steps, [seam + offset for seam in places for offset in (-1, 0, 1)])
    threshold = max(visibility[0], float(others.mean() + visibility[1] * others.std()))
    return bool(steps[place] >= threshold) and not continues_across(canvas.pixels, box, axis, place, 0.0)


def _continues_unseen(canvas: Canvas, box: Box, axis: int, place: int) -> bool:
    """Return whether one picture continues across a step on a part of its length where the step is invisible."""
    steps = canvas.step_shares(box, axis)
    threshold = float(steps.mean() + steps.std())
    parts = _split_along_seam(box, axis, _UNSEEN_PARTS)
    visible = [float(canvas.step_shares(part, axis)[place - 1 : place + 2].max()) > threshold for part in parts]
    return continues_across_unseen_part(canvas.pixels, box, axis, place, visible)


def _split_along_seam(box: Box, axis: int, count: int) -> list[Box]:
    """Return `count` parts of equal length that lie one behind the other along seams of this axis."""
    x0, y0, x1, y1 = box
    bounds = np.linspace(box[1 - axis], box[3 - axis], count + 1).astype(int)
    return [
        (x0, int(low), x1, int(high)) if axis == 0 else (int(low), y0, int(high), y1) for low, high in pairwise(bounds)
    ]


def _smallest_side(canvas: Canvas) -> int:
    """Return the least side of a picture in px."""
    return int(max(24, round(_SMALLEST_SIDE * max(canvas.width, canvas.height))))


def _strongest_step(steps: Profile, place: int) -> int:
    """Return the place of the strongest step within a pixel of a place."""
    return place - 1 + int(steps[place - 1 : place + 2].argmax())


def seam_strength(canvas: Canvas, box: Box, axis: int) -> Profile:
    """Return how surely a seam runs all the way across at each column (row), in [0, 1].

    It is the mean over stretches of the length, or 0 where more than one stretch shows nothing.
    """
    stretches = [canvas.seam_scores(part, axis) for part in _split_along_seam(box, axis, _STRETCHES)]
    sorted_strengths = np.sort(np.array(stretches), axis=0)
    mean: Profile = sorted_strengths.mean(axis=0)
    mean[sorted_strengths[1] < _WEAKEST_STRETCH] = 0.0
    return mean
