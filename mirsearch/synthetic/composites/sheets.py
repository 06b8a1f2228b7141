"""Draws a composite figure from a seed: blocks in rows, one or more letters each, the caption, and the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mirsearch.corpus import Box, LoneBar, Panel, ScaleReading
from mirsearch.synthetic.composites import beside, channels, insets, series, singles
from mirsearch.synthetic.composites.boards import Board, FigureLook, Tile
from mirsearch.synthetic.composites.captions import write_composite_caption
from mirsearch.synthetic.composites.letters import draw_inside, draw_outside, printed
from mirsearch.synthetic.fields import Random, make_rng
from mirsearch.synthetic.imaging import Pixels, compress_jpeg
from mirsearch.synthetic.scalebars.styles import BLACK, WHITE

FORMS: dict[str, Callable[[Board], None]] = {
    "channel grid": channels.channel_grid, "paired grids": channels.paired_grids, "uneven": channels.uneven,
    "time series": series.time_series, "montage": series.montage,
    "strip": series.strip, "insets": insets.inset_images, "zoom": insets.zoom_pair, "lettered": singles.lettered,
    "primes": singles.primes, "sections": singles.sections, "histology": singles.histology, "cryo": singles.cryo,
    "materials": singles.materials, "maps": singles.color_maps, "renderings": singles.renderings,
    "on white": singles.whites, "edges": singles.edges, "databars": singles.databars, "plots": beside.plots,
    "schematic": beside.schematic, "images with plot": beside.images_with_plot,
    "images with schematic": beside.images_with_schematic, "gels": beside.gels, "gels with plot": beside.gels_with_plot,
}  # fmt: skip
"""Every form of a block by name."""

FLUORESCENT = ("channel grid", "paired grids", "uneven", "time series", "montage", "insets", "primes", "strip")
DRAWN = ("plots", "schematic", "gels", "gels with plot")
INSIDE = (
    "lettered", "primes", "sections", "histology", "cryo", "materials", "databars", "maps", "edges", "strip",
    "on white", "renderings", "zoom",
)  # fmt: skip
"""Forms whose upper corners are free for a letter."""

WIDE = ("montage", "lettered", "channel grid", "paired grids", "time series", "gels with plot", "images with plot")
TALLEST_PX = 2700
"""Height in px after which no row is added."""


@dataclass(frozen=True, slots=True)
class CompositeFigure:
    """A drawn figure with its truth. `tiles` and `letters` are in the order of `panels`; letters of None aren't drawn.

    A panel's `scale` has the source `shared` where another panel of the letter has the bar or its label; `bar` is one
    whose length nothing tells.
    """

    pixels: Pixels
    caption: str
    panels: tuple[Panel, ...]
    tiles: tuple[Tile, ...]
    letters: tuple[Box | None, ...]
    forms: tuple[str, ...]
    seed: int


@dataclass(slots=True)
class _Placed:
    """A finished board at its place in the figure."""

    board: Board
    x: int
    y: int
    letters: list[str]


def _choose_look(width: int, rng: Random) -> FigureLook:
    black = bool(rng.uniform() < 0.08)
    words = float(np.clip(width * rng.uniform(0.009, 0.017), 10, 34))
    place = str(rng.choice(("outside", "inside", "mixed", "below", "none"), p=(0.52, 0.22, 0.12, 0.06, 0.08)))
    bars = str(rng.choice(("label", "caption", "unknown"), p=(0.45, 0.47, 0.08)))
    return FigureLook(
        words=words,
        letters=words * float(rng.uniform(1.2, 1.9)),
        face=str(rng.choice(("sans", "narrow", "bold", "wide"), p=(0.68, 0.14, 0.1, 0.08))),
        gutter=int(rng.choice((0, 1, 2, 3, 4, 6, 8, 14), p=(0.08, 0.08, 0.14, 0.17, 0.2, 0.14, 0.12, 0.07))),
        ground=BLACK if black else WHITE,
        letter_place=place,
        letter_tag=str(rng.choice(("none", "white", "black"), p=(0.7, 0.2, 0.1))),
        capital=bool(rng.uniform() < 0.5),
        bracket=str(rng.choice(("", "()", ")", "."), p=(0.72, 0.18, 0.06, 0.04))),
        bars=bars,
        bar_ink=str(rng.choice(("white", "black", "yellow", "cyan", "red"), p=(0.8, 0.12, 0.04, 0.02, 0.02))),
        caption_nm=float(rng.choice((1e4, 2e4, 5e4))) if bars == "caption" and rng.uniform() < 0.35 else None,
    )


def _choose_forms(look: FigureLook, seed: int, rng: Random) -> list[str]:
    """Choose a figure's forms: seeds take turns in the first, so that each comes; the others are chosen freely."""
    if look.caption_nm is not None:
        names: Sequence[str] = FLUORESCENT + DRAWN
        first = FLUORESCENT[seed % len(FLUORESCENT)]
    else:
        names = tuple(FORMS)
        first = names[seed % len(names)]
    if look.ground == BLACK:
        names = [name for name in names if name not in DRAWN and "with" not in name]
        first = first if first in names else "channel grid"
    if look.letter_place == "none":
        return [first]
    count = int(rng.choice((1, 2, 3, 4, 5, 6), p=(0.14, 0.2, 0.24, 0.2, 0.14, 0.08)))
    others = [str(rng.choice(list(names))) for _ in range(count - 1)]
    if "lettered" in (first, *others) and rng.uniform() < 0.7:
        return ["lettered"]
    chosen = [first, *others]
    return [chosen[int(number)] for number in rng.permutation(len(chosen))]


