"""Blocks of tiles with headings: channel grids, and what they share with time series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mirsearch.synthetic.composites import scenes
from mirsearch.synthetic.composites.bars import BarLook, add_bar, bar_length_px, choose_bar_look
from mirsearch.synthetic.composites.boards import Board, Tile
from mirsearch.synthetic.composites.marks import add_marks
from mirsearch.synthetic.fields import Random
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.scalebars.styles import Color

CONDITIONS: tuple[tuple[str, ...], ...] = (
    ("Control", "Treated"), ("WT", "KO"), ("0 h", "6 h"), ("siCtrl", "siATG5"), ("DMSO", "Drug 1", "Drug 2"),
    ("Vehicle", "THC"), ("Sham", "Endo"), ("Day 1", "Day 3", "Day 7"), ("WT", "Het", "Mutant"), ("- dox", "+ dox"),
    ("Untreated", "10 nM", "100 nM", "1 µM"), ("Young", "Aged"), ("E12.5", "E14.5", "P0"), ("Normoxia", "Hypoxia"),
)  # fmt: skip
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
    return Scale(length_nm / length_px, length_nm, choose_bar_look(tile_width, look, rng), value, where)


def has_bar(where: str, row: int, column: int, rows: int, columns: int) -> bool:
    """Return whether the tile at (row, column) has a bar under a rule of :class:`Scale`."""
    return {
        "each": True, "first": row == 0 and column == 0, "last": row == rows - 1 and column == columns - 1,
        "row ends": column == columns - 1, "none": False,
    }[where]  # fmt: skip


def add_tile_bar(picture: Pixels, tile: Tile, scale: Scale, rng: Random, first: bool) -> None:
    """Draw a tile's bar. Where only one bar of many has a label, the others' length is shared."""
    value = "shared" if scale.value == "one label" and not first else scale.value.replace("one label", "label")
    tile.bar = add_bar(picture, scale.nm_per_px, scale.length_nm, scale.look, rng, value)


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

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Return the upper left corner of a tile."""
        return self.left + column * (self.tile_w + self.gutter), self.top + row * (self.tile_h + self.gutter)

    def row_end(self, columns: int) -> int:
        """Return the right end of a row of tiles."""
        return self.left + columns * (self.tile_w + self.gutter) - self.gutter


def write_headings(
    board: Board, rooms: Rooms, headings: Sequence[str], colors: Sequence[Color | None], underlined: bool
) -> None:
    """Write a heading above each column, sometimes with a line below it."""
    for column, heading in enumerate(headings):
        x, y = rooms.corner(0, column)
        height = fit_height(board, heading, rooms.tile_w)
        tall = board.text_size(heading, height)[1]
        top = y - 5 - (4 if underlined else 0) - tall
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


def choose_stains(rng: Random, count: int) -> list[scenes.Stain]:
    """Return stains of different colors; the first is often the nuclei's."""
    order = [scenes.STAINS[number] for number in rng.permutation(len(scenes.STAINS))]
    if count > 1 and rng.uniform() < 0.7:
        order.insert(0, scenes.STAINS[int(rng.integers(2))])
    chosen: list[scenes.Stain] = []
    for stain in order:
        if len(chosen) < count and stain.color not in {other.color for other in chosen}:
            chosen.append(stain)
    return chosen


def draw_channel_tiles(
    channels: scenes.Channels, stains: Sequence[scenes.Stain], looks: str, with_merge: bool, rng: Random
) -> list[Pixels]:
    """Return a picture for each stain and the merge; `looks`: colored, gray, inverted (gray on white)."""
    noise = float(rng.uniform(0.005, 0.05))
    colored = [scenes.show(channels[stain.structure], stain.color, rng, noise) for stain in stains]
    if looks == "colored":
        tiles = list(colored)
    else:
        tiles = [scenes.show(channels[stain.structure], "gray", rng, noise, looks == "inverted") for stain in stains]
    return [*tiles, scenes.merge(colored)] if with_merge else tiles


