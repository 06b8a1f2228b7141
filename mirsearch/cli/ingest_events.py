"""The progress of an ingest as lines of JSON on stderr, for programs: `mirsearch ingest --progress json`."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mirsearch.cli.ingest_output import IngestProgress
from mirsearch.cli.terminal import json_text

if TYPE_CHECKING:
    from mirsearch.indexes.base import FigureRecord
    from mirsearch.ingest.summary import IngestSummary

_SECONDS = 0.2
"""Least time between two lines that tell the same kind of thing."""


class ProgressEvents:
    """Writes what an ingest reports. `total`: figures that were found, None if that is not known beforehand.

    `counts` returns more numbers for each line of progress, such as the articles that a service found.
    """

    def __init__(self, total: int | None, counts: Callable[[], Mapping[str, int]] = dict) -> None:
        self._total, self._counts = total, counts
        self._started = time.monotonic()
        self._last: dict[str, float] = {}
        self._failures = 0
        self._has_begun = False
        self._lock = threading.Lock()

    def progress(self) -> IngestProgress:
        """Return what the ingest calls."""
        return IngestProgress(self._report, self._report_plane, self._report_write)

    def _begin(self) -> None:
        """Tell once that figures are read: the index is open for writing."""
        with self._lock:
            if not self._has_begun:
                self._has_begun = True
                write_phase("figures")

    def _report(self, summary: IngestSummary, done: int) -> None:
        self._begin()
        new = summary.failures[self._failures :]
        self._failures += len(new)
        for file, reason in new:
            self._write({"event": "failure", "file": file, "reason": reason})
        total = self._total
        if (total is None or done < total) and self._is_soon("progress"):
            return
        rate = done / max(time.monotonic() - self._started, 0.1)
        counted = {
            "new": summary.figures_new, "updated": summary.figures_updated, "already_there": summary.figures_present,
            "panels": summary.panels_new, "failed": len(summary.failures),
        }  # fmt: skip
        self._write(
            {"event": "progress", "done": done, "total": total, "rate": round(rate, 2), **counted, **self._counts()}
        )

    def _report_plane(self, name: str, done: int, total: int) -> None:
        """Tell which file a worker reads. A closed pipe is noticed by the main thread: it is no failure of the file."""
        if total > 1 or not self._is_soon("file"):
            with suppress(OSError):
                self._begin()
                self._write({"event": "file", "file": name, "plane": min(done + 1, total), "planes": total})

    def _report_write(self, records: Sequence[FigureRecord]) -> None:
        if records:
            self._write({"event": "figures", "ids": [record.figure.id for record in records]})

    def _is_soon(self, kind: str) -> bool:
        now = time.monotonic()
        if now - self._last.get(kind, -_SECONDS) < _SECONDS:
            return True
        self._last[kind] = now
        return False

    def _write(self, event: Mapping[str, Any]) -> None:
        with self._lock:
            write_event(event)


def write_event(event: Mapping[str, Any]) -> None:
    """Write a line of JSON on stderr, at once."""
    sys.stderr.write(json_text(event, "ascii") + "\n")
    sys.stderr.flush()


def write_phase(phase: str, detail: str = "") -> None:
    """Tell what the ingest does now: looking, searching, waiting, figures or finishing."""
    write_event({"event": "phase", "phase": phase, **({"detail": detail} if detail else {})})
