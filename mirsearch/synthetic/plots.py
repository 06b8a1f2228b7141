"""Draws plots, with axes, curves, ticks and legends, and schematics."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.synthetic.fields import Random
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.scalebars.bars import fill_rect
from mirsearch.synthetic.scalebars.styles import BLACK, Color
from mirsearch.synthetic.text_masks import paint_mask, text_mask

INKS: tuple[Color, ...] = ((0, 0, 0), (220, 40, 30), (30, 90, 200), (30, 150, 70), (230, 140, 20), (130, 60, 170))
PLOTS = {
    "xrd": ("XRD patterns of {subject}", "2θ (deg)", "Intensity (a.u.)", (10, 80)),
    "spectrum": ("Absorption spectra of {subject}", "Wavelength (nm)", "Absorbance", (300, 800)),
    "cycling": ("Cycling performance of {subject}", "Cycle number", "Capacity (mAh/g)", (0, 200)),
    "histogram": ("Size distribution of {subject}", "Diameter (nm)", "Count", (0, 100)),
    "stress": ("Stress-strain curves of {subject}", "Strain (%)", "Stress (MPa)", (0, 30)),
    "scatter": ("Measured against calculated size of {subject}", "Calculated (nm)", "Measured (nm)", (0, 50)),
}
"""Kinds of plots: the caption's words, titles of the axes, range of the abscissa."""


def _curve_ordinates(name: str, x: NDArray[np.float64], rng: Random) -> NDArray[np.float64]:
    """Return the ordinates in [0, 1] of a curve of the kind `name` at x in [0, 1]."""
    if name in ("xrd", "spectrum"):
        wide = 0.006 if name == "xrd" else 0.07
        peaks = rng.uniform(0.08, 0.95, 7 if name == "xrd" else 3)
        heights = rng.uniform(0.15, 0.8, len(peaks))
        y = sum(h * np.exp(-(((x - p) / wide) ** 2)) for p, h in zip(peaks, heights, strict=True))
        return np.asarray(0.08 + 0.85 * y / max(1.0, float(np.max(y))) + rng.normal(0, 0.006, len(x)))
    if name == "cycling":
        return np.asarray(rng.uniform(0.5, 0.9) * np.exp(-x * rng.uniform(0, 0.5)) + rng.normal(0, 0.006, len(x)))
    if name == "stress":
        return np.asarray(rng.uniform(0.5, 0.9) * (1 - np.exp(-x * rng.uniform(3, 9))))
    return np.asarray(np.clip(x + rng.normal(0, 0.06, len(x)), 0.02, 0.98))


