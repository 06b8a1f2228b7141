"""Blocks of fluorescence channels: grids of conditions and channels, pairs of grids, a merge beside its channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mirsearch.synthetic.composites import scenes
from mirsearch.synthetic.composites.boards import Board, Tile
from mirsearch.synthetic.composites.grids import (
    CONDITIONS,
    SUBJECTS,
    Rooms,
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
from mirsearch.synthetic.composites.marks import add_marks
from mirsearch.synthetic.fields import Random
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.scalebars.styles import BLACK, Color
from mirsearch.synthetic.text_masks import paint_mask, text_mask

SCENE_SHARES = (0.42, 0.2, 0.12, 0.08, 0.1, 0.08)
"""Shares of the scenes in grids, in the order of scenes.SCENES."""


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


@dataclass(frozen=True, slots=True)
class _Channels:
    """The columns of a grid: stains, headings with their colors, how channels look, and where headings stand."""

    stains: tuple[scenes.Stain, ...]
    headings: tuple[str, ...]
    colors: tuple[Color | None, ...]
    looks: str
    inside: bool

    @property
    def with_merge(self) -> bool:
        """Whether the last column is the merge."""
        return len(self.headings) > len(self.stains)


def _choose_channels(board: Board, count: int) -> _Channels:
    rng = board.rng
    stains = choose_stains(rng, count)
    with_merge = len(stains) > 1 and bool(rng.uniform() < 0.85)
    headings = [stain.name for stain in stains]
    headings += [str(rng.choice(("Merge", "Merged", "Overlay", "merge + DAPI")))] if with_merge else []
    colored = bool(rng.uniform() < 0.5) and board.look.ink == BLACK
    colors = [_readable(scenes.DYE_COLORS[stain.color]) if colored else None for stain in stains] + [None] * with_merge
    looks = str(rng.choice(("colored", "gray", "inverted"), p=(0.62, 0.3, 0.08)))
    return _Channels(tuple(stains), tuple(headings), tuple(colors), looks, bool(rng.uniform() < 0.22))


def channel_grid(board: Board) -> None:
    """Draw a grid: rows are conditions, columns are channels and mostly their merge."""
    _draw_grid(board, _choose_channels(board, int(board.rng.integers(1, 4)) + (board.width > 700)), 1)


def paired_grids(board: Board) -> None:
    """Draw the same channels twice, side by side, under two titles, with a wider gap between them."""
    _draw_grid(board, _choose_channels(board, 1 + (board.width > 900)), 2)


def _draw_grid(board: Board, channels: _Channels, sides: int) -> None:
    """Draw `sides` grids side by side, of the same channels and conditions."""
    rng = board.rng
    names = CONDITIONS[int(rng.integers(len(CONDITIONS)))]
    names = names[:1] if rng.uniform() < 0.25 else names
    across = len(channels.headings)
    row_names = names if len(names) > 1 or rng.uniform() < 0.4 else ()
    turned = bool(rng.uniform() < 0.6)
    span = bool(sides > 1 or (not channels.inside and rng.uniform() < 0.3))
    lines = span + (not channels.inside)
    rooms = plan_rooms(board, sides * across, row_names, turned, lines, split=across if sides > 1 else 0)
    scale = choose_scale(board, rooms.tile_w)
    if scale.where == "each" and scale.value == "label" and rng.uniform() < 0.4:
        scale.value = "one label"
    _write_titles(board, rooms, channels, sides, span)
    if row_names:
        write_row_names(board, rooms, row_names, turned)
    kind = str(rng.choice(tuple(scenes.SCENES), p=SCENE_SHARES))
    size = scenes.choose_size(rooms.tile_w, rooms.tile_h, rng)
    for row in range(len(names)):
        for side in range(sides):
            scene = scenes.draw_scene(rooms.tile_w, rooms.tile_h, rng, kind, size)
            pictures = draw_channel_tiles(scene, channels.stains, channels.looks, channels.with_merge, rng)
            for number, picture in enumerate(pictures):
                words = (row_names[row] if row_names else "", channels.headings[number])
                tile = Tile((0, 0, 1, 1), "micrograph", "fluorescence", " ".join(filter(None, words)))
                if channels.inside:
                    _write_inside(picture, channels.headings[number], channels.colors[number])
                add_marks(picture, rng)
                if has_bar(scale.where, row, number + side * across, len(names), sides * across):
                    add_tile_bar(picture, tile, scale, not board.tiles)
                place_tile(board, picture, tile, *rooms.corner(row, number + side * across))
    spread_scale(board.tiles, scale)
    board.words = _describe(rng, channels.stains)


def _write_titles(board: Board, rooms: Rooms, channels: _Channels, sides: int, span: bool) -> None:
    """Write the headings over all columns, and the titles that span one side each."""
    rng, across = board.rng, len(channels.headings)
    titles = (f"{rng.choice(SUBJECTS)} (+ ligand)",) if sides == 1 else ("WT", "FIP200 KO")
    for side in range(sides if span else 0):
        ends = rooms.corner(0, side * across)[0], rooms.corner(0, (side + 1) * across - 1)[0] + rooms.tile_w
        write_span(board, *ends, 0, titles[side])
    if not channels.inside:
        underlined = bool(rng.uniform() < 0.15 and not span)
        write_headings(board, rooms, channels.headings * sides, channels.colors * sides, underlined)


def uneven(board: Board) -> None:
    """Draw a large merge and its single channels as smaller tiles beside it."""
    rng = board.rng
    channels = _choose_channels(board, int(rng.integers(2, 5)))
    gutter, count = max(1, board.look.gutter), len(channels.stains)
    rows = 2 if count == 4 else count
    small = round(board.width / (1.9 + rows * (2 if count == 4 else 1) * 0.9))
    large = rows * small + (rows - 1) * gutter
    scene = scenes.draw_scene(large, large, rng, str(rng.choice(("culture", "larva", "epithelium", "neurons"))))
    pictures = draw_channel_tiles(scene, channels.stains, "colored", True, rng)
    scale = choose_scale(board, large)
    cut = slice((large - small) // 2, (large - small) // 2 + small)
    for number, whole in enumerate([pictures[-1], *pictures[:-1]]):
        picture = np.ascontiguousarray(whole[cut, cut]) if number else whole
        tile = Tile((0, 0, 1, 1), "micrograph", "fluorescence", channels.headings[number - 1] if number else "Merge")
        if channels.inside:
            _write_inside(picture, tile.heading, None)
        if number == 0 or (scale.where == "each" and scale.length_nm / scale.nm_per_px < 0.7 * small):
            add_tile_bar(picture, tile, scale, number == 0)
        column, row = divmod(number - 1, rows)
        place = (0, 0) if number == 0 else (large + gutter + column * (small + gutter), row * (small + gutter))
        if place[0] + picture.shape[1] <= board.width:
            place_tile(board, picture, tile, *place)
    spread_scale(board.tiles, scale)
    board.words = _describe(rng, channels.stains)


def _readable(color: Color) -> Color:
    """Return a darker color for words on white where a dye's color is too pale."""
    return tuple(int(part * 0.72) for part in color) if sum(color) > 380 else color  # type: ignore[return-value]


def _describe(rng: Random, stains: Sequence[scenes.Stain]) -> str:
    subject = str(rng.choice(SUBJECTS))
    listed = ", ".join(f"{stain.name} ({stain.color})" if rng.uniform() < 0.4 else stain.name for stain in stains)
    lead = str(rng.choice(("Confocal images", "Fluorescence images", "Representative images", "Immunofluorescence")))
    return f"{lead} of {subject} stained for {listed}"


def _write_inside(picture: Pixels, words: str, color: Color | None) -> None:
    """Write a heading in a tile's upper part, in white or in the channel's color."""
    height = float(np.clip(picture.shape[1] * 0.07, 9, 26))
    mask = text_mask(words, height)
    bright = float(picture[: mask.shape[0] + 8].mean()) > 140
    ink = (0, 0, 0) if bright else (255, 255, 255) if color is None or sum(color) < 300 else color
    paint_mask(picture, mask, max(2, picture.shape[1] - mask.shape[1] - 6), 6, ink)
