"""A lock between processes that the operating system frees when its holder dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType

_PID_ROOM = 32


class LockHeldError(Exception):
    """Another holder has the lock; `pid` is its process, or None where that can't be read."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(f"held by {pid}")
        self.pid = pid


class FileLock:
    """An exclusive lock on a file, taken at once or not at all. OSError where the file can't be opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def __enter__(self) -> FileLock:
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _take(file)
        except OSError as error:
            pid = _holder(file)
            os.close(file)
            raise LockHeldError(pid) from error
        self._file = file
        _note(file)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _note(file: int) -> None:
    os.lseek(file, 0, os.SEEK_SET)
    os.write(file, str(os.getpid()).encode().ljust(_PID_ROOM))


def _holder(file: int) -> int | None:
    os.lseek(file, 0, os.SEEK_SET)
    text = os.read(file, _PID_ROOM).strip()
    return int(text) if text.isdigit() else None


if sys.platform == "win32":
    import msvcrt

    _AT = 1 << 20  # beyond the process id, which others must be able to read

    def _take(file: int) -> None:
        os.lseek(file, _AT, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
