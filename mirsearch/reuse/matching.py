"""Match the keypoints of two pictures, and find the homography that lays one upon the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.reuse.keypoints import Keypoints, mirror_descriptors, unit_descriptors

_MAX_RATIO = 0.85
"""Lowe's ratio: a match counts if its distance is below this share of that to the second nearest keypoint."""
_TOLERANCE = 4.0
"""Px by which a matched keypoint may lie beside where the homography lays it."""
_NEAR, _NEAR_COSINE = 8.0, 0.8
"""Px around where a known homography lays a keypoint in which its match is looked for, and its least cosine."""
MIN_MATCHES = 8
"""Fewest matches for which a homography is looked for."""
_TRIALS = 400
"""Most samples of three matches that RANSAC tries: one is right by 0.98 where a fifth of the matches is."""
MIN_INLIERS = 7
"""Fewest matches that a homography must explain: four determine it."""
_MISSED = 1e-6
"""Chance that no sample is right though MIN_INLIERS matches are. Of few matches, fewer samples are tried."""
_MAX_STRETCH = 1.35
"""Largest ratio of the two main scales of a homography: pictures are scaled and stretched a little, not sheared."""
_SCALES = 0.2, 5.0
"""Bounds of the scale between two pictures of one size."""
_MAX_BEND = 1.5
"""Largest ratio of the areas to which a homography takes equal squares: figures are no perspective views."""

_PARTNERS = mirror_descriptors(np.arange(128, dtype=np.uint8)[None])[0, :64].astype(np.intp)
"""Of the first half of a mirrored descriptor, which values of the second half of the descriptor it has."""

Matrix = NDArray[np.float64]
Matched = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """A homography (3, 3) from the first picture to the second, whether it mirrors, and how many matches it explains.

    `matches` is how many were tried.
    """

    matrix: Matrix
    is_mirrored: bool
    inliers: int
    matches: int


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Keypoints that are compared with those of several pictures.

    `halves`: their descriptors, as `_halves` returns them.
    """

    keypoints: Keypoints
    halves: tuple[NDArray[np.float32], NDArray[np.float32]]


def prepare(keypoints: Keypoints) -> Prepared:
    """Return keypoints with what each comparison needs of them."""
    return Prepared(keypoints, _halves(keypoints))


def align(one: Prepared, other: Keypoints) -> Alignment | None:
    """Return the homography between two pictures, as they are or mirrored; None if their keypoints don't agree."""
    if min(len(one.keypoints), len(other)) < MIN_MATCHES:
        return None
    kept, turned = _half_cosines(one, other)
    direct, mirrored = _match(kept + turned), _match(kept - turned)
    best: Alignment | None = None
    for pairs, flag in sorted(((direct, False), (mirrored, True)), key=lambda candidate: -len(candidate[0])):
        if len(pairs) >= MIN_MATCHES and (best is None or len(pairs) > best.inliers):
            found = _find_homography(one.keypoints, other, pairs, flag)
            if found is not None and (best is None or found.inliers > best.inliers):
                best = found
    return best


def align_near(prepared: Prepared, other: Keypoints, matrix: Matrix) -> Alignment | None:
    """Return the homography near a known one (3, 3) on which keypoints agree; None if too few do.

    A match need not be the nearest of all keypoints, only of those near its place.
    """
    one = prepared.keypoints
    if min(len(one), len(other)) < MIN_MATCHES or not _is_sane(matrix, one.places):
        return None
    is_mirrored = bool(np.linalg.det(matrix[:2, :2]) < 0)
    kept, turned = _half_cosines(prepared, other)
    cosines = kept - turned if is_mirrored else kept + turned
    laid = cv2.perspectiveTransform(one.places[None].astype(np.float64), matrix)[0]
    apart = np.linalg.norm(laid[:, None] - other.places[None], axis=2)
    cosines[(apart > _NEAR) | (cosines < _NEAR_COSINE)] = -1
    nearest = cosines.argmax(axis=1)
    rows = np.flatnonzero((cosines.argmax(axis=0)[nearest] == np.arange(len(cosines))) & (cosines.max(axis=1) > 0))
    pairs: Matched = np.stack([rows, nearest[rows]], axis=1)
    return _find_homography(one, other, pairs, is_mirrored) if len(pairs) >= MIN_MATCHES else None


