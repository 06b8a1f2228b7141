"""Panels that a paper shows twice: the same picture in another figure, saved, cut or lettered anew.

Meant to be sure rather than complete: two pictures of one sample, or two moments of one experiment, are not the same.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.query import Vector

SIDE = 96
_MARGIN = 5
"""Px of SIDE that one cut may lie off the other."""
_SMOOTH = 1.0
_COARSE = 8.0
_PARTS = 4
_FLAT = 4.0
"""Gray levels of detail a picture has at least: of an even one nothing can be told."""
ASPECT = 0.06
DETAIL = 0.88
"""Least likeness: panels re-used with other letters had 0.87 and more (39 of 40), other micrographs 0.54 at most."""
LOOKS = 0.8
"""Least cosine of the two vectors."""

Gray = NDArray[np.float32]


def same_picture(one: bytes, other: bytes) -> bool:
    """Whether two JPEGs (the small pictures an index keeps) show the same picture; False where one can't be read."""
    first, second = _detail(one), _detail(other)
    if first is None or second is None or abs(first[1] / second[1] - 1) > ASPECT:
        return False
    return likeness(first[0], second[0]) >= DETAIL


def likeness(one: Gray, other: Gray) -> float:
    """How far two pictures' detail, (SIDE, SIDE) each, goes together where the one's middle fits the other best.

    The median of the correlations of 16 parts: a letter or a scale bar laid over some of them does not count.
    """
    middle = one[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    if middle.std() < _FLAT or other.std() < _FLAT:
        return 0.0
    *_, (left, top) = cv2.minMaxLoc(cv2.matchTemplate(other, middle, cv2.TM_CCOEFF_NORMED))
    there = other[top : top + len(middle), left : left + len(middle)]
    edges = np.linspace(0, len(middle), _PARTS + 1).astype(int)
    spans = [slice(*pair) for pair in pairwise(edges)]
    return float(np.median([_correlation(middle[down, across], there[down, across])
                            for down in spans for across in spans]))  # fmt: skip


def _correlation(one: Gray, other: Gray) -> float:
    spread = float(one.std() * other.std())
    if spread < 1e-6:
        return 0.0
    return float(((one - one.mean()) * (other - other.mean())).mean()) / spread


def look_alike(one: Vector, other: Vector) -> bool:
    """Whether two panels' vectors (of unit length) are near enough to be of one picture."""
    return float(one @ other) >= LOOKS


def _detail(jpeg: bytes) -> tuple[Gray, float] | None:
    """A picture's gray values less their surroundings', (SIDE, SIDE), and its width by its height."""
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE) if jpeg else None
    if pixels is None:
        return None
    small = cv2.resize(np.asarray(pixels, dtype=np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    gray = cv2.GaussianBlur(small.astype(np.float32), (0, 0), _SMOOTH)
    return gray - cv2.GaussianBlur(gray, (0, 0), _COARSE), pixels.shape[1] / pixels.shape[0]
