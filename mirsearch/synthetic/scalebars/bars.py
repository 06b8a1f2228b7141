"""Draws scale bars with labels in many styles, with sub-pixel ends, and returns their exact truth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mirsearch.corpus import Box
from mirsearch.synthetic.fields import Random
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.scalebars.styles import BLACK, COLORS, WHITE, BarStyle, Color
from mirsearch.synthetic.text_masks import dilate_mask, paint_mask, text_mask

UNITS = (("nm", 1.0), ("µm", 1e3), ("mm", 1e6))


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """The truth of one bar: box in px of the picture, length in px along its axis, label, and scale."""

    style: str
    box: Box
    length_px: float
    length_nm: float
    label_text: str | None
    label_box: Box | None
    nm_per_px: float
    vertical: bool = False

    def shift(self, dx: int, dy: int) -> DrawnBar:
        """Return the bar shifted by (dx, dy)."""
        label = None if self.label_box is None else shift_box(self.label_box, dx, dy)
        return replace(self, box=shift_box(self.box, dx, dy), label_box=label)


def shift_box(box: Box, dx: int, dy: int) -> Box:
    """Return the box shifted by (dx, dy)."""
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy


def format_length(length_nm: float, rng: Random | None = None, separator: str | None = None) -> str:
    """Return a length as label text; `rng` chooses among spellings ("500 nm", "500nm", "0.5 µm", "5 um")."""
    unit, factor = next((entry for entry in reversed(UNITS) if length_nm >= entry[1]), UNITS[0])
    if rng is not None and length_nm in (100, 200, 250, 500) and rng.uniform() < 0.12:
        unit, factor = UNITS[1]
    elif rng is not None and length_nm in (1000, 2000) and rng.uniform() < 0.12:
        unit, factor = UNITS[0]
    number = f"{length_nm / factor:.6g}"
    if rng is not None and unit == "µm" and rng.uniform() < 0.12:
        unit = "um"
    return (
        f"{number}{separator if separator is not None else ' '}{unit}"
        if rng is None or rng.uniform() > 0.15
        else f"{number}{unit}"
    )


def round_length(low_nm: float, high_nm: float, rng: Random) -> float:
    """Return a usual bar length within limits of a ratio of 2.5 or more: mostly 1, 2 or 5 times a power of ten."""
    steps = (1.0, 2.0, 2.5, 3.0, 4.0, 5.0) if rng.uniform() < 0.12 else (1.0, 2.0, 5.0)
    power = np.floor(np.log10(low_nm))
    lengths = [float(f"{step * 10.0**p:.6g}") for p in (power, power + 1) for step in steps if step != 2.5 or p >= 1]
    fitting = [length for length in lengths if low_nm <= length <= high_nm]
    return float(rng.choice(fitting)) if fitting else float(f"{2 * 10.0**power:.6g}")


def fill_rect(pixels: Pixels, x0: float, y0: float, x1: float, y1: float, color: Color) -> None:
    """Fill a rectangle with fractional edges: a pixel takes the color in proportion to its covered share."""
    height, width = pixels.shape[:2]
    across = np.clip(np.minimum(np.arange(width) + 1, x1) - np.maximum(np.arange(width), x0), 0, 1)
    down = np.clip(np.minimum(np.arange(height) + 1, y1) - np.maximum(np.arange(height), y0), 0, 1)
    columns, rows = np.flatnonzero(across), np.flatnonzero(down)
    if not len(columns) or not len(rows):
        return
    cut = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    cover = (down[cut[0], None] * across[None, cut[1]])[..., None]
    region = pixels[cut].astype(np.float64)
    pixels[cut] = np.rint(region + cover * (np.array(color) - region)).astype(np.uint8)


def contrasting_color(color: Color) -> Color:
    """Return black for a bright color and white for a dark one."""
    return BLACK if 0.3 * color[0] + 0.59 * color[1] + 0.11 * color[2] > 110 else WHITE


@dataclass(frozen=True, slots=True)
class _Placement:
    """Places of the parts: the bar's x0, y0, x1, y1 (fractional), the label's mask and corner, the box around all."""

    bar: tuple[float, float, float, float]
    label: NDArray[np.float32] | None
    label_corner: tuple[int, int]
    around: Box


def _crossbar_reach(style: BarStyle, thick: float) -> float:
    """Return how far crossbars and long ticks extend beyond a bar, in px."""
    return round(2.5 * thick + 2) if style.shape in ("caps", "ruler", "ticks") else 0.0


def _place_bar(
    shape: tuple[int, int],
    style: BarStyle,
    size: tuple[float, float],
    label: NDArray[np.float32] | None,
    corner: str,
    shift: float,
) -> _Placement:
    """Place a bar of (length, thickness) px and its label into a corner; `shift` is the sub-pixel part of its start."""
    height, width = shape
    length, thick = size
    across = thick + 2 * _crossbar_reach(style, thick)
    wide, tall = (across, length) if style.vertical else (length, across)
    label_h, label_w = label.shape if label is not None else (0, 0)
    gap = max(3, round(0.012 * min(shape)), round(0.3 * label_h) if label is not None else 0)
    side = style.label if label is not None else "none"
    if side in ("above", "below"):
        block_w, block_h = max(wide, label_w), tall + gap + label_h
    elif side in ("left", "right"):
        block_w, block_h = wide + gap + label_w, max(tall, label_h)
    else:
        block_w, block_h = wide, tall
    margin = max(6, round(0.035 * min(shape)))
    x = margin if "left" in corner else width - margin - int(np.ceil(block_w)) - 1
    y = margin if "top" in corner else height - margin - int(np.ceil(block_h)) - 1
    bar_x, bar_y = x + (block_w - wide) / 2, y + (block_h - tall) / 2
    label_x, label_y = round(x + (block_w - label_w) / 2), round(y + (block_h - label_h) / 2)
    if side in ("above", "below"):
        bar_y, label_y = (y + gap + label_h, y) if side == "above" else (y, round(y + tall + gap))
    elif side in ("left", "right"):
        bar_x, label_x = (x + gap + label_w, x) if side == "left" else (x, round(x + wide + gap))
    inset = (across - thick) / 2
    if style.vertical:
        bar_x, wide, bar_y = bar_x + inset, thick, round(bar_y) + shift
    else:
        bar_y, tall, bar_x = bar_y + inset, thick, round(bar_x) + shift
    x0, y0 = (round(bar_x), bar_y) if style.vertical else (bar_x, round(bar_y))
    around = (x, y, x + int(np.ceil(block_w)) + 1, y + int(np.ceil(block_h)) + 1)
    return _Placement((x0, y0, x0 + wide, y0 + tall), label, (label_x, label_y), around)


def _draw_caps(
    pixels: Pixels, bar: tuple[float, float, float, float], vertical: bool, color: Color, ticks: int = 1
) -> None:
    """Draw crossbars at both ends, inside the length, and `ticks` - 1 shorter ones between them."""
    x0, y0, x1, y1 = bar
    thick = max(1.0, (x1 - x0) if vertical else (y1 - y0))
    for number in range(ticks + 1):
        reach = (
            float(round(2.5 * thick + 2)) if number in (0, ticks) or (ticks == 10 and number == 5) else 1.2 * thick + 1
        )
        if vertical:
            tick_start = y0 + (y1 - y0 - thick) * number / ticks
            fill_rect(pixels, x0 - reach, tick_start, x1 + reach, tick_start + thick, color)
        else:
            tick_start = x0 + (x1 - x0 - thick) * number / ticks
            up = reach if ticks == 1 else 0.0
            fill_rect(pixels, tick_start, y0 - up, tick_start + thick, y1 + reach, color)


def _draw_frame(pixels: Pixels, bar: tuple[float, float, float, float], edge: float, color: Color) -> None:
    """Draw the four sides of a rectangle, inside it. The picture stays visible between them."""
    x0, y0, x1, y1 = bar
    fill_rect(pixels, x0, y0, x1, y0 + edge, color)
    fill_rect(pixels, x0, y1 - edge, x1, y1, color)
    fill_rect(pixels, x0, y0 + edge, x0 + edge, y1 - edge, color)
    fill_rect(pixels, x1 - edge, y0 + edge, x1, y1 - edge, color)


def _draw_segments(pixels: Pixels, bar: tuple[float, float, float, float], color: Color) -> None:
    """Draw four pieces in a color and its contrasting color in turn, with a frame that shows the last one's end."""
    x0, y0, x1, y1 = bar
    for number in range(4):
        ends = (x0 + (x1 - x0) * number / 4, x0 + (x1 - x0) * (number + 1) / 4)
        fill_rect(pixels, ends[0], y0, ends[1], y1, color if number % 2 == 0 else contrasting_color(color))
    _draw_frame(pixels, bar, 1.0, color)


