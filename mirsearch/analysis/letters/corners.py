"""Find the corner of their panels where a figure's letters stand: mostly the upper left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mirsearch.analysis.base import TextBox
from mirsearch.analysis.letters.letters import Letter, parse_letter
from mirsearch.analysis.panels.boxes import is_centered_in, lies_in
from mirsearch.corpus import Box

_RELIABLE_CONFIDENCE = 0.75
"""Least confidence of OCR (0 to 1) in each of the letters that are reliable."""

_FIRST_LETTER_REACH, _PANEL_ROOM = 0.12, 0.15
"""Greatest distance of the first letter from the edge, and least room for a panel, as shares of the figure's side."""


_BELOW_REACH, BOX_SLACK = 1.5, 0.4
"""How far under its panel a letter may stand, and how much larger than the letter OCR's box may be, in its heights."""


@dataclass(frozen=True, slots=True)
class Corner:
    """A corner of a box. Mirroring makes it the upper left one, so that all other code need know only that."""

    right: bool = False
    bottom: bool = False
    centered: bool = False
    """The letters stand below (or above) the middle of their panels."""

    def mirror(self, box: Box, around: Box) -> Box:
        """Return `box` mirrored within `around` so that this corner of `around` becomes its upper left.

        Mirroring twice gives the box again.
        """
        x0, y0, x1, y1 = box
        if self.right:
            x0, x1 = around[0] + around[2] - x1, around[0] + around[2] - x0
        if self.bottom:
            y0, y1 = around[1] + around[3] - y1, around[1] + around[3] - y0
        return (x0, y0, x1, y1)


TOP_LEFT = Corner()
BELOW = Corner(bottom=True, centered=True)
OTHER_CORNERS = (Corner(right=True), Corner(bottom=True), Corner(right=True, bottom=True))


def is_at_corner(letter: Letter, tiles: Sequence[Box], corner: Corner = TOP_LEFT) -> bool:
    """Return whether a letter stands at that corner of one of the tiles."""
    return any(_is_at_corner_of(letter, tile, corner) for tile in tiles)


def _is_at_corner_of(letter: Letter, tile: Box, corner: Corner) -> bool:
    """Return whether a letter stands at a corner of one tile, inside or just outside it."""
    x0, y0, _, _ = corner.mirror(letter.box, tile)
    width, height = tile[2] - tile[0], tile[3] - tile[1]
    reach_x, reach_y = max(0.1 * width, letter.height), max(0.1 * height, 1.6 * letter.height)
    return -reach_x <= x0 - tile[0] <= 0.2 * width and -reach_y <= y0 - tile[1] <= 0.15 * height


def usual_corner(letters: Sequence[Letter], tiles: Sequence[Box]) -> Corner:
    """Return the corner where most letters stand, each in a tile that has no other; the upper left in case of doubt.

    A letter left of or above a panel may also be near another corner of the panel beside it. At corners other than the
    upper left, letters must therefore be inside the tile.
    """
    others = [letter for letter in letters if not is_at_corner(letter, tiles)]
    below_count = sum(_stands_below(letter, tiles) for letter in letters)
    if below_count >= 2 and 2 * below_count >= len(letters) == len(others):
        return BELOW
    tile_counts = {corner: _count_tiles_with_letter(others, tiles, corner) for corner in OTHER_CORNERS}
    best = max(OTHER_CORNERS, key=lambda corner: tile_counts[corner])
    is_plain = tile_counts[best] >= 2 and 3 * tile_counts[best] >= 2 * len(letters)
    return best if is_plain else TOP_LEFT


def _stands_below(letter: Letter, tiles: Sequence[Box]) -> bool:
    """Return whether a letter stands on the figure's ground, under a tile, and nearer to it than to the tile below."""
    x0, y0, x1, y1 = letter.box
    in_column = [tile for tile in tiles if tile[0] < (x0 + x1) / 2 < tile[2]]
    above = min((y0 - tile[3] for tile in in_column if tile[3] <= y0 + BOX_SLACK * letter.height), default=None)
    below = min((tile[1] - y1 for tile in in_column if tile[1] >= y1 - BOX_SLACK * letter.height), default=None)
    is_on_ground = not any(is_centered_in(letter.box, tile) for tile in tiles)
    is_near = above is not None and above <= _BELOW_REACH * letter.height and (below is None or above < below)
    is_beside = any(_begins_beside(letter, tile) for tile in tiles)
    return is_on_ground and is_near and not is_beside and not is_at_corner(letter, tiles)


