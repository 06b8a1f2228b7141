"""A lock between processes. The operating system frees it when its holder dies. `filelock` does the locking.

filelock's own `FileLock` does not tell who holds a lock; this one keeps the holder's process id in the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

_PID_AT = 1 if os.name == "nt" else 0
"""Where others read the process id from: Windows keeps them from the first byte, which is locked."""
_PID_ROOM = 32
_POLL_SECONDS = 0.002
"""How often a waiting process tries again: requests to one host are some 0.1 s apart."""


class LockHeldError(Exception):
    """Another process holds the lock. `pid` is its process id, or None where the file does not tell."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(f"held by process {pid}")
        self.pid = pid


class FileLock:
    """An exclusive lock on a file, for use in `with`.

    Raises LockHeldError at once where another process holds it, and OSError where the file can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def __enter__(self) -> FileLock:
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not lock(file):
                raise LockHeldError(_read_holder(file))
            _write_holder(file)
        except BaseException:
            os.close(file)
            raise
        self._file = file
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def lock(file: int, *, wait: bool = False) -> bool:
    """Lock an open file until it is closed; return False where another process has it and `wait` is False.

    Raises OSError where the file system has no locks.
    """
    from filelock import lock_descriptor  # takes longer to import than a query of a small index

    return lock_descriptor(file, blocking=wait, poll_interval=_POLL_SECONDS)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which is made for it; wait as long as another thread or process has it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        lock(file, wait=True)
        yield
    finally:
        os.close(file)


def _write_holder(file: int) -> None:
    os.lseek(file, 0, os.SEEK_SET)
    os.write(file, f" {os.getpid()}".encode().ljust(_PID_ROOM))


def _read_holder(file: int) -> int | None:
    os.lseek(file, _PID_AT, os.SEEK_SET)
    digits = os.read(file, _PID_ROOM).strip()
    return int(digits) if digits.isdigit() else None
