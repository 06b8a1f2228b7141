"""Scans of the vectors of one snapshot: exact scans of all or some rows, and scans of all rounded rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import IndexMismatchError, UsageError
from mirsearch.indexes.embedded.buffers import BorrowedArrays, Float32Array
from mirsearch.indexes.embedded.vectors.matrix import MeaningRows, Snapshot
from mirsearch.indexes.embedded.vectors.rounded import RoundedMatrix, round_vectors
from mirsearch.indexes.embedded.vectors.scan import Float16Array, Scanner
from mirsearch.query import Vector

Indices = NDArray[np.intp]
NO_ROWS: Indices = np.zeros(0, dtype=np.intp)


@dataclass(frozen=True, slots=True)
class DotProducts:
    """Dot products of rows with a vector, with 1/norm of that vector.

    `error` is the largest error of a cosine from them. It does not hold for `outliers`; their products are unusable.
    """

    values: Float32Array
    inverse_norm: float
    error: float = 0.0
    outliers: Indices = field(default_factory=lambda: NO_ROWS)

    def select(self, rows: Indices) -> DotProducts:
        """Return the exact dot products of some rows."""
        return DotProducts(self.values[rows], self.inverse_norm)


Scan = Callable[[], DotProducts]
"""Waits for the end of a scan and returns its products. Can be called again."""


@dataclass(frozen=True, slots=True)
class QueryVector:
    """The vector of a query as float16 (dims,), with 1/norm of it (0 for a vector of length 0)."""

    half: Float16Array
    inverse_norm: float

    @classmethod
    def convert(cls, snapshot: Snapshot, vector: Vector) -> QueryVector:
        """Convert a vector (dims,) for scans of `snapshot`.

        Raises IndexMismatchError if the index has vectors with other dims, UsageError if the vector is not finite.
        """
        dims = snapshot.blocks[0].shape[1] if snapshot.blocks else len(vector)
        if vector.shape != (dims,):
            raise IndexMismatchError(
                f"the query vector has shape {vector.shape}, but the index has {dims} dims",
                "embed the query with the extractor of the index",
            )
        with np.errstate(over="ignore"):
            half = np.ascontiguousarray(vector, dtype="<f2")
        float64 = half.astype(np.float64)
        norm = math.sqrt(float64 @ float64)
        if not math.isfinite(norm):
            raise UsageError("the query's vector is not finite", "embed the query again")
        return cls(half, 1 / norm if norm > 0 else 0.0)


def start_exact_scan(
    scanner: Scanner, snapshot: Snapshot, query: QueryVector, rows: Indices | None, arrays: BorrowedArrays
) -> Scan:
    """Start a scan of some rows, or of all (None). Raises DamagedFileError."""
    if rows is None and snapshot.checker is not None:
        snapshot.checker.check_all()
    blocks = snapshot.blocks if rows is None else _gather_rows(snapshot, rows)
    wait = scanner.start_dots(blocks, query.half, arrays.take(sum(map(len, blocks))))
    return lambda: DotProducts(wait(), query.inverse_norm)


def start_rounded_scan(scanner: Scanner, rounded: RoundedMatrix, query: QueryVector, arrays: BorrowedArrays) -> Scan:
    """Start a scan of all rounded rows. Raises DamagedFileError."""
    if rounded.checker is not None:
        rounded.checker.check_all()
    rounded_query = round_vectors(query.half[None])
    wait = scanner.start_dots([rounded.codes], rounded_query.codes[0], arrays.take(len(rounded.codes)), rounded.scale)
    error = rounded.cosine_error_bound(float(rounded_query.error[0]))
    return lambda: DotProducts(wait(), query.inverse_norm * float(rounded_query.scale[0]), error, rounded.outliers)


def start_meaning_scan(
    scanner: Scanner, meaning: MeaningRows, query: QueryVector, rows: Indices | None, arrays: BorrowedArrays
) -> Scan:
    """Start an exact scan of the sentence vectors of some rows, or of all (None). Raises DamagedFileError."""
    places = meaning.places
    own_rows = rows if rows is None or places is None else places[rows]
    scan = start_exact_scan(scanner, meaning.vectors, query, own_rows, arrays)
    return scan if rows is not None or places is None else lambda: _in_order(scan(), places)


def start_rounded_meaning_scan(
    scanner: Scanner, meaning: MeaningRows, query: QueryVector, arrays: BorrowedArrays
) -> Scan:
    """Start a scan of all rounded sentence vectors, or of the exact ones if there are none. Raises DamagedFileError."""
    rounded, places = meaning.vectors.rounded, meaning.places
    if rounded is None or query.inverse_norm == 0:
        return start_meaning_scan(scanner, meaning, query, None, arrays)
    scan = start_rounded_scan(scanner, rounded, query, arrays)
    return scan if places is None else lambda: _in_order(scan(), places)


def _in_order(dots: DotProducts, places: Indices) -> DotProducts:
    """Return products of all rows of another matrix for the rows that have these places in it."""
    outliers = np.flatnonzero(np.isin(places, dots.outliers)) if len(dots.outliers) else NO_ROWS
    return DotProducts(dots.values[places], dots.inverse_norm, dots.error, outliers)


def _gather_rows(snapshot: Snapshot, rows: Indices) -> list[Float16Array]:
    """Return copies of some rows, one array for each block."""
    copies, start = [], 0
    for block in snapshot.blocks:
        low, high = np.searchsorted(rows, (start, start + len(block)))
        if start == 0 and snapshot.checker is not None:  # the first block is the file
            snapshot.checker.check_rows(rows[low:high], block.shape[1] * block.itemsize)
        copies.append(block[rows[low:high] - start])
        start += len(block)
    return copies
