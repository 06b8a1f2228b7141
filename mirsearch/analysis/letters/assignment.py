"""Which tile of a figure a panel letter belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from mirsearch.analysis.letters.corners import TOP_LEFT, Corner, is_at_corner
from mirsearch.analysis.letters.letters import Letter
from mirsearch.analysis.panels.boxes import cluster_means, is_centered_in, overlaps
from mirsearch.corpus import Box

_CORNER_MARGIN = 0.06
_INSIDE_SHARE = 0.3
_ABOVE_REACH, _BESIDE_REACH = 0.15, 0.05
"""How far above and beside a drawing its letter may stand, as shares of the figure's longer side."""


def stands_above(letter: Letter, tile: Box, side: int) -> bool:
    """Whether a letter stands above a tile, as over a drawing that fills only part of its panel."""
    return 0 <= tile[1] - letter.box[1] <= _ABOVE_REACH * side and abs(letter.box[0] - tile[0]) <= _BESIDE_REACH * side


def extend_to_letters(tiles: Sequence[Box], letters: Sequence[Letter], side: int) -> list[Box]:
    """The tiles, each grown to the letter above it that stands at the corner of none."""
    afar = [letter for letter in letters if not is_at_corner(letter, tiles)]
    grown: list[Box] = []
    for tile in tiles:
        own = [letter.box for letter in afar if stands_above(letter, tile, side)]
        left, top = (min([tile[n], *(box[n] for box in own)]) for n in (0, 1))
        grown.append((left, top, tile[2], tile[3]))
    return grown


def tiles_without_letter(tiles: Sequence[Box], letters: Sequence[Letter], corner: Corner = TOP_LEFT) -> list[Box]:
    """Tiles with no letter in the quarter at their corner (the upper left one, mostly) or just outside it."""
    free = []
    for tile in tiles:
        x0, y0, x1, y1 = tile
        margin_x, margin_y = _CORNER_MARGIN * (x1 - x0) + 4, _CORNER_MARGIN * (y1 - y0) + 4
        upper_left = (round(x0 - margin_x), round(y0 - margin_y), (x0 + x1) // 2, (y0 + y1) // 2)
        quarter = corner.mirrored(upper_left, tile)
        if not any(overlaps(quarter, each.box) for each in letters):
            free.append((x0, y0, x1, y1))
    return free


def grid_gaps(letters: Sequence[Letter]) -> list[Box]:
    """Where rows and columns of the letters cross and none of them stands."""
    if len(letters) < 2:
        return []
    height = median(each.height for each in letters)
    lefts = cluster_means([each.box[0] for each in letters], height)
    tops = cluster_means([each.box[1] for each in letters], height)
    size = (round(1.5 * height), round(height))
    return [
        (round(left), round(top), round(left) + size[0], round(top) + size[1])
        for top in tops
        for left in lefts
        if not any(abs(each.box[0] - left) < 2 * height and abs(each.box[1] - top) < 2 * height for each in letters)
    ]


def unassigned_gaps(letters: Sequence[Letter], tiles: Sequence[Box]) -> list[Box]:
    """Holes but for those inside a tile that has its one letter already."""
    taken = [
        tile
        for tile in tiles
        if sum(overlaps(tile, each.box) for each in letters) == 1 and not tiles_without_letter([tile], letters)
    ]
    return [hole for hole in grid_gaps(letters) if not any(is_centered_in(hole, tile) for tile in taken)]


def clip_letters(
    letters: Sequence[Letter], tiles: Sequence[Box], scraps: Sequence[Box] = (), corner: Corner = TOP_LEFT
) -> list[Letter]:
    """The letters, their boxes without what lies in a tile beside their own: OCR boxes are wider than letters.

    One of the `scraps` that gutters leave is the letter whose box holds it.
    """
    return [replace(letter, box=_clip_letter_box(letter, tiles, scraps, corner)) for letter in letters]


def _clip_letter_box(letter: Letter, tiles: Sequence[Box], scraps: Sequence[Box], corner: Corner) -> Box:
    box = letter.box
    held = [scrap for scrap in scraps if is_centered_in(scrap, box) and 3 * (scrap[3] - scrap[1]) >= box[3] - box[1]]
    if len(held) == 1:
        return held[0]
    own = _tile_of_letter(letter, tiles, corner)
    if own is None:
        return box
    x0, y0, x1, y1 = box
    for tile in tiles:
        if tile == own or not overlaps(tile, box):
            continue
        if tile[2] <= own[0]:
            x0 = max(x0, tile[2])
        elif tile[0] >= own[2]:
            x1 = min(x1, tile[0])
        elif tile[3] <= own[1]:
            y0 = max(y0, tile[3])
        elif tile[1] >= own[3]:
            y1 = min(y1, tile[1])
    return (x0, y0, x1, y1)


def _tile_of_letter(letter: Letter, tiles: Sequence[Box], corner: Corner) -> Box | None:
    """The tile at whose corner a letter stands and reaches into, if it is one; else the one its middle is in."""
    near = [tile for tile in tiles if is_at_corner(letter, [tile], corner) and _lies_in(letter.box, tile)]
    return near[0] if len(near) == 1 else next((tile for tile in tiles if is_centered_in(letter.box, tile)), None)


def _lies_in(box: Box, tile: Box) -> bool:
    """Whether enough of a letter's box lies in a tile for the letter to be there."""
    across = min(box[2], tile[2]) - max(box[0], tile[0])
    down = min(box[3], tile[3]) - max(box[1], tile[1])
    return across >= _INSIDE_SHARE * (box[2] - box[0]) and down >= _INSIDE_SHARE * (box[3] - box[1])
