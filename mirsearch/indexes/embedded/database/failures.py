"""Inputs that an ingest could not take, in a table that is made when the first one fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime

from mirsearch.indexes.base import Failure
from mirsearch.indexes.embedded.database.rows import plain

_TABLE = """CREATE TABLE IF NOT EXISTS failures (input TEXT PRIMARY KEY, stage TEXT NOT NULL, reason TEXT NOT NULL,
    noted_at TEXT NOT NULL) WITHOUT ROWID"""
# An index of an earlier version has none; those that read it do without, so that the schema stays the same for them.


def note(connection: sqlite3.Connection, failed: Iterable[Failure], settled: Iterable[str]) -> None:
    """Renew what failed, forget what is settled; the caller holds a transaction."""
    connection.execute(_TABLE)
    connection.executemany("DELETE FROM failures WHERE input = ?", [(plain(each),) for each in settled])
    now = datetime.now(UTC).isoformat(timespec="seconds")
    rows = [(plain(each.input), each.stage, plain(each.reason), each.noted_at or now) for each in failed]
    connection.executemany("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)", rows)


def noted(connection: sqlite3.Connection) -> list[Failure]:
    """All failures, by input."""
    if not _there(connection):
        return []
    query = "SELECT input, stage, reason, noted_at FROM failures ORDER BY input"
    return [Failure(*row) for row in connection.execute(query)]


def count(connection: sqlite3.Connection) -> int:
    """How many inputs failed."""
    return int(connection.execute("SELECT count(*) FROM failures").fetchone()[0]) if _there(connection) else 0


def _there(connection: sqlite3.Connection) -> bool:
    query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'failures'"
    return connection.execute(query).fetchone() is not None
