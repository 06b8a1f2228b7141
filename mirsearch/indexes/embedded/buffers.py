"""Arrays kept from one question to the next: new large ones cost more, in pages to be cleared, than their use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

Single = NDArray[np.float32]


class Lent:
    """The arrays lent to one question."""

    def __init__(self) -> None:
        self._arrays: list[Single] = []
        self._used = 0

    def take(self, size: int) -> Single:
        """An array float32 (size,) with anything in it, the question's own until it is answered."""
        if self._used == len(self._arrays):
            self._arrays.append(np.empty(size, dtype=np.float32))
        elif len(self._arrays[self._used]) < size:
            self._arrays[self._used] = np.empty(size, dtype=np.float32)
        self._used += 1
        return self._arrays[self._used - 1][:size]

    def forget(self) -> None:
        """All arrays may be taken again."""
        self._used = 0


class Buffers:
    """A store of arrays for questions that are asked one after the other or at once."""

    def __init__(self) -> None:
        self._idle: list[Lent] = []
        self._lock = threading.Lock()

    @contextmanager
    def lent(self) -> Iterator[Lent]:
        """Arrays for one question; where it fails they are let go, as a thread may still be writing to one."""
        with self._lock:
            lent = self._idle.pop() if self._idle else Lent()
        yield lent
        lent.forget()
        with self._lock:
            self._idle.append(lent)
