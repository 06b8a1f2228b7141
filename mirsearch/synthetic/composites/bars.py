"""Draws scale bars in tiles of any size, in the looks of the life sciences' figures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mirsearch.synthetic.composites.boards import FigureLook, TileBar
from mirsearch.synthetic.fields import Random
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.scalebars.bars import contrasting_color, fill_rect, format_length, pixel_box
from mirsearch.synthetic.scalebars.styles import BLACK, WHITE, Color
from mirsearch.synthetic.text_masks import paint_mask, text_mask

CORNERS = ("bottom-right", "bottom-left", "top-right", "top-left")

INKS: dict[str, Color] = {
    "white": WHITE, "black": BLACK, "yellow": (255, 225, 0), "cyan": (0, 230, 240), "red": (235, 30, 30),
}  # fmt: skip

SHORTEST_ARROW_PX, LONGEST_HEAD_SHARE = 24.0, 0.3
"""Shortest double arrow that is drawn, and the greatest length of its heads as a share of it: their tips must show."""

SHORTEST_PX = 14.0
"""Shortest bar that is drawn. The shortest bars of the composite figures of the literature that we saw had 19 px."""


@dataclass(frozen=True, slots=True)
class BarLook:
    """Look of a bar: shape (plain, outlined, caps, arrow, boxed), thickness in px, ink, side of the label, corner."""

    shape: str = "plain"
    thick: float = 3.0
    ink: str = "white"
    side: str = "above"
    corner: str = "bottom-right"
    face: str = "sans"
    label_height: float = 14.0


def choose_bar_look(tile_width: int, look: FigureLook, rng: Random) -> BarLook:
    """Choose the look of the bars of one letter, whose tiles are `tile_width` px wide."""
    shape = str(rng.choice(("plain", "outlined", "caps", "arrow", "boxed"), p=(0.74, 0.08, 0.06, 0.04, 0.08)))
    thick = float(np.clip(round(tile_width * rng.uniform(0.008, 0.03)), 2, 12))
    corner = str(rng.choice(CORNERS, p=(0.6, 0.3, 0.06, 0.04)))
    height = float(np.clip(tile_width * rng.uniform(0.035, 0.075), 10, 30))
    side = "above" if rng.uniform() < 0.75 else "below"
    face = look.face if rng.uniform() < 0.8 else "bold"
    return BarLook(shape, min(thick, 4.0) if shape == "arrow" else thick, look.bar_ink, side, corner, face, height)


def bar_length_px(tile_width: int, rng: Random) -> float:
    """Return a bar's length in px for a tile: a tenth to a third of its width, but not too short."""
    return float(max(SHORTEST_PX, tile_width * rng.uniform(0.11, 0.33)))


def write_length(length_nm: float, rng: Random) -> str:
    """Return the label of a bar, in the spellings of figures ("10 µm", "10µm", "10 um", "10 µ m")."""
    text = format_length(length_nm, rng)
    return text.replace("µm", "µ m") if " µm" in text and rng.uniform() < 0.04 else text