def _draw_shape(pixels: Pixels, style: BarStyle, bar: tuple[float, float, float, float], color: Color) -> None:
    """Draw the bar without its label."""
    x0, y0, x1, y1 = bar
    edge = max(1.0, round((y1 - y0) * 0.15))
    if style.shape == "hollow":
        _draw_frame(pixels, bar, max(2.0, edge), color)
        return
    if style.shape == "segments":
        _draw_segments(pixels, bar, color)
        return
    if style.shape == "outlined":
        fill_rect(pixels, x0 - edge, y0 - edge, x1 + edge, y1 + edge, contrasting_color(color))
    if style.shape != "ticks":
        fill_rect(pixels, x0, y0, x1, y1, color)
    if style.shape in ("caps", "ruler", "ticks"):
        _draw_caps(pixels, bar, style.vertical, color, 1 if style.shape == "caps" else 10)


def _contrast(pixels: Pixels, box: Box, color: Color) -> float:
    """Return the difference in gray levels between `color` and a box's pixels that 9 of 10 pixels exceed."""
    region = pixels[max(box[1], 0) : box[3], max(box[0], 0) : box[2]]
    if not region.size:
        return 0.0
    gray = region.reshape(-1, 3).astype(np.float32) @ np.array((0.3, 0.59, 0.11), np.float32)
    tone = 0.3 * color[0] + 0.59 * color[1] + 0.11 * color[2]
    distance = np.abs(gray - tone)
    if color not in (WHITE, BLACK):
        hue = np.abs(region.reshape(-1, 3).astype(np.float32) - np.array(color, np.float32)).max(1)
        distance = 0.7 * distance + 0.3 * hue
    return float(np.percentile(distance, 10))


