"""Whether two pictures of one pattern agree in what is not periodic: defects, grain and noise.

Each block's spectra are whitened, so that the few strong frequencies of a lattice count no more than any other: a
phase correlation (Kuglin, Hines, Proc. Int. Conf. Cybernetics and Society 1975). The same picture then fits at one
place only; two places of one lattice fit nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

_SIDE, _STEPS = 64, (48, 24)
"""Side of the blocks and distance of their corners, px; the smaller where there are few."""
_FEW_BLOCKS = 4
_MIN_COVERED = 0.95
_LOWEST, _HIGHEST = 0.03, 0.3
"""Frequencies that count, cycles per px: not brightness, and not the noise of a small JPEG."""
_NEAR, _AROUND = 3, 5
"""Px by which a block may be laid beside its place, and within which another place is the same."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Residual:
    """How high the whitened correlation is at the place where the pictures are laid, and at the best other place.

    Both are medians over the blocks, in standard deviations of the correlation; of unlike pictures both are about 4.
    `scale`: how far the finer picture was reduced, 0 to 1. Grain and noise are gone from a much reduced one.
    """

    here: float
    rival: float
    blocks: int
    scale: float


def residual_agreement(one: Floats, other: Floats, covered: NDArray[np.uint8], scale: float) -> Residual:
    """Return how well two pictures (h, w), one laid upon the other at a scale, agree in what is not periodic.

    `covered` (h, w) is 1 where both show something.
    """
    window, band = _window_and_band()
    blocks = _blocks(covered, _STEPS[0])
    if len(blocks) < _FEW_BLOCKS:
        blocks = _blocks(covered, _STEPS[1])
    peaks = [_block_peaks(one[block], other[block], window, band) for block in blocks]
    if not peaks:
        return Residual(0.0, 0.0, 0, scale)
    here, rival = np.median(np.array(peaks), axis=0)
    return Residual(float(here), float(rival), len(peaks), scale)


@cache
def _window_and_band() -> tuple[Floats, NDArray[np.bool_]]:
    """Return the window of a block, and which of its frequencies count."""
    window = np.outer(np.hanning(_SIDE), np.hanning(_SIDE)).astype(np.float32)
    radius = np.hypot(np.fft.fftfreq(_SIDE)[:, None], np.fft.rfftfreq(_SIDE)[None])
    return window, (radius > _LOWEST) & (radius < _HIGHEST)


def _blocks(covered: NDArray[np.uint8], step: int) -> list[tuple[slice, slice]]:
    """Return the blocks that both pictures cover."""
    downs, acrosses = (range(0, side - _SIDE + 1, step) for side in covered.shape)
    blocks = [(slice(top, top + _SIDE), slice(left, left + _SIDE)) for top in downs for left in acrosses]
    return [block for block in blocks if covered[block].mean() >= _MIN_COVERED]


def _block_peaks(one: Floats, other: Floats, window: Floats, band: NDArray[np.bool_]) -> tuple[float, float]:
    first, second = (np.fft.rfft2((block - block.mean()) * window) for block in (one, other))
    product = first * np.conj(second)
    white = np.fft.fftshift(np.fft.irfft2(product / np.maximum(np.abs(product), 1e-6) * band, one.shape))
    middle = _SIDE // 2
    near, around = (np.s_[middle - px : middle + px + 1, middle - px : middle + px + 1] for px in (_NEAR, _AROUND))
    deviation = max(float(white.std()), 1e-9)
    here = float(white[near].max()) / deviation
    white[around] = -np.inf
    return here, float(white.max()) / deviation
