"""When a host may be asked next: requests evenly spaced, and rests it asked for."""

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
"""Spacing a little wider than the limit, as the network bunches what was sent evenly."""


_MAX_SHARED_WAIT = 600.0
"""Seconds a note of another process may reach into the future; beyond that a clock was changed."""


_MAX_ARRIVAL_SECONDS = 2.0
"""Seconds a request may take to arrive; one that takes longer is no longer waited for."""

_POLL_SECONDS = 0.05
"""Seconds after which it is looked whether a request that is under way has arrived."""


class RateLimiter:
    """Slots in time for each host, shared by threads. `rates`: requests a second by host; others get `default`.

    Requests are spaced, and no more than the rate allows arrive in any second, however the machine and the network
    delay and bunch them: one counts from its slot until a second after its answer began, which is after it arrived.
    With a `folder`, processes share the spacing too: one that is killed and begun again, or two at once, ask no faster.
    """

    def __init__(self, rates: Mapping[str, float], default: float = 1.0, folder: Path | None = None) -> None:
        self._rates, self._default, self._folder = dict(rates), default, folder
        self._next: dict[str, float] = {}
        self._recent: dict[str, list[_Turn]] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def turn(self, host: str, stop: threading.Event) -> Iterator[bool]:
        """Wait until the host may be asked, and ask it in the block; False where `stop` was set meanwhile."""
        turn = _Turn()
        while (seconds := self._seconds_until_turn(host, turn)) > 0:
            if stop.wait(seconds):
                break
        try:
            yield not stop.is_set()
        finally:
            turn.arrived = time.monotonic()

    def pause(self, host: str, seconds: float) -> None:
        """Leave the host alone for so many seconds."""
        with self._lock, self._open_shared_time(host) as shared_time:
            self._next[host] = shared_time.write(max(self._next_time(host, shared_time), time.monotonic() + seconds))

    def _seconds_until_turn(self, host: str, turn: _Turn) -> float:
        """Seconds until the host may be asked; 0 gives the caller its turn, counted from now and not from a plan."""
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
        """Seconds until one request more keeps to the rate wherever a second begins."""
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
    """One request: when it was let go, and when its answer began (0 before that)."""

    def __init__(self) -> None:
        self.started = self.arrived = 0.0

    def counts_until(self, span: float) -> float:
        """The moment from which it no longer counts."""
        return (self.arrived or self.started + _MAX_ARRIVAL_SECONDS) + span


class _SharedTime:
    """A time in a file, by the wall clock there and the monotonic one here; a file that can't be used says nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def read(self) -> float:
        """Seconds of the monotonic clock; 0 where nothing is told."""
        if self._path is None:
            return 0.0
        try:
            seconds = float(self._path.read_text(encoding="ascii") or 0.0) - time.time()
        except (OSError, ValueError):
            return 0.0
        return time.monotonic() + seconds if math.isfinite(seconds) and seconds <= _MAX_SHARED_WAIT else 0.0

    def write(self, moment: float) -> float:
        """Note a moment of the monotonic clock; gives it back."""
        with contextlib.suppress(OSError):
            if self._path is not None:
                self._path.write_text(f"{time.time() + moment - time.monotonic():.6f}", encoding="ascii")
        return moment


@contextlib.contextmanager
def _locked_time(path: Path) -> Iterator[_SharedTime]:
    """The note, while no other process has it (where the system has such locks)."""
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