def _draw_background(pixels: Pixels, around: Box, color: Color) -> None:
    pad = max(3, round(0.012 * min(pixels.shape[:2])))
    fill_rect(pixels, around[0] - pad, around[1] - pad, around[2] + pad, around[3] + pad, contrasting_color(color))


def pixel_box(bar: tuple[float, float, float, float]) -> Box:
    """Return the pixels that a fractional rectangle covers by half or more, at least one each way."""
    x0, y0, x1, y1 = (int(np.floor(edge + 0.5)) for edge in bar)
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def draw_bar(
    pixels: Pixels, nm_per_px: float, style: BarStyle, rng: Random,
    text: str | None = None, length_nm: float | None = None,
) -> DrawnBar:  # fmt: skip
    """Draw a bar of a style (not a databar) onto RGB `pixels`, in place. An ink without contrast is replaced.

    Without `length_nm`, the length is a round one of 14 to 37 % of the picture's side. `text` replaces the label.
    """
    shape = (pixels.shape[0], pixels.shape[1])
    along = shape[0] if style.vertical else shape[1]
    length_nm = length_nm or round_length(0.14 * along * nm_per_px, 0.37 * along * nm_per_px, rng)
    length = length_nm / nm_per_px
    thick = float(max(2 if style.thickness < 0.01 else 3, round(style.thickness * min(shape))))
    label_height = float(np.clip(rng.uniform(0.034, 0.05) * min(shape), 10, 40))
    words = None if style.label == "none" else text or format_length(length_nm, rng)
    mask = None if words is None else text_mask(words, label_height, style.face)
    if mask is not None and style.rotated_label:
        mask = np.ascontiguousarray(np.rot90(mask))
    if style.label == "inside" and mask is not None:
        thick = max(thick, mask.shape[0] + 6.0)
        if mask.shape[1] > length * 0.55:  # a label that fills its bar would look like a label in a box
            style, thick = replace(style, label="above"), float(max(4, round(0.02 * min(shape))))
    color = COLORS[style.ink]
    placements = [
        _place_bar(shape, style, (length, thick), mask, corner, float(rng.uniform()))
        for corner in rng.permutation(style.corners)
    ]
    has_background = style.shape in ("boxed", "outlined", "segments")
    best = max(placements, key=lambda placement: _contrast(pixels, placement.around, color))
    if not has_background and _contrast(pixels, best.around, color) < 75:
        color = max((WHITE, BLACK), key=lambda ink: _contrast(pixels, best.around, ink))
        if _contrast(pixels, best.around, color) < 60:
            _draw_background(pixels, best.around, color)
    if style.shape == "boxed":
        _draw_background(pixels, best.around, color)
    _draw_shape(pixels, style, best.bar, color)
    label_box = _draw_label(pixels, style, best, color)
    return DrawnBar(style.name, pixel_box(best.bar), length, length_nm, words, label_box, nm_per_px, style.vertical)


def _draw_label(pixels: Pixels, style: BarStyle, placement: _Placement, color: Color) -> Box | None:
    """Draw the label of a placed bar; return its box."""
    if placement.label is None:
        return None
    x, y = placement.label_corner
    if style.shape in ("outlined", "segments"):
        radius = max(1, round(placement.label.shape[0] * 0.09))
        paint_mask(pixels, dilate_mask(placement.label, radius), x - radius, y - radius, contrasting_color(color))
    paint_mask(pixels, placement.label, x, y, contrasting_color(color) if style.label == "inside" else color)
    return x, y, x + placement.label.shape[1], y + placement.label.shape[0]
