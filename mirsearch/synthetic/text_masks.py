"""Draws text with Pillow's built-in font and composes the signs that the font lacks (µ Å – × ²)."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from mirsearch.synthetic.fields import Image

FACES = ("sans", "bold", "italic", "narrow", "wide", "pixel")
"""Faces of a text; `pixel` are the bitmap letters of old instruments."""

_SUPERSAMPLING = 4
_SUBSTITUTES = {"\u03bc": "\u00b5", "\u212b": "\u00c5", "\u2014": "\u2013", "\u2212": "\u2013"} | dict.fromkeys(
    "\u2009\u202f\xa0", " "
)


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("this Pillow has no FreeType; install an official Pillow wheel to draw figures")
    return font


@lru_cache(maxsize=64)
def _stroke_width(size: int) -> int:
    """Return the width in px of a small letter's vertical stroke."""
    canvas = PillowImage.new("L", (2 * size, 2 * size))
    ImageDraw.Draw(canvas).text((size // 2, round(1.3 * size)), "u", 255, _font(size), anchor="ls")
    row = np.asarray(canvas)[round(1.05 * size)] > 127
    start = int(np.argmax(row))
    return max(1, int(np.argmin(row[start:])))


def _draw_composed_sign(draw: ImageDraw.ImageDraw, sign: str, x: float, base: float, size: int, stroke: int) -> float:
    """Draw a sign that the font lacks at x on the baseline; return its advance in px."""
    font = _font(size)
    thick = _stroke_width(size) + 2 * stroke
    if sign == "µ":
        x += size * 0.03
        left = font.getbbox("u", anchor="ls")[0] + x - stroke
        draw.text((x, base), "u", 255, font, anchor="ls", stroke_width=stroke)
        draw.rectangle((left, base - size * 0.3, left + thick - 1, base + size * 0.19), fill=255)
        return font.getlength("u") + size * 0.03
    if sign == "Å":
        draw.text((x, base), "A", 255, font, anchor="ls", stroke_width=stroke)
        ring, middle, top = size * 0.1, x + font.getlength("A") / 2, base - size * 0.83
        box = (middle - ring, top - ring, middle + ring, top + ring)
        draw.ellipse(box, outline=255, width=max(1, round(size * 0.05) + stroke))
        return font.getlength("A")
    if sign == "–":
        draw.rectangle(
            (x + size * 0.03, base - size * 0.29 - thick * 0.4, x + size * 0.5, base - size * 0.29 + thick * 0.4),
            fill=255,
        )
        return size * 0.53
    if sign == "×":
        draw.text((x, base), "x", 255, font, anchor="ls", stroke_width=stroke)
        return font.getlength("x")
    small = _font(max(4, round(size * 0.6)))
    raised = {"²": "2", "³": "3"}.get(sign, "?")
    draw.text((x, base - size * 0.33), raised, 255, small, anchor="ls", stroke_width=stroke)
    return small.getlength(raised)


def _render_text(text: str, size: int, stroke: int) -> NDArray[np.uint8]:
    """Return the text as coverage from 0 to 255, at `size` px an em, with a margin on all sides."""
    font = _font(size)
    canvas = PillowImage.new("L", (int(font.getlength("M") * (len(text) + 2)) + 4 * stroke + size, 2 * size))
    draw = ImageDraw.Draw(canvas)
    x, base, run = size * 0.3, size * 1.3, ""
    for sign in [*text, ""]:
        if sign and (sign.isascii() or sign in "°±·"):
            run += sign
            continue
        if run:
            draw.text((x, base), run, 255, font, anchor="ls", stroke_width=stroke)
            x, run = x + font.getlength(run), ""
        if sign:
            x += _draw_composed_sign(draw, sign, x, base, size, stroke)
    return np.asarray(canvas)


def _render_bitmap_text(text: str, height: float) -> NDArray[np.uint8]:
    """Return the text in bitmap letters, enlarged by a whole number to about `height` px."""
    font = ImageFont.load_default_imagefont()
    box = font.getbbox(text)
    canvas = PillowImage.new("L", (int(box[2]) + 2, int(box[3]) + 2))
    ImageDraw.Draw(canvas).text((1, 1), text.encode("latin-1", "replace"), 255, font)
    times = max(1, round(height / 8))
    return np.asarray(canvas).repeat(times, 0).repeat(times, 1)


def text_mask(text: str, height: float, face: str = "sans") -> Image:
    """Return the coverage (h, w) in [0, 1] of `text`, cropped to its ink. Capitals are about `height` px high."""
    text = "".join(_SUBSTITUTES.get(sign, sign) for sign in text)
    if face == "pixel":
        mask = _render_bitmap_text(text.replace("–", "-"), height)
    else:
        size = max(8, round(height / 0.72 * _SUPERSAMPLING))
        mask = _render_text(text, size, round(size * 0.028) if face == "bold" else 0)
        if face == "italic":
            matrix = np.array([[1, -0.2, 0.2 * mask.shape[0]], [0, 1, 0]], np.float32)
            mask = cv2.warpAffine(mask, matrix, (mask.shape[1] + mask.shape[0] // 5, mask.shape[0]))
        across = _SUPERSAMPLING / {"narrow": 0.82, "wide": 1.15}.get(face, 1.0)
        shape = (max(1, round(mask.shape[1] / across)), max(1, round(mask.shape[0] / _SUPERSAMPLING)))
        mask = cv2.resize(mask, shape, interpolation=cv2.INTER_AREA)
    rows, columns = np.flatnonzero(mask.max(1) > 40), np.flatnonzero(mask.max(0) > 40)
    if not len(rows):
        return np.zeros((max(1, round(height)), max(1, round(height / 2))), np.float32)
    cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.asarray(cut / np.float32(255), np.float32)


def paint_mask(pixels: NDArray[np.uint8], mask: Image, x: int, y: int, color: tuple[int, int, int]) -> None:
    """Paint `color` onto RGB `pixels` (h, w, 3) through `mask`, whose upper left corner is at (x, y)."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + mask.shape[1], width), min(y + mask.shape[0], height)
    if x0 >= x1 or y0 >= y1:
        return
    cover = mask[y0 - y : y1 - y, x0 - x : x1 - x, None]
    region = pixels[y0:y1, x0:x1].astype(np.float32)
    pixels[y0:y1, x0:x1] = np.rint(region + cover * (np.array(color, np.float32) - region)).astype(np.uint8)


def dilate_mask(mask: Image, radius: int) -> Image:
    """Return the mask dilated by `radius` px, for outlines. The result is 2·radius px larger each way."""
    padded = cv2.copyMakeBorder(mask, radius, radius, radius, radius, cv2.BORDER_CONSTANT, value=0)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate(padded, kernel), np.float32)
