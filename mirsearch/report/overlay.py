"""Draw the panels, letters and bars that were read on the figure, and the readings beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from mirsearch.corpus import Box, Panel
from mirsearch.query import Pixels
from mirsearch.report.text_drawing import Color, draw_plate, draw_text, plate_size, text_size, truncate_to_width
from mirsearch.report.wording import clean_text, format_length, reading_sentence

COLORS: tuple[Color, ...] = (
    (230, 25, 75), (0, 130, 200), (245, 130, 48), (60, 160, 70), (145, 60, 190), (0, 150, 150),
    (215, 60, 190), (150, 100, 30), (120, 145, 0), (60, 80, 170), (190, 40, 30), (90, 110, 130),
)  # fmt: skip
"""Colors of the panels, in order, then from the start again: different hues, all dark enough for a white legend."""
BAR_COLOR: Color = (255, 0, 220)
_PAPER, _INK, _DIM = (255, 255, 255), (25, 30, 36), (98, 106, 116)
_MIN_SIDE, _MAX_SIDE = 900, 2400
"""Bounds of the figure's longer side in the drawing, px. Small figures grow by whole factors, large ones shrink."""
_CLOSE_UP_SHARE = 0.36
"""Greatest height of a bar's close-up, as a share of the legend's width."""
_MAX_LEGEND_HEIGHT = 1.3
"""Height at which the legend starts another column, as a multiple of the figure's height."""


@dataclass(frozen=True, slots=True)
class _Style:
    """Sizes in px that suit the size of the drawing."""

    text: int
    line: int
    gap: int
    legend: int


def draw_overlay(pixels: Pixels, panels: Sequence[Panel]) -> Pixels:
    """Return the figure, RGB uint8 (h, w, 3), with boxes, letters and bars, and a legend at its right.

    A very small figure is enlarged, a very large one reduced. Lengths in the legend are those of the original pixels.
    """
    factor = _zoom_factor(pixels)
    figure = _resize(pixels, factor)
    style = _choose_style(figure)
    draw = ImageDraw.Draw(figure)
    for panel, color in _panel_colors(panels):
        _draw_box(draw, _scale_box(panel.box, factor), color, style)
    for panel, _ in _panel_colors(panels):
        if panel.scale is not None and panel.scale.bar is not None:
            _draw_bar(draw, _scale_box(panel.scale.bar, factor), style)
    _draw_letters(draw, panels, factor, style, figure.size)
    legend = _draw_legend(pixels, panels, style, figure.height)
    height = max(figure.height, legend.height)
    sheet = Image.new("RGB", (figure.width + legend.width, height), _PAPER)
    sheet.paste(figure, (0, 0))
    sheet.paste(legend, (figure.width, 0))
    return np.asarray(sheet, dtype=np.uint8)


def panel_name(panel: Panel, number: int) -> str:
    """Return the letter as read, else the panel's number in reading order, from 1."""
    return clean_text(panel.label, 6) or f"#{number}"


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


