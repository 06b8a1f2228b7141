"""Splitting pictures that touch: long straight seams where no gutter runs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mirsearch.analysis.panels.gutters import Canvas, Profile, is_picture
from mirsearch.analysis.panels.seams import continues_across, continues_across_unseen_part
from mirsearch.corpus import Box

_SEAM_STRENGTH = 0.45
_WEAKEST_STRETCH = 0.2
_STRETCHES, _UNSEEN_PARTS = 6, 4
_MARGIN_SHARE = 0.15
_SMALLEST_SIDE = 0.1
_MAX_DEPTH = 6
_EVEN_COUNTS = (2, 3, 4)
_EVEN_VISIBILITY, _LONE_VISIBILITY = (0.2, 8.0), (0.55, 12.0)
"""Of a weaker seam: least share of it on which the step shows, and standard deviations by which it tops the others."""

_OTHERS_PERCENTILE, _ALONE_FACTOR = 97, 2.2
"""Percentile of the other steps, and by what factor a seam tops it: layers and scan lines are full of such steps."""

_EXPECTED_VISIBILITY, _SIZE_TOLERANCE_PX, _MOST_PARTS = (0.2, 4.0), 3, 4
"""What a seam must show where pictures beside let it be expected; how far their sizes may differ; most in one."""

_MOST_CANDIDATES, _CANDIDATE_DISTANCE_PX = 4, 12
"""How many steps a direction may turn out to be part of a picture, and how far from each the next is looked for."""


def cut_mosaic(canvas: Canvas, box: Box, depth: int = 0, evenly: bool = False) -> list[Box]:
    """Parts of a filled rectangle between seams that run straight across it; the box itself where none does.

    With `evenly` only seams that divide it into parts of one size count.
    """
    if depth >= _MAX_DEPTH:
        return [box]
    axis, places = _next_seams(canvas, box, evenly)
    if not places:
        return [box]
    return [piece for part in _cut_box(box, axis, places) for piece in cut_mosaic(canvas, part, depth + 1, evenly)]


def _cut_box(box: Box, axis: int, places: list[int]) -> list[Box]:
    """What cuts at some places, in px from the box's edge, leave of it."""
    edges = [box[axis], *(box[axis] + place for place in places), box[axis + 2]]
    x0, y0, x1, y1 = box
    return [(low, y0, high, y1) if axis == 0 else (x0, low, x1, high) for low, high in pairwise(edges)]


def _next_seams(canvas: Canvas, box: Box, evenly: bool) -> tuple[int, list[int]]:
    """Axis of the seams a box is to be cut at next, and their places in px from its edge."""
    best = None if evenly else _best_seam(canvas, box)
    if best is not None:
        return best[1], [best[2]]
    even = _even_seams(canvas, box)
    if even is not None:
        return even
    return (0, []) if evenly else _lone_seam(canvas, box)


def _best_seam(canvas: Canvas, box: Box) -> tuple[float, int, int] | None:
    """Strength, axis and place (px from the box's edge) of the surest seam between two pictures."""
    found = []
    for axis in (0, 1):
        strength = seam_strength(canvas, box, axis)
        margin = max(_smallest_side(canvas), round(_MARGIN_SHARE * len(strength)))
        strength[:margin] = 0.0
        strength[max(0, len(strength) - margin) :] = 0.0
        for _ in range(_MOST_CANDIDATES):
            place = int(strength.argmax())
            if strength[place] <= _SEAM_STRENGTH:
                break
            if _stands_alone(canvas.steps(box, axis), place):
                found.append((float(strength[place]), axis, place))
            strength[max(0, place - _CANDIDATE_DISTANCE_PX) : place + _CANDIDATE_DISTANCE_PX + 1] = 0.0
    found.sort(key=lambda seam: -seam[0])
    return next((seam for seam in found if _separates_pictures(canvas, box, *seam)), None)


def _separates_pictures(canvas: Canvas, box: Box, strength: float, axis: int, place: int) -> bool:
    """Whether one picture goes on across a step neither as a whole nor where the step cannot be seen."""
    whole = continues_across(canvas.pixels, box, axis, place, strength)
    return not whole and not _continues_unseen(canvas, box, axis, place)


def _stands_alone(steps: Profile, place: int) -> bool:
    """Whether few other steps come near one, within a pixel, as the seam of two pictures."""
    others = np.delete(steps, np.arange(max(0, place - 2), min(len(steps), place + 3)))
    return bool(steps[place - 1 : place + 2].max() >= _ALONE_FACTOR * np.percentile(others, _OTHERS_PERCENTILE))


def cut_like_neighbors(canvas: Canvas, boxes: list[Box]) -> list[Box]:
    """The boxes, those cut that are as large as two to four of the one that touches them: faint seams are enough.

    So they are where the boxes of the row (column) that touches them end.
    """
    return [part for box in boxes for part in (_cut_like_neighbors(canvas, box, boxes) if is_picture(canvas, box) else [box])]


def _cut_like_neighbors(canvas: Canvas, box: Box, boxes: list[Box]) -> list[Box]:
    for axis in (0, 1):
        steps = canvas.steps(box, axis)
        touching = [other for other in boxes if _touches(box, other, axis)]
        for expected in [*(_expected_by_size(box, other, axis) for other in touching), _expected_by_row(box, boxes, axis)]:
            places = [_strongest_step(steps, place) for place in expected]
            if places and all(_is_visible_seam(canvas, box, axis, place, places, _EXPECTED_VISIBILITY) for place in places):
                return _cut_box(box, axis, places)
    return [box]


