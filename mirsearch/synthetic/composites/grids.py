"""Tools for blocks of tiles: rooms for words around them, headings, row names, and the scale of equal tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mirsearch.synthetic.composites.bars import BarLook, add_bar, bar_length_px, choose_bar_look, write_length
from mirsearch.synthetic.composites.boards import Board, Tile
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.plots import ink_box
from mirsearch.synthetic.scalebars.bars import shift_box
from mirsearch.synthetic.scalebars.styles import BLACK, WHITE, Color

CONDITIONS: tuple[tuple[str, ...], ...] = (
    ("Control", "Treated"), ("WT", "KO"), ("0 h", "6 h"), ("siCtrl", "siATG5"), ("DMSO", "Drug 1", "Drug 2"),
    ("Vehicle", "THC"), ("Sham", "Endo"), ("Day 1", "Day 3", "Day 7"), ("WT", "Het", "Mutant"), ("- dox", "+ dox"),
    ("Untreated", "10 nM", "100 nM", "1 µM"), ("Young", "Aged"), ("E12.5", "E14.5", "P0"), ("Normoxia", "Hypoxia"),
)  # fmt: skip
WIDEST_PX = 800
"""Widest tile of a grid. The widest of the composite figures of the literature that we saw had 775 px."""

DARKEST = 22
"""Level of the darkest pixels of pictures on a black ground, so that one sees where they end."""

SUBJECTS = (
    "HeLa cells", "U2OS cells", "mouse embryonic fibroblasts", "COS-7 cells", "primary neurons", "zebrafish larvae",
    "intestinal organoids", "mouse hippocampus", "Drosophila wing discs", "Arabidopsis roots", "MDCK cells",
)  # fmt: skip
FLUORESCENCE_NM = (2e3, 5e3, 10e3, 20e3, 50e3, 100e3)
"""Usual lengths of bars in fluorescence images, in nm."""


@dataclass(slots=True)
class Scale:
    """The scale of equally magnified tiles and the look of their bars; which tiles have one, and who tells it."""

    nm_per_px: float
    length_nm: float
    look: BarLook
    value: str
    where: str
    text: str

    def told(self) -> bool:
        """Return whether label or caption tells the length."""
        return self.value != "unknown"


def choose_scale(board: Board, tile_width: int, lengths_nm: Sequence[float] = FLUORESCENCE_NM) -> Scale:
    """Choose the scale of a block of tiles of a width in px: length of the bar, pixel size, look, which tiles."""
    rng, look = board.rng, board.look
    length_px = bar_length_px(tile_width, rng)
    length_nm = look.caption_nm or float(rng.choice(lengths_nm))
    value = look.bars if look.caption_nm or rng.uniform() < 0.85 else str(rng.choice(("label", "caption", "unknown")))
    where = str(rng.choice(("last", "each", "first", "row ends", "none"), p=(0.34, 0.24, 0.16, 0.2, 0.06)))
    return Scale(
        length_nm / length_px,
        length_nm,
        choose_bar_look(tile_width, look, rng),
        value,
        where,
        write_length(length_nm, rng),
    )


def has_bar(where: str, row: int, column: int, rows: int, columns: int) -> bool:
    """Return whether the tile at (row, column) has a bar under a rule of :class:`Scale`."""
    return {
        "each": True, "first": row == 0 and column == 0, "last": row == rows - 1 and column == columns - 1,
        "row ends": column == columns - 1, "none": False,
    }[where]  # fmt: skip


def add_tile_bar(picture: Pixels, tile: Tile, scale: Scale, first: bool) -> None:
    """Draw a tile's bar. Where only one bar of many has a label, the others' length is shared."""
    value = "shared" if scale.value == "one label" and not first else scale.value.replace("one label", "label")
    tile.bar = add_bar(picture, scale.nm_per_px, scale.length_nm, scale.look, value, scale.text)


def spread_scale(tiles: Sequence[Tile], scale: Scale) -> None:
    """Give all tiles of a block the scale if one of their bars has a length that is told."""
    if any(tile.bar is not None and tile.bar.value in ("label", "caption") for tile in tiles):
        for tile in tiles:
            tile.nm_per_px = scale.nm_per_px


@dataclass(frozen=True, slots=True)
class Rooms:
    """The rooms around a grid in px: left of it for row names, above it for headings and a spanning title."""

    left: int
    top: int
    tile_w: int
    tile_h: int
    gutter: int
    split: int = 0
    split_gap: int = 0

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Return the upper left corner of a tile. A gap of `split_gap` px stands before column `split`."""
        gap = self.split_gap if self.split and column >= self.split else 0
        return self.left + column * (self.tile_w + self.gutter) + gap, self.top + row * (self.tile_h + self.gutter)

    def row_end(self, columns: int) -> int:
        """Return the right end of a row of tiles."""
        return self.corner(0, columns - 1)[0] + self.tile_w


