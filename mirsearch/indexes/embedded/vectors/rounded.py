"""Vectors rounded to int8, and a bound on the error of their cosines. Scans read half the bytes.

All vectors are first rotated by the same rotation. This changes no dot product, but spreads large numbers over all
dimensions, so that rounding loses little even for a descriptor with a few giant numbers. The rounding error ‖x - x̂‖ is
measured. By the Cauchy-Schwarz inequality, |q·x - q̂·x̂| ≤ ‖q‖·‖x - x̂‖ + ‖q - q̂‖·‖x̂‖.
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

from mirsearch.indexes.embedded.buffers import Float32Array
from mirsearch.indexes.embedded.derived_files import BlockChecker
from mirsearch.indexes.embedded.vectors import scan

MIN_MATRIX_NUMBERS = 1 << 24
"""Smallest rows × dims for which rounded rows are stored. A scan of a smaller matrix takes little more than 1 ms."""
MAX_CANDIDATE_SHARE = 0.0625
"""Largest share of the rows that a pass over rounded rows may leave. If it leaves more, an exact scan is faster."""
MIN_NARROWED_ROWS = 256
"""Smallest number of candidates that are narrowed down, see MAX_NARROWED_SHARE."""
MAX_NARROWED_SHARE = 0.5
"""Largest share of the rows for which candidates are narrowed down: the best of them are scored exactly, and their
exact scores halve the margin for the others."""
OUTLIER_SHARE = 0.001
"""Share of the rows with the largest rounding errors. They are scored exactly, so that the bound for all others is
smaller."""
_MAX_PAUSE = 64
_MAX_CODE = 127
_UNIT_ROUNDOFF = 2.0**-24
"""Largest relative error of one rounding to float32."""

Codes = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class RoundedVectors:
    """Rotated vectors x̂ as `codes` (n, dims) times `scale` (n,), with `error` (n,), an upper bound of ‖x - x̂‖/‖x‖."""

    codes: Codes
    scale: Float32Array
    error: Float32Array


@dataclass(frozen=True, slots=True)
class RoundedMatrix:
    """All rows of a matrix, rounded: codes (n, dims), scales (n,), and an upper bound of ‖x - x̂‖/‖x‖.

    The bound `error` holds for all rows but `outliers`, which are row numbers. `checker` checks codes of a file.
    """

    codes: Codes
    scale: Float32Array
    error: float
    outliers: NDArray[np.intp]
    checker: BlockChecker | None = None

    @classmethod
    def from_vectors(cls, vectors: RoundedVectors, checker: BlockChecker | None = None) -> RoundedMatrix:
        """Return the matrix of rounded vectors, with an error bound that holds for all but a few outliers."""
        allowed = int(OUTLIER_SHARE * len(vectors.error))
        error = float(np.sort(vectors.error)[-1 - allowed]) if len(vectors.error) else 0.0
        outliers = np.flatnonzero(~(vectors.error <= error))
        return cls(vectors.codes, vectors.scale, error, outliers, checker)

    def cosine_error_bound(self, query_error: float) -> float:
        """Return the largest error of a cosine with a query whose own relative rounding error is `query_error`."""
        # the exact products and norms are float32 sums, too
        summation_error: float = 2 * self.codes.shape[1] * _UNIT_ROUNDOFF
        return (self.error + query_error + self.error * query_error) * (1 + 2.0**-10) + summation_error


class PassBackoff:
    """Decides whether a query tries a pass over rounded rows.

    After a pass that left too many candidates, some queries skip it; their number doubles with each failure.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queries_to_skip = 0
        self._pause = 0

    def should_try(self) -> bool:
        """Return whether the next query should try the pass."""
        with self._lock:
            self._queries_to_skip = max(0, self._queries_to_skip - 1)
            return self._queries_to_skip == 0

    def record(self, useful: bool) -> None:
        """Record whether a pass was useful."""
        with self._lock:
            self._pause = 0 if useful else min(_MAX_PAUSE, max(2, 2 * self._pause))
            self._queries_to_skip = self._pause


class Rotation:
    """A fixed rotation: random signs, then cosine transforms along both axes of the vector reshaped as a rectangle."""

    def __init__(self, dims: int) -> None:
        short = max(divisor for divisor in range(1, math.isqrt(dims) + 1) if dims % divisor == 0)
        long = dims // short
        self._shape = (short, long)
        self._down, self._across = _cosine_transform(short), _cosine_transform(long).T.copy()
        bits = np.unpackbits(np.frombuffer(hashlib.shake_128(b"mirsearch").digest(dims // 8 + 1), dtype=np.uint8))
        self._signs = np.where(bits[:dims], np.float32(1), np.float32(-1))
        # Error of sums of n products with rounded factors and sums; the absolute values of the matrix have a norm ≤ √n.
        self.max_error = 1.1 * _UNIT_ROUNDOFF * ((short + 2) ** 1.5 + (long + 2) ** 1.5 + math.sqrt(dims))

    def __call__(self, vectors: NDArray[np.float16]) -> Float32Array:
        """Return vectors (n, dims), rotated. The error is at most `max_error` times the length of a vector."""
        short, long = self._shape
        signed = vectors.astype(np.float32)
        signed *= self._signs
        rotated: Float32Array = self._down @ (signed.reshape(-1, long) @ self._across).reshape(-1, short, long)
        return rotated.reshape(vectors.shape)


def _cosine_transform(size: int) -> Float32Array:
    """Return the matrix of the orthonormal discrete cosine transform, shape (size, size)."""
    angles = np.pi / size * np.arange(size)[:, None] * (np.arange(size)[None] + 0.5)
    transform = math.sqrt(2 / size) * np.cos(angles)
    transform[0] = math.sqrt(1 / size)
    return transform.astype(np.float32)


@lru_cache(maxsize=4)
def _cached_rotation(dims: int) -> Rotation:
    return Rotation(dims)


def round_vectors(vectors: NDArray[np.float16]) -> RoundedVectors:
    """Rotate vectors (n, dims) and round them to int8."""
    rotation = _cached_rotation(vectors.shape[1])
    rotated = rotation(vectors)
    length = np.sqrt(np.einsum("ij,ij->i", rotated, rotated))
    scale = np.abs(rotated).max(axis=1, initial=0) / np.float32(_MAX_CODE)
    rotated /= np.where(scale > 0, scale, np.float32(1))[:, None]
    codes = np.rint(rotated)
    rotated -= codes
    lost = np.sqrt(np.einsum("ij,ij->i", rotated, rotated)) * scale
    error = np.divide(lost, length, out=np.zeros_like(lost), where=length > 0) + np.float32(rotation.max_error)
    return RoundedVectors(codes.astype(np.int8), scale, error)


def has_exact_kernels(dims: int) -> bool:
    """Return whether this machine has kernels with exact int8 dot products. The error bound requires them."""
    kernels = scan.kernels()
    return kernels is not None and _gives_exact_products(kernels, dims)


@lru_cache(maxsize=4)
def _gives_exact_products(kernels: Any, dims: int) -> bool:
    codes = np.random.default_rng(1).integers(-_MAX_CODE, _MAX_CODE + 1, (24, dims), dtype=np.int8)
    codes[0], codes[1], codes[2, ::2] = _MAX_CODE, -_MAX_CODE, _MAX_CODE
    try:
        products = [np.asarray(kernels.cdist(codes, codes[row : row + 1], "dot")).reshape(-1) for row in range(4)]
    except (TypeError, ValueError, RuntimeError):
        return False
    return bool(np.array_equal(np.array(products), codes[:4].astype(np.int64) @ codes.T.astype(np.int64)))
