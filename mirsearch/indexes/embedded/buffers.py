"""Arrays that are reused from one query to the next. Allocating large arrays takes longer than computing with them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]


class BorrowedArrays:
    """The arrays that one query borrows."""

    def __init__(self) -> None:
        self._arrays: list[Float32Array] = []
        self._used = 0

    def take(self, size: int) -> Float32Array:
        """Return an uninitialized array, float32 (size,). It belongs to the query until the query ends."""
        if self._used == len(self._arrays):
            self._arrays.append(np.empty(size, dtype=np.float32))
        elif len(self._arrays[self._used]) < size:
            self._arrays[self._used] = np.empty(size, dtype=np.float32)
        self._used += 1
        return self._arrays[self._used - 1][:size]

    def release_all(self) -> None:
        """Make all arrays available again."""
        self._used = 0


class ArrayPool:
    """A pool of arrays for queries, one after the other or concurrent."""

    def __init__(self) -> None:
        self._idle: list[BorrowedArrays] = []
        self._lock = threading.Lock()

    @contextmanager
    def borrow(self) -> Iterator[BorrowedArrays]:
        """Lend arrays to one query. If the query fails, its arrays are not reused: a thread may still write to one."""
        with self._lock:
            arrays = self._idle.pop() if self._idle else BorrowedArrays()
        yield arrays
        arrays.release_all()
        with self._lock:
            self._idle.append(arrays)
