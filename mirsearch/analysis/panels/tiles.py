"""The tiles of a figure: what gutters and seams leave of it, each with the scraps that belong to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mirsearch.analysis.panels.boxes import area
from mirsearch.analysis.panels.gutters import Canvas, is_picture, tiles
from mirsearch.analysis.panels.mosaics import as_beside, mosaic
from mirsearch.corpus import Box

_TILE_SHARE = 0.012
_LARGER, _STRIP = 1.5, 2.0
"""What makes a tile look for seams: its area as a multiple of the usual one, or one side as a multiple of the other."""

_BESIDE, _HEADING = 0.04, 0.15
"""How far from a drawing, as a share of the figure's longer side, what belongs to it may stand: beside it, above it."""

_LETTER, _LEVEL = 0.06, 0.05
"""Largest panel letter, and how far from a drawing's left edge it stands at most, as shares of the longer side."""

_SQUARE = 1.6
_FULL, _SPARSE = 0.9, 0.3
"""Widest panel letter by its height; least ink in a picture's last row, and most in the rows of letters below it."""

_NESTED, _MINOR = 0.8, 0.25
"""Share of a box inside another, and largest area as a share of the other's, that make it a part of it."""


def figure_tiles(canvas: Canvas) -> tuple[list[Box], list[Box]]:
    """Tiles of clean gutters with the scraps beside them (axis labels, letters); seams cut pictures that touch.

    Also the scraps that have a panel letter's size and shape, by themselves.
    """
    side = max(canvas.width, canvas.height)
    least = max(2, round(0.003 * side))
    found = tiles(canvas, canvas.box, least)
    pieces = [part for box in found for part in _without_letters(canvas, box, least, side)]
    smallest = _TILE_SHARE * canvas.width * canvas.height
    big = [box for box in pieces if area(box) >= smallest and min(_sides(box)) >= 0.04 * side]
    cut = as_beside(canvas, _cut(canvas, big))
    drawn = [not is_picture(canvas, box) for box in cut]
    for scrap in pieces:
        if scrap in big or not cut:
            continue
        home = _home(scrap, cut, drawn, side)
        if home is not None:
            cut[home] = _union(cut[home], scrap)
    return _unnested(cut), [box for box in pieces if _like_letter(box, side)]


def _without_letters(canvas: Canvas, box: Box, least: int, side: int) -> list[Box]:
    """A tile, and apart from it the panel letters that touch it from below, as those over the next row may."""
    x0, y0, x1, y1 = box
    sparse = canvas.ink(box, 1) <= _SPARSE
    height = int(np.argmin(sparse[::-1]))
    end = y1 - height
    if not 2 < height <= _LETTER * side or end - y0 <= height or canvas.ink((x0, end - 1, x1, end), 1)[0] < _FULL:
        return [box]
    letters = tiles(canvas, (x0, end, x1, y1), least)
    return [(x0, y0, x1, end), *letters] if all(_like_letter(each, side) for each in letters) else [box]


def _like_letter(box: Box, side: int) -> bool:
    """Whether a scrap has a panel letter's size and shape; lengths of scale bars are wider."""
    width, height = _sides(box)
    return max(width, height) <= _LETTER * side and width <= _SQUARE * height


def _cut(canvas: Canvas, big: list[Box]) -> list[Box]:
    """The tiles, cut at the seams of pictures that touch.

    A tile no larger than the others that gutters leave is one picture, whatever edges it shows.
    """
    cut: list[Box] = []
    usual = float(np.median([area(box) for box in big])) if len(big) > 1 else 0.0
    for box in big:
        whole = len(big) > 1 and area(box) < _LARGER * usual
        cut.extend([box] if whole or not is_picture(canvas, box) else mosaic(canvas, box))
    return cut


def divided(canvas: Canvas, grid: Sequence[Box]) -> list[Box]:
    """The tiles, with strips cut at seams that divide them evenly: rows of pictures that touch, one panel or more."""
    cut: list[Box] = []
    for box in grid:
        strip = max(_sides(box)) > _STRIP * min(_sides(box)) and is_picture(canvas, box)
        cut.extend(mosaic(canvas, box, evenly=True) if strip else [box])
    return cut


def _home(scrap: Box, tiles_: list[Box], drawn: list[bool], side: int) -> int | None:
    """Number of the tile that a scrap belongs to: the nearest within reach, but for a letter right of it.

    Such a letter belongs to the drawing that it stands over, if there is one.
    """
    gaps = [_gap(scrap, box) if may else side for box, may in zip(tiles_, drawn, strict=True)]
    nearest = int(np.argmin(gaps))
    if scrap[0] >= tiles_[nearest][2] and max(_sides(scrap)) <= _LETTER * side:
        for number, box in enumerate(tiles_):
            over = 0 <= box[1] - scrap[3] <= _HEADING * side and abs(scrap[0] - box[0]) <= _LEVEL * side
            if drawn[number] and over:
                return number
    box = tiles_[nearest]
    heads = drawn[nearest] and scrap[3] <= box[1] and box[0] - _LEVEL * side <= scrap[0] < box[2]
    return nearest if gaps[nearest] <= (_HEADING if heads else _BESIDE) * side else None


def _unnested(boxes: list[Box]) -> list[Box]:
    """The boxes, small ones that lie in another for the most part joined with it."""
    kept: list[Box] = []
    for box in sorted(boxes, key=area, reverse=True):
        home = next((n for n, other in enumerate(kept) if _is_part(box, other)), None)
        if home is None:
            kept.append(box)
        else:
            kept[home] = _union(kept[home], box)
    return sorted(kept, key=lambda box: next(n for n, other in enumerate(boxes) if _shared(box, other)))


def _is_part(box: Box, other: Box) -> bool:
    return area(box) <= _MINOR * area(other) and _shared(box, other) >= _NESTED * area(box)


def _shared(first: Box, second: Box) -> int:
    """Area two boxes share in px²."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    return max(0, width) * max(0, min(first[3], second[3]) - max(first[1], second[1]))


def _sides(box: Box) -> tuple[int, int]:
    return box[2] - box[0], box[3] - box[1]


def _gap(first: Box, second: Box) -> int:
    """Distance between two boxes in px; 0 where they touch or overlap."""
    across = max(first[0] - second[2], second[0] - first[2], 0)
    down = max(first[1] - second[3], second[1] - first[3], 0)
    return max(across, down)


def _union(first: Box, second: Box) -> Box:
    return (
        min(first[0], second[0]), min(first[1], second[1]), max(first[2], second[2]), max(first[3], second[3])
    )  # fmt: skip
