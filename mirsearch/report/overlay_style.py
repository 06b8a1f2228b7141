"""Colors and sizes of an overlay, and the shapes that it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import ImageDraw

from mirsearch.corpus import Box, Panel
from mirsearch.report.text_drawing import Color

COLORS: tuple[Color, ...] = (
    (230, 25, 75), (0, 130, 200), (245, 130, 48), (60, 160, 70), (145, 60, 190), (0, 150, 150),
    (215, 60, 190), (150, 100, 30), (120, 145, 0), (60, 80, 170), (190, 40, 30), (90, 110, 130),
)  # fmt: skip
"""Colors of the letters, in order, then from the start again: different hues, all dark enough for a white legend."""
BAR_COLOR: Color = (255, 0, 220)
"""Color of a bar that was read, and of one without a length, whose ring is dashed."""
DOUBTFUL_COLOR: Color = (214, 96, 0)
"""Color of a bar whose reading is doubtful."""
PAPER: Color = (255, 255, 255)
INK: Color = (25, 30, 36)
DIM: Color = (98, 106, 116)


@dataclass(frozen=True, slots=True)
class Style:
    """Sizes in px that suit the size of the drawing: text, lines, gaps, and the width of a column of the legend."""

    text: int
    line: int
    gap: int
    legend: int


@dataclass(frozen=True, slots=True)
class ShownBar:
    """A bar of a panel as the overlay shows it: its box in px of the file, its color, and how sure it is."""

    box: Box
    color: Color
    is_doubtful: bool = False
    is_dashed: bool = False


def choose_style(longest: int) -> Style:
    """Return the sizes for a drawing whose longer side is `longest` px."""
    text = max(15, round(longest / 75))
    return Style(text, max(2, round(longest / 600)), max(8, text // 2), max(round(text * 24), 330))


def panel_colors(panels: Sequence[Panel]) -> list[Color]:
    """Return a color for each panel: one for all images of a letter, one for each panel without a letter."""
    numbers: dict[str, int] = {}
    colors = []
    for at, panel in enumerate(panels):
        number = numbers.setdefault(f"letter {panel.label}" if panel.label else f"panel {at}", len(numbers))
        colors.append(COLORS[number % len(COLORS)])
    return colors


def shown_bar(panel: Panel) -> ShownBar | None:
    """Return the panel's own bar. A shared one is shown where it lies, in another panel."""
    if panel.scale is not None:
        own = panel.scale.bar if panel.scale.source != "shared" else None
        return None if own is None else ShownBar(own, BAR_COLOR)
    if panel.doubtful_scale is not None and panel.doubtful_scale.bar is not None:
        return ShownBar(panel.doubtful_scale.bar, DOUBTFUL_COLOR, is_doubtful=True)
    return None if panel.bar is None else ShownBar(panel.bar.box, BAR_COLOR, is_dashed=True)


def overlaps(box: Box, other: Box) -> bool:
    """Return whether two boxes share a pixel."""
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]


def draw_dashed_frame(draw: ImageDraw.ImageDraw, box: Box, color: Color, width: int, dash: int) -> None:
    """Draw the frame of a box (x1 and y1 exclusive) in dashes of `dash` px, with gaps as long."""
    x0, y0, x1, y1 = box[0], box[1], box[2] - 1, box[3] - 1
    for start in range(x0, x1 + 1, 2 * dash):
        end = min(start + dash - 1, x1)
        draw.rectangle((start, y0, end, min(y0 + width - 1, y1)), fill=color)
        draw.rectangle((start, max(y1 - width + 1, y0), end, y1), fill=color)
    for start in range(y0, y1 + 1, 2 * dash):
        end = min(start + dash - 1, y1)
        draw.rectangle((x0, start, min(x0 + width - 1, x1), end), fill=color)
        draw.rectangle((max(x1 - width + 1, x0), start, x1, end), fill=color)
