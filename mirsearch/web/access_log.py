"""The access log: one line a request, without its image, its query string and its headers."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Literal

from mirsearch.errors import UsageError

log = logging.getLogger(__name__)

LogStyle = Literal["text", "json"]
_QUERY_PICTURE = re.compile(r"^/queries/.*$", re.DOTALL)
"""Addresses of query images name them by their content."""


@dataclass(frozen=True, slots=True)
class AccessLogPlan:
    """Where the log goes ("-": standard output), as text or JSON lines, and whether it has the words of searches."""

    target: str
    style: LogStyle = "text"
    has_words: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """An answered request: who asked, for what, and what came of it. `seconds` counts from its head to its end."""

    client: str
    method: str
    path: str
    status: int
    size: int
    seconds: float
    words: str | None = None


class AccessLog:
    """Writes lines. A log file that another program moves away is opened again under its name."""

    def __init__(self, plan: AccessLogPlan) -> None:
        self._plan = plan
        self._handler = open_log(plan.target)

    def write(self, answered: Answered) -> None:
        """Write the line of a request."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        path = _QUERY_PICTURE.sub("/queries/-", answered.path)
        words = answered.words if self._plan.has_words else None
        line = _json_line(at, path, words, answered) if self._plan.style == "json" else _text(at, path, words, answered)
        self._handler.emit(logging.LogRecord("access", logging.INFO, "", 0, line, None, None))


def open_log(target: str) -> logging.Handler:
    """Return what writes to a target. UsageError if its file can't be opened for writing."""
    if target == "-":
        return _Stream(sys.stdout)
    try:
        # Others need not know who has asked for what.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return _File(Path(target), encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(f"--access-log {target}: {error.strerror}", "name a file that can be written") from error


class _Quiet:
    """Tells once that the log can't be written, and goes on: who asks is answered all the same."""

    is_told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging calls it so)
        if not self.is_told:
            self.is_told = True
            log.warning("the access log can't be written: %s", sys.exc_info()[1])


class _File(_Quiet, WatchedFileHandler):
    """A file."""


class _Stream(_Quiet, logging.StreamHandler):  # type: ignore[type-arg]
    """An open stream."""


def _text(at: str, path: str, words: str | None, answered: Answered) -> str:
    told = f" {json.dumps(words, ensure_ascii=False)}" if words else ""
    request = json.dumps(f"{answered.method} {path}", ensure_ascii=False)
    return (
        f"{at} {answered.client} {request} {answered.status} {answered.size} B {answered.seconds * 1000:.1f} ms{told}"
    )


def _json_line(at: str, path: str, words: str | None, answered: Answered) -> str:
    told = {
        "time": at, "client": answered.client, "method": answered.method, "path": path, "status": answered.status,
        "bytes": answered.size, "seconds": round(answered.seconds, 6),
    }  # fmt: skip
    return json.dumps(told | ({"words": words} if words else {}), ensure_ascii=False)
