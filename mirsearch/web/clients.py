"""How much each client asks for, counted over all worker processes: requests in hand, and attempts to log in."""

from __future__ import annotations

import hashlib
import mmap
import os
import time
from pathlib import Path

from mirsearch.files.locks import locked

_SLOTS = 1 << 14
"""Places of the tables. A client's place is a keyed hash of its address: two rarely share one, by no one's choice."""
_MOST_COUNTED = 65_535
_MINUTE = 60.0
_MAX_LOGINS = 10
"""Attempts to log in that a client has in a minute: a token can't be guessed in that many."""


class ClientTable:
    """Counts in files that all worker processes map into memory.

    Each process writes only its own row of requests in hand and reads all, so these need no lock. A process that takes
    the number of a dead one begins with an empty row.
    """

    def __init__(self, folder: Path, secret: bytes, workers: int = 1, number: int = 0) -> None:
        self._secret = secret
        self._hand = _map_file(folder / "in-hand", workers * _SLOTS * 2)
        self._logins = _map_file(folder / "logins", _SLOTS * _MAX_LOGINS * 8)
        self._lock_path = folder / "logins.lock"
        counts = memoryview(self._hand).cast("H")
        self._rows = [counts[row * _SLOTS : (row + 1) * _SLOTS] for row in range(workers)]
        self._own = self._rows[number]
        self._own[:] = memoryview(bytes(_SLOTS * 2)).cast("H")

    def _slot(self, client: str) -> int:
        digest = hashlib.blake2b(client.encode("utf-8", "replace"), digest_size=4, key=self._secret[:64]).digest()
        return int.from_bytes(digest, "little") % _SLOTS

    def in_hand(self, client: str) -> int:
        """Return how many requests of a client all processes have in hand."""
        slot = self._slot(client)
        return sum(row[slot] for row in self._rows)

    def begin(self, client: str) -> None:
        """Count a request of a client that this process begins to answer."""
        slot = self._slot(client)
        self._own[slot] = min(self._own[slot] + 1, _MOST_COUNTED)

    def end(self, client: str) -> None:
        """Count it no more."""
        slot = self._slot(client)
        self._own[slot] = max(self._own[slot] - 1, 0)

    def may_log_in(self, client: str) -> bool:
        """Note an attempt to log in; return False, and note nothing, where a client has made too many in a minute."""
        first = self._slot(client) * _MAX_LOGINS
        now = time.monotonic()  # the same clock in all processes of a machine
        with memoryview(self._logins).cast("d") as times, locked(self._lock_path):
            oldest = min(range(first, first + _MAX_LOGINS), key=lambda place: times[place])
            if times[oldest] > max(0.0, now - _MINUTE):
                return False
            times[oldest] = now
        return True

    def close(self) -> None:
        """Unmap the files."""
        for row in self._rows:
            row.release()


def _map_file(path: Path, size: int) -> mmap.mmap:
    """Return a file of zeros, made by whichever process comes first, as memory."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.fstat(file).st_size < size:
            os.ftruncate(file, size)
        return mmap.mmap(file, size)
    finally:
        os.close(file)
