"""Whether two files show the same figure, saved in another size, format or quality."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import ImageError
from mirsearch.imaging.images import open_picture

THUMBNAIL_SIDE = 48
_MAX_ASPECT_DIFFERENCE = 0.03
_MIN_CORRELATION = 0.97


def show_same_figure(first_path: Path, second_path: Path) -> bool:
    """True where both are of one shape, and their small gray pictures go together; False where one can't be read.

    Meant for figures of one paper from two places: two moments of one experiment may look this much alike.
    """
    try:
        (first_gray, first_aspect), (second_gray, second_aspect) = _centered_thumbnail(first_path), _centered_thumbnail(second_path)
    except ImageError:
        return False
    if abs(first_aspect / second_aspect - 1) > _MAX_ASPECT_DIFFERENCE:
        return False
    spread = float(first_gray.std() * second_gray.std())
    if spread < 1e-6:
        return False
    return float((first_gray * second_gray).mean()) / spread > _MIN_CORRELATION


def _centered_thumbnail(path: Path) -> tuple[NDArray[np.float32], float]:
    """A picture's gray values less their mean, (SIDE, SIDE), and its width by its height."""
    pixels = open_picture(path).pixels
    gray = cv2.cvtColor(cv2.resize(pixels, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    values = gray.astype(np.float32)
    return values - values.mean(), pixels.shape[1] / pixels.shape[0]
