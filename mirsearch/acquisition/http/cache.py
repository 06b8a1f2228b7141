"""Answers kept on disk: content-addressed files and an SQLite table of addresses; the least used go when it is full."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirsearch.errors import MirsearchError
from mirsearch.files.partial import remove_partial_files, replace_file, temporary_file

_TABLE = """CREATE TABLE IF NOT EXISTS answers (
  url TEXT PRIMARY KEY, host TEXT NOT NULL, sha256 TEXT NOT NULL, md5 TEXT NOT NULL, size INTEGER NOT NULL,
  etag TEXT, modified TEXT, fetched REAL NOT NULL, used REAL NOT NULL) WITHOUT ROWID"""
_BUSY_SECONDS = 30.0
_TRIMMED_SHARE = 0.9
"""How full the cache is left after the least used answers went."""
_UNCOUNTED_SHARE = 0.02
"""Share of the bound that may be added before all is counted again; the bound is kept with that much to spare."""


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """A kept answer. `fetched` is when it was last known to be current, seconds since 1970."""

    url: str
    path: Path
    sha256: str
    md5: str
    size: int
    etag: str | None
    modified: str | None
    fetched: float


class HttpCache:
    """A folder of answers, bounded to `most` bytes (0: nothing is kept). Threads and processes may share it."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder, self.max_bytes = folder, max_bytes
        self._lock = threading.RLock()
        self._bytes_since_count = 0
        try:
            (folder / "objects").mkdir(parents=True, exist_ok=True)
            (folder / "parts").mkdir(exist_ok=True)
            remove_partial_files(folder / "parts")
            self._db = self._open()
        except (OSError, sqlite3.Error) as error:
            raise MirsearchError(f"{folder} can't be used as a cache: {error}", "set MIRSEARCH_CACHE") from error

    def _open(self) -> sqlite3.Connection:
        """The table, made anew where the file is damaged: everything in a cache can be had again."""
        file = self.folder / "answers.sqlite"
        for may_recreate in (True, False):
            db = sqlite3.connect(file, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)
            try:
                db.execute("PRAGMA journal_mode=WAL")
                db.execute("PRAGMA synchronous=NORMAL")
                db.execute(_TABLE)
            except sqlite3.OperationalError:
                db.close()
                raise
            except sqlite3.DatabaseError:
                db.close()
                if not may_recreate:
                    raise
                for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
                    (self.folder / name).unlink(missing_ok=True)
            else:
                return db
        raise AssertionError  # the second round returns or raises

    def close(self) -> None:
        """Close the table."""
        with self._lock:
            self._db.close()

    def get(self, url: str) -> CachedAnswer | None:
        """The kept answer of an address, its file checked to be whole; None where there is none."""
        with self._lock:
            row = self._db.execute(
                "SELECT sha256, md5, size, etag, modified, fetched FROM answers WHERE url = ?", (url,)
            ).fetchone()
            if row is None:
                return None
            path = self._object_path(row[0])
            if not _has_hash(path, row[0]):
                self._db.execute("DELETE FROM answers WHERE url = ?", (url,))
                return None
            self._db.execute("UPDATE answers SET used = ? WHERE url = ?", (time.time(), url))
        return CachedAnswer(url, path, *row)

    def mark_current(self, url: str) -> None:
        """Note that a kept answer was found current just now."""
        with self._lock:
            self._db.execute("UPDATE answers SET fetched = ? WHERE url = ?", (time.time(), url))

    @contextmanager
    def new_part(self) -> Iterator[Path]:
        """A new file to download into; it is gone afterwards unless `put` took it."""
        with temporary_file(self.folder / "parts") as part:
            yield part

    def put(self, part: Path, stored: CachedAnswer, host: str) -> None:
        """Keep a downloaded file under its hash, whole or not at all, and make room where it became too much."""
        if stored.size > self.max_bytes:
            return
        target = self._object_path(stored.sha256)
        target.parent.mkdir(exist_ok=True)
        part.replace(target)
        row = (stored.url, host, stored.sha256, stored.md5, stored.size, stored.etag, stored.modified, stored.fetched)
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, time.time()))
            self._bytes_since_count += stored.size
            if self._bytes_since_count > self.max_bytes * _UNCOUNTED_SHARE:  # counting reads the whole table
                self._trim()

    def remove(self, url: str) -> None:
        """Forget an address's answer."""
        with self._lock:
            self._db.execute("DELETE FROM answers WHERE url = ?", (url,))

    def _trim(self) -> None:
        total, self._bytes_since_count = self._total(), 0
        if total <= self.max_bytes * (1 - _UNCOUNTED_SHARE):
            return
        rows = self._db.execute("SELECT url, sha256, size FROM answers ORDER BY used").fetchall()
        for url, sha256, size in rows:
            if total <= self.max_bytes * _TRIMMED_SHARE:
                break
            self._db.execute("DELETE FROM answers WHERE url = ?", (url,))
            if not self._db.execute("SELECT 1 FROM answers WHERE sha256 = ?", (sha256,)).fetchone():
                self._object_path(sha256).unlink(missing_ok=True)
                total -= size

    def _total(self) -> int:
        row = self._db.execute("SELECT sum(size) FROM (SELECT DISTINCT sha256, size FROM answers)").fetchone()
        return int(row[0] or 0)

    def stats(self) -> dict[str, Any]:
        """Folder, bytes, bound, and answers and bytes by host."""
        with self._lock:
            rows = self._db.execute(
                "SELECT host, count(*), sum(size) FROM answers GROUP BY host ORDER BY host"
            ).fetchall()
            total = self._total()
        hosts = {host: {"answers": count, "bytes": size} for host, count, size in rows}
        return {"folder": str(self.folder), "bytes": total, "most_bytes": self.max_bytes, "hosts": hosts}

    def clear(self) -> int:
        """Remove every answer, also what crashes left behind; how many bytes that gave back."""
        with self._lock:
            self._db.execute("DELETE FROM answers")
            freed = 0
            for folder_name in ("objects", "parts"):
                for file in [path for path in (self.folder / folder_name).rglob("*") if path.is_file()]:
                    with contextlib.suppress(OSError):
                        size = file.stat().st_size
                        file.unlink()
                        freed += size
        return freed

    def _object_path(self, sha256: str) -> Path:
        return self.folder / "objects" / sha256[:2] / sha256


def _has_hash(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def put_file(source: Path, target: Path) -> None:
    """Put a file at `target`, whole or not at all: as a second name of the same bytes, or a copy on another disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)  # in one step, so that a kill leaves nothing half-done
    except OSError:
        with replace_file(target) as part:
            shutil.copyfile(source, part)