def _choose_style(figure: Image.Image) -> _Style:
    longest = max(figure.size)
    text = max(15, round(longest / 75))
    return _Style(text, max(2, round(longest / 600)), max(8, text // 2), max(round(text * 24), 330))


def _panel_colors(panels: Sequence[Panel]) -> list[tuple[Panel, Color]]:
    return [(panel, COLORS[at % len(COLORS)]) for at, panel in enumerate(panels)]


def _scale_box(box: Box, factor: float) -> Box:
    x0, y0, x1, y1 = (round(edge * factor) for edge in box)
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def _draw_box(draw: ImageDraw.ImageDraw, box: Box, color: Color, style: _Style) -> None:
    x0, y0, x1, y1 = box[0], box[1], box[2] - 1, box[3] - 1
    draw.rectangle((x0 - 1, y0 - 1, x1 + 1, y1 + 1), outline=_PAPER)
    draw.rectangle((x0, y0, x1, y1), outline=color, width=style.line)


def _draw_bar(draw: ImageDraw.ImageDraw, box: Box, style: _Style) -> None:
    """Draw a ring around the bar, outside its pixels, so that the user can check the ends."""
    margin = style.line + 1
    outer = (box[0] - margin, box[1] - margin, box[2] - 1 + margin, box[3] - 1 + margin)
    draw.rectangle(outer, outline=BAR_COLOR, width=style.line)


def _draw_letters(
    draw: ImageDraw.ImageDraw, panels: Sequence[Panel], factor: float, style: _Style, size: tuple[int, int]
) -> None:
    """Draw each panel's letter on a plate, in a corner where it hides no bar and no other plate if there is one."""
    taken = [_scale_box(p.scale.bar, factor) for p in panels if p.scale is not None and p.scale.bar is not None]
    for number, (panel, color) in enumerate(_panel_colors(panels), start=1):
        name = panel_name(panel, number)
        width, height = plate_size(name, style.text)
        x0, y0, x1, y1 = _scale_box(panel.box, factor)
        corners = [(x1 - width, y0), (x0, y0), (x1 - width, y1 - height), (x0, y1 - height)]
        places = [(min(max(x, 0), size[0] - width), min(max(y, 0), size[1] - height)) for x, y in corners]
        boxes = [(x, y, x + width, y + height) for x, y in places]
        free = [box for box in boxes if not any(_overlaps(box, other) for other in taken)]
        chosen = (free or boxes)[0]
        draw_plate(draw, chosen[:2], name, style.text, color)
        taken.append(chosen)


def _overlaps(box: Box, other: Box) -> bool:
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]


def _reading_lines(panel: Panel) -> list[tuple[str, Color]]:
    kind = panel.kind if panel.kind_confidence <= 0 else f"{panel.kind} {panel.kind_confidence:.2f}"
    if panel.technique:
        kind += f" · {clean_text(panel.technique, 24)} {panel.technique_confidence:.2f}"
    lines = [(kind, _INK)]
    if panel.scale is None:
        lines.append(("no scale read", _DIM))
    else:
        lines.append((reading_sentence(panel.scale), _INK))
        read = f" · reads “{clean_text(panel.scale.label_text, 40)}”" if panel.scale.label_text else ""
        lines.append((f"field of view {format_length(panel.field_of_view_nm)}{read}", _INK))
    box = ", ".join(str(edge) for edge in panel.box)
    lines.append((f"{panel.width} × {panel.height} px at {box}", _DIM))
    if panel.text:
        lines.append((f"text: {clean_text(panel.text, 120)}", _DIM))
    return lines


def _draw_legend(pixels: Pixels, panels: Sequence[Panel], style: _Style, height: int) -> Image.Image:
    """Draw the readings, a block for each panel, in as many columns as the height of the figure needs."""
    blocks = [
        _draw_legend_block(pixels, panel, panel_name(panel, number), color, style)
        for number, (panel, color) in enumerate(_panel_colors(panels), start=1)
    ]
    summary = f"{len(panels)} panel{'' if len(panels) == 1 else 's'}, {pixels.shape[1]} × {pixels.shape[0]} px"
    top = text_size("Ag", style.text)[1] + 2 * style.gap
    places: list[tuple[int, int]] = []
    column, y, lowest = 0, top, top
    for block in blocks:
        if y > top and y + block.height > _MAX_LEGEND_HEIGHT * height:
            column, y = column + 1, top
        places.append((style.gap + column * (style.legend + 2 * style.gap), y))
        y += block.height + style.gap
        lowest = max(lowest, y)
    legend = Image.new("RGB", ((column + 1) * (style.legend + 2 * style.gap), lowest), _PAPER)
    draw_text(ImageDraw.Draw(legend), (style.gap, style.gap), summary, style.text, _DIM)
    for block, place in zip(blocks, places, strict=True):
        legend.paste(block, place)
    return legend


def _draw_legend_block(pixels: Pixels, panel: Panel, name: str, color: Color, style: _Style) -> Image.Image:
    lines = _reading_lines(panel)
    row = text_size("Ag", style.text)[1] + 2
    close_up = _bar_close_up(pixels, panel, style)
    letter_width, letter_height = plate_size(name, style.text)
    left = max(letter_width, style.text * 2) + style.gap
    height = max(letter_height, row * len(lines)) + (close_up.height + style.gap // 2 if close_up else 0)
    block = Image.new("RGB", (style.legend, height + style.gap // 2), _PAPER)
    draw = ImageDraw.Draw(block)
    draw_plate(draw, (0, 0), name, style.text, color)
    for at, (line, ink) in enumerate(lines):
        draw_text(draw, (left, at * row), truncate_to_width(line, style.text, style.legend - left), style.text, ink)
    if close_up:
        block.paste(close_up, (left, row * len(lines) + style.gap // 2))
    return block


def _bar_close_up(pixels: Pixels, panel: Panel, style: _Style) -> Image.Image | None:
    """Return the bar with its surroundings, enlarged, with ticks above and below its two ends."""
    if panel.scale is None or panel.scale.bar is None:
        return None
    x0, y0, x1, y1 = panel.scale.bar
    margin_x, margin_y = max(8, (x1 - x0) // 8), max(12, 3 * (y1 - y0), (x1 - x0) // 2)
    surround = panel.box if _overlaps(panel.box, panel.scale.bar) else (0, 0, pixels.shape[1], pixels.shape[0])
    left, top = max(0, surround[0], x0 - margin_x), max(0, surround[1], y0 - margin_y)
    right, bottom = min(pixels.shape[1], surround[2], x1 + margin_x), min(pixels.shape[0], surround[3], y1 + margin_y)
    if right <= left or bottom <= top:
        return None
    room = style.legend - style.text * 2 - style.gap
    factor = min(room / (right - left), _CLOSE_UP_SHARE * style.legend / (bottom - top), 6.0)
    part = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right])).convert("RGB")
    size = (max(1, round(part.width * factor)), max(1, round(part.height * factor)))
    part = part.resize(size, Image.Resampling.NEAREST if factor >= 2 else Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(part)
    ends = [round((x0 - left) * factor) - 1, round((x1 - left) * factor)]
    edges = [round((y0 - top) * factor), round((y1 - top) * factor)]
    for x in ends:
        draw.line((x, 0, x, max(edges[0] - 3, 0)), fill=BAR_COLOR, width=2)
        draw.line((x, edges[1] + 3, x, size[1]), fill=BAR_COLOR, width=2)
    return part
