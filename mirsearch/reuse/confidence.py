"""How sure it is that two aligned pictures are the same picture, and which kinds of likeness are held off.

The weights are those of a logistic regression on 1,711 changed pairs (eight changes in three strengths of 107
micrographs and of 112 drawn ones) and on the likest of 7,709 other pairs; `against` was made to weigh more, because a
drawn label can agree where the pictures do not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.reuse.agreement import RIVAL, Agreement
from mirsearch.reuse.matching import Alignment
from mirsearch.reuse.residual import Residual

HeldOff = Literal["periodic", "diffraction", "channel", "label", "plain"]
"""Why pictures that look the same are not told. `periodic`: another place of a pattern fits as well. `channel`: one
field in other colors. `label`: what is drawn on them agrees, what is beside it does not.
`plain`: one has few keypoints, and too few agree. `diffraction`: bright spots around a bright middle are alike for
every crystal of one phase, so more of them must agree."""

_WEIGHTS = {"inliers": 0.95, "ratio": 3.46, "correlation": 3.93, "share": 4.23, "against": -14.0, "overlap": 2.22}
_BIAS = -9.1
_MOST_INLIERS = 60
_MOST_OVERLAP = 0.8
_MAX_AGAINST = 0.2
"""Largest share of parts that speak against it: the changed pairs had at most 0.14 (and one 0.57)."""
_RIVAL_MARGIN = 0.03
"""A place beside the best one is a rival if it is not worse by more than the margin."""
_PERIODIC_RESIDUAL, _PLAIN_RESIDUAL, _DIFFRACTION_RESIDUAL = (24.0, 8.0, 0.6), (24.0, 12.0, 0.6), (26.5, 17.0, 0.75)
"""What is not periodic must agree so well, and so many times better than at another place, at this least scale, to tell
what would be held off. Drawn lattices laid upon themselves at another place, turned or mirrored reached 20.6 and 5.0,
others 8.9 and 1.4; two moments of one specimen that look alike 15.8 and 5.6. Diffraction patterns of one phase reached
28.5 and 12.3; reduced more, they lose the noise that sets them apart."""
_PERIODIC_FINE, _SURE_FINE = (17.5, 4.5), (29.0, 8.0)
_DIFFRACTION_FINE, _WHOLE_DIFFRACTION_FINE, _REDUCED_DIFFRACTION_FINE = (33.0, 8.0), (31.0, 8.0), (37.0, 8.0)
"""Or the signs of the finest detail must agree so well, and so many times better than at another place: of a pattern,
of any pictures, and of diffraction patterns: in general, where both show nearly the whole, and where one is reduced.
Drawn lattices laid upon themselves at another place, turned or mirrored reached 14.7 and 3.3, two moments of one
specimen 25.5 and 6.8. Diffraction patterns of one phase reached 31.6 in 8,606 pairs, 29.3 in the 988 of these that show
nearly the whole, and 33.9 in some 250 of which one was reduced."""
_WHOLE_BLOCKS, _REDUCED = 11, 0.75
"""Fewest blocks of two pictures that show nearly the whole; scale up to which one is reduced."""
_RESIDUAL_BLOCKS = 3
_SURE_CONFIDENCE = 0.9
"""Least confidence of two pictures whose finest detail agrees so well: letters and covered parts that were drawn on one
count against them in all else."""
_PLAIN = ((40, 0.55), (70, 0.45))
"""A picture with fewer keypoints is plain, and at least this share of them must agree (14 of 1,752 copies failed)."""
_FEW_INLIERS, _NEARLY_ALL = 12, 0.98
"""Where fewer keypoints agree, nearly all parts must (6 of 1,675 copies failed)."""
_FEW_PARTS = 10
"""Where few keypoints agree, so many parts must have detail: different pictures agreed in 6 and in 7 parts."""
_DIFFRACTION_INLIERS = 80
"""Keypoints that two diffraction patterns must share: different ones of one lattice that were drawn shared up to 60."""
_MIN_COLOR, _SAME_HUE = 0.05, 0.85
"""Least strength of a picture's color, and least cosine of two colors of one channel."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The confidence that two pictures are the same, 0 to 1, and why it is held off, if it is."""

    confidence: float
    held_off: HeldOff | None = None


