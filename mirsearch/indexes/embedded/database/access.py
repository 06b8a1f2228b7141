"""Opening the database of an embedded index, its connections, and SQLite's errors in our words."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from mirsearch.errors import IndexAccessError, IndexBusyError, MirsearchError
from mirsearch.files.locks import FileLock, LockHeldError
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.embedded.database import schema
from mirsearch.indexes.embedded.database import words as sqlite_words

DATABASE = "corpus.sqlite3"
WRITE_LOCK = "write.lock"
BUSY_S = 10.0
_OWN = ("corpus.sqlite3", "write.lock", "matrix", "words", "acquired")


@contextmanager
def told(location: str) -> Iterator[None]:
    """Turn what SQLite and the file system raise inside into IndexAccessError with its remedy."""
    try:
        yield
    except sqlite3.Error as error:
        raise _explained(location, error) from error
    except OSError as error:
        why = error.strerror or str(error)
        raise IndexAccessError(
            f"the index at {location} can't be used: {why}", "check the path, its permissions and the room on the disk"
        ) from error


def _explained(location: str, error: sqlite3.Error) -> MirsearchError:
    text = str(error)
    low = text.lower()
    if "full" in low:
        return IndexAccessError(
            f"no room left on the disk for the index at {location}; everything committed before is kept",
            "free some space and run the same command again",
        )
    if "locked" in low or "busy" in low:
        return IndexBusyError(f"another program keeps {location} locked", "wait until it is done and try again")
    if "readonly" in low or "read-only" in low:
        return IndexAccessError(
            f"the index at {location} can't be written", "make the folder writable or choose another --index"
        )
    if "no such module" in low:
        return IndexAccessError(
            f"this Python's SQLite lacks full-text search: {text}", "use a Python whose sqlite3 has FTS5"
        )
    if "malformed" in low or "not a database" in low or "no such table" in low or "disk i/o" in low:
        return damaged(location, text)
    return IndexAccessError(f"the index at {location} can't be used: {text}", "check the path and its permissions")


def damaged(location: str, why: str) -> IndexAccessError:
    """The error for a database whose content can't be right."""
    return IndexAccessError(
        f"the index at {location} is damaged: {why}", "restore it from a copy, or ingest into another --index"
    )


class Frozen(sqlite3.Connection):
    """A connection to a file taken as it is, without locks: true only until someone writes, so used once."""


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """A connection in autocommit with mode `ro`, `rw`, `rwc` or `immutable`; it may move between threads."""
    query = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{query}",
        uri=True,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,
        factory=Frozen if mode == "immutable" else sqlite3.Connection,
    )
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


class Readers:
    """Read connections, one to a thread at a time, kept for the next."""

    def __init__(self, location: str) -> None:
        self.location = location
        self.path = Path(location) / DATABASE
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection inside one read transaction: all that is read belongs together."""
        with told(self.location):
            connection = self._take()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._give(connection)

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise IndexAccessError(f"the index at {self.location} is closed")
            if self._idle:
                return self._idle.pop()
        return open_reader(self.path)

    def _give(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed and not isinstance(connection, Frozen):
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close what is idle now, and the rest as it comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads, also where nothing beside the database may be written."""
    connection = connect(path, "ro")
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        wal = path.with_name(path.name + "-wal")
        unwritable = "unable to open" in str(error) or "readonly" in str(error)
        if not unwritable or (wal.exists() and wal.stat().st_size):
            raise
        # in a folder that can't be written SQLite can't keep its shared memory; with an empty log there is none to keep
        connection = connect(path, "immutable")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return connection


@contextmanager
def write_lock(location: str) -> Iterator[None]:
    """The one writer's lock; IndexBusyError names the process that has it."""
    try:
        with FileLock(Path(location) / WRITE_LOCK):
            yield
    except LockHeldError as held:
        who = f"process {held.pid}" if held.pid else "another process"
        raise IndexBusyError(
            f"{who} is writing to the index at {location}", "wait until it is done, or end it, and run again"
        ) from held


def ensure(location: str, create: ExtractorIdentity | None) -> None:
    """See that `location` holds an index of ours in the present schema; with `create`, make it where there is none."""
    folder = Path(location)
    with told(location):
        _refuse_strangers(folder, location)
        if create is not None and not _has_index(folder, location):
            folder.mkdir(parents=True, exist_ok=True)
            with write_lock(location), closing(connect(folder / DATABASE, "rwc")) as connection:
                _lay_out(connection, create)
        if not _has_index(folder, location):
            raise IndexAccessError(f"no index at {location}", f"make one: mirsearch ingest PATH --index {location}")
        _bring_up(folder, location)


def _refuse_strangers(folder: Path, location: str) -> None:
    if folder.exists() and not folder.is_dir():
        raise IndexAccessError(f"{location} is a file, not an index", "give the folder of an index, or a new path")
    if folder.is_dir() and not (folder / DATABASE).exists():
        strangers = [each.name for each in folder.iterdir() if not each.name.startswith(_OWN)]
        if strangers:
            raise IndexAccessError(
                f"no index at {location}: the folder holds other things ({sorted(strangers)[0]})",
                "give the folder of an index, or a new path",
            )


def _has_index(folder: Path, location: str) -> bool:
    path = folder / DATABASE
    if not path.exists() or path.stat().st_size == 0:
        return False
    with closing(open_reader(path)) as connection:
        if schema.is_blank(connection):
            return False
        if not schema.is_ours(connection):
            raise IndexAccessError(
                f"{path} belongs to another program", "give the folder of a mirsearch index, or a new path"
            )
        schema.refuse_newer(connection, location)
    return True


def _lay_out(connection: sqlite3.Connection, extractor: ExtractorIdentity) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if schema.is_blank(connection):
        schema.create(connection, extractor)
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")


def _bring_up(folder: Path, location: str) -> None:
    """Migrate an older schema; make words anew that another version split, unless nothing can be written just now."""
    with closing(open_reader(folder / DATABASE)) as connection:
        old = schema.version(connection) < schema.CURRENT
        stale = not sqlite_words.are_current(connection)
    if old:
        _migrate(folder, location)
    elif stale and os.access(folder / DATABASE, os.W_OK):
        with suppress(IndexBusyError):
            _migrate(folder, location)


def _migrate(folder: Path, location: str) -> None:
    with write_lock(location), closing(connect(folder / DATABASE, "rw")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        schema.migrate(connection, schema.CURRENT, schema.MIGRATIONS)
        if not sqlite_words.are_current(connection):
            sqlite_words.renew(connection)
        connection.execute("COMMIT")
