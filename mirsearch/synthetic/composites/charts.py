"""Draws plots as life scientists print them: open axes, bars with errors and points, brackets of significance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from mirsearch.synthetic.fields import Random
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.scalebars.bars import fill_rect
from mirsearch.synthetic.scalebars.styles import BLACK, Color
from mirsearch.synthetic.text_masks import paint_mask, text_mask

FILLS: tuple[Color, ...] = (
    (255, 255, 255), (150, 150, 150), (220, 70, 60), (70, 120, 200), (90, 170, 110), (240, 170, 60), (170, 110, 190),
)  # fmt: skip
GROUPS = (("Sham", "Endo"), ("WT", "KO"), ("Ctrl", "Drug"), ("0", "2", "4", "6"), ("siCtrl", "si1", "si2"), ("-", "+"))
ORDINATES = (
    "Cells per field", "Mean intensity (a.u.)", "% of positive cells", "Area (µm²)", "Relative level", "Length (µm)",
    "ΔF/F0".replace("Δ", "d"), "Colocalization", "Speed (µm/s)", "Fold change",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Axes:
    """The axes of a plot: the rectangle of its data, the height of its words in px, and its width of line."""

    x0: int
    y0: int
    x1: int
    y1: int
    words: float
    thick: int

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the px of a point in [0, 1]²."""
        return self.x0 + x * (self.x1 - self.x0), self.y1 - y * (self.y1 - self.y0)


def _write(pixels: Pixels, words: str, x: float, y: float, height: float, turned: bool = False) -> None:
    """Write words with their middle at (x, y)."""
    mask = text_mask(words, height)
    if turned:
        mask = np.ascontiguousarray(np.rot90(mask))
    paint_mask(pixels, mask, round(x - mask.shape[1] / 2), round(y - mask.shape[0] / 2), BLACK)


def _draw_open_axes(pixels: Pixels, axes: Axes, rng: Random, title: str, top: float) -> None:
    """Draw the left and lower axis with ticks and numbers, and the ordinate's title."""
    fill_rect(pixels, axes.x0 - axes.thick, axes.y0, axes.x0, axes.y1 + axes.thick, BLACK)
    fill_rect(pixels, axes.x0 - axes.thick, axes.y1, axes.x1, axes.y1 + axes.thick, BLACK)
    count = int(rng.integers(3, 6))
    for number in range(count + 1):
        y = axes.y1 - (axes.y1 - axes.y0) * number / count
        fill_rect(pixels, axes.x0 - axes.thick - 5, y, axes.x0, y + axes.thick, BLACK)
        mask = text_mask(f"{top * number / count:.3g}", axes.words * 0.9)
        paint_mask(pixels, mask, axes.x0 - 9 - axes.thick - mask.shape[1], round(y - mask.shape[0] / 2), BLACK)
    _write(pixels, title, axes.x0 - axes.words * 3.6, (axes.y0 + axes.y1) / 2, axes.words, turned=True)


def _draw_significance(pixels: Pixels, axes: Axes, x0: float, x1: float, y: float, rng: Random) -> None:
    """Draw a bracket over two groups with asterisks or "n.s."."""
    (left, level), (right, _) = axes.at(x0, y), axes.at(x1, y)
    fill_rect(pixels, left, level, right, level + axes.thick, BLACK)
    if rng.uniform() < 0.5:
        for x in (left, right - axes.thick):
            fill_rect(pixels, x, level, x + axes.thick, level + 6, BLACK)
    words = str(rng.choice(("*", "**", "***", "n.s.", "p = 0.03")))
    _write(pixels, words, (left + right) / 2, level - axes.words * 0.7, axes.words)


def _write_groups(pixels: Pixels, axes: Axes, groups: tuple[str, ...], slanted: bool) -> None:
    for number, name in enumerate(groups):
        x, _ = axes.at((number + 0.5) / len(groups), 0)
        height = axes.words if not slanted else axes.words * 0.85
        _write(pixels, name, x, axes.y1 + axes.words * 1.1 + 4, height)


def _bars(pixels: Pixels, axes: Axes, rng: Random) -> None:
    """Draw columns with error bars and single points."""
    groups = GROUPS[int(rng.integers(len(GROUPS)))]
    fill = [FILLS[int(n)] for n in rng.integers(len(FILLS), size=len(groups))]
    _draw_open_axes(pixels, axes, rng, str(rng.choice(ORDINATES)), float(rng.choice((1, 5, 20, 60, 100))))
    for number, name in enumerate(groups):
        del name
        level, error = float(rng.uniform(0.25, 0.75)), float(rng.uniform(0.03, 0.09))
        (left, top), (right, _) = (axes.at((number + s) / len(groups), level) for s in (0.22, 0.78))
        fill_rect(pixels, left, top, right, axes.y1, BLACK)
        fill_rect(pixels, left + axes.thick, top + axes.thick, right - axes.thick, axes.y1, fill[number])
        middle, reach = (left + right) / 2, error * (axes.y1 - axes.y0)
        fill_rect(pixels, middle, top - reach, middle + axes.thick, top + reach, BLACK)
        fill_rect(pixels, middle - 6, top - reach, middle + 6, top - reach + axes.thick, BLACK)
        inside = min(4.0, (right - left) / 4)  # columns of a small plot are narrow
        for _ in range(int(rng.integers(0, 14))):
            x, y = rng.uniform(left + inside, right - inside), top + rng.normal(0, 1.2 * reach)
            cv2.circle(pixels, (round(x), round(float(y))), max(2, axes.thick + 1), BLACK, -1, cv2.LINE_AA)
    _write_groups(pixels, axes, groups, False)
    if rng.uniform() < 0.7:
        _draw_significance(pixels, axes, 0.5 / len(groups), 1.5 / len(groups), 0.9, rng)


