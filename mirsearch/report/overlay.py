"""Draw the panels, letters and bars that were read on the figure, and the readings beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from mirsearch.corpus import Box, Panel
from mirsearch.query import Pixels
from mirsearch.report.overlay_legend import draw_legend
from mirsearch.report.overlay_style import (
    DOUBTFUL_COLOR,
    PAPER,
    ShownBar,
    Style,
    choose_style,
    draw_dashed_frame,
    panel_colors,
    shown_bar,
)
from mirsearch.report.overlay_tags import place_group_tags, place_tags
from mirsearch.report.text_drawing import Color, draw_plate, plate_size
from mirsearch.report.wording import MAX_LETTER, clean_text

_MIN_SIDE, _MAX_SIDE = 900, 2400
"""Bounds of the figure's longer side in the drawing, px. Small figures grow by whole factors, large ones shrink."""


def draw_overlay(pixels: Pixels, panels: Sequence[Panel]) -> Pixels:
    """Return the figure, RGB uint8 (h, w, 3), with boxes, letters and bars, and a legend at its right.

    All images of a letter have one color, and the letter's box is dashed. A very small figure is enlarged, a very large
    one reduced. Lengths in the legend are those of the original pixels.
    """
    factor = _zoom_factor(pixels)
    figure = _resize(pixels, factor)
    style, colors = choose_style(max(figure.size)), panel_colors(panels)
    draw = ImageDraw.Draw(figure)
    _draw_panels(draw, panels, colors, factor, style, figure.size)
    legend = draw_legend(pixels, panels, colors, style, figure.size)
    height = max(figure.height, legend.height)
    sheet = Image.new("RGB", (figure.width + legend.width, height), PAPER)
    sheet.paste(figure, (0, 0))
    sheet.paste(legend, (figure.width, 0))
    return np.asarray(sheet, dtype=np.uint8)


def _zoom_factor(pixels: Pixels) -> float:
    longest = int(max(pixels.shape[:2]))
    if longest < _MIN_SIDE:
        return float(min(-(-_MIN_SIDE // longest), 8))
    return min(1.0, _MAX_SIDE / longest)


def _resize(pixels: Pixels, factor: float) -> Image.Image:
    image = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
    if factor == 1.0:
        return image
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    # An enlarged figure keeps sharp pixels: the user must see the true ends of a bar.
    return image.resize(size, Image.Resampling.NEAREST if factor > 1 else Image.Resampling.LANCZOS)


def _draw_panels(
    draw: ImageDraw.ImageDraw,
    panels: Sequence[Panel],
    colors: Sequence[Color],
    factor: float,
    style: Style,
    size: tuple[int, int],
) -> None:
    """Draw frames, bars and tags, in this order: what matters most is on top."""
    boxes = [_scale_box(panel.box, factor) for panel in panels]
    groups = _find_groups(panels, colors, factor)
    for box, (_, color) in groups.items():
        draw_dashed_frame(draw, box, color, max(1, style.line // 2), 4 * style.line)
    for box, color in zip(boxes, colors, strict=True):
        _draw_box(draw, box, color, style)
    bars = [(bar, box) for panel, box in zip(panels, boxes, strict=True) if (bar := shown_bar(panel)) is not None]
    taken = [_ring(bar, factor, style) for bar, _ in bars]
    for (bar, box), ring in zip(bars, list(taken), strict=True):
        _draw_ring(draw, bar, ring, style)
        if bar.is_doubtful:
            taken.append(_draw_question_mark(draw, ring, box, style))
    area = (0, 0, *size)
    tags = place_tags(panels, boxes, colors, taken, style, area)
    for tag in (*tags, *place_group_tags(groups, boxes, taken, style, area)):
        draw_plate(draw, tag.box[:2], tag.text, tag.size, tag.color)


def _find_groups(panels: Sequence[Panel], colors: Sequence[Color], factor: float) -> dict[Box, tuple[str, Color]]:
    """Return the box of each letter with several images, in px of the drawing, with the letter and its color."""
    return {
        _scale_box(panel.group, factor): (clean_text(panel.label, MAX_LETTER) or "?", color)
        for panel, color in zip(panels, colors, strict=True)
        if panel.group is not None
    }


def _scale_box(box: Box, factor: float) -> Box:
    x0, y0, x1, y1 = (round(edge * factor) for edge in box)
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def _draw_box(draw: ImageDraw.ImageDraw, box: Box, color: Color, style: Style) -> None:
    x0, y0, x1, y1 = box[0], box[1], box[2] - 1, box[3] - 1
    draw.rectangle((x0 - 1, y0 - 1, x1 + 1, y1 + 1), outline=PAPER)
    draw.rectangle((x0, y0, x1, y1), outline=color, width=style.line)


def _ring(bar: ShownBar, factor: float, style: Style) -> Box:
    """Return the box of the ring around a bar, outside its pixels, so that the user can check the ends."""
    margin = style.line + 1
    x0, y0, x1, y1 = _scale_box(bar.box, factor)
    return x0 - margin, y0 - margin, x1 + margin, y1 + margin


def _draw_ring(draw: ImageDraw.ImageDraw, bar: ShownBar, ring: Box, style: Style) -> None:
    """Draw the ring around a bar, dashed where the bar's length is unknown."""
    if bar.is_dashed:
        draw_dashed_frame(draw, ring, bar.color, style.line, 3 * style.line)
    else:
        draw.rectangle((ring[0], ring[1], ring[2] - 1, ring[3] - 1), outline=bar.color, width=style.line)


def _draw_question_mark(draw: ImageDraw.ImageDraw, ring: Box, panel: Box, style: Style) -> Box:
    """Draw a "?" beside the ring of a bar, within its panel where there is room, and return the box of its plate."""
    width, height = plate_size("?", style.text)
    middle = (ring[1] + ring[3] - height) // 2
    places = [(ring[0] - width, middle), (ring[2], middle), (ring[0], ring[1] - height), (ring[0], ring[3])]
    inside = [(x, y) for x, y in places if panel[0] <= x and x + width <= panel[2] and y >= panel[1]]
    x, y = (inside or places)[0]
    draw_plate(draw, (x, y), "?", style.text, DOUBTFUL_COLOR)
    return x, y, x + width, y + height
