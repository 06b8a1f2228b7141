"""Operations on masks and channels of images that several steps share."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels

Gray = NDArray[np.uint8]
"""Brightness, or a mask, uint8 (h, w)."""


def outer_boxes(mask: Gray) -> Iterator[tuple[int, int, int, int]]:
    """Yield x, y, w, h of each component of a mask, including those that another one (a frame, a margin) encloses."""
    outlines, tree = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    for outline, parent in zip(outlines, tree[0][:, 3].tolist() if tree is not None else (), strict=True):
        if parent < 0:
            x, y, w, h = cv2.boundingRect(outline)
            yield x, y, w, h


def darkest_channel(pixels: Pixels) -> Gray:
    """Return the least of each pixel's three channels, (h, w); numpy takes ten times as long."""
    red, green, blue = cv2.split(pixels)
    return np.asarray(cv2.min(cv2.min(red, green), blue), np.uint8)


def brightest_channel(pixels: Pixels) -> Gray:
    """Return the greatest of each pixel's three channels, (h, w)."""
    red, green, blue = cv2.split(pixels)
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)
