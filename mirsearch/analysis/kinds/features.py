"""Measure features of a panel's pixels that tell drawings from pictures and kinds of pictures, in a few ms each."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.kinds.colors import COLOR_NAMES, measure_colors

_REDUCED_SIDE = 256
"""Longest side in px of the reduced panel on which colors, axes and spots are measured."""

_CENTER_SIDE = 512
"""Largest side in px of the middle of a panel on which flatness, entropy and sharpness are measured."""

_BANDS = 4
"""Number of octaves of detail that are measured, from 1 px up."""

FORM_NAMES = (
    "flat", "entropy", "rough_areas", "noisy_areas", "thin_ink", *(f"detail_{octave}" for octave in range(_BANDS)),
    *(f"detail_{octave}_{octave + 1}" for octave in range(_BANDS - 1)),
    "contrast", "skewness", "rows_vary", "across", "edges_across", "axes", "spots", "wide", "tall", "size",
)  # fmt: skip
"""Names of the features of form, in the order in which :func:`measure_features` returns them."""

FEATURE_NAMES = (*FORM_NAMES, *COLOR_NAMES)
"""Names of all features, in order."""

Features = NDArray[np.float32]
"""The features of a panel, float32 (n,), in the order of FEATURE_NAMES; each is bounded."""


def measure_features(pixels: Pixels) -> Features:
    """Return the features of a panel, uint8 (h, w, 3)."""
    reduced = _shrink(pixels)
    center = cv2.cvtColor(_crop_center(pixels), cv2.COLOR_RGB2GRAY)
    gray = cv2.cvtColor(reduced, cv2.COLOR_RGB2GRAY)
    form = [
        *_measure_ground(center),
        *_measure_detail(center),
        *_measure_tones(gray),
        *_measure_direction(gray),
        _axis_likeness(gray),
        spot_likeness(gray),
        *_measure_size(pixels),
    ]
    return np.array([*form, *measure_colors(reduced)], np.float32)


def feature(features: Features, name: str) -> float:
    """Return one feature by its name."""
    return float(features[FEATURE_NAMES.index(name)])


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
    return float((_local_range(cv2.cvtColor(_crop_center(pixels), cv2.COLOR_RGB2GRAY)) <= 2).mean())


def _local_range(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the difference between the brightest and the darkest of the 3×3 pixels around each pixel."""
    kernel = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.dilate(gray, kernel) - cv2.erode(gray, kernel), np.uint8)


def _measure_ground(gray: NDArray[np.uint8]) -> list[float]:
    """Return flatness, entropy, shares of areas with relief or noise, and how thin what isn't flat is.

    A drawing's lines and letters are a few px wide, so that no square of 9 px has relief all over. A micrograph's
    specimen has such squares, even one on pure white or black.
    """
    spread = _local_range(gray)
    share = np.bincount(gray.ravel(), minlength=256) / gray.size
    share = share[share > 0]
    entropy = float(-(share * np.log2(share)).sum())
    rough, noisy = spread > 6, spread > 2
    kernel = np.ones((9, 9), np.uint8)
    rough_areas, noisy_areas = (
        float(cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, kernel).mean()) for mask in (rough, noisy)
    )
    thin = 1 - rough_areas / max(float(rough.mean()), 1e-3)
    return [1 - float(noisy.mean()), entropy / 8, rough_areas**0.5, noisy_areas**0.5, float(np.clip(thin, 0, 1))]


def _measure_detail(gray: NDArray[np.uint8]) -> list[float]:
    """Return the logarithms of the detail in each octave, and of the ratios of neighboring octaves."""
    level, logs = gray.astype(np.float32), list[float]()
    for _ in range(_BANDS):
        if min(level.shape) < 8:
            logs.append(logs[-1] if logs else 0.0)
            continue
        lower = cv2.pyrDown(level)
        detail = level - cv2.pyrUp(lower, dstsize=(level.shape[1], level.shape[0]))
        logs.append(float(np.log(0.5 + detail.std())))
        level = lower
    return [*logs, *(fine - coarse for fine, coarse in pairwise(logs))]


def _measure_tones(gray: NDArray[np.uint8]) -> list[float]:
    """Return the contrast of the gray levels and their skewness, which is high for a few bright spots on black."""
    share = np.bincount(gray.ravel(), minlength=256) / gray.size
    levels = np.arange(256) - float(share @ np.arange(256))
    deviation = float(np.sqrt(share @ levels**2))
    skewness = float(share @ levels**3) / max(deviation, 2.0) ** 3
    return [deviation / 128, float(np.tanh(skewness / 2))]


def _measure_direction(gray: NDArray[np.uint8]) -> list[float]:
    """Return how much rows differ from each other, how much more than columns, and how much steeper edges across are.

    The bands of a gel lie side by side in a few rows.
    """
    total = max(float(gray.std()), 2.0)
    rows, columns = float(gray.mean(axis=1).std()) / total, float(gray.mean(axis=0).std()) / total
    if min(gray.shape) < 3:
        return [rows, 0.0, 0.0]
    smooth = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), 1.0)
    down, across = float(np.abs(np.diff(smooth, axis=0)).mean()), float(np.abs(np.diff(smooth, axis=1)).mean())
    return [
        rows,
        float(np.tanh(np.log((rows + 0.05) / (columns + 0.05)))),
        float(np.log((down + 0.3) / (across + 0.3))),
    ]


def _axis_likeness(gray: NDArray[np.uint8]) -> float:
    """Return how much the longest straight dark lines resemble axes: the mean of their shares of the sides."""
    dark = gray < 150
    if dark.mean() > 0.5:
        return 0.0
    row_share, column_share = dark.mean(axis=1).max(initial=0.0), dark.mean(axis=0).max(initial=0.0)
    return float(min(1.0, np.sqrt(row_share * column_share) / 0.7))


def spot_likeness(gray: NDArray[np.uint8]) -> float:
    """Return how much a panel resembles a diffraction pattern: bright in the middle, dark around."""
    height, width = gray.shape
    dark_share = float((gray < 24).mean())
    if min(height, width) < 16 or dark_share < 0.1:
        return 0.0
    y, x = np.mgrid[0:height, 0:width]
    distance = np.hypot((y - height / 2) / height, (x - width / 2) / width)
    inner, outer = float(gray[distance < 0.1].mean()), float(gray[distance > 0.4].mean())
    return float(np.clip((inner - outer) / 120, 0, 1) * np.clip((dark_share - 0.1) / 0.4, 0, 1))


def _measure_size(pixels: Pixels) -> list[float]:
    """Return how wide, how tall and how large a panel is."""
    height, width = pixels.shape[:2]
    aspect = float(np.clip(np.log(width / height), -2, 2))
    return [max(0.0, aspect), max(0.0, -aspect), float(np.clip(np.log(min(height, width) / 256), -2, 2))]