def stands_under(letter: Letter, picture: Box) -> bool:
    """Return whether a letter on the ground stands close under a picture, or under the gutter beside it."""
    gap = letter.box[1] - picture[3]
    return is_in_column(letter, picture) and -BOX_SLACK * letter.height <= gap <= _BELOW_REACH * letter.height


def is_in_column(letter: Letter, picture: Box) -> bool:
    """Return whether a letter stands above, in or below a picture, or a letter's height beside that."""
    middle = (letter.box[0] + letter.box[2]) / 2
    return picture[0] - letter.height <= middle <= picture[2] + letter.height


def _begins_beside(letter: Letter, tile: Box) -> bool:
    """Return whether a tile begins right of a letter, at its level."""
    reach = _BELOW_REACH * letter.height
    return 0 <= tile[0] - letter.box[2] <= reach and abs(tile[1] - letter.box[1]) <= BOX_SLACK * letter.height


def _count_tiles_with_letter(letters: Sequence[Letter], tiles: Sequence[Box], corner: Corner) -> int:
    """Return how many tiles have one of the letters inside, at a corner."""
    return sum(
        any(lies_in(letter.box, tile) and _is_at_corner_of(letter, tile, corner) for letter in letters)
        for tile in tiles
    )


def letters_reliable_by_text(letters: Sequence[Letter], texts: Sequence[TextBox], tiles: Sequence[Box]) -> list[Letter]:
    """Return the letters if their texts leave no doubt that they are panel letters, wherever they stand; else none.

    They are at least three, in brackets, read with confidence, and run from "a" without a gap. Each is written once, as
    curves' names often repeat, and no tile holds more than half of them.
    """
    labels = sorted(letter.label for letter in letters)
    if len(labels) < 3 or labels != [chr(97 + n) for n in range(len(labels))]:
        return []
    if any(letter.style != "closed" or letter.confidence < _RELIABLE_CONFIDENCE for letter in letters):
        return []
    counts = Counter(parsed.label for text in texts if (parsed := parse_letter(text)) and parsed.style == "closed")
    if any(counts[label] > 1 for label in labels):
        return []
    tile_counts = Counter(_nearest_tile(letter.box, tiles) for letter in letters)
    return list(letters) if 2 * max(tile_counts.values()) <= len(letters) else []


def letters_reliable_by_spacing(
    letters: Sequence[Letter], texts: Sequence[TextBox], width: int, height: int
) -> list[Letter]:
    """Return the letters if their positions show that they are panel letters, whatever gutters there are; else none.

    They are in brackets, read with confidence, and run from "a" without a gap, each written once. The first stands at
    the figure's upper left, and each has room for a panel before the next. Names of curves stand closer together and
    further in.
    """
    labels = sorted(letter.label for letter in letters)
    if len(labels) < 2 or labels != [chr(97 + n) for n in range(len(labels))]:
        return []
    if any(letter.style not in ("closed", "half") or letter.confidence < _RELIABLE_CONFIDENCE for letter in letters):
        return []
    counts = Counter(
        parsed.label for text in texts if (parsed := parse_letter(text)) and parsed.style in ("closed", "half")
    )
    first = min(letters, key=lambda letter: letter.label)
    if (
        any(counts[label] > 1 for label in labels)
        or first.box[0] > _FIRST_LETTER_REACH * width
        or first.box[1] > _FIRST_LETTER_REACH * height
    ):
        return []
    return list(letters) if all(_has_room(letter, letters, width, height) for letter in letters) else []


def _has_room(letter: Letter, letters: Sequence[Letter], width: int, height: int) -> bool:
    """Return whether a panel fits between a letter, those right of it and below it, and the figure's edges."""
    x, y = letter.box[:2]
    lefts = [other.box[0] for other in letters if other.box[0] > x and abs(other.box[1] - y) < _PANEL_ROOM * height]
    tops = [other.box[1] for other in letters if other.box[1] > y and abs(other.box[0] - x) < _PANEL_ROOM * width]
    is_first_or_apart = x <= _FIRST_LETTER_REACH * width or any(
        other.box[0] < x - _PANEL_ROOM * width for other in letters
    )
    return (
        is_first_or_apart
        and min([*lefts, width]) - x >= _PANEL_ROOM * width
        and min([*tops, height]) - y >= _PANEL_ROOM * height
    )


def _nearest_tile(box: Box, tiles: Sequence[Box]) -> int:
    """Return the index of the tile nearest a box's center, or -1 if there are no tiles."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2

    def distance(n: int) -> float:
        x0, y0, x1, y1 = tiles[n]
        return max(x0 - x, x - x1, 0) + max(y0 - y, y - y1, 0)

    return min(range(len(tiles)), key=distance, default=-1)
