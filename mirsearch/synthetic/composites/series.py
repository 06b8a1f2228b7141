"""Blocks over time: rows of tiles with times outside or inside, montages of many small tiles, stitched strips."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from mirsearch.synthetic.composites import scenes
from mirsearch.synthetic.composites.boards import Board, Tile
from mirsearch.synthetic.composites.channels import choose_stains, draw_channel_tiles
from mirsearch.synthetic.composites.grids import (
    add_tile_bar,
    choose_scale,
    has_bar,
    place_tile,
    plan_rooms,
    spread_scale,
    write_headings,
    write_row_names,
    write_span,
)
from mirsearch.synthetic.composites.marks import draw_window, write_corner
from mirsearch.synthetic.fields import Random
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.scalebars.styles import WHITE

TIMES = (
    ("0 h", "2 h", "4 h", "6 h", "8 h", "12 h", "24 h", "48 h"), ("0", "1", "2", "3", "4", "5", "6", "7"),
    ("0 s", "30 s", "60 s", "90 s", "120 s", "150 s", "180 s", "210 s"),
    ("-5 min", "0 min", "5 min", "10 min", "15 min", "20 min", "30 min", "60 min"),
    ("00:00", "00:15", "00:30", "00:45", "01:00", "01:15", "01:30", "01:45"), ("before", "during", "after", "wash"),
    ("Z = 0 µm", "Z = 2 µm", "Z = 4 µm", "Z = 6 µm", "Z = 8 µm", "Z = 10 µm", "Z = 12 µm", "Z = 14 µm"),
)  # fmt: skip
"""Words over the tiles of a series. Depths are there too: a length that is no scale bar's."""


def time_series(board: Board) -> None:
    """Draw one to three rows of tiles over time."""
    rng = board.rng
    columns = int(rng.integers(3, 7)) if board.width > 600 else int(rng.integers(2, 5))
    rows = int(rng.integers(1, 4))
    _draw_series(board, rows, columns, inside=bool(rng.uniform() < 0.5))


def montage(board: Board) -> None:
    """Draw a montage of up to 7 rows of up to 8 small tiles."""
    rng = board.rng
    _draw_series(board, int(rng.integers(3, 8)), int(rng.integers(5, 9)), inside=bool(rng.uniform() < 0.15))


def _draw_series(board: Board, rows: int, columns: int, inside: bool) -> None:
    rng = board.rng
    times = TIMES[int(rng.integers(len(TIMES)))]
    columns = min(columns, len(times))
    stains = choose_stains(rng, min(rows, 3))
    rows_are_channels = rows > 1 and bool(rng.uniform() < 0.6)
    rows = min(rows, len(stains) + 1) if rows_are_channels else rows
    with_merge = rows_are_channels and rows == len(stains) + 1
    names = [stain.name for stain in stains][:rows] if rows_are_channels else [f"Cell {n + 1}" for n in range(rows)]
    names += ["Merge"] if with_merge else []
    has_names = rows > 1 or bool(rng.uniform() < 0.3)
    span = bool(not inside and rng.uniform() < 0.3)
    turned = bool(rng.uniform() < 0.4)
    rooms = plan_rooms(board, columns, names if has_names else (), turned, 0 if inside else 1 + span)
    scale = choose_scale(board, rooms.tile_w)
    if inside:
        scale.look = replace(scale.look, corner="bottom-right")
    if span:
        write_span(board, rooms.left, rooms.row_end(columns), 0, "Time after stimulation")
    if not inside:
        write_headings(board, rooms, times[:columns], [None] * columns, False)
    if has_names:
        write_row_names(board, rooms, names, turned)
    looks = str(rng.choice(("colored", "gray"), p=(0.5, 0.5)))
    window = bool(rng.uniform() < 0.3)
    pictures = _draw_states(rng, (rooms.tile_w, rooms.tile_h), stains, looks, (rows, columns), rows_are_channels)
    side = rooms.tile_h // 6
    for row in range(rows):
        for column in range(columns):
            picture = pictures[row][column]
            heading = f"{names[row]} {times[column]}" if has_names else times[column]
            tile = Tile((0, 0, 1, 1), "micrograph", "fluorescence", heading)
            if window and side > 12:
                at = (rooms.tile_w // 3, rooms.tile_h // 3)
                draw_window(picture, (*at, at[0] + side, at[1] + side), WHITE, False)
            if inside:
                write_corner(picture, times[column])
            if has_bar(scale.where, row, column, rows, columns):
                add_tile_bar(picture, tile, scale, not board.tiles)
            place_tile(board, picture, tile, *rooms.corner(row, column))
    spread_scale(board.tiles, scale)
    board.words = "Time-lapse images of cells expressing " + " and ".join(stain.name for stain in stains)


def _draw_states(
    rng: Random, size: tuple[int, int], stains: list[scenes.Stain], looks: str, shape: tuple[int, int], together: bool
) -> list[list[Pixels]]:
    """Return the pictures of a series by row and column; `together`: rows are channels of one scene."""
    rows, columns = shape
    kind = str(rng.choice(("culture", "neurons", "epithelium", "larva", "sparse"), p=(0.6, 0.12, 0.12, 0.08, 0.08)))
    table: list[list[Pixels]] = [[] for _ in range(rows)]
    cell = scenes.choose_size(*size, rng)
    first = [scenes.draw_scene(*size, rng, kind, cell) for _ in range(1 if together else rows)]
    for column in range(columns):
        states = [scenes.drift(scene, rng, 0.006 * size[0] * column, 0.7 + 0.1 * column) for scene in first]
        if together:
            for row, picture in enumerate(draw_channel_tiles(states[0], stains, looks, rows > len(stains), rng)[:rows]):
                table[row].append(picture)
        else:
            for row, state in enumerate(states):
                table[row].append(draw_channel_tiles(state, stains[:1], looks, False, rng)[0])
    return table


def strip(board: Board) -> None:
    """Draw one image by intent: a stitched strip with one frame, whose fields differ a little in brightness."""
    rng = board.rng
    width = board.width - 4
    height = round(width / float(rng.uniform(2.4, 4.5)))
    channels = scenes.draw_scene(width, height, rng, str(rng.choice(("epithelium", "culture", "neurons"))))
    stain = choose_stains(rng, 1)[0]
    picture = scenes.show(channels[stain.structure], stain.color, rng).astype(np.float32)
    fields = int(rng.integers(3, 7))
    for number in range(fields):
        x0, x1 = width * number // fields, width * (number + 1) // fields
        picture[:, x0:x1] *= float(rng.uniform(0.9, 1.05))
    pixels = np.clip(picture, 0, 255).astype(np.uint8)
    cv2.rectangle(pixels, (0, 0), (width - 1, height - 1), WHITE if rng.uniform() < 0.5 else (0, 0, 0), 2)
    scale = choose_scale(board, round(width * 0.5))
    tile = Tile((0, 0, 1, 1), "micrograph", "fluorescence", stain.name)
    if scale.where != "none":
        add_tile_bar(pixels, tile, scale, True)
    place_tile(board, pixels, tile, 0, 0)
    spread_scale(board.tiles, scale)
    board.words = f"Stitched image of {stain.name} along the section"
