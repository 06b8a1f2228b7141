"""Cosine distances of one vector to every row of a float16 matrix, at the speed of memory.

The kernels are NumKong's, which usearch scans with too; called row block by row block they give every distance
instead of the nearest few, without sorting, and leave Python's lock to other threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Half = NDArray[np.float16]
_BLOCK_BYTES = 32 << 20
_SMALLEST_BLOCK = 512


class Scanner:
    """Threads that scan; each block of rows is scanned by one."""

    def __init__(self, threads: int) -> None:
        self.threads = max(1, threads)
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def dots(self, matrix: Half, vector: Half) -> NDArray[np.float32]:
        """Dot products, summed in float32, of each row of (n, dims) with (dims,); both contiguous: float32 (n,)."""
        return self.start(matrix, vector)()

    def start(self, matrix: Half, vector: Half) -> Callable[[], NDArray[np.float32]]:
        """Begin what :meth:`dots` does; calling what comes back waits for it."""
        rows = len(matrix)
        if rows == 0:
            return lambda: np.zeros(0, dtype=np.float32)
        product = Product(rows, vector)
        wanted = self.threads * (1 + matrix.nbytes // (self.threads * _BLOCK_BYTES))
        blocks = max(1, min(wanted, rows // _SMALLEST_BLOCK))
        if blocks == 1:
            product.fill(matrix, 0, rows)
            return lambda: product.values
        edges = [rows * number // blocks for number in range(blocks + 1)]
        with self._lock:
            self._pool = self._pool or ThreadPoolExecutor(self.threads, thread_name_prefix="mirsearch-scan")
            waiting = [self._pool.submit(product.fill, matrix, low, high) for low, high in pairwise(edges)]

        def result() -> NDArray[np.float32]:
            for each in waiting:
                each.result()
            return product.values

        return result

    def close(self) -> None:
        """End the threads."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown()
                self._pool = None


class Product:
    """The dot products of `rows` rows with one vector, filled block by block from any thread."""

    def __init__(self, rows: int, vector: Half) -> None:
        self._kernels = _kernels()
        self._vector = np.ascontiguousarray(vector[None])
        self.values = np.empty(rows, dtype=np.float32)

    def fill(self, matrix: Half, start: int, stop: int) -> None:
        """Compute rows start to stop."""
        part = matrix[start:stop]
        if self._kernels is None:
            self.values[start:stop] = usearch_dots(part, self._vector)
        else:
            self.values[start:stop] = np.asarray(self._kernels.cdist(part, self._vector, "dot")).reshape(-1)


def _kernels() -> Any | None:
    """NumKong, or None where it is missing or lacks what is needed; usearch's own interface does then."""
    try:
        import numkong
    except ImportError:
        return None
    return numkong if hasattr(numkong, "cdist") else None


def usearch_dots(matrix: Half, vector: Half) -> NDArray[np.float32]:
    """The same dot products of (n, dims) with (1, dims) through usearch: each row looks for the one vector there is."""
    from usearch.index import MetricKind, search

    found = search(vector, np.ascontiguousarray(matrix), 1, MetricKind.IP, exact=True, threads=1)
    distances: NDArray[np.float32] = 1.0 - np.asarray(found.distances, dtype=np.float32).reshape(-1)
    return distances
