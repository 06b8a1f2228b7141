"""The lists that an index keeps besides figures: entries with a name and a JSON value."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping

from mirsearch.indexes.base import JsonObject
from mirsearch.indexes.embedded.database.checksums import ENTRIES, DamagedRowError, row_crc
from mirsearch.indexes.embedded.database.rows import storable_text


def write_entries(
    connection: sqlite3.Connection,
    kept: str,
    entries: Mapping[str, JsonObject],
    removed: Iterable[str],
    changes: Counter[str],
) -> None:
    """Write entries of a list, replacing those of the same names, and remove others. The caller holds a transaction.

    `changes` counts the rows that are added or removed.
    """
    rows = {storable_text(name) or "": json.dumps(value) for name, value in entries.items()}
    gone = [(kept, name) for name in {*rows, *(storable_text(name) or "" for name in removed)}]
    changes["entries"] -= connection.executemany("DELETE FROM entries WHERE list = ? AND name = ?", gone).rowcount
    values = [(kept, name, text, row_crc(kept, name, text)) for name, text in rows.items()]
    statement = f"INSERT INTO entries ({', '.join(ENTRIES)}, crc) VALUES (?, ?, ?, ?)"
    changes["entries"] += connection.executemany(statement, values).rowcount if values else 0


def read_entries(connection: sqlite3.Connection, kept: str) -> dict[str, JsonObject]:
    """Return the entries of a list by name, in the order of names. DamagedRowError if one is damaged."""
    return _read_entries(connection, "WHERE list = ?", (kept,)).get(kept, {})


def read_all_entries(connection: sqlite3.Connection) -> dict[str, dict[str, JsonObject]]:
    """Return the entries of all lists by the list's name and their own. DamagedRowError if one is damaged."""
    return _read_entries(connection, "", ())


def _read_entries(
    connection: sqlite3.Connection, where: str, values: tuple[str, ...]
) -> dict[str, dict[str, JsonObject]]:
    query = f"SELECT {', '.join(ENTRIES)}, crc FROM entries {where} ORDER BY list, name"
    found: dict[str, dict[str, JsonObject]] = {}
    for *row, crc in connection.execute(query, values):
        if row_crc(*row) != crc:
            raise DamagedRowError(f"the entry {row[1]} of the list {row[0]} does not match its checksum")
        found.setdefault(row[0], {})[row[1]] = json.loads(row[2])
    return found