def channel_grid(board: Board) -> None:
    """Draw a grid: rows are conditions, columns are channels and mostly their merge."""
    rng, look = board.rng, board.look
    stains = choose_stains(rng, int(rng.integers(1, 4)) + (board.width > 700))
    with_merge = len(stains) > 1 and bool(rng.uniform() < 0.85)
    names = CONDITIONS[int(rng.integers(len(CONDITIONS)))]
    if rng.uniform() < 0.25:
        names = names[:1]
    columns = len(stains) + with_merge
    looks = str(rng.choice(("colored", "gray", "inverted"), p=(0.62, 0.3, 0.08)))
    merge_name = str(rng.choice(("Merge", "Merged", "Overlay", "merge + DAPI")))
    headings = [stain.name for stain in stains] + ([merge_name] if with_merge else [])
    inside = bool(rng.uniform() < 0.22)
    has_rows = len(names) > 1 or bool(rng.uniform() < 0.4)
    turned = bool(rng.uniform() < 0.6)
    span = bool(not inside and rng.uniform() < 0.3)
    rooms = plan_rooms(board, columns, names if has_rows else (), turned, 0 if inside else 1 + span)
    scale = choose_scale(board, rooms.tile_w)
    if scale.where == "each" and scale.value == "label" and rng.uniform() < 0.4:
        scale.value = "one label"
    if span:
        write_span(board, rooms.left, rooms.row_end(columns), 0, f"{rng.choice(SUBJECTS)} (+ ligand)")
    colored = bool(rng.uniform() < 0.5) and look.ink == (0, 0, 0)
    colors: list[Color | None] = [
        _readable(scenes.DYE_COLORS[stain.color]) if colored else None for stain in stains
    ] + [None] * with_merge
    if not inside:
        write_headings(board, rooms, headings, colors, bool(rng.uniform() < 0.15 and not span))
    if has_rows:
        write_row_names(board, rooms, names, turned)
    kind = str(rng.choice(tuple(scenes.SCENES), p=(0.42, 0.2, 0.12, 0.08, 0.1, 0.08)))
    for row, name in enumerate(names):
        channels = scenes.draw_scene(rooms.tile_w, rooms.tile_h, rng, kind)
        pictures = draw_channel_tiles(channels, stains, looks, with_merge, rng)
        for column, picture in enumerate(pictures):
            tile = Tile((0, 0, 1, 1), "micrograph", "fluorescence", " ".join(filter(None, (name if has_rows else "", headings[column]))))  # fmt: skip # noqa: E501
            if inside:
                _write_inside(board, picture, headings[column], colors[column])
            add_marks(picture, rng)
            if has_bar(scale.where, row, column, len(names), columns):
                add_tile_bar(picture, tile, scale, rng, not board.tiles)
            place_tile(board, picture, tile, *rooms.corner(row, column))
    spread_scale(board.tiles, scale)
    board.words = _describe(rng, stains)


def _readable(color: Color) -> Color:
    """Return a darker color for words on white where a dye's color is too pale."""
    return tuple(int(part * 0.72) for part in color) if sum(color) > 380 else color  # type: ignore[return-value]


def _describe(rng: Random, stains: Sequence[scenes.Stain]) -> str:
    subject = str(rng.choice(SUBJECTS))
    listed = ", ".join(f"{stain.name} ({stain.color})" if rng.uniform() < 0.4 else stain.name for stain in stains)
    lead = str(rng.choice(("Confocal images", "Fluorescence images", "Representative images", "Immunofluorescence")))
    return f"{lead} of {subject} stained for {listed}"


def _write_inside(board: Board, picture: Pixels, words: str, color: Color | None) -> None:
    """Write a heading in a tile's upper part, in white or in the channel's color."""
    from mirsearch.synthetic.text_masks import paint_mask, text_mask

    height = float(np.clip(picture.shape[1] * 0.07, 9, 26))
    mask = text_mask(words, height)
    bright = float(picture[: mask.shape[0] + 8].mean()) > 140
    ink = (0, 0, 0) if bright else (255, 255, 255) if color is None or sum(color) < 300 else color
    paint_mask(picture, mask, max(2, picture.shape[1] - mask.shape[1] - 6), 6, ink)


def plan_rooms(
    board: Board, columns: int, row_names: Sequence[str], turned: bool, heading_lines: int, shape: float = 0.0
) -> Rooms:
    """Plan a grid over a board's width: the rooms for words, and the size of its tiles."""
    rng, look = board.rng, board.look
    left = 0
    if row_names:
        widest = max(board.text_size(name)[0] for name in row_names)
        left = round(look.words * 1.3) + 10 if turned else min(widest + 12, board.width // 4)
    top = round(heading_lines * (look.words * 1.35 + 9))
    gutter = look.gutter
    tile_w = (board.width - left - gutter * (columns - 1)) // columns
    tile_w = min(tile_w, round(rng.uniform(0.75, 1.0) * board.width / 1.6))
    return Rooms(left, top, tile_w, round(tile_w / (shape or float(rng.choice((1.0, 1.0, 1.0, 1.33, 0.85))))), gutter)


def place_tile(board: Board, picture: Pixels, tile: Tile, x: int, y: int) -> Tile:
    """Paste a tile's picture at (x, y), move the tile's truth there, and add it to the board."""
    bar = tile.bar
    tile.box = board.paste(picture, x, y)
    tile.bar = None if bar is None else bar.shift(x, y)
    board.tiles.append(tile)
    return tile
