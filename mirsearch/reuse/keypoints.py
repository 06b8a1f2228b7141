"""Keypoints of a picture: SIFT (Lowe, IJCV 2004) on a small gray picture with stretched contrast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.imaging.images import fitted_size

SIDE = 256
"""Longer side of the pictures that are compared, px; the small pictures of an index are somewhat larger."""
MAX_KEYPOINTS = 200
_LEAST_ENLARGED, _MOST_ENLARGED = 1.1, 3.0
"""How many times a small picture is enlarged, to find keypoints that are finer than its px."""
_CONTRAST = 0.02
"""SIFT's threshold of contrast, of a stretched picture; half of its default, for soft micrographs."""
_STRETCH_ENDS = (1.0, 99.0)
"""Percentiles of gray that become black and white."""
_MIN_RANGE = 24.0
"""Fewest gray levels that become black to white: an empty field has only its noise."""
_UNIT = 400.0
"""Length of a stored descriptor; no value of a root descriptor that matters is above 255."""
_DESCRIPTOR_BINS = (4, 4, 8)
"""Rows, columns and directions of a SIFT descriptor, in its order."""

Gray = NDArray[np.uint8]
Number = TypeVar("Number", np.uint8, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Keypoints:
    """Keypoints of a picture: positions in px, float32 (n, 2), and descriptors of one length, uint8 (n, 128)."""

    places: NDArray[np.float32]
    descriptors: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.places)


def join_keypoints(*several: Keypoints) -> Keypoints:
    """Return all keypoints of several."""
    return Keypoints(*(np.concatenate([getattr(each, name) for each in several]) for name in ("places", "descriptors")))


def shrink_gray(gray: Gray) -> Gray:
    """Return a gray picture (h, w) with a longer side of at most SIDE px."""
    size = fitted_size((gray.shape[1], gray.shape[0]), SIDE)
    if size == (gray.shape[1], gray.shape[0]):
        return gray
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def stretch(gray: Gray) -> Gray:
    """Return a picture whose gray values reach from black to white, but for a few. Noise is not stretched so far."""
    low, high = _percentiles(gray)
    table = np.clip((np.arange(256) - low) * (255 / max(high - low, _MIN_RANGE)), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(gray, table), dtype=np.uint8)


def _percentiles(gray: Gray) -> tuple[float, float]:
    """Return the gray values of _STRETCH_ENDS, as np.percentile does; counting gray levels is far faster."""
    counts = np.asarray(cv2.calcHist([gray], [0], None, [256], [0, 256])).ravel()
    ranks = np.array(_STRETCH_ENDS) / 100 * (gray.size - 1)
    below, above = (np.searchsorted(np.cumsum(counts, dtype=np.float64), whole, "right")
                    for whole in (np.floor(ranks), np.ceil(ranks)))  # fmt: skip
    low, high = below + (above - below) * (ranks % 1)
    return float(low), float(high)


def find_keypoints(gray: Gray, most: int = MAX_KEYPOINTS) -> Keypoints:
    """Return the strongest keypoints of a gray picture, with root descriptors (Arandjelović, Zisserman, CVPR 2012)."""
    stretched = stretch(gray)
    found, finest = detect_strongest(stretched, most)
    factor = min(SIDE / max(gray.shape), _MOST_ENLARGED)
    if factor > _LEAST_ENLARGED and len(found) < most:  # a reduced copy: finer keypoints are left of few coarse ones
        enlarged = cv2.resize(stretched, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        finer, _ = detect_strongest(np.asarray(enlarged, np.uint8), most - len(found), finest * factor)
        found = join_keypoints(found, Keypoints(finer.places / np.float32(factor), finer.descriptors))
    return found


def _root_descriptors(descriptors: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the root descriptors (n, 128) of SIFT's."""
    sums = np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6)
    return np.asarray(np.minimum(np.sqrt(descriptors / sums) * _UNIT, 255), np.uint8)


def unit_descriptors(descriptors: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return descriptors (n, 128) of unit length."""
    values = descriptors.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", values, values))
    values *= (1 / np.maximum(lengths, 1e-6))[:, None]
    return values


def detect_strongest(
    gray: Gray, most: int, below: float = np.inf, contrast: float = _CONTRAST
) -> tuple[Keypoints, float]:
    """Return the strongest keypoints of less than a size, and the size of the finest of all."""
    detector = cv2.SIFT.create(nfeatures=0 if np.isfinite(below) else most, contrastThreshold=contrast)
    points, descriptors = detector.detectAndCompute(gray, None)
    if descriptors is None:
        return Keypoints(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.uint8)), np.inf
    sizes, strengths = (np.array([getattr(point, name) for point in points]) for name in ("size", "response"))
    kept = np.flatnonzero(sizes < below)
    if len(kept) > most and np.isfinite(below):
        kept = np.sort(kept[np.argsort(-strengths[kept], kind="stable")[:most]])
    kept = kept[:most]
    places = np.array([point.pt for point in points], np.float32)
    return Keypoints(places[kept], _root_descriptors(descriptors[kept])), float(sizes.min())


def mirror_descriptors(descriptors: NDArray[Number]) -> NDArray[Number]:
    """Return the descriptors (n, 128) that the same keypoints would have in the mirrored picture.

    To mirror a patch about its own direction turns its rows around, and every direction into the opposite sense.
    """
    rows, columns, directions = _DESCRIPTOR_BINS
    grid = descriptors.reshape(-1, rows, columns, directions)
    senses = -np.arange(directions) % directions
    return np.ascontiguousarray(grid[:, ::-1][..., senses]).reshape(descriptors.shape)
