"""The legend beside an overlay: what was read of each panel, with a close-up of its bar."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from mirsearch.corpus import Panel
from mirsearch.indexes.comparison import known_technique
from mirsearch.query import Pixels
from mirsearch.report.overlay_style import DIM, DOUBTFUL_COLOR, INK, PAPER, ShownBar, Style, overlaps, shown_bar
from mirsearch.report.text_drawing import (
    Color,
    draw_plate,
    draw_text,
    plate_size,
    text_size,
    truncate_to_width,
    wrap_text,
)
from mirsearch.report.wording import (
    clean_text,
    format_length,
    panel_heading,
    panel_name,
    scale_label,
    scale_sentence,
)

_CLOSE_UP_SHARE = 0.36
"""Greatest height of a bar's close-up, as a share of the legend's width."""
_MAX_LEGEND_HEIGHT, _MAX_LEGEND_ASPECT = 1.3, 0.8
"""Height at which the legend starts another column: the larger of these multiples of the figure's height and width."""
_MAX_FULL_BLOCKS = 12
"""Most panels whose readings the legend shows in full. With more, a panel without a bar of its own has one line; so has
every panel if more than this have a bar."""


def draw_legend(
    pixels: Pixels, panels: Sequence[Panel], colors: Sequence[Color], style: Style, size: tuple[int, int]
) -> Image.Image:
    """Return the readings, a block for each panel, in as many columns as the figure's width and height in px need."""
    full = _full_panels(panels)
    blocks = [
        _draw_block(pixels, panel, (number, panels, number in full), color, style)
        for number, (panel, color) in enumerate(zip(panels, colors, strict=True), start=1)
    ]
    heads = _head_lines(pixels, panels)
    row = text_size("Ag", style.text)[1]
    top = len(heads) * row + 2 * style.gap
    places: list[tuple[int, int]] = []
    column, y, lowest = 0, top, top
    limit = max(_MAX_LEGEND_HEIGHT * size[1], _MAX_LEGEND_ASPECT * size[0])
    for block in blocks:
        if y > top and y + block.height > limit:
            column, y = column + 1, top
        places.append((style.gap + column * (style.legend + 2 * style.gap), y))
        y += block.height + style.gap // 2
        lowest = max(lowest, y)
    legend = Image.new("RGB", ((column + 1) * (style.legend + 2 * style.gap), lowest), PAPER)
    draw = ImageDraw.Draw(legend)
    for at, (text, ink) in enumerate(heads):
        fitting = truncate_to_width(text, style.text, legend.width - 2 * style.gap)
        draw_text(draw, (style.gap, style.gap + at * row), fitting, style.text, ink)
    for block, place in zip(blocks, places, strict=True):
        legend.paste(block, place)
    return legend


def _full_panels(panels: Sequence[Panel]) -> set[int]:
    """Return the numbers, from 1, of the panels whose readings are shown in full."""
    if len(panels) <= _MAX_FULL_BLOCKS:
        return set(range(1, len(panels) + 1))
    with_bar = {number for number, panel in enumerate(panels, start=1) if shown_bar(panel) is not None}
    return with_bar if len(with_bar) <= _MAX_FULL_BLOCKS else set()


def _head_lines(pixels: Pixels, panels: Sequence[Panel]) -> list[tuple[str, Color]]:
    """Return the size of the figure and the number of panels, and what the rings of doubtful and lone bars mean."""
    count = f"{len(panels)} panel{'' if len(panels) == 1 else 's'}, {pixels.shape[1]} × {pixels.shape[0]} px"
    bars = [bar for panel in panels if (bar := shown_bar(panel)) is not None]
    lines = [(count, DIM)]
    if any(bar.is_doubtful for bar in bars):
        lines.append(("?: doubtful, not used for ranking", DOUBTFUL_COLOR))
    if any(bar.is_dashed for bar in bars):
        lines.append(("dashed ring: a bar whose length is unknown", DIM))
    return lines


