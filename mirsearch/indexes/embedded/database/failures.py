"""Inputs that failed in an ingest."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime

from mirsearch.indexes.base import Failure
from mirsearch.indexes.embedded.database.checksums import FAILURES, DamagedRowError, row_crc
from mirsearch.indexes.embedded.database.own_names import names_of
from mirsearch.indexes.embedded.database.rows import storable_text

_COLUMNS = ", ".join(FAILURES)


def record_failures(connection: sqlite3.Connection, failed: Iterable[Failure], resolved: Iterable[str]) -> None:
    """Store failed inputs, replacing earlier entries; remove resolved ones. The caller holds a transaction."""
    own = names_of(connection)
    gone = [(storable_text(own.to_stored(path)),) for path in resolved]
    connection.executemany("DELETE FROM failures WHERE input = ?", gone)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    rows = [
        (
            storable_text(own.to_stored(failure.input)),
            failure.stage,
            storable_text(failure.reason),
            failure.noted_at or now,
        )
        for failure in failed
    ]
    statement = f"INSERT OR REPLACE INTO failures ({_COLUMNS}, crc) VALUES (?, ?, ?, ?, ?)"
    connection.executemany(statement, [(*row, row_crc(*row)) for row in rows])


def read_failures(connection: sqlite3.Connection) -> list[Failure]:
    """Return all failures, ordered by input. Raises DamagedRowError if one does not match its checksum."""
    rows = connection.execute(f"SELECT {_COLUMNS}, crc FROM failures ORDER BY input").fetchall()
    for row in rows:
        if row_crc(*row[:-1]) != row[-1]:
            raise DamagedRowError(f"the record of the failure of {row[0]} does not match its checksum")
    own = names_of(connection)
    return [Failure(own.to_path(row[0]), *row[1:-1]) for row in rows]


def count_failures(connection: sqlite3.Connection) -> int:
    """Return the number of failed inputs."""
    return int(connection.execute("SELECT count(*) FROM failures").fetchone()[0])
