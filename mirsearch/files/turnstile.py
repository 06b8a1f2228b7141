"""A lock between processes that a long holder hands to those who wait, and gets back after them.

Who comes first takes the gate, then the lock, and leaves the gate. So the gate is locked just while somebody waits. A
holder that gives way frees the lock, and queues at the gate itself: it can't take the lock from who waited before it.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from mirsearch.files.locks import FileLock, LockHeldError

_POLL_SECONDS = 0.02
_GATE = ".next"
"""What follows the name of the lock's file in that of its gate."""


class FairLock:
    """An exclusive lock on a file, for use in `with`; it waits at most `seconds` for others.

    Raises LockHeldError that names the holder after that, and OSError where the file can't be opened.
    """

    def __init__(self, path: Path, seconds: float = 0.0) -> None:
        self._path, self._seconds = path, seconds
        self._held = ExitStack()

    def __enter__(self) -> FairLock:
        self._take(time.monotonic() + self._seconds)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._held.close()

    def give_way(self) -> bool:
        """Let those who wait have the lock, and take it again after the first of them; return whether one waited."""
        try:
            with self._gate():
                return False
        except LockHeldError:
            self._held.close()
        self._take(float("inf"))
        return True

    def _gate(self) -> FileLock:
        return FileLock(self._path.with_name(f"{self._path.name}{_GATE}"))

    def _take(self, deadline: float) -> None:
        with ExitStack() as gate:
            try:
                _wait_for(gate, self._gate(), deadline)
            except LockHeldError:
                with FileLock(self._path):  # it names who has the lock, which matters more than who waits
                    raise
            _wait_for(self._held, FileLock(self._path), deadline)


def _wait_for(stack: ExitStack, lock: FileLock, deadline: float) -> None:
    """Take a lock as soon as it is free. Raises LockHeldError after the deadline."""
    while True:
        try:
            stack.enter_context(lock)
            return
        except LockHeldError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_POLL_SECONDS)
