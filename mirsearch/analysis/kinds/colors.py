"""Measure how a panel is colored: its ground, its hues, and how color goes with brightness."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels

COLOR_NAMES = (
    "white", "light", "black", "dark", "gray_lit", "tinted", "colored", "vivid", "pure", "one_hue", "hues", "stained",
    "warm", "green_blue", "color_map", "grains", "lit_level", "flat_color",
)  # fmt: skip
"""Names of the features of color, in the order in which :func:`measure_colors` returns them."""


def measure_colors(pixels: Pixels) -> list[float]:
    """Return the features of color of a small panel, uint8 (h, w, 3), each in [0, 1]."""
    planes = cv2.split(pixels)
    highest = np.asarray(cv2.max(cv2.max(planes[0], planes[1]), planes[2]), np.uint8)
    lowest = np.asarray(cv2.min(cv2.min(planes[0], planes[1]), planes[2]), np.uint8)
    chroma = highest - lowest
    lit = highest >= 24
    lit_share = max(float(lit.mean()), 1e-3)
    colored = chroma > 40
    pure = (lowest < 0.45 * highest) & (chroma > 12) & lit
    red, green, blue = (plane.astype(np.int16) for plane in planes)
    stained = (np.minimum(red, blue) > green + 10) & (highest > 110) & (lowest > 25)
    warm = (red > blue + 20) & (red >= green - 5) & lit
    one_hue, hues = _measure_hues(pixels, (chroma > 12) & lit & (chroma > 0.12 * highest))
    return [
        float((lowest >= 240).mean()),
        float(((lowest >= 190) & (chroma < 24)).mean()),
        float((highest < 24).mean()),
        float((highest < 56).mean()),
        float((lit & (chroma <= 12)).mean()) / lit_share,
        float(((chroma > 12) & (chroma <= 90)).mean()),
        float(colored.mean()),
        float((chroma > 120).mean()) ** 0.5,
        float(pure.mean()) / lit_share,
        one_hue,
        hues,
        float(stained.mean()),
        float(warm.mean()) / lit_share,
        float(((np.maximum(green, blue) > red + 20) & lit).mean()) / lit_share,
        _color_map_likeness(pixels, chroma),
        _graininess(highest),
        float(highest[lit].mean()) / 255 if lit.any() else 0.0,
        float((colored & _is_flat(highest)).mean()),
    ]


def _measure_hues(pixels: Pixels, tinted: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the share of the two most frequent neighboring hues (of 15), and how many hues there are (1 is all)."""
    share = float(tinted.mean())
    if share < 0.01:
        return 0.0, 0.0
    hue = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV)[:, :, 0][tinted]
    counts = np.bincount(hue // 12, minlength=15)[:15] / hue.size
    together = float((counts + np.roll(counts, 1)).max())
    present = counts[counts > 0]
    effective = float(np.exp(-(present * np.log(present)).sum()))
    weight = min(1.0, share / 0.1)
    return together * weight, (effective - 1) / 14 * weight


def _color_map_likeness(pixels: Pixels, chroma: NDArray[np.uint8]) -> float:
    """Return how far color follows from brightness, as in a picture of one signal shown with a color map.

    It is 0 for gray pictures. The share of the variance of color that brightness doesn't explain is what is left.
    """
    if float((chroma > 24).mean()) < 0.05:
        return 0.0
    red, green, blue = (plane.astype(np.int16).ravel() for plane in cv2.split(pixels))
    red, green, blue = (plane.astype(np.int16).ravel() for plane in cv2.split(pixels))
    level = (red + green + blue) // 12
    counts = np.maximum(np.bincount(level, minlength=64), 1)
    power = explained = 0.0
    for difference in (red - green, blue - green):
        plane = difference.astype(np.float32)
        power += float((plane**2).mean())
        explained += float((np.bincount(level, plane, 64) ** 2 / counts).sum()) / plane.size
    return float(np.clip(1 - (power - explained) / max(power, 1.0), 0, 1))


def _graininess(highest: NDArray[np.uint8]) -> float:
    """Return the share of brightness that lies in grains of single pixels, as in a map of counts."""
    smooth = cv2.GaussianBlur(highest, (0, 0), 1.5).astype(np.float32)
    level = highest.astype(np.float32)
    return float(min(1.0, np.abs(level - smooth).mean() / max(float(level.mean()), 4.0)))


def _is_flat(highest: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where the 3×3 surroundings differ by at most 4 levels."""
    kernel = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.dilate(highest, kernel) - cv2.erode(highest, kernel) <= 4)
