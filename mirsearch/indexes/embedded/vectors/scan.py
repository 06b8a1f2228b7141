"""Dot products of one vector with every row of a float16 or int8 matrix, at the speed of memory.

The kernels are NumKong's, which usearch scans with too; called piece by piece they give every product instead of the
nearest few, without sorting, and leave Python's lock to other threads.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

Half = NDArray[np.float16]
Matrix = Half | NDArray[np.int8]
_PIECE_BYTES = 3 << 20
_SMALLEST_PIECE = 512


class Scanner:
    """Threads that scan beside the one that asks; whoever is free takes the next piece of rows."""

    def __init__(self, threads: int) -> None:
        self.threads = max(1, threads)
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def dots(self, matrix: Half, vector: Half) -> NDArray[np.float32]:
        """Dot products, summed in float32, of each row of (n, dims) with (dims,); both contiguous: float32 (n,)."""
        return self.start([matrix], vector, np.empty(len(matrix), dtype=np.float32))()

    def start(
        self, blocks: Sequence[Matrix], vector: Matrix, out: NDArray[np.float32],
        scale: NDArray[np.float32] | None = None,
    ) -> Callable[[], NDArray[np.float32]]:  # fmt: skip
        """Begin what :meth:`dots` does for blocks of rows, one after the other, into `out`, times a `scale` (n,).

        Calling what comes back joins in the work and gives the products. Vectors of int8 need :func:`kernels`.
        """
        product = Product(blocks, vector, out, scale)
        helpers = min(self.threads, product.pieces) - 1
        waiting = []
        if helpers > 0:
            with self._lock:
                self._pool = self._pool or ThreadPoolExecutor(self.threads - 1, thread_name_prefix="mirsearch-scan")
                waiting = [self._pool.submit(product.work) for _ in range(helpers)]

        def result() -> NDArray[np.float32]:
            product.work()
            for each in waiting:
                if not each.cancel():  # one that never began, busy with other questions, has nothing left to do
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
    """The dot products of blocks of rows with one vector, filled piece by piece from any thread."""

    def __init__(
        self, blocks: Sequence[Matrix], vector: Matrix, out: NDArray[np.float32],
        scale: NDArray[np.float32] | None = None,
    ) -> None:  # fmt: skip
        self._kernels = kernels()
        self._vector: Any = np.ascontiguousarray(vector[None])
        self.values = out
        size = max(_SMALLEST_PIECE, _PIECE_BYTES // max(1, vector.nbytes))
        self._scale = scale
        self._left: deque[tuple[Matrix, slice]] = deque()
        start = 0
        for block in blocks:
            for at in range(0, len(block), size):
                part = block[at : at + size]
                self._left.append((part, slice(start + at, start + at + len(part))))
            start += len(block)
        self.pieces = len(self._left)

    def work(self) -> None:
        """Fill pieces until none is left."""
        while True:
            try:
                part, at = self._left.popleft()
            except IndexError:
                return
            if self._kernels is None:
                found = usearch_dots(part, self._vector)
            else:
                found = np.asarray(self._kernels.cdist(part, self._vector, "dot")).reshape(-1)
            self.values[at] = found if self._scale is None else found * self._scale[at]


def kernels() -> Any | None:
    """NumKong, or None where it is missing or lacks what is needed; usearch's own interface does then."""
    try:
        import numkong
    except ImportError:
        return None
    return numkong if hasattr(numkong, "cdist") else None


def usearch_dots(matrix: Matrix, vector: Matrix) -> NDArray[np.float32]:
    """The same dot products of (n, dims) with (1, dims) through usearch: each row looks for the one vector there is."""
    from usearch.index import MetricKind, search

    found = search(vector, np.ascontiguousarray(matrix), 1, MetricKind.IP, exact=True, threads=1)
    distances: NDArray[np.float32] = 1.0 - np.asarray(found.distances, dtype=np.float32).reshape(-1)
    return distances
