"""Measure features of a panel's pixels that tell drawings from pictures and kinds of pictures, in a few ms each."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels

_REDUCED_SIDE = 256
"""Longest side in px of the reduced panel on which colors, axes and spots are measured."""

_CENTER_SIDE = 512
"""Largest side in px of the middle of a panel on which flatness and entropy are measured."""


@dataclass(frozen=True, slots=True)
class PanelFeatures:
    """Features of a panel, each in [0, 1].

    `drawn` tells how likely it was drawn rather than imaged. `flat`, `color`, `tint` and `dark` are the shares of flat
    ground, strong color, any tint, and dark pixels. `axes`, `map_like` and `spots` tell how much it resembles axes, an
    element map, and a diffraction pattern.
    """

    drawn: float
    flat: float
    color: float
    tint: float
    dark: float
    axes: float
    map_like: float
    spots: float


def measure_features(pixels: Pixels) -> PanelFeatures:
    """Return the features of a panel, uint8 (h, w, 3)."""
    reduced = _shrink(pixels)
    highest, lowest = reduced.max(axis=2).astype(int), reduced.min(axis=2).astype(int)
    chroma = highest - lowest
    white_share = float((lowest >= 240).mean())
    center = _crop_center(pixels)
    gray = cv2.cvtColor(center, cv2.COLOR_RGB2GRAY)
    flat, entropy = _flat_share(gray), _entropy(gray)
    # A logistic score of white ground, flatness and low entropy; the weights were chosen by hand on drawn figures.
    drawn = 1 / (1 + np.exp(-(9 * (white_share - 0.42) + 5 * (flat - 0.5) + 1.1 * (4.9 - entropy))))
    color, dark = float((chroma > 40).mean()), float((highest < 24).mean())
    return PanelFeatures(
        drawn=float(drawn),
        flat=flat,
        color=color,
        tint=float(((chroma > 12) & (chroma <= 90)).mean()),
        dark=dark,
        axes=_axis_likeness(reduced),
        map_like=_map_likeness(reduced, chroma, highest),
        spots=_spot_likeness(cv2.cvtColor(reduced, cv2.COLOR_RGB2GRAY), dark),
    )


def _shrink(pixels: Pixels) -> Pixels:
    """Return a panel reduced to at most 256 px on its longer side."""
    scale = min(1.0, _REDUCED_SIDE / max(pixels.shape[:2]))
    if scale == 1.0:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _crop_center(pixels: Pixels) -> Pixels:
    """Return the middle of a panel at full size, away from databars and letters."""
    height, width = pixels.shape[:2]
    y, x = max(0, (height - _CENTER_SIDE) // 2), max(0, (width - _CENTER_SIDE) // 2)
    return np.ascontiguousarray(pixels[y : y + _CENTER_SIDE, x : x + _CENTER_SIDE])


def flatness(pixels: Pixels) -> float:
    """Return the share of pixels whose 3×3 surroundings differ by at most 2 gray levels: high in drawings."""
    return _flat_share(cv2.cvtColor(_crop_center(pixels), cv2.COLOR_RGB2GRAY))


def _flat_share(gray: NDArray[np.uint8]) -> float:
    """Return the flatness of a gray image."""
    kernel = np.ones((3, 3), np.uint8)
    return float((cv2.dilate(gray, kernel) - cv2.erode(gray, kernel) <= 2).mean())


def _entropy(gray: NDArray[np.uint8]) -> float:
    """Return the entropy of the gray levels in bits, 0 to 8."""
    share = np.bincount(gray.ravel(), minlength=256) / gray.size
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum())


def _axis_likeness(reduced: Pixels) -> float:
    """Return how much the longest straight dark lines resemble axes: the mean of their shares of the sides."""
    dark = cv2.cvtColor(reduced, cv2.COLOR_RGB2GRAY) < 150
    if dark.mean() > 0.5:
        return 0.0
    row_share, column_share = dark.mean(axis=1).max(initial=0.0), dark.mean(axis=0).max(initial=0.0)
    return float(min(1.0, np.sqrt(row_share * column_share) / 0.7))


def _map_likeness(reduced: Pixels, chroma: NDArray[np.int_], highest: NDArray[np.int_]) -> float:
    """Return how much a panel resembles an element map: one pure hue on black, in grains."""
    lit = highest >= 24
    colored = (chroma > 0.55 * highest) & (chroma > 12) & lit
    if colored.mean() < 0.04:
        return 0.0
    hue = cv2.cvtColor(reduced, cv2.COLOR_RGB2HSV)[:, :, 0][colored]
    share = np.bincount(hue // 12, minlength=15).astype(float)
    hue_share = float((share + np.roll(share, 1)).max() / max(1.0, share.sum()))
    darkness = float(np.clip((150 - highest.mean()) / 60, 0, 1))
    return hue_share * darkness * float(colored.sum() / max(1, lit.sum()))


def _spot_likeness(gray: NDArray[np.uint8], dark_share: float) -> float:
    """Return how much a panel resembles a diffraction pattern: bright in the middle, dark around."""
    height, width = gray.shape
    if min(height, width) < 16 or dark_share < 0.2:
        return 0.0
    y, x = np.mgrid[0:height, 0:width]
    distance = np.hypot((y - height / 2) / height, (x - width / 2) / width)
    inner, outer = float(gray[distance < 0.15].mean()), float(gray[distance > 0.45].mean())
    return float(np.clip((inner - outer) / 120, 0, 1) * np.clip((dark_share - 0.2) / 0.4, 0, 1))
