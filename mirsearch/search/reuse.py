"""Recognizes panels that a paper shows twice: the same picture in another figure, with other letters or another crop.

The rules prefer to miss a repeat: two pictures of one sample, or two moments of one experiment, are not the same.
The numbers were chosen by hand on drawn figures.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mirsearch.imaging.percentiles import median
from mirsearch.query import Vector

SIDE = 96
"""Px of the square that pictures are resized to for the comparison."""
_MARGIN = 5
"""Px by which one crop may be shifted against the other."""
_NOISE_SIGMA = 1.0
"""Px: Gaussian that removes noise and traces of JPEG compression."""
_SURROUND_SIGMA = 8.0
"""Px: Gaussian of the surroundings that are subtracted, so that brightness does not count."""
_PARTS_PER_SIDE = 4
"""The picture is compared in 4 × 4 parts."""
_MIN_DEVIATION = 4.0
"""Gray levels: least standard deviation of the detail. A picture with less is too uniform to compare."""
MAX_ASPECT_DIFFERENCE = 0.06
"""Largest relative difference of the two aspect ratios."""
MIN_DETAIL_SIMILARITY = 0.88
"""Least similarity of the same picture: 39 of 40 repeated panels with other letters had at least 0.87, different
micrographs at most 0.54."""
MIN_COSINE = 0.8
"""Least cosine of the vectors of the same picture."""

Gray = NDArray[np.float32]


def is_same_picture(one: bytes, other: bytes) -> bool:
    """Return whether two thumbnails (JPEG) show the same picture; False where one can't be read."""
    first, second = _decode_detail(one), _decode_detail(other)
    if first is None or second is None or abs(first[1] / second[1] - 1) > MAX_ASPECT_DIFFERENCE:
        return False
    return detail_similarity(first[0], second[0]) >= MIN_DETAIL_SIMILARITY


def detail_similarity(one: Gray, other: Gray) -> float:
    """Return the similarity of two detail images, (SIDE, SIDE) each, at the best position of one's center in the other.

    It is the median of the correlations of 16 parts, so that a letter or a scale bar over a few parts does not count.
    """
    import cv2  # few questions come to compare pictures

    center = one[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    if center.std() < _MIN_DEVIATION or other.std() < _MIN_DEVIATION:
        return 0.0
    *_, (left, top) = cv2.minMaxLoc(cv2.matchTemplate(other, center, cv2.TM_CCOEFF_NORMED))
    matched = other[top : top + len(center), left : left + len(center)]
    edges = np.linspace(0, len(center), _PARTS_PER_SIDE + 1).astype(int)
    spans = [slice(*pair) for pair in pairwise(edges)]
    parts = [_correlation(center[down, across], matched[down, across]) for down in spans for across in spans]
    return float(median(np.array(parts)))


def _correlation(one: Gray, other: Gray) -> float:
    spread = float(one.std() * other.std())
    if spread < 1e-6:
        return 0.0
    return float(((one - one.mean()) * (other - other.mean())).mean()) / spread


def are_similar(one: Vector, other: Vector) -> bool:
    """Return whether two vectors of unit length are close enough for the same picture."""
    return float(one @ other) >= MIN_COSINE


def _decode_detail(jpeg: bytes) -> tuple[Gray, float] | None:
    """Return a picture's gray values minus their surroundings, (SIDE, SIDE), and its aspect ratio width / height."""
    import cv2

    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE) if jpeg else None
    if pixels is None:
        return None
    small = cv2.resize(np.asarray(pixels, dtype=np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    gray = cv2.GaussianBlur(small.astype(np.float32), (0, 0), _NOISE_SIGMA)
    return gray - cv2.GaussianBlur(gray, (0, 0), _SURROUND_SIGMA), pixels.shape[1] / pixels.shape[0]