def _rows(forms: Sequence[str], rng: Random) -> list[list[str]]:
    """Return the forms in rows: wide ones alone or with one more, others up to three."""
    rows: list[list[str]] = []
    left = list(forms)
    while left:
        most = 1 if left[0] in ("montage", "lettered") else 2 if left[0] in WIDE else 3
        count = int(rng.integers(1, min(most, len(left)) + 1))
        rows.append([left.pop(0) for _ in range(count)])
    return rows


def _draw_block(form: str, width: int, look: FigureLook, rng: Random) -> Board:
    board = Board(width, look, rng, form)
    FORMS[form](board)
    board.finish()
    return board


def _letter_room(look: FigureLook, form: str) -> tuple[int, int]:
    """Return the room in px that a letter needs at the left of its block, and above it."""
    if look.letter_place in ("none", "below") or (look.letter_place in ("inside", "mixed") and form in INSIDE):
        return 0, 0
    wide = 1.6 + 0.6 * len(look.bracket)
    return (round(look.letters * wide), 0) if form not in DRAWN else (0, round(look.letters * 1.35))


def _compose(rows: Sequence[Sequence[str]], width: int, look: FigureLook, rng: Random) -> tuple[list[_Placed], int]:
    """Draw the blocks of all rows; return them with their places, and the figure's height."""
    margin, gap = int(rng.integers(2, 24)), int(rng.integers(16, 48))
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    letter, placed, y = int(rng.choice((0, 0, 0, 0, 0, 0, 0, 0, 1, 3))), [], margin
    for row in rows:
        shares = rng.uniform(0.8, 1.25, len(row)) + np.array([0.5 if form in WIDE else 0.0 for form in row])
        widths = ((width - 2 * margin - gap * (len(row) - 1)) * shares / shares.sum()).astype(int)
        x, bottom = margin, y
        for form, cell in zip(row, widths, strict=True):
            left, top = _letter_room(look, form)
            board = _draw_block(form, int(cell) - left, look, rng)
            marks = max(tile.mark for tile in board.tiles) + 1
            if letter + marks > len(alphabet):
                break
            placed.append(_Placed(board, x + left, y + top, list(alphabet[letter : letter + marks])))
            letter += marks
            below = round(look.letters * 1.9) if look.letter_place == "below" else 0
            bottom = max(bottom, y + top + board.pixels.shape[0] + below)
            x += int(cell) + gap
        y = bottom + gap
        if y > TALLEST_PX:
            break
    return placed, y - gap + margin


def _draw_letters(canvas: Pixels, placed: _Placed, look: FigureLook, rng: Random) -> dict[tuple[int, int], Box]:
    """Draw a block's letters; return their boxes by mark and prime."""
    boxes: dict[tuple[int, int], Box] = {}
    form, tiles = placed.board.form, placed.board.tiles
    if look.letter_place == "none":
        return boxes
    inside = (look.letter_place in ("inside", "mixed") and form in INSIDE) or form in ("lettered", "primes")
    taken = [tile.box for tile in tiles if tile.inset_of is not None]
    taken += [tile.bar.region for tile in tiles if tile.bar is not None]
    for tile in tiles:
        if tile.inset_of is not None or (tile.mark, tile.prime) in boxes:
            continue
        words = printed(look, placed.letters[tile.mark], tile.prime)
        if inside:
            boxes[tile.mark, tile.prime] = draw_inside(canvas, words, tile, taken, look, rng)
        elif look.letter_place == "below":
            middle = placed.x + max(t.box[2] - placed.x for t in tiles) // 2
            y = placed.y + placed.board.pixels.shape[0] + 6
            boxes[tile.mark, tile.prime] = draw_outside(canvas, words, middle, y, look)
        else:
            left, top = _letter_room(look, form)
            boxes[tile.mark, tile.prime] = draw_outside(canvas, words, max(1, placed.x - left), placed.y - top, look)
    return boxes


