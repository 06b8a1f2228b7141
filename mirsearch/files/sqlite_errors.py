"""One explanation of SQLite's errors for every database that mirsearch keeps, by error code and free disk space."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["full", "busy", "read-only", "damaged", "memory", "search", "device", "other"]
_KINDS: dict[int, Kind] = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_READONLY: "read-only",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
    sqlite3.SQLITE_FORMAT: "damaged",
    sqlite3.SQLITE_NOMEM: "memory",
    sqlite3.SQLITE_IOERR: "device",
}
_LEAST_FREE_BYTES = 1 << 20
"""Free bytes below which an error of the disk is one of a full disk: SQLite can't make its log and shared memory."""
_FULL_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What went wrong: its kind, the message and the remedy."""

    kind: Kind
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Database:
    """A database for people: its name, its folder, how to keep it elsewhere, and what to do if it is damaged."""

    name: str
    folder: Path
    elsewhere: str
    mend: str

    def explain(self, error: sqlite3.Error | OSError) -> Explanation:
        """Return what an error of SQLite or of the file system means for this database."""
        kind, cause = _kind(error, self.folder), _cause(error)
        message, remedy = {
            "full": (
                f"the disk is full; {self.name} keeps everything that was committed before",
                "free some disk space and run the same command again",
            ),
            "busy": (f"another program has locked {self.name}", "wait until it has finished and try again"),
            "read-only": (f"{self.name} is read-only", f"make the folder writable or {self.elsewhere}"),
            "damaged": (f"{self.name} is damaged: {cause}", self.mend),
            "memory": (f"memory is short for {self.name}", "close other programs and try again"),
            "search": (
                f"the SQLite of this Python lacks full-text search: {cause}",
                "use a Python whose sqlite3 has FTS5",
            ),
            "device": (
                f"the disk of {self.name} reports an error: {cause}",
                "check the disk and the connection to it, and run the same command again",
            ),
            "other": (f"{self.name} can't be used: {cause}", "check the path, its permissions and the free disk space"),
        }[kind]
        return Explanation(kind, message, remedy)


def _kind(error: sqlite3.Error | OSError, folder: Path) -> Kind:
    if isinstance(error, OSError):
        return "full" if error.errno in _FULL_DISK_ERRORS else "other"
    code = getattr(error, "sqlite_errorcode", None)  # absent where Python's module, not SQLite, raised the error
    primary, text = None if code is None else code & 0xFF, str(error).lower()
    if primary in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and _is_full(folder):
        return "full"
    if primary in _KINDS:
        return _KINDS[primary]
    if "no such module" in text:
        return "search"
    is_damaged = "no such table" in text or "no such column" in text or "could not decode" in text
    return "damaged" if is_damaged else "other"


def _cause(error: sqlite3.Error | OSError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    name = getattr(error, "sqlite_errorname", None)
    is_vague = name is not None and name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN"))
    return f"{error} ({name})" if is_vague else str(error)


def _is_full(folder: Path) -> bool:
    """Return whether the disk of a folder, which may not exist yet, has no room for what SQLite adds to a database."""
    existing = next((place for place in (folder, *folder.absolute().parents) if place.exists()), Path("/"))
    try:
        return shutil.disk_usage(existing).free < _LEAST_FREE_BYTES
    except OSError:
        return False
