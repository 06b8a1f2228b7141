"""When a host may be asked next: requests evenly spaced, and rests it asked for."""

from __future__ import annotations

import contextlib
import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

_MARGIN = 1.03
"""Spacing a little wider than the limit, as the network bunches what was sent evenly."""


_LONGEST = 600.0
"""Seconds a note of another process may reach into the future; beyond that a clock was changed."""


class Pace:
    """Slots in time for each host, shared by threads. `rates`: requests a second by host; others get `default`.

    With a `folder`, processes share them too: one that is killed and begun again, or two at once, ask no faster.
    """

    def __init__(self, rates: Mapping[str, float], default: float = 1.0, folder: Path | None = None) -> None:
        self._rates, self._default, self._folder = dict(rates), default, folder
        self._next: dict[str, float] = {}
        self._held: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, host: str, stop: threading.Event) -> bool:
        """Wait for the host's next slot; False where `stop` was set meanwhile."""
        while True:
            slot = self._take(host)
            if stop.wait(max(0.0, slot - time.monotonic())):
                return False
            with self._lock:
                if self._held.get(host, 0.0) <= slot:
                    return True  # else a rest was asked for after this slot was taken

    def hold(self, host: str, seconds: float) -> None:
        """Leave the host alone for so many seconds."""
        with self._lock:
            until = time.monotonic() + seconds
            self._held[host] = max(self._held.get(host, 0.0), until)
            self._note(host, lambda following: max(following, until))

    def _take(self, host: str) -> float:
        rate = self._rates.get(host, self._default)
        space = _MARGIN / rate if rate > 0 else 0.0
        with self._lock:
            return self._note(host, lambda following: max(time.monotonic(), following) + space) - space

    def _note(self, host: str, change: Callable[[float], float]) -> float:
        """Change when a host may be asked next, also for other processes; seconds of the monotonic clock."""
        following = self._next.get(host, 0.0)
        if self._folder is None:
            following = change(following)
        else:
            with _shared(self._folder / f"{re.sub(r'[^a-z0-9.-]', '_', host)}.next") as note:
                following = note.write(change(max(following, note.read())))
        self._next[host] = following
        return following


class _Note:
    """A time in a file, by the wall clock there and the monotonic one here; a file that can't be used says nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> float:
        try:
            ahead = float(self._path.read_text(encoding="ascii") or 0.0) - time.time()
        except (OSError, ValueError):
            return 0.0
        return time.monotonic() + ahead if math.isfinite(ahead) and ahead <= _LONGEST else 0.0

    def write(self, moment: float) -> float:
        with contextlib.suppress(OSError):
            self._path.write_text(f"{time.time() + moment - time.monotonic():.6f}", encoding="ascii")
        return moment


@contextlib.contextmanager
def _shared(path: Path) -> Iterator[_Note]:
    """The note, while no other process has it (where the system has such locks)."""
    try:
        import fcntl

        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_suffix(".lock").open("w")
    except (ImportError, OSError):
        yield _Note(path)
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield _Note(path)
