"""Maps a database into memory beside SQLite, without costing this process the locks that SQLite holds on it.

POSIX locks belong to a process and a file. Whoever closes any descriptor of the file drops all locks that the process
has on it, also those of SQLite (https://www.sqlite.org/howtocorrupt.html, 2.2). Then another program that closes its
last connection takes itself for the only one, and removes the log that is still in use here: readers see a mix of
commits, and a writer's later commits are lost. So what is opened here stays open until no connection of this process to
the same file is left.
"""

from __future__ import annotations

import mmap
import os
import sqlite3
import threading
import weakref
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_Inode = tuple[int, int]
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(slots=True)
class _Open:
    """What this process has open of one file: connections of SQLite, and what must stay open as long as they do."""

    connections: weakref.WeakSet[sqlite3.Connection] = field(default_factory=weakref.WeakSet)
    descriptors: list[int] = field(default_factory=list)
    maps: list[mmap.mmap] = field(default_factory=list)


_files: dict[_Inode, _Open] = {}
_lock = threading.Lock()


def note_open(connection: sqlite3.Connection, path: Path) -> None:
    """Note a new connection to the database at `path`."""
    with suppress(OSError), _lock:
        _release_unused()
        _files.setdefault(_inode(path.stat()), _Open()).connections.add(connection)


def note_closed(connection: sqlite3.Connection) -> None:
    """Note that a connection is closed, and let go of what was opened beside the last one of a file."""
    with _lock:
        for each in _files.values():
            each.connections.discard(connection)
        _release_unused()


def map_file(connection: sqlite3.Connection, path: Path) -> mmap.mmap | None:
    """Return the bytes of the database at `path`, None if the connection has another file open.

    They are valid while the connection is open. Raises OSError, and ValueError for an empty file.
    """
    with _lock:
        status = path.stat()
        known = _files.get(_inode(status))
        if known and connection in known.connections and known.maps and len(known.maps[-1]) == status.st_size:
            return known.maps[-1]
        descriptor = os.open(path, _FLAGS)
        status = os.fstat(descriptor)
        own = _files.setdefault(_inode(status), _Open())
        own.descriptors.append(descriptor)  # closed below where nobody here has the file open
        try:
            if connection not in own.connections:
                return None
            own.maps.append(mmap.mmap(descriptor, status.st_size, access=mmap.ACCESS_READ))
            return own.maps[-1]
        finally:
            _release_unused()


def _release_unused() -> None:
    """Close what was opened beside connections that are all closed. What is still looked at stays for the next time."""
    for inode, each in list(_files.items()):
        if len(each.connections):
            continue
        with suppress(BufferError):
            while each.maps:
                each.maps[-1].close()
                each.maps.pop()
            for descriptor in each.descriptors:
                os.close(descriptor)
            del _files[inode]


def _inode(status: os.stat_result) -> _Inode:
    return status.st_dev, status.st_ino
