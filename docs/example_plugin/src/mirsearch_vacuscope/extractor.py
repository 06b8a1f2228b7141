"""The extractor `graylevels`: how often each gray level and each direction of edges occurs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEVELS = 32
DIRECTIONS = 16
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


class GrayLevels:
    """Histograms of gray levels and of gradient directions (over 180 degrees, weighted by strength)."""

    name = "graylevels"
    version = "1"
    dims = LEVELS + DIRECTIONS

    def embed(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Embed RGB images uint8 (h, w, 3) as float32 (n, dims), each row of unit length."""
        rows = np.zeros((len(images), self.dims), np.float32)
        for row, pixels in zip(rows, images, strict=True):
            row[:] = _describe(pixels)
        return rows


def _describe(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    gray = pixels.astype(np.float32) @ LUMA
    levels = np.histogram(gray, LEVELS, (0, 256))[0] / gray.size
    directions = np.zeros(DIRECTIONS)
    if min(gray.shape) > 1:
        down, across = np.gradient(gray)
        angle = np.arctan2(down, across) % np.pi
        directions = np.histogram(angle, DIRECTIONS, (0, np.pi), weights=np.hypot(down, across))[0]
        directions = directions / max(float(directions.sum()), 1e-9)
    # The cosine similarity of two histograms' square roots is their Bhattacharyya coefficient.
    vector = np.sqrt(np.concatenate([levels, directions]))
    unit: NDArray[np.float64] = vector / np.linalg.norm(vector)
    return unit
