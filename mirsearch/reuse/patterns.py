"""Keypoints of a lattice: those of what does not repeat itself.

The keypoints of a lattice all look alike, so that none has a match of its own. The lattice is a few frequencies of the
spectrum, far above the others of their ring; these are brought down to them. Defects and grain are left, and have
keypoints of their own.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.reuse.keypoints import Gray, Keypoints, detect_strongest, unit_descriptors

_ASKED, _ASKED_FIRST, _SURELY_UNLIKE = 48, 12, 0.95
"""Keypoints that are compared with all others of their picture; fewer of them first, and the median of their cosines
below which no more are asked."""
_ALIKE = 0.975
"""Median cosine of keypoints to the likest other of their picture from which they look alike. Of drawn pictures, atomic
columns have 0.99 and diffraction patterns 0.97 to 1, most others less than 0.96."""
_APART = 6.0
"""Px from which another keypoint is at another place."""
_FEWEST = 24
_RINGS = 96
"""Rings of the spectrum for each cycle per px."""
_INNERMOST = 3
"""Rings that do not count for the share of a lattice: brightness and its slopes."""
_FAR_ABOVE, _LEAST_SHARE = 4.0, 0.45
"""A frequency stands out that is so many times the median of its ring; with such a share of the power above that it is
a lattice. Atomic columns have 0.5 to 0.96 (95 of 100), diffraction patterns up to 0.42 (90 of 100)."""
_BROUGHT_DOWN = 2.0
"""How many times the median of its ring a frequency keeps."""
_SMOOTH = 1.0
"""Px: Gaussian of what is left, as the noise of single pixels is lost in a JPEG."""
_CLIPPED = 3.0
"""Standard deviations up to which what is left counts: letters and bars are no grain."""
_MOST, _CONTRAST = 300, 0.04
"""Most keypoints of what a lattice leaves, and SIFT's threshold of contrast: grain has far more than enough."""

Floats = NDArray[np.float32]


def look_alike(keypoints: Keypoints) -> bool:
    """Return whether most keypoints of a picture look like one at another place of it."""
    if len(keypoints) < _FEWEST:
        return False
    unit = unit_descriptors(keypoints.descriptors)
    step = max(len(keypoints) // _ASKED, 1)
    if _median_likeness(keypoints, unit, step * (_ASKED // _ASKED_FIRST)) < _SURELY_UNLIKE:
        return False
    return _median_likeness(keypoints, unit, step) >= _ALIKE


def _median_likeness(keypoints: Keypoints, unit: Floats, step: int) -> float:
    """Return the median cosine of each `step`th keypoint to the likest one at another place."""
    cosines = unit[::step] @ unit.T
    across, down = keypoints.places.T
    is_near = (np.abs(across[::step, None] - across) < _APART) & (np.abs(down[::step, None] - down) < _APART)
    cosines[is_near] = -1
    return float(np.median(cosines.max(axis=1)))


def irregular_keypoints(gray: Gray) -> Keypoints | None:
    """Return the strongest keypoints of what a lattice leaves in a gray picture (h, w); None if it is no lattice."""
    left = without_lattice(np.sqrt(gray.astype(np.float32)))  # counted electrons: the root makes their noise alike
    if left is None:
        return None
    deviation = 1.4826 * float(np.median(np.abs(left - np.median(left)))) + 1e-6
    left = cv2.GaussianBlur(np.clip(left, -_CLIPPED * deviation, _CLIPPED * deviation), (0, 0), _SMOOTH)
    low, high = np.percentile(left, (0.5, 99.5))
    levels = np.clip((left - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
    return detect_strongest(levels, _MOST, contrast=_CONTRAST)[0]


def without_lattice(values: Floats) -> Floats | None:
    """Return what a lattice leaves in a picture (h, w), its mean taken off; None if it is no lattice."""
    spectrum = np.fft.rfft2(values - values.mean())
    rings, order, starts = _rings(*values.shape)
    strength = np.abs(spectrum)
    ordered = strength.ravel()[order]
    medians = [np.median(ordered[start:end]) if end > start else 0.0 for start, end in pairwise(starts)]
    around = np.array(medians)[rings]
    power = strength**2 * (rings >= _INNERMOST)
    kept = np.minimum(strength, _FAR_ABOVE * around) ** 2 * (rings >= _INNERMOST)
    if kept.sum() > (1 - _LEAST_SHARE) * power.sum():
        return None
    spectrum *= np.minimum(1, _BROUGHT_DOWN * around / np.maximum(strength, 1e-6))
    return np.asarray(np.fft.irfft2(spectrum, values.shape), np.float32)


@lru_cache(64)
def _rings(height: int, width: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the ring of each frequency (h, w // 2 + 1), all of them ordered by ring, and where each ring begins."""
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    rings = np.minimum((radius * _RINGS).astype(np.intp), _RINGS // 2 - 1)
    order = np.argsort(rings, axis=None, kind="stable")
    return rings, order, np.searchsorted(rings.ravel()[order], np.arange(_RINGS // 2 + 1))
