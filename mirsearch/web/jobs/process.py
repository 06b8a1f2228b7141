"""The process of a job: `mirsearch ingest`, whose lines are read while it runs."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from mirsearch.settings import SERVE_LIMITS

_MAX_LINE_CHARS = 4 << 20
"""Most characters of a line that is read; the last one lists all failures of the ingest."""
_MAX_MESSAGES = 20
_STOP_SECONDS = 60.0
"""Seconds that the figures in hand have after the first signal; after the second, the process ends at once."""


class IngestProcess:
    """A running ingest. Its events come through `next_event`; `summary` and `messages` are whole when it has ended."""

    def __init__(self, words: Sequence[str], location: str) -> None:
        bounds = (str(os.getpid()), str(SERVE_LIMITS.job_memory_bytes))
        ingest = ("ingest", "--progress=json", "--format=json", f"--wait={SERVE_LIMITS.job_seconds}", *words)
        command = [sys.executable, "-m", "mirsearch.cli.job_child", *bounds, *ingest]
        # The address of an index may hold a password, which a command line would show to all users of the machine.
        environment = {**os.environ, "MIRSEARCH_INDEX": location, "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
            start_new_session=True, text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip
        self.summary: dict[str, Any] | None = None
        self.messages: deque[str] = deque(maxlen=_MAX_MESSAGES)
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._stopped: float | None = None
        self._signals = 0
        threading.Thread(target=self._read, name="job output", daemon=True).start()

    def _read(self) -> None:
        output = self._process.stdout
        assert output is not None
        with output:
            while line := output.readline(_MAX_LINE_CHARS):
                self._take(line.strip())
        self._process.wait()
        self._events.put(None)

    def _take(self, line: str) -> None:
        try:
            value = json.loads(line) if line.startswith("{") else None
        except ValueError:
            value = None
        if isinstance(value, dict) and "event" in value:
            self._events.put(value)
        elif isinstance(value, dict) and "figures" in value:
            self.summary = value
        elif line:
            self.messages.append(line[:2_000])

    def next_event(self, seconds: float) -> dict[str, Any] | None:
        """Return what the ingest told next; an empty event after so many seconds, None when it has ended."""
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return {}

    def stop(self) -> None:
        """Ask it to stop, as Ctrl-C does. May be called again and again: what takes too long ends at once."""
        now = time.monotonic()
        if self._stopped is not None and now - self._stopped < _STOP_SECONDS:
            return
        self._stopped = now
        self._signals += 1
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT if self._signals < 3 else signal.SIGKILL)

    def end(self) -> None:
        """End it, and wait for that."""
        self._process.kill()
        self._process.wait()

    @property
    def code(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs."""
        return self._process.poll()
