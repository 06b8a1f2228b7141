"""Blocks of images beside plots and schematics under one letter; gels and blots; plots and schematics alone."""

from __future__ import annotations

from mirsearch.corpus import Box
from mirsearch.synthetic.composites import scenes
from mirsearch.synthetic.composites.boards import Board, Tile
from mirsearch.synthetic.composites.channels import choose_stains
from mirsearch.synthetic.composites.charts import draw_chart
from mirsearch.synthetic.composites.gels import draw_gel
from mirsearch.synthetic.composites.grids import (
    CONDITIONS,
    Rooms,
    add_tile_bar,
    choose_scale,
    fit_height,
    has_bar,
    place_tile,
    spread_scale,
    write_span,
)
from mirsearch.synthetic.composites.marks import draw_frame
from mirsearch.synthetic.composites.pictures import PICTURES
from mirsearch.synthetic.composites.singles import draw_picture
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.plots import draw_plot, draw_schematic, ink_box
from mirsearch.synthetic.scalebars.bars import shift_box
from mirsearch.synthetic.scalebars.styles import BLACK


def place_drawing(board: Board, picture: Pixels, kind: str, x: int, y: int) -> Tile:
    """Paste a drawing on white and add its tile, whose box is that of its ink."""
    board.paste(picture, x, y)
    tile = Tile(shift_box(ink_box(picture), x, y), kind)
    board.tiles.append(tile)
    return tile


def _chart(board: Board, width: int, height: int) -> Pixels:
    """Return a plot: mostly one of the life sciences, else one of materials science."""
    if board.rng.uniform() < 0.85:
        return draw_chart(width, height, board.rng, board.look.words * 0.9)
    return draw_plot(width, height, board.rng)[0]


