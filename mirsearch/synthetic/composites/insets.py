"""Blocks of images with insets, and of overviews with their magnified regions."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from mirsearch.corpus import Box
from mirsearch.synthetic.composites import scenes
from mirsearch.synthetic.composites.bars import add_bar, longer, write_length
from mirsearch.synthetic.composites.boards import Board, Tile
from mirsearch.synthetic.composites.channels import choose_stains, draw_channel_tiles
from mirsearch.synthetic.composites.grids import (
    Scale,
    add_tile_bar,
    choose_scale,
    has_bar,
    place_tile,
    plan_rooms,
    spread_scale,
    write_headings,
)
from mirsearch.synthetic.composites.marks import draw_dashes, draw_frame, draw_window
from mirsearch.synthetic.composites.pictures import PICTURES, PictureKind, section
from mirsearch.synthetic.composites.singles import draw_picture
from mirsearch.synthetic.fields import Random
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.scalebars.bars import format_length
from mirsearch.synthetic.scalebars.styles import BLACK, WHITE, Color

FLUORESCENCE = PictureKind(section, "micrograph", "fluorescence", "Fluorescence images", (1e4, 2e4))
"""What insets of channels show; scenes draw them."""

INSET_PICTURES = ("section", "petals", "spheres", "histology", "vesicles")
INSET_CORNERS = ("top-left", "top-right", "bottom-left")


def magnify(picture: Pixels, window: Box, width: int, height: int) -> Pixels:
    """Return a window of a picture, enlarged to width × height px."""
    cut = picture[window[1] : window[3], window[0] : window[2]]
    return np.asarray(cv2.resize(cut, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def inset_images(board: Board) -> None:
    """Draw images, channels or electron micrographs, each with a magnified inset at the same corner."""
    rng = board.rng
    columns = int(rng.integers(1, 5)) if board.width > 600 else int(rng.integers(1, 3))
    channels_shown = bool(rng.uniform() < 0.75)
    headed = channels_shown and columns > 1 and bool(rng.uniform() < 0.7)
    rooms = plan_rooms(board, columns, (), False, 1 if headed else 0)
    kind = FLUORESCENCE if channels_shown else PICTURES[str(rng.choice(INSET_PICTURES))]
    pictures, headings = _main_pictures(rng, kind, (rooms.tile_w, rooms.tile_h), columns)
    if headed:
        write_headings(board, rooms, headings, [None] * len(headings), False)
    scale = choose_scale(board, rooms.tile_w, kind.lengths_nm)
    scale.look = replace(scale.look, corner="bottom-right")
    layout = _plan_inset(rng, pictures[-1])
    closer = _inset_scale(scale, layout, rng)
    color = WHITE if rng.uniform() < 0.8 else (255, 230, 0)
    for column, picture in enumerate(pictures):
        main = Tile((0, 0, 1, 1), "micrograph", kind.techniques, headings[column], role="main")
        inner = Tile(layout[1], "micrograph", kind.techniques, headings[column], magnification=1, role="inset")
        inset = _add_inset(picture, layout, color, rng)
        barred = has_bar(scale.where, 0, column, 1, len(pictures))
        if barred and closer is not None:
            _bar_inset(inset, inner, closer)
        x0, y0, x1, y1 = layout[1]
        picture[y0:y1, x0:x1] = inset
        if barred:
            add_tile_bar(picture, main, scale, not board.tiles)
        x, y = rooms.corner(0, column)
        place_tile(board, picture, main, x, y)
        inner.shift(x, y)
        inner.inset_of = len(board.tiles) - 1
        board.tiles.append(inner)
    _tell_scales(board, scale, _factor(layout))
    board.words = "Images with magnified insets of the boxed regions"


def _main_pictures(
    rng: Random, kind: PictureKind, size: tuple[int, int], columns: int
) -> tuple[list[Pixels], list[str]]:
    """Return pictures of a size, channels of one scene or views of a kind, and their headings."""
    if kind is not FLUORESCENCE:
        return [draw_picture(kind, *size, rng) for _ in range(columns)], [""] * columns
    stains = choose_stains(rng, max(1, columns - 1))
    looks = str(rng.choice(("gray", "colored")))
    pictures = draw_channel_tiles(scenes.draw_scene(*size, rng, "culture"), stains, looks, columns > 1, rng)
    return pictures, ([stain.name for stain in stains] + ["Merge"])[: len(pictures)]


def _plan_inset(rng: Random, picture: Pixels) -> tuple[Box, Box]:
    """Return a window where a picture has much to see, and the inset's box."""
    height, width = picture.shape[:2]
    side = round(min(width, height) * float(rng.uniform(0.28, 0.42)))
    inner = max(8, round(side / float(rng.uniform(1.8, 3.2))))
    margin = int(rng.choice((0, 0, max(3, round(0.02 * width)))))
    corner = str(rng.choice(INSET_CORNERS, p=(0.45, 0.4, 0.15)))
    x = margin if "left" in corner else width - side - margin
    y = margin if "top" in corner else height - side - margin
    places = rng.uniform((0.42, 0.42), (0.75, 0.7), (8, 2)) * (width, height)
    windows = [(int(left), int(top), int(left) + inner, int(top) + inner) for left, top in places]
    window = max(windows, key=lambda box: float(picture[box[1] : box[3], box[0] : box[2]].std()))
    return window, (x, y, x + side, y + side)


def _factor(layout: tuple[Box, Box]) -> float:
    window, inset = layout
    return (inset[2] - inset[0]) / (window[2] - window[0])


