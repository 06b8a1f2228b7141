"""Cache answers on disk: files named by hash, and an SQLite table of addresses. The least used are removed first."""

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

from mirsearch import settings
from mirsearch.errors import MirsearchError
from mirsearch.files.partial import remove_partial_files, replace_file, temporary_file
from mirsearch.files.sqlite_errors import Database

_TABLE = """CREATE TABLE IF NOT EXISTS answers (
  url TEXT PRIMARY KEY, host TEXT NOT NULL, sha256 TEXT NOT NULL, md5 TEXT NOT NULL, size INTEGER NOT NULL,
  etag TEXT, modified TEXT, fetched REAL NOT NULL, used REAL NOT NULL) WITHOUT ROWID"""
_BUSY_SECONDS = 30.0
_TRIMMED_SHARE = 0.9
"""Share of the limit that is still in use after the least used answers were removed."""
_UNCOUNTED_SHARE = 0.02
"""Share of the limit that may be added before all sizes are counted again. Trimming leaves as much free."""


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """A cached answer. `fetched` is the last time at which it was known to be current, in seconds since 1970."""

    url: str
    path: Path
    sha256: str
    md5: str
    size: int
    etag: str | None
    modified: str | None
    fetched: float


class HttpCache:
    """A folder of answers, limited to `max_bytes` (0: nothing is cached). Threads and processes may share it."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder, self.max_bytes = folder, max_bytes
        self._lock = threading.RLock()
        self._bytes_since_count = 0
        with self._translate_errors():
            (folder / "objects").mkdir(parents=True, exist_ok=True)
            (folder / "parts").mkdir(exist_ok=True)
            remove_partial_files(folder / "parts")
            self._db = self._open()

    @property
    def _database(self) -> Database:
        elsewhere = "set MIRSEARCH_CACHE"
        return Database(f"the HTTP cache {self.folder}", self.folder, elsewhere, f"remove {self.folder}")

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Turn errors of SQLite and of the file system into MirsearchError with a remedy."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            told = self._database.explain(error)
            raise MirsearchError(told.message, told.remedy) from error

    def _open(self) -> sqlite3.Connection:
        """Open the table. A damaged file is replaced: everything in a cache can be downloaded again."""
        try:
            return self._connect()
        except sqlite3.Error as error:
            if self._database.explain(error).kind != "damaged":
                raise
        return self._replace()

    def _connect(self) -> sqlite3.Connection:
        file = self.folder / "answers.sqlite"
        db = sqlite3.connect(file, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute(_TABLE)
        except sqlite3.Error:
            db.close()
            raise
        return db

    def _replace(self) -> sqlite3.Connection:
        for ending in ("", "-wal", "-shm"):
            (self.folder / f"answers.sqlite{ending}").unlink(missing_ok=True)
        return self._connect()

    def _execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows. Where the table proves damaged, it starts empty again."""
        with self._lock, self._translate_errors():
            try:
                return self._db.execute(statement, values).fetchall()
            except sqlite3.DatabaseError as error:
                if self._database.explain(error).kind != "damaged":
                    raise
            self._db.close()
            self._db = self._replace()
            return self._db.execute(statement, values).fetchall()

    def close(self) -> None:
        """Close the table."""
        with self._lock:
            self._db.close()

    def get(self, url: str) -> CachedAnswer | None:
        """Return the cached answer of an address, after a check of its file's hash; None if there is none."""
        with self._lock:
            rows = self._execute("SELECT sha256, md5, size, etag, modified, fetched FROM answers WHERE url = ?", url)
            if not rows:
                return None
            row = rows[0]
            path = self._object_path(row[0])
            if not _has_hash(path, row[0]):
                self._execute("DELETE FROM answers WHERE url = ?", url)
                return None
            self._execute("UPDATE answers SET used = ? WHERE url = ?", time.time(), url)
        return CachedAnswer(url, path, *row)

    def mark_current(self, url: str) -> None:
        """Record that a cached answer is current now."""
        self._execute("UPDATE answers SET fetched = ? WHERE url = ?", time.time(), url)

    @contextmanager
    def new_part(self) -> Iterator[Path]:
        """Create a file for a download. It is removed afterwards unless `put` has moved it."""
        with temporary_file(self.folder / "parts") as part:
            yield part

    def put(self, part: Path, stored: CachedAnswer, host: str) -> None:
        """Store a downloaded file under its hash, completely or not at all, and trim the cache if it is full."""
        if stored.size > self.max_bytes:
            return
        target = self._object_path(stored.sha256)
        target.parent.mkdir(exist_ok=True)
        part.replace(target)
        row = (stored.url, host, stored.sha256, stored.md5, stored.size, stored.etag, stored.modified, stored.fetched)
        with self._lock:
            self._execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *row, time.time())
            self._bytes_since_count += stored.size
            if self._bytes_since_count > self.max_bytes * _UNCOUNTED_SHARE:  # counting reads the entire table
                self._trim()

    def remove(self, url: str) -> None:
        """Remove the answer of an address."""
        self._execute("DELETE FROM answers WHERE url = ?", url)

    def _trim(self) -> None:
        total, self._bytes_since_count = self._total(), 0
        if total <= self.max_bytes * (1 - _UNCOUNTED_SHARE):
            return
        rows = self._execute("SELECT url, sha256, size FROM answers ORDER BY used")
        for url, sha256, size in rows:
            if total <= self.max_bytes * _TRIMMED_SHARE:
                break
            self._execute("DELETE FROM answers WHERE url = ?", url)
            if not self._execute("SELECT 1 FROM answers WHERE sha256 = ?", sha256):
                self._object_path(sha256).unlink(missing_ok=True)
                total -= size

    def _total(self) -> int:
        rows = self._execute("SELECT sum(size) FROM (SELECT DISTINCT sha256, size FROM answers)")
        return int(rows[0][0] or 0)

    def stats(self) -> dict[str, Any]:
        """Return the folder, its bytes, the limit, and the number and bytes of answers by host."""
        with self._lock:
            rows = self._execute("SELECT host, count(*), sum(size) FROM answers GROUP BY host ORDER BY host")
            total = self._total()
        hosts = {host: {"answers": count, "bytes": size} for host, count, size in rows}
        return {"folder": str(self.folder), "bytes": total, "most_bytes": self.max_bytes, "hosts": hosts}

    def clear(self) -> int:
        """Remove every answer and all leftovers of crashes. Return the number of freed bytes."""
        with self._lock:
            self._execute("DELETE FROM answers")
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
    """Put a file at `target`, completely or not at all: as a hard link, or as a copy on another disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)  # in one step, so that a kill leaves nothing half-done
    except OSError:
        with replace_file(target) as part:
            shutil.copyfile(source, part)


def open_cache() -> HttpCache:
    """Return the user's cache, in the folder and with the limit of the settings."""
    return HttpCache(settings.cache_dir() / "http", settings.http_cache_bytes())
