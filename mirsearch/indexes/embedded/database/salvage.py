"""Repairs the database of an embedded index in place, and saves what can be read of one whose structure is damaged."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mirsearch.corrections import correction_from_json
from mirsearch.indexes.base import ExtractorIdentity, Failure, FigureRecord
from mirsearch.indexes.embedded.database import checking, checksums, log, schema
from mirsearch.indexes.embedded.database import failures as sqlite_failures
from mirsearch.indexes.embedded.database import meanings as sqlite_meanings
from mirsearch.indexes.embedded.database import words as sqlite_words
from mirsearch.indexes.embedded.database.access import DATABASE, connect
from mirsearch.indexes.embedded.database.checksums import ENTRIES, FAILURES, PANELS, DamagedRowError
from mirsearch.indexes.embedded.database.figures import FigureRow, read_figures
from mirsearch.indexes.embedded.database.rows import read_panels
from mirsearch.indexes.embedded.database.writer import SqliteWriter
from mirsearch.query import StoredPanel

_TEMPORARY = f"{DATABASE}-repairing"
_TABLES = ("meta", "commits", "articles", "figures", "origins", "panels", "panel_texts", "vectors", "thumbnails",
           "corrections", "failures", "entries", "meanings")  # fmt: skip
_MAX_MISSES = 100_000
"""Keys in a row that can't be read, after which the rest of a table counts as lost. A page holds far fewer keys."""


@dataclass(slots=True)
class DamagedFigure:
    """A figure with damage: its row if that is whole, its panels if all of them are, and which blobs are damaged.

    `lost` has ("vector" or "thumbnail", panel id) if nothing else is damaged.
    """

    id: str
    row: FigureRow | None
    panels: list[StoredPanel]
    lost: list[tuple[str, str]] = field(default_factory=list)


Blobs = dict[tuple[str, str], bytes]
Mend = Callable[[DamagedFigure], FigureRecord | Blobs | str]
"""Returns a figure that was read again, or new blobs for the lost ones, or the reason why neither is possible."""


