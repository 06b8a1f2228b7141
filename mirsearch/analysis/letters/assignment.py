"""Assign panel letters to the tiles of a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from mirsearch.analysis.letters.corners import OTHER_CORNERS, TOP_LEFT, Corner, is_at_corner
from mirsearch.analysis.letters.letters import Letter
from mirsearch.analysis.panels.boxes import cluster_means, is_centered_in, overlaps, sides
from mirsearch.corpus import Box

_CORNER_MARGIN = 0.06
"""How far outside a tile a letter at its corner may stand, as a share of the tile's side (4 px are added)."""

_INSIDE_SHARE = 0.3
"""Least share of the width and of the height of a letter's box that must lie in a tile."""

_ABOVE_REACH, _BESIDE_REACH = 0.15, 0.05
"""How far above and beside a drawing its letter may stand, as shares of the figure's longer side."""


def stands_above(letter: Letter, tile: Box, side: int) -> bool:
    """Return whether a letter stands above a tile, as it does where a drawing fills only part of its panel."""
    return 0 <= tile[1] - letter.box[1] <= _ABOVE_REACH * side and abs(letter.box[0] - tile[0]) <= _BESIDE_REACH * side


def extend_to_letters(tiles: Sequence[Box], letters: Sequence[Letter], side: int) -> list[Box]:
    """Return the tiles, each extended to the letter above it that stands at the corner of no tile."""
    detached = [letter for letter in letters if not is_at_corner(letter, tiles)]
    extended: list[Box] = []
    for tile in tiles:
        letter_boxes = [letter.box for letter in detached if stands_above(letter, tile, side)]
        left, top = (min([tile[n], *(box[n] for box in letter_boxes)]) for n in (0, 1))
        extended.append((left, top, tile[2], tile[3]))
    return extended


def tiles_without_letter(tiles: Sequence[Box], letters: Sequence[Letter], corner: Corner = TOP_LEFT) -> list[Box]:
    """Return the tiles with no letter at their corner (mostly the upper left).

    A letter counts if it overlaps the quarter of the tile at that corner or a narrow margin outside it.
    """
    unlettered = []
    for tile in tiles:
        x0, y0, x1, y1 = tile
        margin_x, margin_y = _CORNER_MARGIN * (x1 - x0) + 4, _CORNER_MARGIN * (y1 - y0) + 4
        upper_left = (round(x0 - margin_x), round(y0 - margin_y), (x0 + x1) // 2, (y0 + y1) // 2)
        quarter = corner.mirror(upper_left, tile)
        if not any(overlaps(quarter, letter.box) for letter in letters):
            unlettered.append((x0, y0, x1, y1))
    return unlettered


def grid_gaps(letters: Sequence[Letter]) -> list[Box]:
    """Return boxes where a row and a column of letters cross but no letter stands."""
    if len(letters) < 2:
        return []
    height = median(letter.height for letter in letters)
    lefts = cluster_means([letter.box[0] for letter in letters], height)
    tops = cluster_means([letter.box[1] for letter in letters], height)
    size = (round(1.5 * height), round(height))
    return [
        (round(left), round(top), round(left) + size[0], round(top) + size[1])
        for top in tops
        for left in lefts
        if not any(
            abs(letter.box[0] - left) < 2 * height and abs(letter.box[1] - top) < 2 * height for letter in letters
        )
    ]


def unassigned_gaps(letters: Sequence[Letter], tiles: Sequence[Box]) -> list[Box]:
    """Return the grid gaps that do not lie in a tile that already has exactly one letter."""
    lettered = [
        tile
        for tile in tiles
        if sum(overlaps(tile, letter.box) for letter in letters) == 1 and not tiles_without_letter([tile], letters)
    ]
    return [gap for gap in grid_gaps(letters) if not any(is_centered_in(gap, tile) for tile in lettered)]


def clip_letters(
    letters: Sequence[Letter], tiles: Sequence[Box], scraps: Sequence[Box] = (), corner: Corner = TOP_LEFT
) -> list[Letter]:
    """Return the letters with boxes that do not reach into tiles beside their own: OCR's boxes are wider than letters.

    `scraps` are pieces that gutters leave. If exactly one large enough scrap lies in a letter's box, it becomes the
    box.
    """
    return [replace(letter, box=_clip_letter_box(letter, tiles, scraps, corner)) for letter in letters]


def _clip_letter_box(letter: Letter, tiles: Sequence[Box], scraps: Sequence[Box], corner: Corner) -> Box:
    """Return one letter's box without the parts in tiles beside its own."""
    box = letter.box
    inside = [scrap for scrap in scraps if is_centered_in(scrap, box) and 3 * (scrap[3] - scrap[1]) >= box[3] - box[1]]
    if len(inside) == 1:
        return inside[0]
    own_tile = _tile_of_letter(letter, tiles, corner)
    if own_tile is None:
        return box
    x0, y0, x1, y1 = box
    for tile in tiles:
        if tile == own_tile or not overlaps(tile, box):
            continue
        if tile[2] <= own_tile[0]:
            x0 = max(x0, tile[2])
        elif tile[0] >= own_tile[2]:
            x1 = min(x1, tile[0])
        elif tile[3] <= own_tile[1]:
            y0 = max(y0, tile[3])
        elif tile[1] >= own_tile[3]:
            y1 = min(y1, tile[1])
    return (x0, y0, x1, y1)


def anchor_letters(letters: Sequence[Letter], tiles: Sequence[Box]) -> list[Letter]:
    """Return the letters; one that stands alone in a tile, at another corner than the upper left, is moved there.

    Where the letters of a figure stand at different corners, gutters outweigh the place of a letter in its panel.
    """
    anchored = []
    for letter in letters:
        inside = [tile for tile in tiles if is_centered_in(letter.box, tile)]
        is_alone = len(inside) == 1 and sum(is_centered_in(other.box, inside[0]) for other in letters) == 1
        if is_alone and any(is_at_corner(letter, inside, corner) for corner in OTHER_CORNERS):
            x0, y0 = inside[0][:2]
            width, height = sides(letter.box)
            anchored.append(replace(letter, box=(x0, y0, x0 + width, y0 + height)))
        else:
            anchored.append(letter)
    return anchored


def _tile_of_letter(letter: Letter, tiles: Sequence[Box], corner: Corner) -> Box | None:
    """Return the tile that a letter belongs to, or None.

    It is the one tile whose corner the letter stands at and reaches into, else the tile that holds its center.
    """
    reached = [tile for tile in tiles if is_at_corner(letter, [tile], corner) and _lies_in(letter.box, tile)]
    return reached[0] if len(reached) == 1 else next((tile for tile in tiles if is_centered_in(letter.box, tile)), None)


def _lies_in(box: Box, tile: Box) -> bool:
    """Return whether enough of a letter's box lies in a tile for the letter to be there."""
    width = min(box[2], tile[2]) - max(box[0], tile[0])
    height = min(box[3], tile[3]) - max(box[1], tile[1])
    return width >= _INSIDE_SHARE * (box[2] - box[0]) and height >= _INSIDE_SHARE * (box[3] - box[1])