def _add_inset(picture: Pixels, layout: tuple[Box, Box], color: Color, rng: Random) -> Pixels:
    """Draw the window into a picture; return the framed inset."""
    window, box = layout
    inset = magnify(picture, window, box[2] - box[0], box[3] - box[1])
    draw_window(picture, window, color, bool(rng.uniform() < 0.25))
    if rng.uniform() < 0.9:
        draw_frame(inset, (0, 0, inset.shape[1], inset.shape[0]), color, 1 if inset.shape[0] < 150 else 2)
    return inset


def _inset_scale(scale: Scale, layout: tuple[Box, Box], rng: Random) -> Scale | None:
    """Return the scale of insets with bars of their own, of another length; None where none would fit."""
    nm_per_px = scale.nm_per_px / _factor(layout)
    choices = [scale.length_nm / part for part in (2, 2.5, 5, 10)]
    fitting = [nm for nm in choices if 14 <= nm / nm_per_px <= 0.6 * (layout[1][2] - layout[1][0])]
    if not fitting or rng.uniform() < 0.5 or scale.value not in ("caption", "label"):
        return None
    length = float(rng.choice(fitting))
    return Scale(nm_per_px, length, longer(scale.look, 0.8), scale.value, "each", write_length(length, rng))


def _bar_inset(inset: Pixels, tile: Tile, scale: Scale) -> None:
    """Draw an inset's own bar."""
    bar = add_bar(inset, scale.nm_per_px, scale.length_nm, scale.look, scale.value, scale.text)
    tile.bar, tile.nm_per_px = bar.shift(tile.box[0], tile.box[1]), scale.nm_per_px


def _tell_scales(board: Board, scale: Scale, factor: float) -> None:
    """Spread the scale of main images to main images and that of insets to insets."""
    spread_scale([tile for tile in board.tiles if tile.role == "main"], scale)
    insets = [tile for tile in board.tiles if tile.role == "inset"]
    if any(tile.bar is not None and tile.bar.value in ("label", "caption") for tile in insets):
        for tile in insets:
            tile.nm_per_px = scale.nm_per_px / factor


def zoom_pair(board: Board) -> None:
    """Draw overviews with a window, each beside its magnified region; the two have bars of their own or none."""
    rng = board.rng
    kind = PICTURES[str(rng.choice(("section", "histology", "petals", "fibers")))]
    fluorescent = bool(rng.uniform() < 0.5)
    pairs = 2 if board.width > 900 and rng.uniform() < 0.4 else 1
    stacked = bool(rng.uniform() < 0.3)
    rooms = plan_rooms(board, max(1 if stacked else 2, pairs * (1 if stacked else 2)), (), False, 0)
    scale = choose_scale(board, rooms.tile_w, (5e4, 1e5) if fluorescent else kind.lengths_nm)
    side = round(min(rooms.tile_w, rooms.tile_h) * float(rng.uniform(0.2, 0.4)))
    window = (rooms.tile_w // 2, rooms.tile_h // 3, rooms.tile_w // 2 + side, rooms.tile_h // 3 + round(side * rooms.tile_h / rooms.tile_w))  # fmt: skip # noqa: E501
    factor = rooms.tile_w / side
    own_bar = bool(rng.uniform() < 0.75)
    detail_nm = 0.0  # one length for the bars of all details: a caption has one word for their place
    for pair in range(pairs):
        picture = _overview(board, (rooms.tile_w, rooms.tile_h), kind, fluorescent)
        zoomed = magnify(picture, window, rooms.tile_w, rooms.tile_h)
        color = WHITE if float(picture.mean()) < 130 else BLACK
        draw_window(picture, window, color, bool(rng.uniform() < 0.5), 1 if rooms.tile_w < 400 else 2)
        technique = "fluorescence" if fluorescent else kind.techniques
        tile = Tile((0, 0, 1, 1), "micrograph", technique, role="top" if stacked else "left")
        detail = Tile((0, 0, 1, 1), "micrograph", technique, magnification=1, role="bottom" if stacked else "right")
        add_tile_bar(picture, tile, scale, True)
        drawn_nm = scale.length_nm / float(rng.choice((2.0, 5.0) if factor < 4 else (5.0,)))
        detail_nm = detail_nm or drawn_nm
        closer = Scale(scale.nm_per_px / factor, detail_nm, scale.look, scale.value, "each", format_length(detail_nm))
        if own_bar and detail_nm / closer.nm_per_px < 0.7 * rooms.tile_w:
            add_tile_bar(zoomed, detail, closer, True)
        x, y = rooms.corner(0, pair if stacked else 2 * pair)
        place_tile(board, picture, tile, x, y)
        place_tile(board, zoomed, detail, *(rooms.corner(1, pair) if stacked else rooms.corner(0, 2 * pair + 1)))
        spread_scale([tile], scale)
        spread_scale([detail], closer)
        if rng.uniform() < 0.5 and rooms.gutter > 2 and not stacked:
            for top in (window[1], window[3]):
                end = (detail.box[0], y if top == window[1] else y + rooms.tile_h - 1)
                draw_dashes(board.pixels, (x + window[2], y + top), end, color)
    board.words = "Overview and magnified region"


def _overview(board: Board, size: tuple[int, int], kind: PictureKind, fluorescent: bool) -> Pixels:
    """Return an overview picture of a size."""
    if not fluorescent:
        return draw_picture(kind, *size, board.rng)
    channels = scenes.draw_scene(*size, board.rng, "epithelium")
    stains = choose_stains(board.rng, 2)
    return scenes.merge([scenes.show(channels[s.structure], s.color, board.rng) for s in stains])
