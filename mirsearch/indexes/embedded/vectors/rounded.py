"""Vectors rounded to int8, and how far that puts a cosine off: a quarter to a half of the bytes and work of a scan.

Vectors are turned first, all by the same rotation, which changes no dot product but spreads what a few numbers hold
over all of them: rounding then loses as little of a descriptor with a few giant numbers as of any other. What it does
lose, ‖x - x̂‖, is measured, so that by Cauchy and Schwarz |q·x - q̂·x̂| ≤ ‖q‖·‖x - x̂‖ + ‖q - q̂‖·‖x̂‖.
"""

from __future__ import annotations

import hashlib
import math
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.indexes.embedded.buffers import Single
from mirsearch.indexes.embedded.vectors import scan

LEAST_NUMBERS = 1 << 24
"""Rows times dims from which a coarse pass saves enough to be worth its file: what is less is scanned in little more
than a millisecond."""
CANDIDATE_SHARE = 0.0625
"""Where a coarse pass leaves a larger share of the rows than this, a scan of all was the better choice."""
FEW = 256
NARROWED_SHARE = 0.5
"""Candidates more than a few, and up to this share of the rows, are told apart by exact scores of those that look best:
what those reach halves the margin."""
OUTLIER_SHARE = 0.001
"""Rows that lose most by rounding are scored exactly instead of widening the bound of all others."""
_LONGEST_PAUSE = 64
_STEPS = 127
_UNIT = 2.0**-24
"""The largest relative error of one rounding to float32."""

Codes = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Rounded:
    """Turned vectors as `codes` (n, dims) times `scale` (n,), and `error` (n,), a bound of ‖x - x̂‖/‖x‖."""

    codes: Codes
    scale: Single
    error: Single


@dataclass(frozen=True, slots=True)
class Coarse:
    """All rows of a matrix rounded: codes (n, dims), scales (n,), and a bound of ‖x - x̂‖/‖x‖ of all but `outliers`."""

    codes: Codes
    scale: Single
    error: float
    outliers: NDArray[np.intp]

    @classmethod
    def of(cls, rows: Rounded) -> Coarse:
        """The rows, with a bound that all but a few hold."""
        allowed = int(OUTLIER_SHARE * len(rows.error))
        error = float(np.sort(rows.error)[-1 - allowed]) if len(rows.error) else 0.0
        outliers = np.flatnonzero(~(rows.error <= error))
        return cls(rows.codes, rows.scale, error, outliers)

    def bound(self, query_error: float) -> float:
        """How far off a cosine with a query can be that itself lost `query_error` of its length by rounding."""
        slack: float = 2 * self.codes.shape[1] * _UNIT  # the exact dot products and lengths are sums in float32, too
        return (self.error + query_error + self.error * query_error) * (1 + 2.0**-10) + slack


class Worth:
    """Whether a coarse pass is worth trying: after one that left too many, some questions go without, ever more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = 0
        self._pause = 0

    def tried(self) -> bool:
        """Whether to try now."""
        with self._lock:
            self._left = max(0, self._left - 1)
            return self._left == 0

    def note(self, useful: bool) -> None:
        """Tell how a try went."""
        with self._lock:
            self._pause = 0 if useful else min(_LONGEST_PAUSE, max(2, 2 * self._pause))
            self._left = self._pause


class Rotation:
    """A fixed rotation of vectors: random signs, then cosine transforms along both sides of a rectangle of numbers."""

    def __init__(self, dims: int) -> None:
        short = max(each for each in range(1, math.isqrt(dims) + 1) if dims % each == 0)
        long = dims // short
        self._shape = (short, long)
        self._down, self._across = _cosines(short), _cosines(long).T.copy()
        bits = np.unpackbits(np.frombuffer(hashlib.shake_128(b"mirsearch").digest(dims // 8 + 1), dtype=np.uint8))
        self._signs = np.where(bits[:dims], np.float32(1), np.float32(-1))
        # Sums of n products, each factor and sum rounded, with a matrix whose absolute values have a norm ≤ √n.
        self.slack = 1.1 * _UNIT * ((short + 2) ** 1.5 + (long + 2) ** 1.5 + math.sqrt(dims))

    def __call__(self, vectors: NDArray[np.float16]) -> Single:
        """Vectors (n, dims) turned; off by at most `slack` of their lengths."""
        short, long = self._shape
        signed = vectors.astype(np.float32)
        signed *= self._signs
        turned: Single = self._down @ (signed.reshape(-1, long) @ self._across).reshape(-1, short, long)
        return turned.reshape(vectors.shape)


def _cosines(size: int) -> Single:
    """The orthonormal discrete cosine transform, (size, size)."""
    angles = np.pi / size * np.arange(size)[:, None] * (np.arange(size)[None] + 0.5)
    found = math.sqrt(2 / size) * np.cos(angles)
    found[0] = math.sqrt(1 / size)
    return found.astype(np.float32)


@lru_cache(maxsize=4)
def _rotation(dims: int) -> Rotation:
    return Rotation(dims)


def rounded(vectors: NDArray[np.float16]) -> Rounded:
    """Vectors (n, dims) turned and rounded."""
    rotation = _rotation(vectors.shape[1])
    turned = rotation(vectors)
    length = np.sqrt(np.einsum("ij,ij->i", turned, turned))
    scale = np.abs(turned).max(axis=1, initial=0) / np.float32(_STEPS)
    turned /= np.where(scale > 0, scale, np.float32(1))[:, None]
    codes = np.rint(turned)
    turned -= codes
    lost = np.sqrt(np.einsum("ij,ij->i", turned, turned)) * scale
    error = np.divide(lost, length, out=np.zeros_like(lost), where=length > 0) + np.float32(rotation.slack)
    return Rounded(codes.astype(np.int8), scale, error)


def usable(dims: int) -> bool:
    """Whether there are kernels here that give products of int8 vectors without any error, as the bound asks."""
    found = scan.kernels()
    return found is not None and _exact(found, dims)


@lru_cache(maxsize=4)
def _exact(kernels: Any, dims: int) -> bool:
    codes = np.random.default_rng(1).integers(-_STEPS, _STEPS + 1, (24, dims), dtype=np.int8)
    codes[0], codes[1], codes[2, ::2] = _STEPS, -_STEPS, _STEPS
    try:
        found = [np.asarray(kernels.cdist(codes, codes[at : at + 1], "dot")).reshape(-1) for at in range(4)]
    except (TypeError, ValueError, RuntimeError):
        return False
    return bool(np.array_equal(np.array(found), codes[:4].astype(np.int64) @ codes.T.astype(np.int64)))