def _touches(box: Box, other: Box, axis: int) -> bool:
    """Whether the end of one box along an axis is where the other begins."""
    return min(abs(other[axis] - box[axis + 2]), abs(other[axis + 2] - box[axis])) <= 1


def _expected_by_size(box: Box, other: Box, axis: int) -> list[int]:
    """Places that divide a box into two to four of another's size, if they are side by side; else none."""
    whole, size = box[axis + 2] - box[axis], max(1, other[axis + 2] - other[axis])
    level = max(abs(other[n] - box[n]) for n in (1 - axis, 3 - axis)) <= _SIZE_TOLERANCE_PX
    count = round(whole / size)
    fits = level and 2 <= count <= _MOST_PARTS and abs(whole - count * size) <= _SIZE_TOLERANCE_PX
    return [round(whole * n / count) for n in range(1, count)] if fits else []


def _expected_by_row(box: Box, boxes: list[Box], axis: int) -> list[int]:
    """Places inside a box where those of a row (column) that touches it end, if that is as long."""
    low, high = box[axis], box[axis + 2]
    row = [o for o in boxes if _touches(box, o, 1 - axis) and low - 1 <= o[axis] and o[axis + 2] <= high + 1]
    if len(row) < 2 or abs(sum(o[axis + 2] - o[axis] for o in row) - (high - low)) > _SIZE_TOLERANCE_PX:
        return []
    return sorted({o[axis] - low for o in row if o[axis] > low + _SIZE_TOLERANCE_PX})


def _even_seams(canvas: Canvas, box: Box) -> tuple[int, list[int]] | None:
    """Axis and places of weaker seams that divide a box evenly, as pictures of one size do.

    Where a picture has dark or bright stretches along the seam no step can be seen there.
    """
    for axis in (0, 1):
        steps = canvas.steps(box, axis)
        for count in _EVEN_COUNTS:
            if len(steps) < count * _smallest_side(canvas):
                continue
            places = [_strongest_step(steps, round(len(steps) * n / count)) for n in range(1, count)]
            if all(_is_seam(canvas, box, axis, place, places, _EVEN_VISIBILITY) for place in places):
                return axis, places
    return None


def _lone_seam(canvas: Canvas, box: Box) -> tuple[int, list[int]]:
    """Axis and place of a seam anywhere that no other step comes near, though not seen all along; no place if none."""
    for axis in (0, 1):
        steps = canvas.steps(box, axis)
        margin: int = max(_smallest_side(canvas), round(_MARGIN_SHARE * len(steps)))
        if len(steps) > 2 * margin:
            place = margin + int(steps[margin:-margin].argmax())
            if _is_seam(canvas, box, axis, place, [place], _LONE_VISIBILITY):
                return axis, [place]
    return 0, []


def _is_seam(canvas: Canvas, box: Box, axis: int, place: int, places: list[int], least: tuple[float, float]) -> bool:
    """Whether a step shows as `_shows` tells, and one picture goes on nowhere along it."""
    return _is_visible_seam(canvas, box, axis, place, places, least) and not _continues_unseen(canvas, box, axis, place)


def _is_visible_seam(canvas: Canvas, box: Box, axis: int, place: int, places: list[int], least: tuple[float, float]) -> bool:
    """Whether a step shows on a `least` share of its length, that many deviations above those off `places`.

    One picture must not go on across it.
    """
    steps = canvas.steps(box, axis)
    others = np.delete(steps, [each + off for each in places for off in (-1, 0, 1)])
    enough = max(least[0], float(others.mean() + least[1] * others.std()))
    return bool(steps[place] >= enough) and not continues_across(canvas.pixels, box, axis, place, 0.0)


def _continues_unseen(canvas: Canvas, box: Box, axis: int, place: int) -> bool:
    """Whether one picture goes on across a step on a part of its length where the step cannot be seen."""
    steps = canvas.steps(box, axis)
    usual = float(steps.mean() + steps.std())
    parts = _split_along_seam(box, axis, _UNSEEN_PARTS)
    seen = [float(canvas.steps(part, axis)[place - 1 : place + 2].max()) > usual for part in parts]
    return continues_across_unseen_part(canvas.pixels, box, axis, place, seen)


def _split_along_seam(box: Box, axis: int, count: int) -> list[Box]:
    """Parts of one length each that lie behind each other along seams of a direction."""
    x0, y0, x1, y1 = box
    bounds = np.linspace(box[1 - axis], box[3 - axis], count + 1).astype(int)
    return [
        (x0, int(low), x1, int(high)) if axis == 0 else (int(low), y0, int(high), y1) for low, high in pairwise(bounds)
    ]


def _smallest_side(canvas: Canvas) -> int:
    """Least side of a picture in px."""
    return int(max(24, round(_SMALLEST_SIDE * max(canvas.width, canvas.height))))


def _strongest_step(steps: Profile, place: int) -> int:
    """The place of the strongest step within a pixel of a place."""
    return place - 1 + int(steps[place - 1 : place + 2].argmax())


def seam_strength(canvas: Canvas, box: Box, axis: int) -> Profile:
    """How surely a seam runs the whole way across at each column (row): the mean over stretches, if none is blank."""
    stretches = [canvas.seams(part, axis) for part in _split_along_seam(box, axis, _STRETCHES)]
    seams = np.sort(np.array(stretches), axis=0)
    mean: Profile = seams.mean(axis=0)
    mean[seams[1] < _WEAKEST_STRETCH] = 0.0
    return mean