def judge(
    alignment: Alignment,
    agreement: Agreement,
    colors: tuple[NDArray[np.float32], ...],
    fewest: int,
    is_diffraction: bool = False,
) -> Verdict:
    """Return the verdict on two pictures. `colors` are the two means of `mean_color`.

    `fewest`: keypoints of the picture that has fewer. `is_diffraction`: one of them is a diffraction pattern.
    """
    features = {
        "inliers": math.log(min(alignment.inliers, _MOST_INLIERS) / 10),
        "ratio": alignment.inliers / max(alignment.matches, 1),
        "correlation": agreement.correlation,
        "share": agreement.share,
        "against": agreement.against,
        "overlap": min(agreement.overlap, _MOST_OVERLAP),
    }
    strength = _BIAS + sum(weight * features[name] for name, weight in _WEIGHTS.items())
    confidence = 1 / (1 + math.exp(-max(min(strength, 30.0), -30.0)))
    if agreement.against > _MAX_AGAINST:
        return Verdict(confidence, "label")
    if _fits_finely(agreement.residual, *_fine_bounds(agreement.residual, is_diffraction)):
        confidence = max(confidence, _SURE_CONFIDENCE)
    elif (reason := _likeness(alignment, agreement, fewest, is_diffraction)) is not None:
        return Verdict(confidence, reason)
    if _are_channels(*colors):
        return Verdict(confidence, "channel")
    return Verdict(confidence)


def _fine_bounds(residual: Residual | None, is_diffraction: bool) -> tuple[float, float]:
    """Return how well, and how many times better than elsewhere, the finest detail of the same picture agrees."""
    if not is_diffraction or residual is None:  # without one, nothing fits
        return _SURE_FINE
    if residual.scale < _REDUCED:
        return _REDUCED_DIFFRACTION_FINE
    return _WHOLE_DIFFRACTION_FINE if residual.blocks >= _WHOLE_BLOCKS else _DIFFRACTION_FINE


def _likeness(alignment: Alignment, agreement: Agreement, fewest: int, is_diffraction: bool) -> HeldOff | None:
    """Return why two pictures that look the same need not be the same; None if nothing speaks for that."""
    residual = agreement.residual
    is_periodic = agreement.rival >= max(RIVAL, agreement.here - _RIVAL_MARGIN)
    if is_periodic and not (_fits_once(residual, *_PERIODIC_RESIDUAL) or _fits_finely(residual, *_PERIODIC_FINE)):
        return "periodic"
    is_close = is_diffraction and alignment.inliers < _DIFFRACTION_INLIERS
    if is_close and not _fits_once(residual, *_DIFFRACTION_RESIDUAL):
        return "diffraction"
    is_small = alignment.inliers < _FEW_INLIERS and agreement.parts < _FEW_PARTS
    is_plain = is_small or _is_plain(alignment.inliers, fewest, agreement.share)
    return "plain" if is_plain and not _fits_once(residual, *_PLAIN_RESIDUAL) else None


def _fits_finely(residual: Residual | None, least: float, times: float) -> bool:
    """Return whether the signs of the finest detail agree, and nowhere else nearly as well."""
    if residual is None or residual.blocks < _RESIDUAL_BLOCKS:
        return False
    return residual.fine >= least and residual.fine >= times * residual.fine_rival


def _fits_once(residual: Residual | None, least: float, times: float, scale: float) -> bool:
    """Return whether two patterns agree in what is not periodic, and nowhere else nearly as well."""
    if residual is None or residual.blocks < _RESIDUAL_BLOCKS or residual.scale < scale:
        return False
    return residual.here >= least and residual.here >= times * residual.rival


def has_few_inliers(inliers: int, fewest: int) -> bool:
    """Return whether few keypoints agree, or few for what the pictures show; `fewest` as for `judge`."""
    return inliers < _FEW_INLIERS or any(fewest < most and inliers < least * fewest for most, least in _PLAIN)


def _is_plain(inliers: int, fewest: int, share: float) -> bool:
    """Return whether too little agrees for what the pictures show."""
    if inliers < _FEW_INLIERS and share < _NEARLY_ALL:
        return True
    return any(fewest < most and inliers < least * fewest for most, least in _PLAIN)


def mean_color(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how far the mean of a picture's colors, (h, w, 3), is from gray, as a share of its brightness, (3,)."""
    sums = np.array(cv2.mean(rgb)[:3]) * (rgb.size / 3)
    return np.asarray((sums - sums.mean()) / max(sums.sum(), 1.0) * 3, np.float32)


def _are_channels(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    strengths = float(np.linalg.norm(one)), float(np.linalg.norm(other))
    if min(strengths) < _MIN_COLOR * 3:
        return False
    return float(one @ other) < _SAME_HUE * strengths[0] * strengths[1]
