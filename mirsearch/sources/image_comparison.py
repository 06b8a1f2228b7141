"""Find out whether two image files show the same figure in different sizes, formats or qualities."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import ImageError
from mirsearch.imaging.images import open_picture

THUMBNAIL_SIDE = 48
"""Side of the thumbnails that are compared, in pixels."""
_MAX_ASPECT_DIFFERENCE = 0.03
"""Largest relative difference between the two aspect ratios. Chosen by hand on drawn figures."""
_MIN_CORRELATION = 0.97
"""Smallest correlation of the two thumbnails' gray values. Chosen by hand on drawn figures."""


def show_same_figure(first_path: Path, second_path: Path) -> bool:
    """Return whether two image files have the same aspect ratio and strongly correlated gray thumbnails.

    Returns False if a file can't be read. Use it for copies of one article's figures from two places: it can't tell
    two moments of one experiment apart.
    """
    try:
        (first_gray, first_aspect), (second_gray, second_aspect) = (
            _centered_thumbnail(first_path),
            _centered_thumbnail(second_path),
        )
    except ImageError:
        return False
    if abs(first_aspect / second_aspect - 1) > _MAX_ASPECT_DIFFERENCE:
        return False
    spread = float(first_gray.std() * second_gray.std())
    if spread < 1e-6:
        return False
    return float((first_gray * second_gray).mean()) / spread > _MIN_CORRELATION


def _centered_thumbnail(path: Path) -> tuple[NDArray[np.float32], float]:
    """Return a picture's gray values minus their mean, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), and its width / height."""
    pixels = open_picture(path).pixels
    gray = cv2.cvtColor(
        cv2.resize(pixels, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY
    )
    values = gray.astype(np.float32)
    return values - values.mean(), pixels.shape[1] / pixels.shape[0]
