"""Blocks of pictures without channels: rows of electron micrographs, histology, maps, renderings; prime letters."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from mirsearch.corpus import Box
from mirsearch.synthetic.composites import scenes
from mirsearch.synthetic.composites.boards import Board, Tile, TileBar
from mirsearch.synthetic.composites.channels import choose_stains
from mirsearch.synthetic.composites.grids import (
    CONDITIONS,
    SUBJECTS,
    Rooms,
    Scale,
    add_tile_bar,
    choose_scale,
    has_bar,
    place_tile,
    plan_rooms,
    spread_scale,
    write_headings,
    write_row_names,
)
from mirsearch.synthetic.composites.marks import add_marks, write_corner
from mirsearch.synthetic.composites.pictures import PICTURES, PictureKind
from mirsearch.synthetic.fields import Random
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.scalebars.databars import databar_height, draw_databar
from mirsearch.synthetic.scalebars.styles import BAR_STYLES, BLACK, WHITE

LARGEST_DRAWN = 170_000
"""Pixels of a picture above which it is drawn smaller and enlarged, as published figures often are. For speed."""

DARK = ("layered", "element", "rendering")
"""First pictures of blocks whose tiles can be black, or white, at their edges."""

ELEMENTS = ("C", "O", "N", "Si", "Fe", "Au", "Ti", "HAADF")

DATABARS = tuple(name for name, style in BAR_STYLES.items() if style.databar is not None)


def draw_picture(kind: PictureKind, width: int, height: int, rng: Random) -> Pixels:
    """Return a picture of a kind in a size in px."""
    factor = max(1.0, float(np.sqrt(width * height / LARGEST_DRAWN)))
    small = kind.draw(max(24, round(width / factor)), max(24, round(height / factor)), rng)
    if small.shape[:2] == (height, width):
        return small
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _row(names: tuple[str, ...], most: int = 4) -> Callable[[Board], None]:
    """Return a block that shows one of the named pictures in rows of tiles, sometimes with names of conditions."""

    def block(board: Board) -> None:
        rng = board.rng
        kind = PICTURES[str(rng.choice(names))].of_one_specimen(rng)
        columns = int(rng.integers(1, most + 1)) if board.width > 700 else int(rng.integers(1, 3))
        rows = 1 if columns < 2 or rng.uniform() < 0.6 else 2
        headings = CONDITIONS[int(rng.integers(len(CONDITIONS)))][:columns]
        headed = len(headings) == columns and columns > 1 and bool(rng.uniform() < 0.5)
        row_names = ("Before", "After")[:rows] if rows > 1 and rng.uniform() < 0.5 else ()
        turned = bool(rng.uniform() < 0.7)
        shape = float(rng.choice((1.0, 1.2, 1.33, 1.5)))
        rooms = plan_rooms(board, columns, row_names, turned, 1 if headed else 0, shape, names[0] in DARK)
        scale = choose_scale(board, rooms.tile_w, kind.lengths_nm)
        if headed:
            write_headings(board, rooms, headings, [None] * columns, bool(rng.uniform() < 0.3))
        if row_names:
            write_row_names(board, rooms, row_names, turned)
        _fill(board, kind, rooms, scale, rows, columns, [_words(row_names, headings if headed else (), n, columns) for n in range(rows * columns)])  # fmt: skip # noqa: E501

    return block


def _words(rows: tuple[str, ...], columns: tuple[str, ...], number: int, count: int) -> str:
    """Return the words at a tile's row and column."""
    row = rows[number // count] if rows else ""
    return " ".join(filter(None, (row, columns[number % count] if columns else "")))


def _fill(
    board: Board, kind: PictureKind, rooms: Rooms, scale: Scale, rows: int, columns: int, headings: list[str]
) -> None:
    rng = board.rng
    where = "each" if scale.where in ("none", "each") else scale.where
    for number in range(rows * columns):
        row, column = divmod(number, columns)
        picture = draw_picture(kind, rooms.tile_w, rooms.tile_h, rng)
        tile = Tile((0, 0, 1, 1), kind.kinds, kind.techniques, headings[number])
        if "schematic" not in kind.kinds:
            add_marks(picture, rng, WHITE if float(picture.mean()) < 150 else BLACK)
        if kind.techniques == "EDX" and not headings[number]:
            tile.heading = f"{ELEMENTS[number % len(ELEMENTS)]} K"
            write_corner(picture, tile.heading, "top-right")
        if has_bar(where, row, column, rows, columns):
            add_tile_bar(picture, tile, scale, not board.tiles)
        place_tile(board, picture, tile, *rooms.corner(row, column))
    spread_scale(board.tiles, scale)
    board.words = kind.words


sections = _row(("section", "segmentation", "section"))
histology = _row(("histology",))
cryo = _row(("vesicles", "particles"))
materials = _row(("spheres", "fibers", "pores", "petals", "particles", "afm"))
color_maps = _row(("element", "map"))
renderings = _row(("rendering", "dark_rendering"))
whites = _row(("on_white",), 2)
edges = _row(("layered", "cropped"), 3)


def databars(board: Board) -> None:
    """Draw one or two SEM pictures, each with the databar of its instrument and its own magnification."""
    rng = board.rng
    columns = 1 if board.width < 700 else int(rng.integers(1, 4))
    kind = PICTURES[str(rng.choice(("spheres", "fibers", "pores", "petals")))]
    rooms = plan_rooms(board, columns, (), False, 0, 1.33, False)
    style = BAR_STYLES[str(rng.choice(DATABARS))]
    for column in range(columns):
        picture = draw_picture(kind, rooms.tile_w, rooms.tile_h, rng)
        nm_per_px = float(rng.choice(kind.lengths_nm)) / (0.2 * rooms.tile_w) * float(rng.uniform(0.8, 1.2))
        bar = None
        if rooms.tile_h - databar_height(rooms.tile_h) >= 60:  # else the picture is too low for a databar
            drawn = draw_databar(picture, nm_per_px, style, rng)
            box = (drawn.box[0] - 2, drawn.box[1] - 2, drawn.box[2] + 2, drawn.box[3] + 2)
            bar = TileBar(drawn.box, box, drawn.length_px, drawn.length_nm, "label", drawn.label_text)
        told = None if bar is None else nm_per_px
        tile = Tile((0, 0, 1, 1), "micrograph", "SEM", nm_per_px=told, bar=bar, magnification=column)
        place_tile(board, picture, tile, *rooms.corner(0, column))
    board.words = kind.words


def primes(board: Board) -> None:
    """Draw a merge and its channels, marked c, c', c''."""
    rng = board.rng
    stains = choose_stains(rng, int(rng.integers(1, 4)))
    rooms = plan_rooms(board, len(stains) + 1, (), False, 0, 1.0)
    scale = choose_scale(board, rooms.tile_w)
    channels = scenes.draw_scene(rooms.tile_w, rooms.tile_h, rng)
    colored = [scenes.show(channels[stain.structure], stain.color, rng) for stain in stains]
    gray = [scenes.show(channels[stain.structure], "gray", rng) for stain in stains]
    pictures = [scenes.merge(colored), *(colored if rng.uniform() < 0.5 else gray)]
    for column, picture in enumerate(pictures):
        tile = Tile((0, 0, 1, 1), "micrograph", "fluorescence", prime=column)
        add_marks(picture, rng)
        if has_bar(scale.where, 0, column, 1, len(pictures)):
            add_tile_bar(picture, tile, scale, column == 0)
        place_tile(board, picture, tile, *rooms.corner(0, column))
    spread_scale(board.tiles, scale)
    board.words = "Confocal image of " + " and ".join(stain.name for stain in stains) + ", with single channels"


def lettered(board: Board) -> None:
    """Draw tiles with a letter each, on thin gutters, with titles above or none, each with its own scale.

    The tiles of a row have one height, and sometimes different widths. Letters run along rows, or down columns.
    """
    rng = board.rng
    columns, rows = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    titled = bool(rng.uniform() < 0.35)
    names = ("section", "on_white", "histology", "spheres", "petals", "vesicles", "afm", "map", "rendering", "layered")
    one_kind = PICTURES[str(rng.choice(names))] if rng.uniform() < 0.5 else None
    gap = round(board.look.words * 1.35 + 9) if titled else 0
    boxes = _lettered_boxes(board, rows, columns, gap)
    down = bool(rng.uniform() < 0.2)
    for number, box in enumerate(boxes):
        row, column = divmod(number, columns)
        mark = column * rows + row if down else number
        tile = _lettered_tile(board, one_kind or PICTURES[str(rng.choice(names))], box, mark)
        if titled:
            tile.heading = str(rng.choice(("dorsal view", "ventral view", "in situ HCR", "IHC", "overview", "detail")))
            board.text(tile.heading, box[0] + board.look.letters * 2.4, box[1] - gap + 2)


def _lettered_boxes(board: Board, rows: int, columns: int, gap: int) -> list[Box]:
    """Return the tiles' boxes row by row, with `gap` px above each row for titles."""
    rng = board.rng
    rooms = plan_rooms(board, columns, (), False, 0)
    uneven = bool(rng.uniform() < 0.25)
    boxes: list[Box] = []
    for row in range(rows):
        shares = rng.uniform(0.6, 1.5, columns) if uneven else np.ones(columns)
        room = columns * rooms.tile_w
        ends = np.round(np.cumsum([0, *(shares / shares.sum())]) * room).astype(int)
        y = rooms.corner(row, 0)[1] + gap * (row + 1)
        for column in range(columns):
            x0, x1 = int(ends[column]) + column * rooms.gutter, int(ends[column + 1]) + column * rooms.gutter
            boxes.append((x0, y, x1, y + rooms.tile_h))
    return boxes


def _lettered_tile(board: Board, kind: PictureKind, box: Box, number: int) -> Tile:
    """Draw a tile with its own scale: fluorescence, or a picture of a kind."""
    rng = board.rng
    width, height = box[2] - box[0], box[3] - box[1]
    fluorescent = bool(rng.uniform() < 0.45)
    lengths = (1e4, 2e4, 5e4) if fluorescent else kind.lengths_nm
    scale = choose_scale(board, width, lengths)
    if fluorescent:
        channels = scenes.draw_scene(width, height, rng)
        stains = choose_stains(rng, int(rng.integers(1, 3)))
        picture = scenes.merge([scenes.show(channels[s.structure], s.color, rng) for s in stains])
        tile = Tile(box, "micrograph", "fluorescence", mark=number, magnification=number)
    else:
        picture = draw_picture(kind, width, height, rng)
        tile = Tile(box, kind.kinds, kind.techniques, mark=number, magnification=number)
    subject = str(rng.choice(SUBJECTS))
    board.words_of[number] = f"Expression in {subject}, dorsal view" if fluorescent else kind.words
    add_marks(picture, rng, WHITE if float(picture.mean()) < 150 else BLACK)
    if rng.uniform() < 0.75:
        add_tile_bar(picture, tile, scale, True)
        tile.nm_per_px = scale.nm_per_px if scale.told() else None
    return place_tile(board, picture, tile, box[0], box[1])
