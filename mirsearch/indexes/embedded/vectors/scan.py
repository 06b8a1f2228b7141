"""Dot products of one vector with every row of a float16 or int8 matrix, at the speed of memory.

The kernels come from NumKong, which usearch uses too. Called for one piece of rows at a time, they return all products
instead of only the nearest rows, without sorting, and they release Python's global lock.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Float16Array = NDArray[np.float16]
Matrix = Float16Array | NDArray[np.int8]
_PIECE_BYTES = 3 << 20
_SMALLEST_PIECE = 512


class Scanner:
    """Runs scans in several threads, including the calling one. Each free thread takes the next piece of rows."""

    def __init__(self, threads: int) -> None:
        self.threads = max(1, threads)
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def dots(self, matrix: Float16Array, vector: Float16Array) -> NDArray[np.float32]:
        """Return the dot products of each row of `matrix` (n, dims) with `vector` (dims,), summed in float32: (n,).

        Both arrays must be contiguous.
        """
        return self.start_dots([matrix], vector, np.empty(len(matrix), dtype=np.float32))()

    def start_dots(
        self, blocks: Sequence[Matrix], vector: Matrix, out: NDArray[np.float32],
        scale: NDArray[np.float32] | None = None,
    ) -> Callable[[], NDArray[np.float32]]:  # fmt: skip
        """Start :meth:`dots` for consecutive blocks of rows. The products, times `scale` (n,), go into `out`.

        Returns a function that joins in the work, waits for its end and returns the products. Vectors of int8 need
        :func:`kernels`.
        """
        job = ScanJob(blocks, vector, out, scale)
        helpers = min(self.threads, job.pieces) - 1
        helpers_running = []
        if helpers > 0:
            from concurrent.futures import ThreadPoolExecutor

            with self._lock:
                self._pool = self._pool or ThreadPoolExecutor(self.threads - 1, thread_name_prefix="mirsearch-scan")
                helpers_running = [self._pool.submit(job.fill) for _ in range(helpers)]

        def result() -> NDArray[np.float32]:
            job.fill()
            for future in helpers_running:
                if not future.cancel():  # a helper that has not started has nothing left to do
                    future.result()
            return job.values

        return result

    def close(self) -> None:
        """Stop the threads."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown()
                self._pool = None


class ScanJob:
    """The dot products of blocks of rows with one vector. Any thread can compute pieces of them."""

    def __init__(
        self, blocks: Sequence[Matrix], vector: Matrix, out: NDArray[np.float32],
        scale: NDArray[np.float32] | None = None,
    ) -> None:  # fmt: skip
        self._kernels = kernels()
        self._vector: Any = np.ascontiguousarray(vector[None])
        self.values = out
        size = max(_SMALLEST_PIECE, _PIECE_BYTES // max(1, vector.nbytes))
        self._scale = scale
        self._pieces_left: deque[tuple[Matrix, slice]] = deque()
        start = 0
        for block in blocks:
            for start_row in range(0, len(block), size):
                part = block[start_row : start_row + size]
                self._pieces_left.append((part, slice(start + start_row, start + start_row + len(part))))
            start += len(block)
        self.pieces = len(self._pieces_left)

    def fill(self) -> None:
        """Compute pieces until none is left."""
        while True:
            try:
                block, rows = self._pieces_left.popleft()
            except IndexError:
                return
            if self._kernels is None:
                products = usearch_dots(block, self._vector)
            else:
                products = np.asarray(self._kernels.cdist(block, self._vector, "dot")).reshape(-1)
            self.values[rows] = products if self._scale is None else products * self._scale[rows]


def kernels() -> Any | None:
    """Return the module NumKong, or None if it is missing or too old. Scans then use usearch's own interface."""
    try:
        import numkong
    except ImportError:
        return None
    return numkong if hasattr(numkong, "cdist") else None


def usearch_dots(matrix: Matrix, vector: Matrix) -> NDArray[np.float32]:
    """Return the dot products of (n, dims) with (1, dims) by usearch: each row searches for the only vector."""
    from usearch.index import MetricKind, search

    matches = search(vector, np.ascontiguousarray(matrix), 1, MetricKind.IP, exact=True, threads=1)
    distances: NDArray[np.float32] = 1.0 - np.asarray(matches.distances, dtype=np.float32).reshape(-1)
    return distances
