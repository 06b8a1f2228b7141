"""Splitting pictures that touch: long straight seams where no gutter runs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mirsearch.analysis.gutters import Canvas, Profile
from mirsearch.analysis.seams import goes_on
from mirsearch.corpus import Box

_SEAM = 0.45
_WEAKEST = 0.2
_STRETCHES = 6
_LEAST_SHARE = 0.15
_LEAST_OF_FIGURE = 0.1
_MAX_DEPTH = 6
_EVEN = (2, 3, 4)
_EVEN_LEAST, _LONE_LEAST = (0.2, 8.0), (0.55, 12.0)
"""Of a weaker seam: least share of it on which the step shows, and standard deviations by which it tops the others."""

_CANDIDATES, _APART = 4, 12
"""How many steps a direction may turn out to be part of a picture, and how far from each the next is looked for."""


def mosaic(canvas: Canvas, box: Box, depth: int = 0, evenly: bool = False) -> list[Box]:
    """Parts of a filled rectangle between seams that run straight across it; the box itself where none does.

    With `evenly` only seams that divide it into parts of one size count.
    """
    if depth >= _MAX_DEPTH:
        return [box]
    axis, places = _seams(canvas, box, evenly)
    if not places:
        return [box]
    edges = [box[axis], *(box[axis] + place for place in places), box[axis + 2]]
    x0, y0, x1, y1 = box
    parts = [(low, y0, high, y1) if axis == 0 else (x0, low, x1, high) for low, high in pairwise(edges)]
    return [piece for part in parts for piece in mosaic(canvas, part, depth + 1, evenly)]


def _seams(canvas: Canvas, box: Box, evenly: bool) -> tuple[int, list[int]]:
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
        margin = max(_least_side(canvas), round(_LEAST_SHARE * len(strength)))
        strength[:margin] = 0.0
        strength[max(0, len(strength) - margin) :] = 0.0
        for _ in range(_CANDIDATES):
            place = int(strength.argmax())
            if strength[place] <= _SEAM:
                break
            found.append((float(strength[place]), axis, place))
            strength[max(0, place - _APART) : place + _APART + 1] = 0.0
    found.sort(key=lambda seam: -seam[0])
    return next((seam for seam in found if not goes_on(canvas.pixels, box, seam[1], seam[2], seam[0])), None)


def _even_seams(canvas: Canvas, box: Box) -> tuple[int, list[int]] | None:
    """Axis and places of weaker seams that divide a box evenly, as pictures of one size do.

    Where a picture has dark or bright stretches along the seam no step can be seen there.
    """
    for axis in (0, 1):
        steps = canvas.steps(box, axis)
        for count in _EVEN:
            if len(steps) < count * _least_side(canvas):
                continue
            places = [_sharpest(steps, round(len(steps) * n / count)) for n in range(1, count)]
            if all(_stands_out(canvas, box, axis, place, places, _EVEN_LEAST) for place in places):
                return axis, places
    return None


def _lone_seam(canvas: Canvas, box: Box) -> tuple[int, list[int]]:
    """Axis and place of a seam anywhere that no other step comes near, though not seen all along; no place if none."""
    for axis in (0, 1):
        steps = canvas.steps(box, axis)
        margin: int = max(_least_side(canvas), round(_LEAST_SHARE * len(steps)))
        if len(steps) > 2 * margin:
            place = margin + int(steps[margin:-margin].argmax())
            if _stands_out(canvas, box, axis, place, [place], _LONE_LEAST):
                return axis, [place]
    return 0, []


def _stands_out(canvas: Canvas, box: Box, axis: int, place: int, places: list[int], least: tuple[float, float]) -> bool:
    """Whether a step shows on a `least` share of its length, and is that many deviations above those off `places`."""
    steps = canvas.steps(box, axis)
    others = np.delete(steps, [each + off for each in places for off in (-1, 0, 1)])
    enough = max(least[0], float(others.mean() + least[1] * others.std()))
    return bool(steps[place] >= enough) and not goes_on(canvas.pixels, box, axis, place, 0.0)


def _least_side(canvas: Canvas) -> int:
    """Least side of a picture in px."""
    return int(max(24, round(_LEAST_OF_FIGURE * max(canvas.width, canvas.height))))


def _sharpest(steps: Profile, place: int) -> int:
    """The place of the strongest step within a pixel of a place."""
    return place - 1 + int(steps[place - 1 : place + 2].argmax())


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
