"""Scans of one snapshot's vectors: of all or a few exactly, and of all rounded."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import IndexMismatchError, UsageError
from mirsearch.indexes.embedded.buffers import Lent, Single
from mirsearch.indexes.embedded.vectors.matrix import Snapshot
from mirsearch.indexes.embedded.vectors.rounded import Coarse, rounded
from mirsearch.indexes.embedded.vectors.scan import Half, Scanner
from mirsearch.query import Vector

Places = NDArray[np.intp]
NONE: Places = np.zeros(0, dtype=np.intp)


@dataclass(frozen=True, slots=True)
class Dots:
    """Dot products of rows with a vector, 1/norm of that vector, and how far off they put a cosine at most, but for
    `outliers`, of which they tell nothing."""

    values: Single
    per_norm: float
    error: float = 0.0
    outliers: Places = field(default_factory=lambda: NONE)

    def at(self, places: Places) -> Dots:
        """Those of some rows; for exact ones."""
        return Dots(self.values[places], self.per_norm)


Scan = Callable[[], Dots]
"""Waits for a scan that has begun; may be called again."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query's vector as it is compared, float16 (dims,), and 1/norm of it; 0 for a vector of length 0."""

    half: Half
    per_norm: float

    @classmethod
    def of(cls, now: Snapshot, vector: Vector) -> Query:
        """IndexMismatchError where the index has vectors of another length, UsageError where it is not finite."""
        dims = now.blocks[0].shape[1] if now.blocks else len(vector)
        if vector.shape != (dims,):
            raise IndexMismatchError(
                f"a query vector of shape {vector.shape}, where the index holds {dims} dims",
                "embed the query with the extractor of the index",
            )
        with np.errstate(over="ignore"):
            half = np.ascontiguousarray(vector, dtype="<f2")
        wide = half.astype(np.float64)
        norm = math.sqrt(wide @ wide)
        if not math.isfinite(norm):
            raise UsageError("the query's vector is not finite", "embed the query again")
        return cls(half, 1 / norm if norm > 0 else 0.0)


def exact(scanner: Scanner, now: Snapshot, query: Query, kept: Places | None, lent: Lent) -> Scan:
    """Begin a scan of the rows kept, or of all (None)."""
    blocks = now.blocks if kept is None else _gathered(now, kept)
    waiting = scanner.start(blocks, query.half, lent.take(sum(map(len, blocks))))
    return lambda: Dots(waiting(), query.per_norm)


def rough(scanner: Scanner, coarse: Coarse, query: Query, lent: Lent) -> Scan:
    """Begin a scan of all rows rounded."""
    turned = rounded(query.half[None])
    waiting = scanner.start([coarse.codes], turned.codes[0], lent.take(len(coarse.codes)), coarse.scale)
    error = coarse.bound(float(turned.error[0]))
    return lambda: Dots(waiting(), query.per_norm * float(turned.scale[0]), error, coarse.outliers)


def _gathered(now: Snapshot, kept: Places) -> list[Half]:
    """Copies of the rows kept of each block."""
    found, start = [], 0
    for block in now.blocks:
        low, high = np.searchsorted(kept, (start, start + len(block)))
        found.append(block[kept[low:high] - start])
        start += len(block)
    return found
