"""Copies the database of an embedded index as a whole while others read and write, and puts one in another's place."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from mirsearch.errors import IndexAccessError, IndexBusyError
from mirsearch.indexes.embedded import derived_files
from mirsearch.indexes.embedded.database import schema
from mirsearch.indexes.embedded.database.access import (
    DATABASE,
    connect,
    ensure_index,
    open_reader,
    translate_errors,
    write_lock,
)

_PAGES_A_STEP = 4096
_OUR_TYPES = ("table", "index")
_OUR_NAMES = ("sqlite_", "words", "meta", "commits", "articles", "figures", "origins", "panels", "panel_texts",
              "vectors", "thumbnails", "corrections", "failures", "entries", "meanings")  # fmt: skip
"""What the names of all tables and indexes of an index begin with."""
_DERIVED = ("matrix*", "coarse*", "words-*.postings", "corpus.sums", "meaning/*")
Progress = Callable[[int, int], None]


def copy_database(location: str, target: Path, progress: Progress) -> None:
    """Write the database of an index, as of one commit, into a new file. `progress` gets pages done and all pages."""
    with (
        translate_errors(location),
        closing(open_reader(Path(location) / DATABASE)) as source,
        closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        source.execute("BEGIN")  # holds the commit: without, a commit of a writer would begin the copy anew
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        source.backup(copy, pages=_PAGES_A_STEP, progress=lambda _, left, all_: progress(all_ - left, all_))
    with target.open("rb") as file:
        os.fsync(file.fileno())


def check_foreign_database(path: Path) -> None:
    """Raise IndexAccessError for a database that is not laid out as an index, or that would run code of its own."""
    message, remedy = f"{path.name} is not the database of an index", "take another backup"
    try:
        with closing(connect(path, "immutable")) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            if not schema.is_ours(connection):
                raise IndexAccessError(message, remedy)
            schema.refuse_newer(connection, str(path))
            rows = connection.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
    except (sqlite3.Error, KeyError, ValueError) as error:
        raise IndexAccessError(f"{message}: {error}", remedy) from error
    for kind, name, sql in rows:
        is_virtual = "virtual" in str(sql).lower() and name != "words"
        if kind not in _OUR_TYPES or not str(name).startswith(_OUR_NAMES) or is_virtual:
            raise IndexAccessError(f"{message}: it has a {kind} {str(name)[:60]!r}", remedy)


def replace_database(location: str, path: Path) -> None:
    """Put the contents of a database in place of those of an index, in one transaction. Readers keep what they read.

    The files made from the old contents are removed. A database that can't be read at all is replaced as a file.
    """
    folder = Path(location)
    is_readable = _is_readable(location)
    with translate_errors(location), write_lock(location):
        if is_readable:
            with closing(connect(path, "ro")) as source, closing(connect(folder / DATABASE, "rw")) as target:
                source.backup(target)
                target.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        else:
            for ending in ("-wal", "-shm"):  # they belong to the damaged file
                (folder / f"{DATABASE}{ending}").unlink(missing_ok=True)
            path.replace(folder / DATABASE)
        derived_files.remove_others(folder, None, *_DERIVED)


def _is_readable(location: str) -> bool:
    try:
        ensure_index(location, None)
    except IndexBusyError:
        raise
    except IndexAccessError:
        return False
    return True


def count_rows(path: Path) -> tuple[int, int]:
    """Return the numbers of figures and panels of a database."""
    with translate_errors(str(path)), closing(connect(path, "immutable")) as connection:
        figures, panels = (connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
                           for name in ("figures", "panels"))  # fmt: skip
        return int(figures), int(panels)
