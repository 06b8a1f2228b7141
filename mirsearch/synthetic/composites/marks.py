"""Draws what stands in tiles and is no scale bar: windows, frames, arrows, arrowheads, asterisks, dashed lines."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from mirsearch.corpus import Box
from mirsearch.synthetic.fields import Random
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.scalebars.styles import WHITE, Color
from mirsearch.synthetic.text_masks import paint_mask, text_mask


def draw_frame(picture: Pixels, box: Box, color: Color, thick: int = 1) -> None:
    """Draw a rectangle's four sides, inside it."""
    for inset in range(thick):
        corner, end = (box[0] + inset, box[1] + inset), (box[2] - 1 - inset, box[3] - 1 - inset)
        cv2.rectangle(picture, corner, end, color, 1)


def draw_dashes(picture: Pixels, start: tuple[int, int], end: tuple[int, int], color: Color, thick: int = 1) -> None:
    """Draw a dashed line."""
    reach = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    count = max(2, round(reach / 12))
    points = np.linspace(start, end, 2 * count)
    for first, last in zip(points[::2], points[1::2], strict=True):
        cv2.line(picture, tuple(map(int, first)), tuple(map(int, last)), color, thick, cv2.LINE_AA)


def draw_window(picture: Pixels, box: Box, color: Color, dashed: bool, thick: int = 1) -> None:
    """Draw the frame that marks a region which is shown elsewhere."""
    if not dashed:
        draw_frame(picture, box, color, thick)
        return
    x0, y0, x1, y1 = box
    corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0))
    for first, last in pairwise(corners):
        draw_dashes(picture, first, last, color, thick)


def add_marks(picture: Pixels, rng: Random, color: Color = WHITE) -> None:
    """Draw none to three arrows, arrowheads, asterisks, dashed outlines or words near the middle of a tile."""
    height, width = picture.shape[:2]
    side = min(height, width)
    if side < 90 or rng.uniform() < 0.55:
        return
    for _ in range(int(rng.integers(1, 4))):
        x, y = int(rng.uniform(0.25, 0.75) * width), int(rng.uniform(0.3, 0.65) * height)
        reach = max(6, round(side * rng.uniform(0.03, 0.08)))
        kind = int(rng.integers(6))
        if kind == 0:
            cv2.arrowedLine(picture, (x + 2 * reach, y), (x, y), color, max(1, reach // 6), cv2.LINE_AA, 0, 0.35)
        elif kind == 1:
            cv2.arrowedLine(picture, (x - reach, y - reach), (x, y), color, max(1, reach // 6), cv2.LINE_AA, 0, 0.5)
        elif kind == 2:
            head = np.array(((x, y), (x - reach, y - reach // 2), (x - reach, y + reach // 2)), np.int32)
            cv2.fillPoly(picture, [head], color, cv2.LINE_AA)
        elif kind == 3:
            paint_mask(picture, text_mask("*", max(10, reach), "bold"), x, y, color)
        elif kind == 4:
            draw_dashes(picture, (x - 3 * reach, y), (x + 3 * reach, y + int(rng.integers(-reach, reach))), color)
        else:
            name = str(rng.choice(("Nu", "LV", "M", "ER", "CA1", "v", "ax")))
            paint_mask(picture, text_mask(name, float(max(9, round(side * 0.045)))), x, y, color)


def write_corner(picture: Pixels, words: str, corner: str = "top-left") -> None:
    """Write words into a tile's corner, white on dark tiles and black on bright ones."""
    height = float(np.clip(picture.shape[1] * 0.075, 9, 24))
    mask = text_mask(words, height)
    x = 5 if "left" in corner else max(1, picture.shape[1] - mask.shape[1] - 5)
    y = 5 if "top" in corner else picture.shape[0] - mask.shape[0] - 5
    bright = float(picture[y : y + mask.shape[0], x : x + mask.shape[1]].mean()) > 140
    paint_mask(picture, mask, x, y, (0, 0, 0) if bright else WHITE)
