"""Opens the database of an embedded index, keeps connections, and translates errors of SQLite."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from mirsearch.errors import IndexAccessError, IndexBusyError, IndexMissingError, MirsearchError
from mirsearch.files.locks import LockHeldError
from mirsearch.files.sqlite_errors import Database
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.embedded.database import checksums, headings, held_maps, log, own_names, schema
from mirsearch.indexes.embedded.database import words as sqlite_words
from mirsearch.indexes.embedded.database.checksums import DamagedRowError
from mirsearch.indexes.embedded.database.own_names import IndexConnection
from mirsearch.indexes.own_files import OwnFiles

if TYPE_CHECKING:
    from mirsearch.files.turnstile import FairLock

DATABASE = "corpus.sqlite3"
WRITE_LOCK = "write.lock"
BUSY_SECONDS = 10.0
_REMAINS = ("matrix.rows", "matrix-*.f16", "coarse.rows", "meaning/matrix.rows", "words-*.postings", "corpus.sums",
            f"{DATABASE}-wal", f"{DATABASE}-reembedding")  # fmt: skip
"""Files that only a database with contents has beside it. An interrupted creation leaves none of them."""
_OWN_PREFIXES = ("corpus.sqlite3", "corpus.sums", "write.lock", "matrix", "coarse", "words", "acquired", "meaning")


@contextmanager
def translate_errors(location: str) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into IndexAccessError with a remedy."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise _to_index_error(location, error) from error
    except DamagedRowError as error:
        raise damaged_error(location, str(error)) from error


def _to_index_error(location: str, error: sqlite3.Error | OSError) -> MirsearchError:
    database = Database(f"the index at {location}", Path(location), "choose another --index", _mend(location))
    told = database.explain(error)
    return (IndexBusyError if told.kind == "busy" else IndexAccessError)(told.message, told.remedy)


def damaged_error(location: str, reason: str) -> IndexAccessError:
    """Return the error for a damaged database."""
    return IndexAccessError(f"the index at {location} is damaged: {reason}", _mend(location))


def _mend(location: str) -> str:
    return f"mirsearch verify --repair --index {location}; or restore it from a copy"


class ImmutableConnection(IndexConnection):
    """A read-only connection without locks. It is valid only until somebody writes, so it is used once."""


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a connection in autocommit mode. `mode` is `ro`, `rw`, `rwc` or `immutable`. It can change threads."""
    query = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{query}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        factory=ImmutableConnection if mode == "immutable" else IndexConnection,
    )
    held_maps.note_open(connection, path)
    connection.own_files = OwnFiles(path.parent)
    connection.execute("PRAGMA foreign_keys = ON")
    checksums.register(connection)
    headings.register(connection)
    return connection