def write_headings(
    board: Board, rooms: Rooms, headings: Sequence[str], colors: Sequence[Color | None], underlined: bool
) -> None:
    """Write a heading above each column, sometimes with a line below it."""
    for column, heading in enumerate(headings):
        x, y = rooms.corner(0, column)
        height = fit_height(board, heading, rooms.tile_w)
        tall = board.text_size(heading, height)[1]
        top = y - 5 - (6 if underlined else 0) - tall
        board.text(heading, x + rooms.tile_w / 2, top, height, colors[column], align="middle")
        if underlined:
            board.rule(x + rooms.tile_w * 0.06, y - 6, x + rooms.tile_w * 0.94, y - 4, 2)


def fit_height(board: Board, words: str, room: float) -> float:
    """Return the height of words in px that fits into a width in px."""
    width, _ = board.text_size(words)
    return board.look.words if width <= room else max(8.0, board.look.words * room / width)


def write_span(board: Board, x0: float, x1: float, y: float, words: str, ruled: bool = True) -> None:
    """Write a title over several columns, with a line under it that spans them."""
    height = fit_height(board, words, x1 - x0)
    box = board.text(words, (x0 + x1) / 2, y, height, align="middle", face="italic" if "KO" in words else "")
    if ruled:
        board.rule(x0, box[3] + 4, x1, box[3] + 6, 2)
    if ruled and board.rng.uniform() < 0.25:  # a bracket
        for x in (x0, x1 - 2):
            board.rule(x, box[3] + 4, x + 2, box[3] + 9, 2)


def write_row_names(board: Board, rooms: Rooms, names: Sequence[str], turned: bool) -> None:
    """Write a name at the left of each row, upright or turned."""
    for row, name in enumerate(names):
        x, y = rooms.corner(row, 0)
        if turned:
            width, tall = board.text_size(name, fit_height(board, name, rooms.tile_h * 0.95))
            height = fit_height(board, name, rooms.tile_h * 0.95)
            board.text(name, x - 7 - tall, y + (rooms.tile_h - width) / 2, height, turned=True)
        else:
            height = fit_height(board, name, rooms.left - 10)
            board.text(name, x - 7, y + (rooms.tile_h - height) / 2, height, align="right")


def plan_rooms(
    board: Board,
    columns: int,
    row_names: Sequence[str],
    turned: bool,
    heading_lines: int,
    shape: float = 0.0,
    dark: bool = True,
    split: int = 0,
) -> Rooms:
    """Plan a grid over a board's width: the rooms for words, and the size of its tiles.

    `dark` tiles are never butted: nobody sees where one ends. A gap stands before column `split`.
    """
    rng, look = board.rng, board.look
    left = 0
    if row_names:
        widest = max(board.text_size(name)[0] for name in row_names)
        left = round(look.words * 1.3) + 10 if turned else min(widest + 12, board.width // 4)
    top = round(heading_lines * (look.words * 1.35 + 9))
    gutter = max(look.gutter, 1) if dark else look.gutter
    gap = round(look.words * float(rng.uniform(1, 2))) if split else 0
    tile_w = (board.width - left - gap - gutter * (columns - 1)) // columns
    tile_w = min(tile_w, round(rng.uniform(0.75, 1.0) * board.width / 1.6), WIDEST_PX)
    tile_h = round(tile_w / (shape or float(rng.choice((1.0, 1.0, 1.0, 1.33, 0.85)))))
    return Rooms(left, top, tile_w, tile_h, gutter, split, gap)


def place_tile(board: Board, picture: Pixels, tile: Tile, x: int, y: int) -> Tile:
    """Paste a tile's picture at (x, y), move the tile's truth there, and add it to the board.

    On a black ground, pictures are never quite black. On a white one, a picture on white ends where its ink does.
    """
    bar = tile.bar
    if board.look.ground == BLACK:
        picture = np.maximum(picture, DARKEST)
    tile.box = board.paste(picture, x, y)
    if board.look.ground == WHITE and float(np.mean(picture[:: picture.shape[0] - 1] > 250)) > 0.9:
        tile.box = shift_box(ink_box(picture), x, y)
    tile.bar = None if bar is None else bar.shift(x, y)
    board.tiles.append(tile)
    return tile
