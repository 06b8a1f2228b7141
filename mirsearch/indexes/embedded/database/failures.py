"""Inputs that failed in an ingest. Their table is created when the first one fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime

from mirsearch.indexes.base import Failure
from mirsearch.indexes.embedded.database.rows import storable_text

_TABLE = """CREATE TABLE IF NOT EXISTS failures (input TEXT PRIMARY KEY, stage TEXT NOT NULL, reason TEXT NOT NULL,
    noted_at TEXT NOT NULL) WITHOUT ROWID"""
# An index of an earlier version has no such table. Readers work without it, so the schema version stays the same.


def record_failures(connection: sqlite3.Connection, failed: Iterable[Failure], resolved: Iterable[str]) -> None:
    """Store failed inputs, replacing earlier entries; remove resolved ones. The caller holds a transaction."""
    connection.execute(_TABLE)
    connection.executemany("DELETE FROM failures WHERE input = ?", [(storable_text(path),) for path in resolved])
    now = datetime.now(UTC).isoformat(timespec="seconds")
    rows = [
        (storable_text(failure.input), failure.stage, storable_text(failure.reason), failure.noted_at or now)
        for failure in failed
    ]
    connection.executemany("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)", rows)


def read_failures(connection: sqlite3.Connection) -> list[Failure]:
    """Return all failures, ordered by input."""
    if not _has_table(connection):
        return []
    query = "SELECT input, stage, reason, noted_at FROM failures ORDER BY input"
    return [Failure(*row) for row in connection.execute(query)]


def count_failures(connection: sqlite3.Connection) -> int:
    """Return the number of failed inputs."""
    return int(connection.execute("SELECT count(*) FROM failures").fetchone()[0]) if _has_table(connection) else 0


def _has_table(connection: sqlite3.Connection) -> bool:
    query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'failures'"
    return connection.execute(query).fetchone() is not None
