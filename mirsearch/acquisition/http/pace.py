"""Limit the rate of requests to each host: evenly spaced requests, and pauses that a host asks for."""

from __future__ import annotations

import contextlib
import math
import re
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from mirsearch.files.locks import lock

_SPACING_MARGIN = 1.03
"""Factor of the spacing above the limit: networks bunch requests that were sent evenly."""


_MAX_SHARED_WAIT = 600.0
"""Longest wait, in seconds, that another process may have noted. A longer one means that a clock was changed."""


_MAX_ARRIVAL_SECONDS = 2.0
"""Longest time, in seconds, until a request counts as arrived."""

_POLL_SECONDS = 0.05
"""Seconds between checks whether a pending request has arrived."""


class RateLimiter:
    """Spaces the requests to each host, for all threads. `rates` are requests per second by host; others get `default`.

    In no second do more requests arrive than the rate allows, even if the machine or network delays and bunches them:
    a request counts from its turn until one second after its answer began, which is later than its arrival.
    With a `folder`, processes share the spacing: two at once, or a restarted one, ask no faster.
    """

    def __init__(self, rates: Mapping[str, float], default: float = 1.0, folder: Path | None = None) -> None:
        self._rates, self._default, self._folder = dict(rates), default, folder
        self._next: dict[str, float] = {}
        self._recent: dict[str, list[_Turn]] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def turn(self, host: str, stop: threading.Event) -> Iterator[bool]:
        """Wait until the host may be asked; the block then sends one request. Yields False if `stop` was set."""
        turn = _Turn()
        while (seconds := self._seconds_until_turn(host, turn)) > 0:
            if stop.wait(seconds):
                break
        try:
            yield not stop.is_set()
        finally:
            turn.arrived = time.monotonic()

    def pause(self, host: str, seconds: float) -> None:
        """Send no request to the host for some seconds."""
        with self._lock, self._open_shared_time(host) as shared_time:
            self._next[host] = shared_time.write(max(self._next_time(host, shared_time), time.monotonic() + seconds))

    def _seconds_until_turn(self, host: str, turn: _Turn) -> float:
        """Return the seconds until the host may be asked. 0 starts the caller's turn now."""
        rate = self._rates.get(host, self._default)
        with self._lock, self._open_shared_time(host) as shared_time:
            next_time, now = self._next_time(host, shared_time), time.monotonic()
            next_time = max(next_time, now + self._seconds_until_room(host, rate, now))
            if next_time <= now:
                next_time = shared_time.write(now + (_SPACING_MARGIN / rate if rate > 0 else 0.0))
                turn.started = now
                self._recent.setdefault(host, []).append(turn)
                self._next[host] = next_time
                return 0.0
            return next_time - now

    def _seconds_until_room(self, host: str, rate: float, now: float) -> float:
        """Return the seconds until one more request keeps to the rate, wherever a second begins."""
        if rate <= 0:
            return 0.0
        max_requests = max(1, int(rate))
        span = max_requests / rate
        recent = self._recent[host] = [turn for turn in self._recent.get(host, ()) if turn.counts_until(span) > now]
        if len(recent) < max_requests:
            return 0.0
        seconds = sorted(turn.counts_until(span) for turn in recent)[len(recent) - max_requests] - now
        return seconds if all(turn.arrived for turn in recent) else min(seconds, _POLL_SECONDS)

    def _next_time(self, host: str, shared_time: _SharedTime) -> float:
        return max(self._next.get(host, 0.0), shared_time.read())

    def _open_shared_time(self, host: str) -> contextlib.AbstractContextManager[_SharedTime]:
        if self._folder is None:
            return contextlib.nullcontext(_SharedTime(None))
        return _locked_time(self._folder / f"{re.sub(r'[^a-z0-9.-]', '_', host)}.next")


class _Turn:
    """One request: when it started, and when its answer began (0 before that)."""

    def __init__(self) -> None:
        self.started = self.arrived = 0.0

    def counts_until(self, span: float) -> float:
        """Return the time from which it no longer counts."""
        return (self.arrived or self.started + _MAX_ARRIVAL_SECONDS) + span


class _SharedTime:
    """A time in a file, in wall-clock time there and in monotonic time here. An unusable file is ignored."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def read(self) -> float:
        """Return the noted time on the monotonic clock; 0 if there is none."""
        if self._path is None:
            return 0.0
        try:
            seconds = float(self._path.read_text(encoding="ascii") or 0.0) - time.time()
        except (OSError, ValueError):
            return 0.0
        return time.monotonic() + seconds if math.isfinite(seconds) and seconds <= _MAX_SHARED_WAIT else 0.0

    def write(self, moment: float) -> float:
        """Note a time on the monotonic clock, and return it."""
        with contextlib.suppress(OSError):
            if self._path is not None:
                self._path.write_text(f"{time.time() + moment - time.monotonic():.6f}", encoding="ascii")
        return moment


@contextlib.contextmanager
def _locked_time(path: Path) -> Iterator[_SharedTime]:
    """Yield the shared time while no other process uses it, if the file system has locks."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.with_suffix(".lock").open("w")
    except OSError:
        yield _SharedTime(path)
        return
    with file:
        with contextlib.suppress(OSError):  # a file system without locks: each process paces itself
            lock(file.fileno(), wait=True)
        yield _SharedTime(path)
