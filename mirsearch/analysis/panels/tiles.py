"""Find the tiles of a figure: what gutters and seams leave of it, each with the scraps that belong to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mirsearch.analysis.panels.boxes import area, bounding_box, distance_between, shared_area, sides
from mirsearch.analysis.panels.gutters import Canvas, cut_at_gutters, is_picture
from mirsearch.analysis.panels.mosaics import cut_like_neighbors, cut_mosaic
from mirsearch.corpus import Box

_SMALLEST_TILE = 0.012
"""Least area of a tile, as a share of the figure's; smaller pieces are scraps."""

_LARGE_FACTOR, _STRIP_FACTOR = 1.5, 2.0
"""From when a tile is searched for seams: its area against the median, or its longer side against the shorter."""

_BESIDE_REACH, _ABOVE_REACH = 0.04, 0.15
"""Greatest distance of a scrap from its drawing beside and above it, as shares of the figure's longer side."""

_LARGEST_LETTER, _LETTER_INDENT = 0.06, 0.05
"""Largest panel letter, and its greatest distance from a drawing's left edge, as shares of the figure's longer side."""

_WIDEST_LETTER = 1.6
"""Greatest width of a panel letter, as a multiple of its height."""

_FULL_ROW, _SPARSE_ROW = 0.9, 0.3
"""Least share of ink in a picture's last row, and greatest share in the rows of letters below it."""

_NESTED_SHARE, _MINOR_AREA = 0.8, 0.25
"""Least share of a box inside another, and greatest area as a share of the other's, that make it a part of it."""


def figure_tiles(canvas: Canvas) -> tuple[list[Box], list[Box], list[Box]]:
    """Return the tiles of a figure in px, the scraps that have a panel letter's size and shape, and the drawings.

    Clean gutters and the seams of touching pictures bound the tiles. A tile includes the scraps beside it, such as axis
    labels and letters. The drawings are those of the tiles that are no pictures, without such scraps.
    """
    side = max(canvas.width, canvas.height)
    min_gutter = max(2, round(0.003 * side))
    gutter_tiles = cut_at_gutters(canvas, canvas.box, min_gutter)
    pieces = [part for box in gutter_tiles for part in _detach_letters(canvas, box, min_gutter, side)]
    min_area = _SMALLEST_TILE * canvas.width * canvas.height
    large = [box for box in pieces if area(box) >= min_area and min(sides(box)) >= 0.04 * side]
    tiles = cut_like_neighbors(canvas, _cut_touching_pictures(canvas, large))
    is_drawn = [not is_picture(canvas, box) for box in tiles]
    drawings = [box for box, drawn in zip(tiles, is_drawn, strict=True) if drawn]
    for scrap in pieces:
        if scrap in large or not tiles:
            continue
        owner = _tile_of_scrap(scrap, tiles, is_drawn, side)
        if owner is not None:
            tiles[owner] = bounding_box([tiles[owner], scrap])
    return _merge_nested(tiles), [box for box in pieces if _has_letter_shape(box, side)], drawings


def _detach_letters(canvas: Canvas, box: Box, min_gutter: int, side: int) -> list[Box]:
    """Return a tile without the panel letters that touch its lower edge, and those letters as scraps.

    Such letters stand over the next row of panels.
    """
    x0, y0, x1, y1 = box
    is_sparse = canvas.ink(box, 1) <= _SPARSE_ROW
    height = int(np.argmin(is_sparse[::-1]))
    bottom = y1 - height
    if (
        not 2 < height <= _LARGEST_LETTER * side
        or bottom - y0 <= height
        or canvas.ink((x0, bottom - 1, x1, bottom), 1)[0] < _FULL_ROW
    ):
        return [box]
    letters = cut_at_gutters(canvas, (x0, bottom, x1, y1), min_gutter)
    return [(x0, y0, x1, bottom), *letters] if all(_has_letter_shape(scrap, side) for scrap in letters) else [box]


def _has_letter_shape(box: Box, side: int) -> bool:
    """Return whether a scrap has a panel letter's size and shape; the labels of scale bars are wider."""
    width, height = sides(box)
    return max(width, height) <= _LARGEST_LETTER * side and width <= _WIDEST_LETTER * height


def _cut_touching_pictures(canvas: Canvas, large: list[Box]) -> list[Box]:
    """Return the tiles, cut at the seams of pictures that touch.

    A tile no larger than the others that gutters leave is one picture, whatever edges it shows.
    """
    tiles: list[Box] = []
    usual_area = float(np.median([area(box) for box in large])) if len(large) > 1 else 0.0
    for box in large:
        is_one_picture = len(large) > 1 and area(box) < _LARGE_FACTOR * usual_area
        tiles.extend([box] if is_one_picture or not is_picture(canvas, box) else cut_mosaic(canvas, box))
    return tiles


def divide_strips(canvas: Canvas, grid: Sequence[Box]) -> list[Box]:
    """Return the tiles, with strips cut at seams that divide them evenly.

    A strip is a row of pictures that touch; it may be one panel or several.
    """
    tiles: list[Box] = []
    for box in grid:
        is_strip = max(sides(box)) > _STRIP_FACTOR * min(sides(box)) and is_picture(canvas, box)
        tiles.extend(cut_mosaic(canvas, box, even_only=True) if is_strip else [box])
    return tiles


def _tile_of_scrap(scrap: Box, tiles: list[Box], is_drawn: list[bool], side: int) -> int | None:
    """Return the index of the tile that a scrap belongs to, or None: the nearest drawing within reach.

    A letter right of the nearest drawing belongs to the drawing that it stands over, if there is one.
    """
    gaps = [distance_between(scrap, box) if drawn else side for box, drawn in zip(tiles, is_drawn, strict=True)]
    nearest = int(np.argmin(gaps))
    if scrap[0] >= tiles[nearest][2] and max(sides(scrap)) <= _LARGEST_LETTER * side:
        for number, box in enumerate(tiles):
            is_above = 0 <= box[1] - scrap[3] <= _ABOVE_REACH * side and abs(scrap[0] - box[0]) <= _LETTER_INDENT * side
            if is_drawn[number] and is_above:
                return number
    box = tiles[nearest]
    is_above_nearest = is_drawn[nearest] and scrap[3] <= box[1] and box[0] - _LETTER_INDENT * side <= scrap[0] < box[2]
    return nearest if gaps[nearest] <= (_ABOVE_REACH if is_above_nearest else _BESIDE_REACH) * side else None


def _merge_nested(boxes: list[Box]) -> list[Box]:
    """Return the boxes; small ones that lie mostly in another box are merged with it."""
    kept: list[Box] = []
    for box in sorted(boxes, key=area, reverse=True):
        owner = next((n for n, other in enumerate(kept) if _is_part(box, other)), None)
        if owner is None:
            kept.append(box)
        else:
            kept[owner] = bounding_box([kept[owner], box])
    return sorted(kept, key=lambda box: next(n for n, other in enumerate(boxes) if shared_area(box, other)))


def _is_part(box: Box, other: Box) -> bool:
    """Return whether a box is small against the other and lies mostly in it."""
    return area(box) <= _MINOR_AREA * area(other) and shared_area(box, other) >= _NESTED_SHARE * area(box)