def _draw_axes(
    pixels: Pixels, frame: tuple[int, int, int, int], span: tuple[float, float], titles: tuple[str, str], letters: float
) -> None:
    """Draw the frame, ticks with numbers, and titles (the ordinate's rotated)."""
    x0, y0, x1, y1 = frame
    for a, b, c, d in ((x0, y0, x1, y0 + 1), (x0, y1 - 1, x1, y1), (x0, y0, x0 + 1, y1), (x1 - 1, y0, x1, y1)):
        fill_rect(pixels, a, b, c, d, BLACK)
    for number in range(6):
        at = x0 + (x1 - x0 - 1) * number / 5
        fill_rect(pixels, round(at), y1 - 5, round(at) + 1, y1, BLACK)
        mask = text_mask(f"{span[0] + (span[1] - span[0]) * number / 5:g}", letters * 0.85)
        if number < 5:
            paint_mask(pixels, mask, round(at - mask.shape[1] / 2), y1 + 4, BLACK)
        level = y1 - 1 - (y1 - y0 - 1) * number / 5
        fill_rect(pixels, x0, round(level), x0 + 5, round(level) + 1, BLACK)
        mark = text_mask(f"{20 * number}", letters * 0.85)
        paint_mask(pixels, mark, x0 - mark.shape[1] - 4, round(level - mark.shape[0] / 2), BLACK)
    across = text_mask(titles[0].replace("θ", "theta "), letters)
    paint_mask(pixels, across, (x0 + x1 - across.shape[1]) // 2, y1 + round(letters * 0.85) + 10, BLACK)
    up = np.rot90(text_mask(titles[1], letters)).copy()
    paint_mask(pixels, up, x0 - round(letters * 3.4), (y0 + y1 - up.shape[0]) // 2, BLACK)


def draw_plot(width: int, height: int, rng: Random) -> tuple[Pixels, str]:
    """Draw a random plot, RGB on white; return it and the caption's words, with a `{subject}` to fill in."""
    name = str(rng.choice(sorted(PLOTS)))
    words, abscissa, ordinate, span = PLOTS[name]
    pixels: Pixels = np.full((height, width, 3), 255, np.uint8)
    letters = float(np.clip(0.036 * min(width, height), 9, 16))
    frame = (round(letters * 4.2), round(letters * 2.4), width - round(letters * 0.8), height - round(letters * 3.6))
    x0, y0, x1, y1 = frame
    if name == "histogram":
        counts = np.exp(-((np.arange(12) - rng.uniform(4, 8)) ** 2) / 8) * rng.uniform(0.7, 0.9)
        for number, count in enumerate(counts):
            left = x0 + (x1 - x0) * (number + 0.1) / 12
            fill_rect(pixels, left, y1 - count * (y1 - y0), left + (x1 - x0) * 0.8 / 12, y1, (90, 130, 190))
    else:
        curve_count = int(rng.integers(1, 4))
        for number, ink in enumerate([INKS[i] for i in rng.permutation(len(INKS))[:curve_count]]):
            x = np.linspace(0, 1, 30 if name in ("scatter", "cycling") else 400)
            y = _curve_ordinates(name, x, rng) / (curve_count if name == "xrd" else 1) + (
                number / curve_count if name == "xrd" else 0
            )
            points = np.stack([x0 + 2 + x * (x1 - x0 - 4), y1 - 2 - np.clip(y, 0, 1) * (y1 - y0 - 4)], 1)
            _draw_curve(pixels, points, ink, dots=name in ("scatter", "cycling"))
            _draw_legend_entry(pixels, (x1, y0), number, ink, f"Sample {number + 1}", letters)
    _draw_axes(pixels, frame, span, (abscissa, ordinate), letters)
    return pixels, words


def _draw_curve(pixels: Pixels, points: NDArray[np.float64], ink: Color, dots: bool) -> None:
    if dots:
        for x, y in points:
            cv2.circle(pixels, (round(x * 16), round(y * 16)), 3 * 16, ink, -1, cv2.LINE_AA, 4)
        return
    cv2.polylines(pixels, [np.round(points * 16).astype(np.int32)], False, ink, 1, cv2.LINE_AA, 4)


def _draw_legend_entry(
    pixels: Pixels, corner: tuple[int, int], number: int, ink: Color, words: str, letters: float
) -> None:
    """Draw one entry of the legend below the frame's upper right corner."""
    mask = text_mask(words, letters * 0.85)
    x, y = corner[0] - mask.shape[1] - 8, corner[1] + 7 + round(number * letters * 1.5)
    paint_mask(pixels, mask, x, y, BLACK)
    fill_rect(pixels, x - 22, y + mask.shape[0] // 2 - 1, x - 5, y + mask.shape[0] // 2 + 1, ink)


def draw_schematic(width: int, height: int, rng: Random) -> tuple[Pixels, str]:
    """Draw the steps of a synthesis as boxes and ellipses with arrows, RGB on white; return it and caption words."""
    pixels: Pixels = np.full((height, width, 3), 255, np.uint8)
    letters = float(np.clip(0.04 * min(width, height), 9, 17))
    steps = [
        str(word)
        for word in rng.choice(("precursor", "mixing", "heating", "washing", "drying", "calcining"), 3, replace=False)
    ]
    pale = ((214, 230, 250), (250, 226, 205), (220, 242, 216), (240, 220, 244))
    middle = height // 2
    reach = width / 3
    for number, step in enumerate(steps):
        x = round(reach * (number + 0.5))
        half_w, half_h = round(reach * 0.34), round(height * 0.16)
        color = pale[int(rng.integers(len(pale)))]
        if rng.uniform() < 0.5:
            cv2.rectangle(pixels, (x - half_w, middle - half_h), (x + half_w, middle + half_h), color, -1)
            cv2.rectangle(pixels, (x - half_w, middle - half_h), (x + half_w, middle + half_h), (60, 60, 60), 1)
        else:
            cv2.ellipse(pixels, (x, middle), (half_w, half_h), 0, 0, 360, color, -1, cv2.LINE_AA)
            cv2.ellipse(pixels, (x, middle), (half_w, half_h), 0, 0, 360, (60, 60, 60), 1, cv2.LINE_AA)
        for _ in range(7):
            spot = (int(x + rng.uniform(-0.6, 0.6) * half_w), int(middle + rng.uniform(-0.55, 0.55) * half_h))
            cv2.circle(pixels, spot, max(2, half_h // 9), INKS[1 + int(rng.integers(5))], -1, cv2.LINE_AA)
        mask = text_mask(step, letters)
        paint_mask(pixels, mask, x - mask.shape[1] // 2, middle + half_h + 8, BLACK)
        if number < 2:
            ends = (x + half_w + 4, middle), (round(x + reach - half_w - 4), middle)
            cv2.arrowedLine(pixels, *ends, (40, 40, 40), 2, cv2.LINE_AA, 0, 0.35)
    return pixels, "Schematic of the preparation of {subject}"


def ink_box(pixels: Pixels) -> tuple[int, int, int, int]:
    """Return the box around all pixels that are not white, grown by 2 px."""
    ink = pixels.min(axis=2) < 245
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    height, width = ink.shape
    return (
        max(0, int(columns[0]) - 2), max(0, int(rows[0]) - 2),
        min(width, int(columns[-1]) + 3), min(height, int(rows[-1]) + 3),
    )  # fmt: skip
