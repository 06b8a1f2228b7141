"""Lay one picture upon the other, and tell how well they agree: by parts, and whether another place fits as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.reuse.keypoints import Gray, stretch
from mirsearch.reuse.matching import Matrix
from mirsearch.reuse.residual import Residual, residual_agreement

_SMOOTH, _SURROUND = 1.2, 8.0
"""Px: Gaussians whose difference is the detail that is compared; noise and brightness do not count."""
_PART = 24
"""Side of the parts that are compared, px."""
_MIN_COVERED = 0.8
"""Least share of a part that both pictures cover."""
_MIN_DEVIATION = 3.0
"""Gray levels: least deviation of the detail in a part that speaks for the same picture."""
_MIN_FAINT = 1.0
"""Gray levels: least deviation of a part that can speak against it: a label agrees, the grain beside it doesn't."""
_ALIKE_DEVIATIONS = 2.5
"""Largest ratio of the deviations of a part that can speak against it. A noisy or blurred part says nothing."""
_AGREES, _DISAGREES = 0.5, 0.2
"""Correlations from which a part speaks for the same picture, and up to which it speaks against it."""
_MIN_PARTS = 6
"""Fewest parts with detail."""
_PEAK = 5
"""Px around the best place within which another is the same place."""
_MAX_SHIFT = 0.25
"""Distance to which other places are tried, as a share of the overlap's smaller side."""
_MIN_PATCH = 24
RIVAL = 0.6
"""Least correlation of a place that can be a rival."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well two pictures agree where they overlap.

    `correlation`: median over the parts with detail. `share`: how many of these agree. `against`: share of all parts
    that speak against it. `overlap`: share of the picture that is seen whole which the other covers. `parts`: number of
    parts with detail. `here`: correlation of the middle of the overlap at its place, `rival`: at the best other place;
    they are close for a periodic pattern. `residual`: agreement of what is not periodic, where that is asked for.
    """

    correlation: float
    share: float
    against: float
    overlap: float
    parts: int
    here: float
    rival: float
    residual: Residual | None = None


def compare_aligned(one: Gray, other: Gray, matrix: Matrix, is_close: bool = False) -> Agreement | None:
    """Return how well the first picture, laid upon the second, agrees with it; None if too little has detail.

    What is not periodic is compared where another place fits, where the detail agrees little (a place that is a px
    beside suffices for that), and where a closer look is asked for (`is_close`).
    """
    if abs(np.linalg.det(matrix[:2, :2])) > 1:  # the finer picture is laid upon the coarser: no detail is invented
        one, other, matrix = other, one, np.asarray(np.linalg.inv(matrix), np.float64)
    height, width = other.shape
    pictures = _lay(stretch(one), matrix, (width, height)), stretch(other).astype(np.float32)
    first, second = map(_detail, pictures)
    covered = cv2.warpPerspective(np.ones(one.shape, np.uint8), matrix, (width, height))
    covered = cv2.erode(np.asarray(covered), np.ones((7, 7), np.uint8), borderValue=0)
    values, deviations = _part_values(first, second, covered)
    if not len(values):
        return None
    strong = (deviations.max(axis=1) >= _MIN_DEVIATION) & (deviations.min(axis=1) > 0.5)
    if strong.sum() < _MIN_PARTS:
        return None
    agreeing = strong & (values > _AGREES)
    gain = float(np.median(deviations[agreeing, 0] / deviations[agreeing, 1])) if agreeing.any() else 1.0
    ratios = deviations[:, 0] / np.maximum(gain * deviations[:, 1], 1e-6)
    alike = (np.maximum(ratios, 1 / np.maximum(ratios, 1e-6)) < _ALIKE_DEVIATIONS) & (deviations.min(1) >= _MIN_FAINT)
    laid_area = abs(np.linalg.det(matrix[:2, :2])) * one.size
    here, rival = _rival_place(first, second, covered)
    scale = abs(np.linalg.det(matrix[:2, :2])) ** 0.5
    correlation = float(np.median(values[strong]))
    is_unsure = is_close or rival >= RIVAL or correlation < _AGREES
    return Agreement(
        correlation=correlation,
        share=float(np.mean(values[strong] > _AGREES)),
        against=float(np.mean(alike & (values < _DISAGREES))),
        overlap=float(min(covered.sum() / min(laid_area, other.size), 1.0)),
        parts=int(strong.sum()),
        here=here,
        rival=rival,
        residual=residual_agreement(*pictures, covered, scale) if is_unsure else None,
    )


def _lay(gray: Gray, matrix: Matrix, size: tuple[int, int]) -> Floats:
    """Return the picture laid by the homography into one of a size, blurred as far as it is reduced."""
    scale = abs(np.linalg.det(matrix[:2, :2])) ** 0.5
    source = gray.astype(np.float32)
    if scale < 0.75:
        source = cv2.GaussianBlur(source, (0, 0), 0.45 / scale)
    return np.asarray(cv2.warpPerspective(source, matrix, size, flags=cv2.INTER_LINEAR), np.float32)


def _detail(gray: Floats) -> Floats:
    smooth = cv2.GaussianBlur(gray, (0, 0), _SMOOTH)
    return np.asarray(smooth - cv2.GaussianBlur(gray, (0, 0), _SURROUND), np.float32)


def _part_sums(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the sum of values (h, w) over each part, (parts,), row by row."""
    downs, acrosses = (np.arange(0, side - _PART // 2, _PART) for side in values.shape)
    if not (len(downs) and len(acrosses)):
        return np.zeros(0)
    whole = np.asarray(values[: downs[-1] + _PART, : acrosses[-1] + _PART], np.float64)
    return np.add.reduceat(np.add.reduceat(whole, acrosses, axis=1), downs, axis=0).ravel()


def _part_values(one: Floats, other: Floats, covered: NDArray[np.uint8]) -> tuple[NDArray[np.float64], Floats]:
    """Return the correlation (n,) and the two deviations (n, 2) of each part that both pictures cover."""
    mask = covered.astype(bool)
    counts, every = _part_sums(mask), _part_sums(np.ones(mask.shape, np.uint8))
    kept = counts >= _MIN_COVERED * every
    first, second = np.where(mask, one, 0), np.where(mask, other, 0)
    products = (first, second, first * first, second * second, first * second)
    a, b, aa, bb, ab = (_part_sums(each)[kept] / counts[kept] for each in products)
    deviations = np.sqrt(np.maximum(np.stack([aa - a * a, bb - b * b], axis=1), 0))
    values = (ab - a * b) / np.maximum(deviations.prod(axis=1), 1e-6)
    return values, deviations.astype(np.float32)


def _rival_place(one: Floats, other: Floats, covered: NDArray[np.uint8]) -> tuple[float, float]:
    """Return the correlation of the middle of the overlap at its place, and the best at all other places."""
    rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
    if not len(rows):
        return 0.0, 0.0
    margin = int(_MAX_SHIFT * min(rows[-1] - rows[0], columns[-1] - columns[0]))
    patch = one[rows[0] + margin : rows[-1] + 1 - margin, columns[0] + margin : columns[-1] + 1 - margin]
    if min(patch.shape) < _MIN_PATCH or margin <= _PEAK:
        return 1.0, 0.0
    area = other[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    found = cv2.matchTemplate(area, patch, cv2.TM_CCOEFF_NORMED)
    around = np.s_[margin - _PEAK : margin + _PEAK + 1, margin - _PEAK : margin + _PEAK + 1]
    here = float(found[around].max())
    found[around] = -1
    return here, float(found.max())