def plots(board: Board) -> None:
    """Draw one to four plots in a row, sometimes under a title."""
    rng = board.rng
    count = int(rng.integers(1, 5)) if board.width > 800 else int(rng.integers(1, 3))
    gap = 14
    width = min((board.width - gap * (count - 1)) // count, 620)
    height = round(width * float(rng.uniform(0.7, 1.3)))
    top = 0
    if rng.uniform() < 0.3:
        write_span(board, 0, count * (width + gap) - gap, 0, "Quantification", bool(rng.uniform() < 0.5))
        top = board.bottom + 8
    for number in range(count):
        place_drawing(board, _chart(board, width, height), "plot", number * (width + gap), top)
    board.words = "Quantification of the experiments (n = 3, mean ± SEM)"


def schematic(board: Board) -> None:
    """Draw a schematic."""
    width = min(board.width, 900)
    picture = _draw_schematic(board, width, round(width * float(board.rng.uniform(0.3, 0.6))))
    place_drawing(board, picture, "schematic", 0, 0)
    board.words = "Schematic of the experiment"


def _draw_schematic(board: Board, width: int, height: int) -> Pixels:
    """Return a schematic, cut to its ink above and below."""
    picture = draw_schematic(width, height, board.rng)[0]
    box = ink_box(picture)
    return picture[box[1] : box[3]]


def images_with_plot(board: Board) -> None:
    """Draw images of two conditions beside a plot, their names below, at the left or above."""
    rng = board.rng
    columns, rows = (2, int(rng.integers(1, 3))) if rng.uniform() < 0.7 else (1, 2)
    share = float(rng.uniform(0.55, 0.7))
    _draw_images(board, columns, rows, round(board.width * share))
    height = max(120, board.bottom)
    x = round(board.width * share) + 30
    width = min(board.width - x, round(height * 1.5))
    charts = 2 if width > 1.3 * height else 1
    for number in range(charts):
        piece = width // charts - 6
        place_drawing(board, _chart(board, piece, min(height, piece * 2)), "plot", x + number * (piece + 6), 0)
    board.words += ", and quantification"


def images_with_schematic(board: Board) -> None:
    """Draw a schematic beside images."""
    rng = board.rng
    share = float(rng.uniform(0.4, 0.6))
    _draw_images(board, int(rng.integers(1, 4)), int(rng.integers(1, 3)), round(board.width * share))
    x = round(board.width * share) + 24
    height = max(140, min(board.bottom, round((board.width - x) * 0.8)))
    place_drawing(board, _draw_schematic(board, board.width - x, height), "schematic", x, 0)
    board.words += "; right: schematic"


def _draw_images(board: Board, columns: int, rows: int, width: int) -> None:
    """Draw fluorescence or stained tissue of conditions in a part of a board, with names above or below."""
    rng = board.rng
    fluorescent = bool(rng.uniform() < 0.6)
    kind = PICTURES[str(rng.choice(("histology", "section", "on_white")))].of_one_specimen(rng)
    names = CONDITIONS[int(rng.integers(len(CONDITIONS)))][:columns]
    named = len(names) == columns and columns > 1
    below = bool(rng.uniform() < 0.4)
    top = round(board.look.words * 1.4 + 8) if named and not below else 0
    tile_w = (width - board.look.gutter * (columns - 1)) // columns
    rooms = Rooms(0, top, tile_w, round(tile_w / float(rng.choice((1.0, 1.33, 1.4)))), board.look.gutter)
    scale = choose_scale(board, tile_w, (2e4, 5e4, 1e5) if fluorescent else kind.lengths_nm)
    stains, size = choose_stains(rng, 2), scenes.choose_size(tile_w, rooms.tile_h, rng)
    scene = str(rng.choice(("culture", "epithelium", "larva", "neurons")))
    for row in range(rows):
        for column in range(columns):
            if fluorescent:
                channels = scenes.draw_scene(tile_w, rooms.tile_h, rng, scene, size)
                picture = scenes.merge([scenes.show(channels[s.structure], s.color, rng) for s in stains])
                tile = Tile((0, 0, 1, 1), "micrograph", "fluorescence")
            else:
                picture = draw_picture(kind, tile_w, rooms.tile_h, rng)
                tile = Tile((0, 0, 1, 1), kind.kinds, kind.techniques)
            tile.heading = names[column] if named else ""
            if has_bar(scale.where, row, column, rows, columns):
                add_tile_bar(picture, tile, scale, not board.tiles)
            place_tile(board, picture, tile, *rooms.corner(row, column))
    spread_scale(board.tiles, scale)
    for column in range(columns if named else 0):
        x = rooms.corner(0, column)[0] + tile_w / 2
        y = board.bottom + 5 if below and column == 0 else 2
        if below and column:
            y = board.bottom - round(board.look.words) + 2
        board.text(names[column], x, y, fit_height(board, names[column], tile_w), align="middle")
    board.words = f"Staining of {stains[0].name} and {stains[1].name}" if fluorescent else kind.words


def gels(board: Board) -> None:
    """Draw blots under lane names with brackets, with weights at the left and names of proteins at the right."""
    rng = board.rng
    _draw_gels(board, int(rng.integers(1, 3)) if board.width > 500 else 1, board.width)
    board.words = "Immunoblotting of total cell lysates"


def gels_with_plot(board: Board) -> None:
    """Draw blots beside a plot."""
    share = float(board.rng.uniform(0.5, 0.65))
    _draw_gels(board, 1, round(board.width * share))
    x = round(board.width * share) + 24
    height = int(max(130, min(board.bottom, (board.width - x) * 1.2)))
    place_drawing(board, _chart(board, board.width - x, height), "plot", x, 0)
    board.words = "Immunoblots and their quantification"


def _draw_gels(board: Board, count: int, width: int) -> None:
    rng, words = board.rng, board.look.words * 0.8
    left, right = round(words * 3.2), round(words * 5)
    lanes = int(rng.integers(4, 7) if width < 500 else rng.integers(6, 13))
    gel_w = (width - left - right - 12 * (count - 1)) // count
    dark = bool(rng.uniform() < 0.15)
    top = 0
    if rng.uniform() < 0.7:
        write_span(board, left + gel_w * 0.1, left + gel_w * 0.9, 0, "Halo-GFP (+ ligand)")
        top = board.bottom + 6
    for lane in range(lanes * count):
        x = left + (lane // lanes) * (gel_w + 12) + (lane % lanes + 0.5) * gel_w / lanes
        board.text(str(rng.choice(("0", "6", "+", "-"))), x, top, words, align="middle")
    y = board.bottom + 8
    for row in range(int(rng.integers(1, 4))):
        height = round(gel_w * float(rng.uniform(0.35, 0.8) if row == 0 else rng.uniform(0.1, 0.2)))
        for number in range(count):
            picture = draw_gel(gel_w, max(18, height), rng, lanes, int(rng.integers(2, 6)) if row == 0 else 1, dark)
            if rng.uniform() < 0.8:
                draw_frame(picture, (0, 0, picture.shape[1], picture.shape[0]), BLACK, 2 if gel_w > 300 else 1)
            tile = Tile((0, 0, 1, 1), "gel")
            place_tile(board, picture, tile, left + number * (gel_w + 12), y)
        _write_weights(board, board.tiles[-count].box, board.tiles[-1].box, row)
        y = board.bottom + 7


def _write_weights(board: Board, first: Box, last: Box, row: int) -> None:
    """Write weights with ticks at the left of a row of blots, and a protein's name at its right."""
    words = board.look.words * 0.62
    weights = ("100", "75", "50", "37", "25") if row == 0 else ("37",)
    for number, weight in enumerate(weights):
        y = first[1] + (first[3] - first[1]) * (number + 0.5) / len(weights)
        board.rule(first[0] - 8, y, first[0] - 2, y + 1, 1)
        board.text(weight, first[0] - 10, y - words / 2, words, align="right")
    name = str(board.rng.choice(("GFP", "HSP90", "b-actin", "LC3", "p62", "GAPDH")))
    middle = (last[1] + last[3]) / 2
    board.rule(last[2] + 3, middle, last[2] + 9, middle + 1, 1)
    board.text(name, last[2] + 12, middle - words / 2, words * 1.1)
