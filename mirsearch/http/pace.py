"""When a host may be asked next: requests evenly spaced, and rests it asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

_MARGIN = 1.03
"""Spacing a little wider than the limit, as the network bunches what was sent evenly."""


class Pace:
    """Slots in time for each host, shared by threads. `rates`: requests a second by host; others get `default`."""

    def __init__(self, rates: Mapping[str, float], default: float = 1.0) -> None:
        self._rates, self._default = dict(rates), default
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
            self._next[host] = max(self._next.get(host, 0.0), until)

    def _take(self, host: str) -> float:
        rate = self._rates.get(host, self._default)
        with self._lock:
            slot = max(time.monotonic(), self._next.get(host, 0.0))
            self._next[host] = slot + (_MARGIN / rate if rate > 0 else 0.0)
            return slot
