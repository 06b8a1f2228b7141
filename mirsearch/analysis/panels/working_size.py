"""The size at which a figure is cut: large figures are reduced, which bounds time and memory."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mirsearch.analysis.base import Pixels, TextBox
from mirsearch.corpus import Box

_WORKING_SIDE = 2000
"""Longest side in px at which a figure is cut; larger figures are reduced to it."""

QUICK_SIDE = 640
"""Longest side in px at which OCR looks for text in a whole figure; smaller is faster but loses small letters."""


_BLACK, _BLACK_SHARE = 4, 0.7
"""Highest gray level of black, and the share of the outermost px from which a figure's ground is black."""


class WorkingFigure:
    """A figure at working size: `pixels`, RGB uint8 (h, w, 3), and `texts`, the lines that OCR read in it."""

    def __init__(self, pixels: Pixels, texts: Sequence[TextBox]) -> None:
        self._height, self._width = pixels.shape[:2]
        self._scale = min(1.0, _WORKING_SIDE / max(pixels.shape[:2]))
        self.pixels = pixels if self._scale == 1.0 else _resize(pixels, self._scale)
        self.texts = [TextBox(text.text, _scale_box(text.box, self._scale), text.confidence) for text in texts]

    @property
    def box(self) -> Box:
        """Return the box of the figure at working size."""
        return (0, 0, self.pixels.shape[1], self.pixels.shape[0])

    @property
    def is_on_black(self) -> bool:
        """Return whether the figure's ground is black: most of its outermost px are."""
        return is_on_black(self.pixels)

    def original_box(self, box: Box) -> Box:
        """Return a box at working size in px of the figure itself."""
        return _clip_to_image(_scale_box(box, 1 / self._scale), self._width, self._height)


def is_on_black(pixels: Pixels) -> bool:
    """Return whether the ground of a figure, RGB uint8 (h, w, 3), is black: most of its outermost px are."""
    edges = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    levels = np.concatenate([edge.max(axis=1) for edge in edges])
    return bool((levels <= _BLACK).mean() >= _BLACK_SHARE)


def _scale_box(box: Box, scale: float) -> Box:
    """Return a box with all edges multiplied by a factor and rounded."""
    x0, y0, x1, y1 = (round(edge * scale) for edge in box)
    return (x0, y0, x1, y1)


def _clip_to_image(box: Box, width: int, height: int) -> Box:
    """Return the part of a box inside an image of this size; it keeps at least one pixel."""
    x0, y0 = min(max(0, box[0]), width - 1), min(max(0, box[1]), height - 1)
    return (x0, y0, min(width, max(x0 + 1, box[2])), min(height, max(y0 + 1, box[3])))


def _resize(pixels: Pixels, scale: float) -> Pixels:
    """Return the image resized by a factor below 1."""
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
