"""Names of files inside the folder of an embedded index, as its database stores them: relative to the folder."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from mirsearch.indexes.embedded.database import checksums, held_maps, schema
from mirsearch.indexes.embedded.database.checksums import batches, placeholders, read_checked_figures
from mirsearch.indexes.own_files import PREFIX, OwnFiles


class IndexConnection(sqlite3.Connection):
    """A connection that knows the folder of its index, by the name under which it was opened."""

    own_files: OwnFiles | None = None

    def execute(self, statement: str, values: Any = (), /) -> sqlite3.Cursor:
        """As sqlite3 does, with an error of SQLite also where damage made its message unreadable."""
        try:
            return super().execute(statement, values)
        except UnicodeDecodeError as error:  # it quotes a name of the full-text index
            raise sqlite3.DatabaseError("could not decode a name to UTF-8") from error

    def close(self) -> None:
        """As sqlite3 does. What was opened beside the last connection to a file is closed, too."""
        super().close()
        held_maps.note_closed(self)


def names_of(connection: sqlite3.Connection) -> OwnFiles:
    """Return how the database of a connection names the files inside its folder."""
    own = connection.own_files if isinstance(connection, IndexConnection) else None
    if own is not None:
        return own
    path = next(row[2] for row in connection.execute("PRAGMA database_list") if row[1] == "main")
    return OwnFiles(Path(path).parent)


def are_relative(connection: sqlite3.Connection) -> bool:
    """Return whether all names of files inside the folder are relative."""
    return schema.read_meta(connection).get("names") == schema.RELATIVE_NAMES


def make_relative(connection: sqlite3.Connection) -> None:
    """Rename files inside the folder that an earlier mirsearch named by their paths, also before the folder was moved.

    A figure that does not match its checksum stays as it is. The caller holds a transaction.
    """
    own = names_of(connection)
    renamed: dict[int, list[tuple[str, int]]] = {}
    for key, figure, location in connection.execute("SELECT key, figure, location FROM origins"):
        stored = own.to_stored(str(location))
        name = own.find_moved(stored) if stored == location else stored
        if name is not None:
            renamed.setdefault(figure, []).append((name, key))
    for batch in batches(renamed):
        whole = [row.values[0] for row in read_checked_figures(connection, batch) if row.is_whole]
        rows = [row for figure in whole for row in renamed[figure]]
        connection.executemany("UPDATE OR IGNORE origins SET location = ? WHERE key = ?", rows)
        for keys in batches(key for _, key in rows):  # the figure has an origin with the relative name already
            doubled = f"key IN ({placeholders(keys)}) AND substr(location, 1, {len(PREFIX)}) <> '{PREFIX}'"
            connection.execute(f"DELETE FROM origins WHERE {doubled}", keys)
        checksums.seal_figures(connection, whole)
    _rename_failures(connection, own)
    if renamed:
        schema.record_commit(connection, removed=False)
    schema.write_meta(connection, names=schema.RELATIVE_NAMES)


def _rename_failures(connection: sqlite3.Connection, own: OwnFiles) -> None:
    columns = ", ".join(checksums.FAILURES)
    for (name,) in connection.execute("SELECT input FROM failures").fetchall():
        if (stored := own.to_stored(str(name))) != name:
            with suppress(sqlite3.IntegrityError):
                connection.execute("UPDATE failures SET input = ? WHERE input = ?", (stored, name))
                connection.execute(f"UPDATE failures SET crc = row_crc({columns}) WHERE input = ?", (stored,))