class ReaderPool:
    """A pool of read connections. One thread uses a connection at a time."""

    def __init__(self, location: str) -> None:
        self.location = location
        self.path = Path(location) / DATABASE
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Return a connection inside one read transaction: all reads see the same commit."""
        with translate_errors(self.location):
            connection = self._acquire()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._release(connection)

    def _acquire(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise IndexAccessError(f"the index at {self.location} is closed")
            if self._idle:
                return self._idle.pop()
        return open_reader(self.path)

    def _release(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed and not isinstance(connection, ImmutableConnection):
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close the idle connections now, and the others when they are released."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def open_reader(path: Path) -> sqlite3.Connection:
    """Open a read connection. This works in a read-only folder, too."""
    connection = connect(path, "ro")
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        wal = path.with_name(path.name + "-wal")
        cannot_write = "unable to open" in str(error) or "readonly" in str(error)
        if not cannot_write or (wal.exists() and wal.stat().st_size):
            raise
        # In a read-only folder, SQLite can't create its shared-memory file. With an empty log, it needs none.
        connection = connect(path, "immutable")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return connection


@contextmanager
def write_lock(location: str) -> Iterator[FairLock]:
    """Hold the lock of the only writer. IndexBusyError names who has it after `lock_wait_seconds()`."""
    from mirsearch.files.turnstile import FairLock  # queries need neither
    from mirsearch.settings.waiting import lock_wait_seconds

    try:
        with FairLock(Path(location) / WRITE_LOCK, lock_wait_seconds()) as held:
            yield held
    except LockHeldError as error:
        holder = f"process {error.pid}" if error.pid else "another process"
        raise IndexBusyError(
            f"{holder} is writing to the index at {location}", "wait until it has finished, or stop it, and run again"
        ) from error


class GivingWay:
    """A writing session that can let others write in between."""

    lock: FairLock | None = None

    def give_way(self) -> bool:
        """Let others write who wait for the lock; return whether one did. See `IndexWriter.give_way`."""
        return self.lock is not None and self.lock.give_way()


def ensure_index(location: str, create: ExtractorIdentity | None) -> None:
    """Check that `location` has a mirsearch index, and update its schema. With `create`, create the index if absent."""
    folder = Path(location)
    with translate_errors(location):
        refuse_foreign_folder(folder, location)
        if create is not None and not _has_index(folder, location):
            folder.mkdir(parents=True, exist_ok=True)
            with write_lock(location), closing(connect(folder / DATABASE, "rwc")) as connection:
                _create_tables(connection, create)
        if not _has_index(folder, location):
            raise IndexMissingError(f"no index at {location}", f"create it: mirsearch ingest PATH --index {location}")
        _update_index(folder, location)


def find_database(location: str) -> Path:
    """Return the path of the database of an index, damaged or not. Raises IndexAccessError if there is none."""
    folder = Path(location)
    with translate_errors(location):
        refuse_foreign_folder(folder, location)
        path = folder / DATABASE
        if not path.exists() or path.stat().st_size == 0:
            _refuse_remains(folder, location)
            raise IndexMissingError(f"no index at {location}", f"create it: mirsearch ingest PATH --index {location}")
    return path


def refuse_foreign_folder(folder: Path, location: str) -> None:
    """Raise IndexAccessError if a folder has other files than those of an index, or is none."""
    if folder.exists() and not folder.is_dir():
        raise IndexAccessError(f"{location} is a file, not an index", "give the folder of an index, or a new path")
    if folder.is_dir() and not (folder / DATABASE).exists():
        foreign = [path.name for path in folder.iterdir() if not path.name.startswith(_OWN_PREFIXES)]
        if foreign:
            raise IndexAccessError(
                f"no index at {location}: the folder has other files ({sorted(foreign)[0]})",
                "give the folder of an index, or a new path",
            )


def _has_index(folder: Path, location: str) -> bool:
    path = folder / DATABASE
    if not path.exists() or path.stat().st_size == 0:
        _refuse_remains(folder, location)
        return False
    if log.is_damaged(path.with_name(f"{path.name}-wal")):
        raise damaged_error(location, "its write-ahead log has wrong bits, and commits after them are lost")
    with closing(open_reader(path)) as connection:
        if schema.is_blank(connection):
            _refuse_remains(folder, location)
            return False
        if not schema.is_ours(connection):
            raise IndexAccessError(
                f"{path} belongs to another program", "give the folder of a mirsearch index, or a new path"
            )
        schema.refuse_newer(connection, location)
    return True


def _refuse_remains(folder: Path, location: str) -> None:
    """Raise IndexAccessError if a missing or empty database once had contents: the files made from it are there."""
    remains = sorted(path.name for pattern in _REMAINS for path in folder.glob(pattern) if path.stat().st_size)
    if remains:
        state = "empty" if (folder / DATABASE).exists() else "missing"
        raise IndexAccessError(
            f"the index at {location} is damaged: its database {DATABASE} is {state}, but {remains[0]} is still there",
            f"put {DATABASE} back from a copy; without one, delete the folder and ingest again",
        )


def _create_tables(connection: sqlite3.Connection, extractor: ExtractorIdentity) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if schema.is_blank(connection):
        schema.create(connection, extractor)
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")


def _update_index(folder: Path, location: str) -> None:
    """Migrate an older schema. Renew words of another tokenizer and absolute names, if the index can be written now."""
    with closing(open_reader(folder / DATABASE)) as connection:
        outdated = schema.read_version(connection) < schema.CURRENT_VERSION
        parts_outdated = not (sqlite_words.are_current(connection) and own_names.are_relative(connection))
    if outdated:
        _migrate(folder, location)
    elif parts_outdated and os.access(folder / DATABASE, os.W_OK):
        with suppress(IndexBusyError):
            _migrate(folder, location)


def _migrate(folder: Path, location: str) -> None:
    with write_lock(location), closing(connect(folder / DATABASE, "rw")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        schema.migrate(connection, schema.CURRENT_VERSION, schema.MIGRATIONS)
        if not sqlite_words.are_current(connection):
            sqlite_words.rebuild(connection)
        if not own_names.are_relative(connection):
            own_names.make_relative(connection)
        connection.execute("COMMIT")