def _halves(keypoints: Keypoints) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what mirroring keeps and what it turns into its opposite of descriptors of unit length, (n, 64) each.

    Mirroring swaps the values of a descriptor in pairs, one of the first half and one of the second. Of the sums and
    differences of these, a product gives both cosines, as they are and mirrored, for the price of one.
    """
    unit = unit_descriptors(keypoints.descriptors) * np.float32(math.sqrt(0.5))
    first, second = unit[:, : len(_PARTNERS)], unit.take(_PARTNERS, axis=1)
    return first + second, first - second


def _half_cosines(one: Prepared, other: Keypoints) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return two parts (n, m) of the cosines: their sum is that as they are, their difference that of one mirrored."""
    kept, turned = (first @ second.T for first, second in zip(one.halves, _halves(other), strict=True))
    return kept, turned


def _match(cosines: NDArray[np.float32]) -> Matched:
    """Return the pairs (n, 2) of rows and columns that are nearest to each other, and by far nearer than the second."""
    nearest = cosines.argmax(axis=1)
    best = cosines[np.arange(len(cosines)), nearest]
    rows = np.flatnonzero(best == cosines.max(axis=0)[nearest])
    rest = cosines[rows]
    rest[np.arange(len(rows)), nearest[rows]] = -1
    second = rest.max(axis=1)
    is_clear = np.maximum(1 - best[rows], 0) < _MAX_RATIO**2 * (1 - second)  # squares of distances
    kept = rows[is_clear]
    matched: Matched = np.stack([kept, nearest[kept]], axis=1)
    return matched


def _find_homography(one: Keypoints, other: Keypoints, pairs: Matched, is_mirrored: bool) -> Alignment | None:
    start, end = one.places[pairs[:, 0]], other.places[pairs[:, 1]]
    cv2.setRNGSeed(1)  # the same pictures always give the same answer
    trials = _trials(len(pairs))
    affine, _ = cv2.estimateAffine2D(start, end, method=cv2.RANSAC, ransacReprojThreshold=_TOLERANCE, maxIters=trials)
    if affine is None:
        return None
    matrix = np.vstack([affine, [0, 0, 1]])
    near = _residuals(matrix, start, end) < _TOLERANCE
    if near.sum() < MIN_INLIERS:
        return None
    if near.sum() >= 2 * MIN_INLIERS:  # enough to tell a homography from noise
        refined, _ = cv2.findHomography(start[near], end[near], 0)
        if refined is not None and _is_sane(refined, start):
            better = _residuals(refined, start, end) < _TOLERANCE
            if better.sum() >= near.sum():
                matrix, near = refined, better
    distinct = len(np.unique(np.round(start[near] / 2), axis=0))  # several directions of one place are one match
    if distinct < MIN_INLIERS or not _is_sane(matrix, start) or (np.linalg.det(matrix[:2, :2]) < 0) != is_mirrored:
        return None
    return Alignment(matrix, is_mirrored, distinct, len(pairs))


@cache
def _trials(matches: int) -> int:
    """Return how many samples of three matches are tried."""
    is_right = (MIN_INLIERS / matches) ** 3
    return min(_TRIALS, math.ceil(math.log(_MISSED) / math.log1p(-is_right)))


def _residuals(matrix: Matrix, start: NDArray[np.float32], end: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return how far each place is laid from where its match lies, in px."""
    laid = cv2.perspectiveTransform(start[None].astype(np.float64), matrix)[0]
    distance: NDArray[np.float64] = np.linalg.norm(laid - end, axis=1)
    return distance


def _is_sane(matrix: Matrix, places: NDArray[np.float32]) -> bool:
    """Return whether a homography only turns, mirrors, scales, and stretches a little."""
    center = places.mean(axis=0).astype(np.float64)
    corners = np.array([[-40, -40], [40, -40], [40, 40], [-40, 40]]) + center
    weights = corners @ matrix[2, :2] + matrix[2, 2]
    if not np.isfinite(matrix).all() or (weights <= 1e-6).any():
        return False
    laid = cv2.perspectiveTransform(corners[None], matrix)[0]
    sides = np.stack([laid[1] - laid[0], laid[3] - laid[0]]) / 80
    scales = np.linalg.svd(sides, compute_uv=False)
    if not (_SCALES[0] < scales[1] and scales[0] < _SCALES[1] and scales[0] < _MAX_STRETCH * scales[1]):
        return False
    bends = (weights.max() / weights.min()) ** 3
    return bool(bends < _MAX_BEND)
