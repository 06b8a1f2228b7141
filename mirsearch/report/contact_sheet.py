"""Draw a contact sheet: pictures in a grid, each with a caption under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from mirsearch.query import Pixels
from mirsearch.report.text_drawing import Color, draw_text, text_size, truncate_to_width, wrap_text
from mirsearch.report.wording import clean_text

_PAPER, _INK, _BED = (255, 255, 255), (25, 30, 36), (232, 235, 239)


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A picture, RGB uint8 (h, w, 3) or gray (h, w), its caption, and a color for its edge (None: no edge)."""

    pixels: Pixels
    caption: str = ""
    edge: Color | None = None


def contact_sheet(
    tiles: Sequence[Tile], columns: int = 5, side: int = 240, lines: int = 2, title: str = "", text: int = 14
) -> Pixels:
    """Return the tiles row by row, RGB uint8, each picture fitted into `side` × `side` px.

    A caption has at most `lines` lines; `text` is the size of its letters in px.
    """
    columns = max(1, min(columns, len(tiles)))
    gap, row = max(6, side // 24), text_size("Ag", text)[1] + 2
    captions = [wrap_text(clean_text(tile.caption), text, side, lines) for tile in tiles]
    caption_rows = max((len(caption) for caption in captions), default=0)
    head = row + 2 * gap if title else gap
    cell = side + (caption_rows * row + gap // 2 if caption_rows else 0) + gap
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * (side + gap) + gap, head + rows * cell), _PAPER)
    draw = ImageDraw.Draw(sheet)
    if title:
        draw_text(draw, (gap, gap), truncate_to_width(clean_text(title), text, sheet.width - 2 * gap), text, _INK)
    for at, (tile, caption) in enumerate(zip(tiles, captions, strict=True)):
        x, y = gap + (at % columns) * (side + gap), head + (at // columns) * cell
        _paste_tile(sheet, draw, tile, (x, y), side)
        for number, line in enumerate(caption):
            draw_text(draw, (x, y + side + gap // 2 + number * row), line, text, _INK)
    return np.asarray(sheet, dtype=np.uint8)


def _paste_tile(sheet: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, at: tuple[int, int], side: int) -> None:
    x, y = at
    draw.rectangle((x, y, x + side - 1, y + side - 1), fill=_BED)
    image = Image.fromarray(np.ascontiguousarray(tile.pixels)).convert("RGB")
    factor = side / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    image = image.resize(size, Image.Resampling.LANCZOS)
    sheet.paste(image, (x + (side - size[0]) // 2, y + (side - size[1]) // 2))
    if tile.edge is not None:
        draw.rectangle((x, y, x + side - 1, y + side - 1), outline=tile.edge, width=max(2, side // 60))