def _boxes(pixels: Pixels, axes: Axes, rng: Random) -> None:
    """Draw boxes with whiskers, medians and scattered points."""
    groups = GROUPS[int(rng.integers(len(GROUPS)))]
    _draw_open_axes(pixels, axes, rng, str(rng.choice(ORDINATES)), float(rng.choice((1, 8, 10, 50))))
    ink = FILLS[int(rng.integers(2, len(FILLS)))]
    for number in range(len(groups)):
        low, high = sorted(rng.uniform(0.15, 0.7, 2))
        high = max(high, low + 0.1)
        (left, top), (right, bottom) = axes.at((number + 0.25) / len(groups), high), axes.at((number + 0.75) / len(groups), low)  # fmt: skip # noqa: E501
        for _ in range(30):
            x, y = rng.uniform(left, right), rng.normal((top + bottom) / 2, (bottom - top) / 1.6)
            if axes.y0 < y < axes.y1:
                cv2.circle(pixels, (round(x), round(y)), axes.thick + 1, ink, -1, cv2.LINE_AA)
        cv2.rectangle(pixels, (round(left), round(top)), (round(right), round(bottom)), BLACK, axes.thick)
        middle = (top + bottom) / 2
        fill_rect(pixels, left, middle - 2, right, middle + 2, BLACK)
        for start, end in ((top - (bottom - top) * 0.4, top), (bottom, bottom + (bottom - top) * 0.3)):
            fill_rect(pixels, (left + right) / 2, max(start, axes.y0), (left + right) / 2 + axes.thick, min(end, axes.y1), BLACK)  # fmt: skip # noqa: E501
    _write_groups(pixels, axes, groups, False)
    if rng.uniform() < 0.5:
        _draw_significance(pixels, axes, 0.5 / len(groups), 1.5 / len(groups), 0.93, rng)


def _lines(pixels: Pixels, axes: Axes, rng: Random) -> None:
    """Draw courses over time with points, or dense traces with a shaded period of stimulation."""
    _draw_open_axes(pixels, axes, rng, str(rng.choice(ORDINATES)), float(rng.choice((1, 2, 10, 100))))
    dense = bool(rng.uniform() < 0.5)
    if dense and rng.uniform() < 0.5:
        (x0, y0), (x1, y1) = axes.at(0.3, 1), axes.at(0.45, 0)
        fill_rect(pixels, x0, y0, x1, y1, (226, 226, 250))
    for number in range(int(rng.integers(1, 4))):
        ink = (BLACK, *FILLS[1:])[int(rng.integers(len(FILLS)))]
        x = np.linspace(0.02, 0.97, 160 if dense else int(rng.integers(4, 8)))
        y = 0.2 + 0.5 * float(rng.uniform(0.2, 1)) * (1 / (1 + np.exp(-(x - 0.4) * 12))) + 0.06 * number
        y = np.clip(y + rng.normal(0, 0.02, len(x)), 0.02, 0.97)
        points = np.array([axes.at(a, b) for a, b in zip(x, y, strict=True)])
        cv2.polylines(pixels, [np.round(points * 16).astype(np.int32)], False, ink, axes.thick, cv2.LINE_AA, 4)
        for px, py in points if not dense else ():
            cv2.circle(pixels, (round(px), round(py)), axes.thick + 3, ink, -1, cv2.LINE_AA)
    for number in range(5):
        px, _ = axes.at(number / 4, 0)
        _write(pixels, f"{number * 2}", px, axes.y1 + axes.words * 1.1 + 4, axes.words * 0.9)
    _write(pixels, "Time (h)", (axes.x0 + axes.x1) / 2, axes.y1 + axes.words * 2.6 + 4, axes.words)


CHARTS: tuple[Callable[[Pixels, Axes, Random], None], ...] = (_bars, _boxes, _lines)


def draw_chart(width: int, height: int, rng: Random, words: float) -> Pixels:
    """Draw a plot of `width` × `height` px on white, with words about `words` px high."""
    pixels: Pixels = np.full((height, width, 3), 255, np.uint8)
    words = float(np.clip(min(words, 0.06 * min(width, height)), 8, 26))
    thick = max(1, round(words / 9))
    left, low = round(words * 4.4 + 6), round(words * 3.6)
    axes = Axes(left, round(words * 1.6), width - 6, height - low, words, thick)
    CHARTS[int(rng.integers(len(CHARTS)))](pixels, axes, rng)
    return pixels