def add_bar(picture: Pixels, nm_per_px: float, length_nm: float, look: BarLook, value: str, text: str) -> TileBar:
    """Draw a bar onto RGB `picture`, in place; `value` says who tells its length: label, caption, shared, unknown.

    `text` is its label, which is drawn where the label tells the length.
    """
    height, width = picture.shape[:2]
    length = length_nm / nm_per_px
    if look.shape == "arrow" and length < SHORTEST_ARROW_PX:
        look = replace(look, shape="plain")
    label = text if value == "label" else None
    mask = None if label is None else text_mask(label, look.label_height, look.face)
    label_h, label_w = (0, 0) if mask is None else mask.shape
    gap = 0 if mask is None else max(2, round(look.label_height * 0.3))
    reach = round(look.thick * 1.5 + 2) if look.shape in ("caps", "arrow") else 0
    block_w, block_h = max(length, label_w), look.thick + 2 * reach + gap + label_h
    margin = max(4, round(0.035 * min(height, width)))
    left = margin if "left" in look.corner else width - margin - block_w
    top = margin if "top" in look.corner else height - margin - block_h
    x0 = float(np.clip(left + (block_w - length) / 2, 1, max(1.0, width - length - 1)))
    above = mask is not None and look.side == "above"
    y0 = float(round(top + reach + (label_h + gap if above else 0)))
    bar = (x0, y0, x0 + length, y0 + look.thick)
    color = _choose_color(picture, (left, top, left + block_w, top + block_h), look)
    if look.shape == "boxed":
        pad = max(3, round(0.25 * look.label_height))
        around = (left - pad, top - pad, left + block_w + pad, top + block_h + pad)
        fill_rect(picture, *around, contrasting_color(color))
    _draw_shape(picture, bar, look, color)
    if mask is not None:
        label_y = round(top if above else y0 + look.thick + reach + gap)
        if look.shape == "outlined":
            paint_mask(picture, cv2.dilate(mask, np.ones((3, 3))), round(left + (block_w - label_w) / 2),
                       label_y, contrasting_color(color))  # fmt: skip
        paint_mask(picture, mask, round(left + (block_w - label_w) / 2), label_y, color)
    box = pixel_box(bar)
    pad = reach + 2
    region = (max(0, box[0] - pad), max(0, box[1] - pad), min(width, box[2] + pad), min(height, box[3] + pad))
    return TileBar(box, region, length, length_nm, value, label)


def _choose_color(picture: Pixels, place: tuple[float, float, float, float], look: BarLook) -> Color:
    """Return the look's ink, or black or white where it would not be seen."""
    x0, y0, x1, y1 = (max(0, round(edge)) for edge in place)
    region = picture[y0:y1, x0:x1].reshape(-1, 3).astype(np.float32)
    color = INKS[look.ink]
    if not len(region) or look.shape == "boxed":
        return color
    # An outline helps where parts of the ground have the bar's tone. Where most of it has, the bar would look hollow.
    share = 50 if look.shape == "outlined" else 12
    gray = region @ np.array((0.3, 0.59, 0.11), np.float32)
    tone = float(np.dot(color, (0.3, 0.59, 0.11)))
    if float(np.percentile(np.abs(gray - tone), share)) >= 70:
        return color
    return max((WHITE, BLACK), key=lambda ink: float(np.percentile(np.abs(gray - ink[0]), share)))


def _draw_shape(picture: Pixels, bar: tuple[float, float, float, float], look: BarLook, color: Color) -> None:
    x0, y0, x1, y1 = bar
    if look.shape == "outlined":
        fill_rect(picture, x0 - 1.5, y0 - 1.5, x1 + 1.5, y1 + 1.5, contrasting_color(color))
    fill_rect(picture, x0, y0, x1, y1, color)
    reach = look.thick * 1.5 + 2
    if look.shape == "caps":
        fill_rect(picture, x0, y0 - reach, x0 + max(1.0, look.thick / 2), y1 + reach, color)
        fill_rect(picture, x1 - max(1.0, look.thick / 2), y0 - reach, x1, y1 + reach, color)
    if look.shape == "arrow":
        middle = (y0 + y1) / 2
        reach = min(reach, (x1 - x0) * LONGEST_HEAD_SHARE / 2.2)
        for tip, way in ((x0, 1), (x1, -1)):
            points = np.array(((tip, middle), (tip + way * 2.2 * reach, middle - reach),
                               (tip + way * 2.2 * reach, middle + reach)))  # fmt: skip
            cv2.fillPoly(picture, [np.round(points * 16).astype(np.int32)], color, cv2.LINE_AA, 4)


def longer(look: BarLook, factor: float) -> BarLook:
    """Return a look for a picture `factor` times as large."""
    return replace(look, thick=max(2.0, round(look.thick * factor)), label_height=max(9.0, look.label_height * factor))
