"""Whether two files show the same figure, saved in another size, format or quality."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import ImageError
from mirsearch.imaging.images import open_picture

SIDE = 48
_ASPECT = 0.03
_CORRELATION = 0.97


def alike(one: Path, other: Path) -> bool:
    """True where both are of one shape, and their small gray pictures go together; False where one can't be read.

    Meant for figures of one paper from two places: two moments of one experiment may look this much alike.
    """
    try:
        (first, shape), (second, other_shape) = _small(one), _small(other)
    except ImageError:
        return False
    if abs(shape / other_shape - 1) > _ASPECT:
        return False
    spread = float(first.std() * second.std())
    if spread < 1e-6:
        return False
    return float((first * second).mean()) / spread > _CORRELATION


def _small(path: Path) -> tuple[NDArray[np.float32], float]:
    """A picture's gray values less their mean, (SIDE, SIDE), and its width by its height."""
    pixels = open_picture(path).pixels
    gray = cv2.cvtColor(cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    values = gray.astype(np.float32)
    return values - values.mean(), pixels.shape[1] / pixels.shape[0]
