"""The tiles of a figure: what gutters and seams leave of it, each with the scraps that belong to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mirsearch.analysis.panels.boxes import area
from mirsearch.analysis.panels.gutters import Canvas, cut_at_gutters, is_picture
from mirsearch.analysis.panels.mosaics import cut_like_neighbors, cut_mosaic
from mirsearch.corpus import Box

_SMALLEST_TILE = 0.012
_LARGE_FACTOR, _STRIP_FACTOR = 1.5, 2.0
"""What makes a tile look for seams: its area as a multiple of the usual one, or one side as a multiple of the other."""

_BESIDE_REACH, _ABOVE_REACH = 0.04, 0.15
"""How far from a drawing, as a share of the figure's longer side, what belongs to it may stand: beside it, above it."""

_LARGEST_LETTER, _LETTER_INDENT = 0.06, 0.05
"""Largest panel letter, and how far from a drawing's left edge it stands at most, as shares of the longer side."""

_WIDEST_LETTER = 1.6
_FULL_ROW, _SPARSE_ROW = 0.9, 0.3
"""Widest panel letter by its height; least ink in a picture's last row, and most in the rows of letters below it."""

_NESTED_SHARE, _MINOR_AREA = 0.8, 0.25
"""Share of a box inside another, and largest area as a share of the other's, that make it a part of it."""


def figure_tiles(canvas: Canvas) -> tuple[list[Box], list[Box]]:
    """Tiles of clean gutters with the scraps beside them (axis labels, letters); seams cut pictures that touch.

    Also the scraps that have a panel letter's size and shape, by themselves.
    """
    side = max(canvas.width, canvas.height)
    least = max(2, round(0.003 * side))
    found = cut_at_gutters(canvas, canvas.box, least)
    pieces = [part for box in found for part in _detach_letters(canvas, box, least, side)]
    smallest = _SMALLEST_TILE * canvas.width * canvas.height
    big = [box for box in pieces if area(box) >= smallest and min(_sides(box)) >= 0.04 * side]
    cut = cut_like_neighbors(canvas, _cut_touching_pictures(canvas, big))
    drawn = [not is_picture(canvas, box) for box in cut]
    for scrap in pieces:
        if scrap in big or not cut:
            continue
        home = _tile_of_scrap(scrap, cut, drawn, side)
        if home is not None:
            cut[home] = _bounding_box(cut[home], scrap)
    return _merge_nested(cut), [box for box in pieces if _has_letter_shape(box, side)]


def _detach_letters(canvas: Canvas, box: Box, least: int, side: int) -> list[Box]:
    """A tile, and apart from it the panel letters that touch it from below, as those over the next row may."""
    x0, y0, x1, y1 = box
    sparse = canvas.ink(box, 1) <= _SPARSE_ROW
    height = int(np.argmin(sparse[::-1]))
    end = y1 - height
    if not 2 < height <= _LARGEST_LETTER * side or end - y0 <= height or canvas.ink((x0, end - 1, x1, end), 1)[0] < _FULL_ROW:
        return [box]
    letters = cut_at_gutters(canvas, (x0, end, x1, y1), least)
    return [(x0, y0, x1, end), *letters] if all(_has_letter_shape(each, side) for each in letters) else [box]


def _has_letter_shape(box: Box, side: int) -> bool:
    """Whether a scrap has a panel letter's size and shape; lengths of scale bars are wider."""
    width, height = _sides(box)
    return max(width, height) <= _LARGEST_LETTER * side and width <= _WIDEST_LETTER * height


def _cut_touching_pictures(canvas: Canvas, big: list[Box]) -> list[Box]:
    """The tiles, cut at the seams of pictures that touch.

    A tile no larger than the others that gutters leave is one picture, whatever edges it shows.
    """
    cut: list[Box] = []
    usual = float(np.median([area(box) for box in big])) if len(big) > 1 else 0.0
    for box in big:
        whole = len(big) > 1 and area(box) < _LARGE_FACTOR * usual
        cut.extend([box] if whole or not is_picture(canvas, box) else cut_mosaic(canvas, box))
    return cut


def divide_strips(canvas: Canvas, grid: Sequence[Box]) -> list[Box]:
    """The tiles, with strips cut at seams that divide them evenly: rows of pictures that touch, one panel or more."""
    cut: list[Box] = []
    for box in grid:
        strip = max(_sides(box)) > _STRIP_FACTOR * min(_sides(box)) and is_picture(canvas, box)
        cut.extend(cut_mosaic(canvas, box, evenly=True) if strip else [box])
    return cut


def _tile_of_scrap(scrap: Box, tiles_: list[Box], drawn: list[bool], side: int) -> int | None:
    """Number of the tile that a scrap belongs to: the nearest within reach, but for a letter right of it.

    Such a letter belongs to the drawing that it stands over, if there is one.
    """
    gaps = [_distance(scrap, box) if may else side for box, may in zip(tiles_, drawn, strict=True)]
    nearest = int(np.argmin(gaps))
    if scrap[0] >= tiles_[nearest][2] and max(_sides(scrap)) <= _LARGEST_LETTER * side:
        for number, box in enumerate(tiles_):
            over = 0 <= box[1] - scrap[3] <= _ABOVE_REACH * side and abs(scrap[0] - box[0]) <= _LETTER_INDENT * side
            if drawn[number] and over:
                return number
    box = tiles_[nearest]
    heads = drawn[nearest] and scrap[3] <= box[1] and box[0] - _LETTER_INDENT * side <= scrap[0] < box[2]
    return nearest if gaps[nearest] <= (_ABOVE_REACH if heads else _BESIDE_REACH) * side else None


def _merge_nested(boxes: list[Box]) -> list[Box]:
    """The boxes, small ones that lie in another for the most part joined with it."""
    kept: list[Box] = []
    for box in sorted(boxes, key=area, reverse=True):
        home = next((n for n, other in enumerate(kept) if _is_part(box, other)), None)
        if home is None:
            kept.append(box)
        else:
            kept[home] = _bounding_box(kept[home], box)
    return sorted(kept, key=lambda box: next(n for n, other in enumerate(boxes) if _shared_area(box, other)))


def _is_part(box: Box, other: Box) -> bool:
    return area(box) <= _MINOR_AREA * area(other) and _shared_area(box, other) >= _NESTED_SHARE * area(box)


def _shared_area(first: Box, second: Box) -> int:
    """Area two boxes share in px²."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    return max(0, width) * max(0, min(first[3], second[3]) - max(first[1], second[1]))


def _sides(box: Box) -> tuple[int, int]:
    return box[2] - box[0], box[3] - box[1]


def _distance(first: Box, second: Box) -> int:
    """Distance between two boxes in px; 0 where they touch or overlap."""
    across = max(first[0] - second[2], second[0] - first[2], 0)
    down = max(first[1] - second[3], second[1] - first[3], 0)
    return max(across, down)


def _bounding_box(first: Box, second: Box) -> Box:
    return (
        min(first[0], second[0]), min(first[1], second[1]), max(first[2], second[2]), max(first[3], second[3])
    )  # fmt: skip
