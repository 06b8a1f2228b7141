"""Draws the letters of composite figures: outside, inside at any corner, in tags, below, with primes."""

from __future__ import annotations

import numpy as np

from mirsearch.corpus import Box
from mirsearch.synthetic.composites.boards import FigureLook, Tile
from mirsearch.synthetic.fields import Random
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.scalebars.bars import fill_rect
from mirsearch.synthetic.scalebars.styles import BLACK, WHITE
from mirsearch.synthetic.text_masks import paint_mask, text_mask

CORNERS = ("top-left", "top-right", "bottom-left", "bottom-right")


def printed(look: FigureLook, letter: str, prime: int = 0) -> str:
    """Return a letter as the figure prints it."""
    letter = (letter.upper() if look.capital else letter) + "'" * prime
    return {"": "{}", "()": "({})", ")": "{})", ".": "{}."}[look.bracket].format(letter)


def draw_outside(pixels: Pixels, words: str, x: int, y: int, look: FigureLook) -> Box:
    """Draw a letter on the figure's ground with its upper left corner at (x, y); return its box."""
    mask = text_mask(words, look.letters, "bold")
    paint_mask(pixels, mask, x, y, look.ink)
    return x, y, x + mask.shape[1], y + mask.shape[0]


def _overlap(first: Box, second: Box) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def draw_inside(pixels: Pixels, words: str, tile: Tile, taken: list[Box], look: FigureLook, rng: Random) -> Box:
    """Draw a letter in a corner of a tile where nothing else is; return its box."""
    x0, y0, x1, y1 = tile.box
    height = min(look.letters, 0.14 * (y1 - y0))
    mask = text_mask(words, max(9.0, height), "sans" if look.bracket == "()" and look.letter_tag == "none" else "bold")
    pad = max(3, round(mask.shape[0] * 0.35))
    start = int(rng.integers(4)) if look.letter_place == "mixed" else 0
    for corner in CORNERS[start:] + CORNERS[:start]:
        x = x0 + pad if "left" in corner else x1 - pad - mask.shape[1]
        y = y0 + pad if "top" in corner else y1 - pad - mask.shape[0]
        box = (x - pad, y - pad, x + mask.shape[1] + pad, y + mask.shape[0] + pad)
        if not any(_overlap(box, other) for other in taken):
            break
    region = pixels[y : y + mask.shape[0], x : x + mask.shape[1]]
    color = BLACK if float(np.median(region)) > 120 else WHITE
    if look.letter_tag != "none" or float(np.percentile(np.abs(region.astype(float) - color[0]), 20)) < 70:
        ground, color = (BLACK, WHITE) if look.letter_tag == "black" else (WHITE, BLACK)
        fill_rect(pixels, *box, ground)
    paint_mask(pixels, mask, x, y, color)
    return x, y, x + mask.shape[1], y + mask.shape[0]
