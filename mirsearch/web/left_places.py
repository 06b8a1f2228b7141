"""Folders of servers that were killed: how a living server holds its own, and how the next one removes the others."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from contextlib import suppress
from pathlib import Path

from mirsearch.files.locks import lock

PLACE_PREFIX = "mirsearch-serve-"
"""How the names of the folders begin, in the folder for temporary files."""
_HOLDING = "alive-*"
"""Files that the processes of a server keep locked while they live; the system frees them when they die. Their names
end in the machine's: of another one's, which shares the folder, it is not sure that locks reach as far.
"""

_held: dict[Path, int] = {}
"""The open lock file of this process in each folder that it holds."""
_guard = threading.Lock()


def hold_place(folder: Path) -> None:
    """Hold a folder until it is released or this process ends, however that comes. Does nothing the second time.

    Where the file system has no locks, the folder is not held, and is never taken for one that was left.
    """
    with _guard:
        if folder in _held:
            return
        begun = folder / f"begun-{os.getpid()}"
        with suppress(OSError):
            file = os.open(begun, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                lock(file)
                begun.rename(folder / f"alive-{os.getpid()}-{_machine()}")  # not before it is locked
            except OSError:
                os.close(file)
                raise
            _held[folder] = file


def release_place(folder: Path) -> None:
    """Let go of a folder that this process holds."""
    with _guard:
        file = _held.pop(folder, None)
    if file is not None:
        os.close(file)


def remove_left_places(temporary: Path) -> None:
    """Remove the folders of this user's servers all of whose processes are surely dead. What can't be removed stays."""
    with suppress(OSError), os.scandir(temporary) as entries:
        for entry in entries:
            if entry.name.startswith(PLACE_PREFIX) and _is_own(entry) and _is_left(Path(entry.path)):
                shutil.rmtree(entry.path, ignore_errors=True)


def _is_own(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):
        told = entry.stat(follow_symlinks=False)
        return entry.is_dir(follow_symlinks=False) and (os.name == "nt" or told.st_uid == os.getuid())
    return False


def _is_left(folder: Path) -> bool:
    """Return whether nobody holds a folder that was held once."""
    try:
        holding = list(folder.glob(_HOLDING))
        return bool(holding) and all(path.name.endswith(f"-{_machine()}") and _is_free(path) for path in holding)
    except OSError:  # somebody else removes it, or it has no locks
        return False


def _machine() -> str:
    return "".join(char for char in socket.gethostname() if char.isalnum())


def _is_free(path: Path) -> bool:
    file = os.open(path, os.O_RDWR)
    try:
        return lock(file)
    finally:
        os.close(file)
