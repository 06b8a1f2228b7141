"""Which corner of their panels a figure's letters stand in; most figures use the upper left, some another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mirsearch.analysis.base import TextBox
from mirsearch.analysis.letters.letters import Letter, parse_letter
from mirsearch.corpus import Box

_RELIABLE_CONFIDENCE = 0.9
_FIRST_LETTER_REACH, _PANEL_ROOM = 0.12, 0.15
"""Shares of a figure's side: how far from its edge the first letter may stand, and the least room for a panel."""


@dataclass(frozen=True, slots=True)
class Corner:
    """A corner of a box; mirroring makes it the upper left one, which is the only one the rest need know."""

    right: bool = False
    bottom: bool = False

    def mirrored(self, box: Box, around: Box) -> Box:
        """`box` mirrored within `around` so that this corner of `around` becomes its upper left; its own inverse."""
        x0, y0, x1, y1 = box
        if self.right:
            x0, x1 = around[0] + around[2] - x1, around[0] + around[2] - x0
        if self.bottom:
            y0, y1 = around[1] + around[3] - y1, around[1] + around[3] - y0
        return (x0, y0, x1, y1)


TOP_LEFT = Corner()
_OTHER_CORNERS = (Corner(right=True), Corner(bottom=True), Corner(right=True, bottom=True))


def is_at_corner(letter: Letter, tiles: Sequence[Box], corner: Corner = TOP_LEFT) -> bool:
    """Whether a letter stands at that corner of one of the tiles."""
    return any(_is_at_corner_of(letter, tile, corner) for tile in tiles)


def _is_at_corner_of(letter: Letter, tile: Box, corner: Corner) -> bool:
    x0, y0, _, _ = corner.mirrored(letter.box, tile)
    width, height = tile[2] - tile[0], tile[3] - tile[1]
    beside, above = max(0.1 * width, letter.height), max(0.1 * height, 1.6 * letter.height)
    return -beside <= x0 - tile[0] <= 0.2 * width and -above <= y0 - tile[1] <= 0.15 * height


def usual_corner(letters: Sequence[Letter], tiles: Sequence[Box]) -> Corner:
    """The corner most letters stand at, each in a tile of its own; the upper left unless another is plainly meant.

    A letter left of or above a panel may be near another corner of the panel beside it: at those it must be inside.
    """
    others = [letter for letter in letters if not is_at_corner(letter, tiles)]
    homes = {corner: _count_tiles_with_letter(others, tiles, corner) for corner in _OTHER_CORNERS}
    best = max(_OTHER_CORNERS, key=lambda corner: homes[corner])
    plainly = homes[best] >= 2 and 3 * homes[best] >= 2 * len(letters)
    return best if plainly else TOP_LEFT


def _count_tiles_with_letter(letters: Sequence[Letter], tiles: Sequence[Box], corner: Corner) -> int:
    """How many tiles have one of the letters inside, at a corner."""
    return sum(any(_is_inside(letter.box, tile) and _is_at_corner_of(letter, tile, corner) for letter in letters) for tile in tiles)


def _is_inside(box: Box, tile: Box) -> bool:
    return tile[0] <= box[0] and tile[1] <= box[1] and box[2] <= tile[2] and box[3] <= tile[3]


def letters_reliable_by_text(letters: Sequence[Letter], texts: Sequence[TextBox], tiles: Sequence[Box]) -> list[Letter]:
    """The letters, where they are beyond doubt panel letters wherever they stand; else none.

    They are in brackets, read well, run from "a" without a gap, are each written once (curves' names often repeat), and
    no tile holds more than half of them.
    """
    labels = sorted(each.label for each in letters)
    if len(labels) < 3 or labels != [chr(97 + n) for n in range(len(labels))]:
        return []
    if any(each.style != "closed" or each.confidence < _RELIABLE_CONFIDENCE for each in letters):
        return []
    written = Counter(read.label for text in texts if (read := parse_letter(text)) and read.style == "closed")
    if any(written[label] > 1 for label in labels):
        return []
    homes = Counter(_nearest_tile(each.box, tiles) for each in letters)
    return list(letters) if 2 * max(homes.values()) <= len(letters) else []


def letters_reliable_by_spacing(letters: Sequence[Letter], texts: Sequence[TextBox], width: int, height: int) -> list[Letter]:
    """The letters, where their own places tell that they are panel letters, whatever gutters there are; else none.

    They are in brackets, read well, run from "a" without a gap, each written once; the first stands at the figure's
    upper left, and each has room for a panel before the next. Names of curves stand close together, and further in.
    """
    labels = sorted(each.label for each in letters)
    if len(labels) < 2 or labels != [chr(97 + n) for n in range(len(labels))]:
        return []
    if any(each.style not in ("closed", "half") or each.confidence < _RELIABLE_CONFIDENCE for each in letters):
        return []
    written = Counter(read.label for text in texts if (read := parse_letter(text)) and read.style in ("closed", "half"))
    first = min(letters, key=lambda each: each.label)
    if any(written[label] > 1 for label in labels) or first.box[0] > _FIRST_LETTER_REACH * width or first.box[1] > _FIRST_LETTER_REACH * height:
        return []
    return list(letters) if all(_has_room(each, letters, width, height) for each in letters) else []


def _has_room(letter: Letter, letters: Sequence[Letter], width: int, height: int) -> bool:
    """Whether a panel fits between a letter and those right of it, below it, and the figure's edges."""
    x, y = letter.box[:2]
    beside = [each.box[0] for each in letters if each.box[0] > x and abs(each.box[1] - y) < _PANEL_ROOM * height]
    below = [each.box[1] for each in letters if each.box[1] > y and abs(each.box[0] - x) < _PANEL_ROOM * width]
    leftmost = x <= _FIRST_LETTER_REACH * width or any(each.box[0] < x - _PANEL_ROOM * width for each in letters)
    return leftmost and min([*beside, width]) - x >= _PANEL_ROOM * width and min([*below, height]) - y >= _PANEL_ROOM * height


def _nearest_tile(box: Box, tiles: Sequence[Box]) -> int:
    """Number of the tile nearest a box's center; -1 where there is none."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2

    def far(n: int) -> float:
        x0, y0, x1, y1 = tiles[n]
        return max(x0 - x, x - x1, 0) + max(y0 - y, y - y1, 0)

    return min(range(len(tiles)), key=far, default=-1)