def _scale_reading(tile: Tile) -> ScaleReading | None:
    """Return a tile's true scale, None where nothing tells it."""
    if tile.nm_per_px is None:
        return None
    bar = tile.bar
    if bar is None:
        return ScaleReading(tile.nm_per_px, source="shared")
    source = {"label": "label", "caption": "caption"}.get(bar.value, "shared")
    return ScaleReading(tile.nm_per_px, bar.length_nm, bar.length_px, bar.box, bar.label_text, source)  # type: ignore[arg-type]


def _block_panels(placed: _Placed, look: FigureLook, first: int) -> list[Panel]:
    """Return the panels of a block's tiles. `first` is the place of the block's first panel in the figure."""
    tiles, panels = placed.board.tiles, []
    labels = [None if look.letter_place == "none" else placed.letters[t.mark] + "'" * t.prime for t in tiles]
    for number, (tile, label) in enumerate(zip(tiles, labels, strict=True)):
        together = [other for other, name in zip(tiles, labels, strict=True) if name == label and label is not None]
        part = 1 + sum(name == label for name in labels[:number]) if len(together) > 1 else None
        group = _around([other.box for other in together]) if part is not None else None
        lone = tile.bar is not None and tile.nm_per_px is None
        panels.append(
            Panel(
                tile.box, label, tile.kinds.split("|")[0], 1.0, (tile.techniques or "").split("|")[0] or None, 1.0,
                placed.board.words, scale=_scale_reading(tile), part=part, group=group, heading=tile.heading,
                inset_of=None if tile.inset_of is None else str(first + tile.inset_of),
                bar=LoneBar(tile.bar.box, tile.bar.length_px) if lone and tile.bar is not None else None,
            )
        )  # fmt: skip
    return panels


def _around(boxes: Sequence[Box]) -> Box:
    edges = np.array(boxes)
    x0, y0 = edges[:, :2].min(0)
    x1, y1 = edges[:, 2:].max(0)
    return int(x0), int(y0), int(x1), int(y1)


def draw_composite(seed: int) -> CompositeFigure:
    """Draw the composite figure of a seed, RGB, with its truth."""
    rng = make_rng(seed, 0xC0)
    width = int(rng.uniform(900, 2500))
    look = _choose_look(width, rng)
    forms = _choose_forms(look, seed, rng)
    if len(forms) == 1 and forms[0] not in ("lettered", "montage"):
        width = min(width, 1600)
    placed, height = _compose(_rows(forms, rng), width, look, rng)
    canvas: Pixels = np.empty((height, width, 3), np.uint8)
    canvas[:] = look.ground
    panels: list[Panel] = []
    tiles: list[Tile] = []
    letters: list[Box | None] = []
    parts = []
    for block in placed:
        picture = block.board.pixels
        canvas[block.y : block.y + picture.shape[0], block.x : block.x + picture.shape[1]] = picture
        for tile in block.board.tiles:
            tile.shift(block.x, block.y)
        boxes = _draw_letters(canvas, block, look, rng)
        panels += _block_panels(block, look, len(panels))
        letters += [boxes.get((tile.mark, tile.prime)) for tile in block.board.tiles]
        tiles += block.board.tiles
        for mark, letter in enumerate(block.letters):
            name = "" if look.letter_place == "none" else letter.upper() if look.capital else letter
            words = block.board.words_of.get(mark, block.board.words)
            own = [tile for tile in block.board.tiles if tile.mark == mark]
            primes = max(tile.prime for tile in own)
            if primes and name and rng.uniform() < 0.6:
                name = f"{name}–{name}" + "'" * primes
            parts.append((name, words, own))
    caption = write_composite_caption(parts, rng)
    if rng.uniform() < 0.6:
        canvas = compress_jpeg(canvas, int(rng.integers(60, 96)))
    names = tuple(block.board.form for block in placed)
    return CompositeFigure(canvas, caption, tuple(panels), tuple(tiles), tuple(letters), names, seed)
