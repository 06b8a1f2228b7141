"""A job: what was asked for, how far it is, and what came of it."""

from __future__ import annotations

import dataclasses
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mirsearch.report.wording import clean_text

OPEN_STATES = ("waiting", "running")
MAX_FAILURES = 500
"""Failures that are kept of a job; the others are only counted."""
MAX_FIGURES = 500
"""Figures that are listed of a job; the others are only counted."""
_ID_BYTES = 9
_TITLE_CHARS = 120


@dataclass(frozen=True, slots=True)
class Job:
    """One request to add figures. Times are seconds since 1970.

    `state` is waiting, running, done, failed (it could not run, or not to its end), cancelled or interrupted (the
    server stopped).

    `words` are the options that `mirsearch ingest` is run with, `asked` tells them to people. `content` names the
    folder of the uploaded files (empty: none). `progress` has the last numbers that the ingest told, `failures` has
    (file, reason), `figures` the ids of those that came in, `summary` the JSON of the ingest. `is_stopping`: somebody
    cancelled it.
    """

    id: str
    title: str
    state: str = "waiting"
    client: str = ""
    words: tuple[str, ...] = ()
    asked: dict[str, Any] = field(default_factory=dict)
    content: str = ""
    files: int = 0
    size: int = 0
    created: float = 0.0
    started: float | None = None
    finished: float | None = None
    is_stopping: bool = False
    progress: dict[str, Any] = field(default_factory=dict)
    failures: tuple[tuple[str, str], ...] = ()
    failed: int = 0
    figures: tuple[str, ...] = ()
    added: int = 0
    summary: dict[str, Any] | None = None
    message: str = ""

    @property
    def is_open(self) -> bool:
        """Return whether it waits or runs."""
        return self.state in OPEN_STATES

    @property
    def can_continue(self) -> bool:
        """Return whether it may be run again: it ended, but not with its work done."""
        return self.state in ("failed", "cancelled", "interrupted")

    def as_json(self) -> dict[str, Any]:
        """Return what others may see of it."""
        summary = self.summary or {}
        return {
            "id": self.id, "title": self.title, "state": self.state, "asked": self.asked, "files": self.files,
            "bytes": self.size, "created": _time(self.created), "started": _time(self.started),
            "finished": _time(self.finished), "stopping": self.is_stopping, "progress": self.progress,
            "failures": [{"file": file, "reason": reason} for file, reason in self.failures], "failed": self.failed,
            "figures": list(self.figures), "added": self.added, "counts": summary.get("figures", {}),
            "panels": summary.get("panels", {}), "notes": summary.get("notes", []),
            "skipped": summary.get("skipped", []), "deleted_before": summary.get("deleted_before", 0),
            "acquisitions": summary.get("acquisitions", []), "message": self.message,
        }  # fmt: skip

    def to_stored(self) -> dict[str, Any]:
        """Return all of it as JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_stored(cls, data: dict[str, Any]) -> Job:
        """Return the job of stored JSON. ValueError, KeyError or TypeError if it is none."""
        data["failures"] = tuple((str(file), str(reason)) for file, reason in data["failures"])
        data["words"], data["figures"] = tuple(map(str, data["words"])), tuple(map(str, data["figures"]))
        return cls(**data)


def new_id() -> str:
    """Return an id that nobody can guess."""
    return secrets.token_hex(_ID_BYTES)


def job_title(names: list[str], keywords: tuple[str, ...], service: str) -> str:
    """Return what people call a job: its files, or its keywords."""
    if not names:
        return clean_text(f"{' and '.join(keywords)} ({service})", _TITLE_CHARS)
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return clean_text(names[0], _TITLE_CHARS - len(more)) + more


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