class Salvage:
    """A repair of one database. The caller holds the write lock."""

    def __init__(self, folder: Path, extractor: ExtractorIdentity) -> None:
        self._folder, self._extractor = folder, extractor
        self.done: list[str] = []
        """What was repaired, one line each."""

    def run(self, mend: Mend) -> None:
        """Repair everything. Figures that `mend` can't mend are taken out and recorded as failures."""
        path = self._folder / DATABASE
        was_cut = log.is_damaged(path.with_name(f"{path.name}-wal"))
        with closing(connect(path, "rw")) as connection:
            if was_cut:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                self.done.append("the write-ahead log was cut off where its bits are wrong")
            try:
                self._repair_structure(connection)
                self._repair_contents(connection, mend)
            except sqlite3.Error:  # a part that no check of SQLite reads, such as the full-text index
                connection.rollback()
                self._copy_rows(connection)
                self._repair_contents(connection, mend)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _repair_contents(self, connection: sqlite3.Connection, mend: Mend) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for figure in list(self._damaged_figures(connection)):
            self._mend(connection, figure, mend(figure))
        self._repair_rest(connection)
        connection.execute("COMMIT")

    def _repair_structure(self, connection: sqlite3.Connection) -> None:
        if not list(checking.find_structure_faults(connection)):
            return
        try:
            connection.execute("REINDEX")
        except sqlite3.Error:
            connection.rollback()
        if list(checking.find_structure_faults(connection)):
            self._copy_rows(connection)
        else:
            self.done.append("the indexes of the database were built anew")

    def _copy_rows(self, connection: sqlite3.Connection) -> None:
        """Copy all rows that can be read into a new database, then its pages over the old ones, in one transaction."""
        temporary = self._folder / _TEMPORARY
        temporary.unlink(missing_ok=True)
        try:
            with closing(connect(temporary, "rwc")) as new:
                new.execute("PRAGMA foreign_keys = OFF")
                new.execute("BEGIN")
                schema.create(new, self._extractor)
                for table in _TABLES:
                    new.execute(f"DELETE FROM {table}")
                    for columns, row in _readable_rows(connection, table):
                        marks = checksums.placeholders(row)
                        new.execute(f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})", row)
                new.execute("COMMIT")
                new.backup(connection)
        finally:
            temporary.unlink(missing_ok=True)
        self.done.append("the tables were copied row by row into a new database")

    def _damaged_figures(self, connection: sqlite3.Connection) -> Iterator[DamagedFigure]:
        sums = {name: f"p.{name}_crc" for name in ("text", "vector", "thumbnail")}
        query = (
            f"SELECT p.figure, p.id, p.crc IS NOT row_crc({', '.join(f'p.{name}' for name in PANELS)}) "
            f"OR {sums['text']} IS NOT row_crc(t.caption, t.text), "
            f"coalesce({sums['vector']}, -1) IS NOT blob_crc(v.vector), {sums['thumbnail']} IS NOT blob_crc(j.jpeg) "
            "FROM panels p LEFT JOIN panel_texts t ON t.panel = p.key LEFT JOIN vectors v ON v.panel = p.key "
            "LEFT JOIN thumbnails j ON j.panel = p.key ORDER BY p.figure, p.position"
        )
        damaged: dict[int, tuple[bool, list[tuple[str, str]]]] = {}
        counts: dict[int, int] = {}
        for key, panel_id, row, vector, thumbnail in connection.execute(query):
            counts[key] = counts.get(key, 0) + 1
            if row or vector or thumbnail:
                is_lost, blobs = damaged.get(key, (False, []))
                blobs += [(name, panel_id) for name, lost in (("vector", vector), ("thumbnail", thumbnail)) if lost]
                damaged[key] = (is_lost or bool(row), blobs)
        for key, figure_id in connection.execute("SELECT key, id FROM figures ORDER BY key").fetchall():
            figure = _read_whole(connection, key)
            is_lost, blobs = damaged.pop(key, (False, []))
            is_lost |= figure is None or figure.panel_count != counts.get(key, 0)
            if is_lost or blobs:
                panels = [] if is_lost else list(read_panels(connection, "WHERE f.key = ?", (key,)))
                yield DamagedFigure(figure_id, figure, panels, [] if is_lost else blobs)
        for key in damaged.keys() | (counts.keys() - {row[0] for row in connection.execute("SELECT key FROM figures")}):
            self._delete_panels(connection, key)

    def _mend(self, connection: sqlite3.Connection, figure: DamagedFigure, mended: FigureRecord | Blobs | str) -> None:
        if isinstance(mended, FigureRecord):
            (key,) = connection.execute("SELECT key FROM figures WHERE id = ?", (figure.id,)).fetchone()
            self._delete_panels(connection, key)
            SqliteWriter(connection, str(self._folder), self._extractor.dims).put(mended)
            self.done.append(f"figure {figure.id} was analyzed again from its file")
        elif isinstance(mended, str):
            self._take_out(connection, figure, mended)
        else:
            for (name, panel_id), blob in mended.items():
                column = "jpeg" if name == "thumbnail" else name
                query = f"INSERT OR REPLACE INTO {name}s (panel, {column}) SELECT key, ? FROM panels WHERE id = ?"
                connection.execute(query, (blob, panel_id))
                connection.execute(
                    f"UPDATE panels SET {name}_crc = ? WHERE id = ?", (checksums.blob_crc(blob), panel_id)
                )
                self.done.append(f"the {name} of panel {panel_id} was made again from its file")

    def _take_out(self, connection: sqlite3.Connection, figure: DamagedFigure, reason: str) -> None:
        """Remove a figure and record it as a failure. Its corrections stay for the next ingest of it."""
        query = (
            "SELECT f.key, o.location FROM figures f LEFT JOIN origins o ON o.figure = f.key "
            "WHERE f.id = ? ORDER BY o.key DESC"
        )
        key, location = connection.execute(query, (figure.id,)).fetchone()
        self._delete_panels(connection, key)
        for table, column in (("origins", "figure"), ("figures", "key")):
            connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (key,))
        failure = Failure(location or f"figure {figure.id}", "verify", f"its data was damaged, and {reason}")
        sqlite_failures.record_failures(connection, [failure], [])
        self.done.append(f"figure {figure.id} was taken out for the next ingest: {reason}")

    def _delete_panels(self, connection: sqlite3.Connection, figure: int) -> None:
        panels = "(SELECT key FROM panels WHERE figure = ?)"
        for table, column in schema.PANEL_TABLES:
            connection.execute(f"DELETE FROM {table} WHERE {column} IN {panels}", (figure,))
        connection.execute("DELETE FROM panels WHERE figure = ?", (figure,))

    def _repair_rest(self, connection: sqlite3.Connection) -> None:
        """Remove rows that belong to nothing or can't be read, build the words anew, and count."""
        for table, columns in (("failures", FAILURES), ("entries", ENTRIES)):
            lost = connection.execute(f"DELETE FROM {table} WHERE crc IS NOT row_crc({', '.join(columns)})").rowcount
            if lost and table == "entries":
                self.done.append(f"{lost} entries of the index's lists can't be read and were removed")
        for table, column in schema.PANEL_TABLES:
            if table != "words":  # they are built anew below
                connection.execute(f"DELETE FROM {table} WHERE {column} NOT IN (SELECT key FROM panels)")
        connection.execute("DELETE FROM origins WHERE figure NOT IN (SELECT key FROM figures)")
        connection.execute("DELETE FROM articles WHERE key NOT IN (SELECT article FROM figures WHERE article NOT NULL)")
        for key, text in connection.execute("SELECT key, correction FROM corrections").fetchall():
            if not _is_correction(text):
                connection.execute("DELETE FROM corrections WHERE key = ?", (key,))
                self.done.append("a correction that can't be read was removed")
        connection.execute("DROP TABLE IF EXISTS words")
        connection.execute(schema.WORDS)
        sqlite_words.rebuild(connection)
        facts = {"extractor": self._extractor.name, "extractor_version": self._extractor.version}
        schema.write_meta(connection, **facts, dims=str(self._extractor.dims))
        schema.count_rows(connection)
        self.done += sqlite_meanings.repair(connection)
        generation = schema.record_commit(connection, removed=True)
        connection.execute("DELETE FROM commits WHERE generation < ?", (generation,))  # no derived file is extended


def _readable_rows(connection: sqlite3.Connection, table: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the rows of a table that can be read, with the names of their columns."""
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    columns = ", ".join(names)
    if table in ("meta", "failures", "entries"):  # their keys are no numbers
        with suppress(sqlite3.Error):
            for row in connection.execute(f"SELECT {columns} FROM {table}"):
                yield columns, row
        return
    query = f"SELECT {columns} FROM {table} WHERE {names[0]} > ? ORDER BY {names[0]} LIMIT 1"
    key = failed = 0
    while failed < _MAX_MISSES:
        try:
            row = connection.execute(query, (key,)).fetchone()
        except sqlite3.Error:  # keys are dense: the page that can't be read ends some keys later
            key, failed = key + 1, failed + 1
            continue
        if row is None:
            return
        key, failed = row[0], 0
        yield columns, row


def _read_whole(connection: sqlite3.Connection, key: int) -> FigureRow | None:
    try:
        return read_figures(connection, [key])[key]
    except (DamagedRowError, ValueError, KeyError, TypeError):
        return None


def _is_correction(text: object) -> bool:
    try:
        correction_from_json(json.loads(str(text)))
    except (ValueError, KeyError, TypeError):
        return False
    return True
