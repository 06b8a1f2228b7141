"""Operations on masks and channels of images that several steps share."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels

Gray = NDArray[np.uint8]
"""Brightness, or a mask, uint8 (h, w)."""

_STROKE_SHARE, _MIN_STROKE = 0.008, 7
"""Greatest thickness of text and lines: as a share of the figure's longer side, and in px at least."""

_MOST_SHORT_LABELS = 65_000
"""Number of components up to which labels of 16 bits can count them. Each fills a block of 2 × 2 px at least."""


def outer_boxes(mask: Gray) -> Iterator[tuple[int, int, int, int]]:
    """Yield x, y, w, h of each component of a mask, including those that another one (a frame, a margin) encloses."""
    outlines, tree = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    for outline, parent in zip(outlines, tree[0][:, 3].tolist() if tree is not None else (), strict=True):
        if parent < 0:
            x, y, w, h = cv2.boundingRect(outline)
            yield x, y, w, h


def component_stats(mask: Gray) -> NDArray[np.int32]:
    """Return x, y, w, h and the number of px of each 8-connected component of a mask, int32 (n, 5).

    The labels themselves are not needed: OpenCV is fastest with the smallest that can count all components.
    """
    height, width = mask.shape
    if ((height + 1) // 2) * ((width + 1) // 2) < _MOST_SHORT_LABELS:
        stats = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_16U)[2]
    else:
        stats = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, cv2.CV_32S, cv2.CCL_BBDT)[2]
    return np.asarray(stats[1:], np.int32)


def median_level(values: NDArray[np.uint8]) -> float:
    """Return the median of bytes by their counts; NumPy takes many times as long. Return NaN if there are none."""
    if not values.size:
        return float("nan")
    sums = np.cumsum(cv2.calcHist([np.ascontiguousarray(values)], [0], None, [256], [0, 256]), dtype=np.int64)
    low, high = np.searchsorted(sums, [(values.size - 1) // 2, values.size // 2], side="right")
    return float(low + high) / 2


def darkest_channel(pixels: Pixels) -> Gray:
    """Return the least of each pixel's three channels, (h, w); numpy takes ten times as long."""
    red, green, blue = cv2.split(pixels)
    return np.asarray(cv2.min(cv2.min(red, green), blue), np.uint8)


def brightest_channel(pixels: Pixels) -> Gray:
    """Return the greatest of each pixel's three channels, (h, w)."""
    red, green, blue = cv2.split(pixels)
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)


def remove_strokes(mask: NDArray[np.uint8], figure_side: int) -> NDArray[np.uint8]:
    """Return a mask without what is as thin as text and lines."""
    stroke = max(_MIN_STROKE, round(_STROKE_SHARE * figure_side)) | 1  # an even kernel would shift the mask
    padded = cv2.copyMakeBorder(mask, stroke, stroke, stroke, stroke, cv2.BORDER_CONSTANT, value=0)
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, np.ones((stroke, stroke), np.uint8))
    return np.ascontiguousarray(opened[stroke:-stroke, stroke:-stroke])
