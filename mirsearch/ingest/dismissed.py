"""Failures that a person dismissed: they count no more, until their file has other content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mirsearch.errors import MirsearchError, NotFoundError
from mirsearch.imaging import images
from mirsearch.indexes.base import Failure, Index
from mirsearch.ingest.removing import utc_now

DISMISSED = "dismissed failures"
"""The name of the list in an index, by the input that failed."""


class DismissedFailures:
    """The dismissed failures of an index, compared with those of a run."""

    def __init__(self, index: Index) -> None:
        self._entries = index.entries(DISMISSED)

    def covers(self, location: str, reason: str) -> bool:
        """Return whether a failure was dismissed, and its file is as it was then; without a file, its reason is."""
        entry = self._entries.get(location)
        if entry is None:
            return False
        content = file_content(location)
        return bool(content == entry.get("content") and (content or reason == entry.get("reason")))

    def names(self, locations: Sequence[str]) -> list[str]:
        """Return those of the locations that are on the list."""
        return [location for location in locations if location in self._entries]


def failure_file(location: str) -> Path | None:
    """Return the file or folder that a failure is about; None if there is none. PermissionError if that can't be told.

    The file may have a row ("captions.csv:12") or a picture in it ("a.zip#1.png").
    """
    start, colon, line = location.rpartition(":")
    places = (location, location.rpartition("#")[0], start if colon and line.isdecimal() else "")
    return next((Path(place) for place in places if place and "\0" not in place and Path(place).exists()), None)


def file_content(location: str) -> str:
    """Return the hash of the file that a failure is about; "unread" if it can't be read; empty if there is no file."""
    try:
        path = failure_file(location)
        return images.content_hash(path) if path is not None and path.is_file() else ""
    except (MirsearchError, OSError, ValueError):
        return "unread"


def dismissed_inputs(index: Index) -> set[str]:
    """Return the inputs whose failures are dismissed and have not changed since, of those that the index knows."""
    dismissed = DismissedFailures(index)
    return {failure.input for failure in index.failures() if dismissed.covers(failure.input, failure.reason)}


def dismiss_failures(index: Index, names: Sequence[str], everything: bool = False) -> list[str]:
    """Dismiss failures by their input, or the end of its path; return the inputs. NotFoundError for an unknown name."""
    failures = {failure.input: failure for failure in index.failures()}
    wanted = list(failures) if everything else _named(names, list(failures), "`mirsearch failures` lists them")
    if wanted:
        with index.writer() as writer:
            writer.write_entries(DISMISSED, {name: _entry(failures[name]) for name in wanted})
    return wanted


def restore_failures(index: Index, names: Sequence[str], everything: bool = False) -> list[str]:
    """Let dismissed failures count again; return their inputs. NotFoundError for a name that is not on the list."""
    listed = list(index.entries(DISMISSED))
    wanted = listed if everything else _named(names, listed, "`mirsearch failures --dismissed` lists them")
    if wanted:
        with index.writer() as writer:
            writer.write_entries(DISMISSED, {}, removed=wanted)
    return wanted


def _entry(failure: Failure) -> dict[str, Any]:
    content = file_content(failure.input)
    return {"at": utc_now(), "stage": failure.stage, "reason": failure.reason, "content": content}


def _named(names: Sequence[str], listed: Sequence[str], remedy: str) -> list[str]:
    found: dict[str, None] = {}
    for name in names:
        own = [item for item in listed if item == name or item.endswith((f"/{name}", f"\\{name}"))]
        if not own:
            raise NotFoundError(f"no failure of {name!r}", remedy)
        found |= dict.fromkeys(own)
    return list(found)
