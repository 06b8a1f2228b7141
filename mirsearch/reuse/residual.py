"""Whether two pictures of one pattern agree in what is not periodic: defects, grain and noise.

Each block's spectra are whitened, so that the few strong frequencies of a lattice count no more than any other: a
phase correlation (Kuglin, Hines, Proc. Int. Conf. Cybernetics and Society 1975). The same picture then fits at one
place only; two places of one lattice fit nowhere.

Spots and bars are alike in two patterns of one phase and are no lattice. So the signs of the finest detail are
compared, too: a bright spot then counts no more than the noise beside it. Their correlations are added over the blocks,
and what is chance in one block is lost in the sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

_SIDE, _STEPS = 64, (48, 24)
"""Side of the blocks and distance of their corners, px; the smaller where there are few."""
_FEW_BLOCKS = 4
_MIN_COVERED = 0.95
_LOWEST, _HIGHEST, _HIGHEST_FINE = 0.03, 0.3, 0.42
"""Frequencies that count, cycles per px: not brightness, and not the noise of a small JPEG; more of the signs."""
_NEAR, _AROUND = 3, 5
"""Px by which a block may be laid beside its place, and within which another place is the same."""
_FINE, _FLAT = 1.0, 0.01
"""Px: Gaussian that is taken off before the signs. Gray levels up to which nothing is left: a covered part."""

Floats = NDArray[np.float32]
Spectrum = NDArray[np.complex64]
Block = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Residual:
    """How high the whitened correlation is at the place where the pictures are laid, and at the best other place.

    Both are medians over the blocks, in standard deviations of the correlation; of unlike pictures both are about 4.
    `scale`: how far the finer picture was reduced, 0 to 1. Grain and noise are gone from a much reduced one.
    `fine` and `fine_rival`: the same of the sum of the correlations of the finest detail's signs.
    """

    here: float
    rival: float
    blocks: int
    scale: float
    fine: float = 0.0
    fine_rival: float = 0.0


def residual_agreement(one: Floats, other: Floats, covered: NDArray[np.uint8], scale: float) -> Residual:
    """Return how well two pictures (h, w), one laid upon the other at a scale, agree in what is not periodic.

    `covered` (h, w) is 1 where both show something.
    """
    blocks = _blocks(covered, _STEPS[0])
    if len(blocks) < _FEW_BLOCKS:
        blocks = _blocks(covered, _STEPS[1])
    if not blocks:
        return Residual(0.0, 0.0, 0, scale)
    peaks = [_peaks(_whitened(one[block], other[block], _HIGHEST)) for block in blocks]
    here, rival = np.median(np.array(peaks), axis=0)
    first, second = _signs(one), _signs(other)
    of_signs = np.sum([_whitened(first[block], second[block], _HIGHEST_FINE) for block in blocks], axis=0)
    return Residual(float(here), float(rival), len(blocks), scale, *_peaks(of_signs))


def _signs(gray: Floats) -> Floats:
    """Return which pixels are brighter (1) and darker (-1) than what is around them."""
    detail = gray - cv2.GaussianBlur(gray, (0, 0), _FINE)
    return np.asarray(np.sign(detail) * (np.abs(detail) > _FLAT), np.float32)


@cache
def _window_and_band(highest: float) -> tuple[Floats, Floats]:
    """Return the window of a block, and which of its frequencies count (1) or not (0)."""
    window = np.outer(np.hanning(_SIDE), np.hanning(_SIDE)).astype(np.float32)
    radius = np.hypot(np.fft.fftfreq(_SIDE)[:, None], np.fft.rfftfreq(_SIDE)[None])
    return window, ((radius > _LOWEST) & (radius < highest)).astype(np.float32)


def _blocks(covered: NDArray[np.uint8], step: int) -> list[Block]:
    """Return the blocks that both pictures cover."""
    downs, acrosses = (range(0, side - _SIDE + 1, step) for side in covered.shape)
    blocks = [(slice(top, top + _SIDE), slice(left, left + _SIDE)) for top in downs for left in acrosses]
    return [block for block in blocks if covered[block].mean() >= _MIN_COVERED]


def _whitened(one: Floats, other: Floats, highest: float) -> Spectrum:
    """Return the spectrum of the correlation of two blocks, in which all frequencies that count are alike."""
    window, band = _window_and_band(highest)
    first, second = (np.fft.rfft2((block - block.mean()) * window) for block in (one, other))
    product = first * np.conj(second)
    return np.asarray(product * (band / np.maximum(np.abs(product), 1e-6)), np.complex64)


def _peaks(spectrum: Spectrum) -> tuple[float, float]:
    """Return how high the correlation with this spectrum is in the middle, and at the best other place."""
    correlation = np.fft.fftshift(np.fft.irfft2(spectrum, (_SIDE, _SIDE)))
    middle = _SIDE // 2
    near, around = (np.s_[middle - px : middle + px + 1, middle - px : middle + px + 1] for px in (_NEAR, _AROUND))
    deviation = max(float(correlation.std()), 1e-9)
    here = float(correlation[near].max()) / deviation
    correlation[around] = -np.inf
    return here, float(correlation.max()) / deviation