def _draw_block(
    pixels: Pixels, panel: Panel, place: tuple[int, Sequence[Panel], bool], color: Color, style: Style
) -> Image.Image:
    """Return the block of a panel. `place` has its number, the panels of the figure, and whether to show all."""
    number, panels, full = place
    name = panel_name(panel, number)
    row = text_size("Ag", style.text)[1] + 2
    letter_width, letter_height = plate_size(name, style.text)
    left = max(letter_width, style.text * 3) + style.gap
    found = _full_lines(panel, panels) if full else _short_lines(panel)
    room, most = style.legend - left, 2 if full else 1
    lines = [(part, ink) for line, ink in found for part in wrap_text(line, style.text, room, most)]
    bar = shown_bar(panel) if full else None
    close_up = None if bar is None else _bar_close_up(pixels, panel, bar, style, room)
    height = max(letter_height, row * len(lines)) + (close_up.height + style.gap // 2 if close_up else 0)
    block = Image.new("RGB", (style.legend, height + style.gap // 2), PAPER)
    draw = ImageDraw.Draw(block)
    draw_plate(draw, (0, 0), name, style.text, color)
    for at, (line, ink) in enumerate(lines):
        draw_text(draw, (left, at * row), line, style.text, ink)
    if close_up:
        block.paste(close_up, (left, row * len(lines) + style.gap // 2))
    return block


def _short_lines(panel: Panel) -> list[tuple[str, Color]]:
    """Return kind, scale and heading in one line."""
    words = [clean_text(known_technique(panel) or panel.kind, 24)]
    if panel.scale is not None or panel.doubtful_scale is not None:
        words.append(scale_label(panel) + (" shared" if panel.scale and panel.scale.source == "shared" else ""))
    elif panel.bar is not None:
        words.append(f"bar {panel.bar.length_px:.1f} px = ?")
    words.append(panel_heading(panel, 24))
    return [(" · ".join(filter(None, words)), DOUBTFUL_COLOR if panel.doubtful_scale is not None else INK)]


def _full_lines(panel: Panel, panels: Sequence[Panel]) -> list[tuple[str, Color]]:
    kind = panel.kind if panel.kind_confidence <= 0 else f"{panel.kind} {panel.kind_confidence:.2f}"
    technique = known_technique(panel)
    if technique:
        kind += f" · {clean_text(technique, 24)} {panel.technique_confidence:.2f}"
    heading = panel_heading(panel)
    lines = [(heading, INK)] if heading else []
    lines.append((kind, INK))
    if panel.scale is not None:
        lines.append((scale_sentence(panel, panels), INK))
        read = f" · reads “{clean_text(panel.scale.label_text, 40)}”" if panel.scale.label_text else ""
        lines.append((f"field of view {format_length(panel.field_of_view_nm)}{read}", INK))
    elif panel.doubtful_scale is not None or panel.bar is not None:
        lines.append((scale_sentence(panel), DOUBTFUL_COLOR if panel.doubtful_scale is not None else INK))
    else:
        lines.append(("no scale read", DIM))
    box = ", ".join(str(edge) for edge in panel.box)
    lines.append((f"{panel.width} × {panel.height} px at {box}", DIM))
    if panel.text:
        lines.append((f"text: {clean_text(panel.text, 120)}", DIM))
    return lines


def _bar_close_up(pixels: Pixels, panel: Panel, bar: ShownBar, style: Style, room: int) -> Image.Image | None:
    """Return the bar with its surroundings, enlarged to at most `room` px, with ticks above and below its two ends."""
    x0, y0, x1, y1 = bar.box
    margin_x, margin_y = max(8, (x1 - x0) // 8), max(12, 3 * (y1 - y0), (x1 - x0) // 2)
    surround = panel.box if overlaps(panel.box, bar.box) else (0, 0, pixels.shape[1], pixels.shape[0])
    left, top = max(0, surround[0], x0 - margin_x), max(0, surround[1], y0 - margin_y)
    right, bottom = min(pixels.shape[1], surround[2], x1 + margin_x), min(pixels.shape[0], surround[3], y1 + margin_y)
    if right <= left or bottom <= top:
        return None
    factor = min(room / (right - left), _CLOSE_UP_SHARE * style.legend / (bottom - top), 6.0)
    part = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right])).convert("RGB")
    size = (max(1, round(part.width * factor)), max(1, round(part.height * factor)))
    part = part.resize(size, Image.Resampling.NEAREST if factor >= 2 else Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(part)
    ends = [round((x0 - left) * factor) - 1, round((x1 - left) * factor)]
    edges = [round((y0 - top) * factor), round((y1 - top) * factor)]
    for x in ends:
        draw.line((x, 0, x, max(edges[0] - 3, 0)), fill=bar.color, width=2)
        draw.line((x, edges[1] + 3, x, size[1]), fill=bar.color, width=2)
    return part
