"""The vectors of one commit in memory: those in the matrix file, plus newer ones from SQLite."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mirsearch.files.locks import FileLock, LockHeldError
from mirsearch.indexes.embedded.database import schema
from mirsearch.indexes.embedded.database.access import damaged_error
from mirsearch.indexes.embedded.database.checksums import PANELS, blob_crc
from mirsearch.indexes.embedded.database.rows import read_numbers
from mirsearch.indexes.embedded.derived_files import BlockChecker, DamagedFileError
from mirsearch.indexes.embedded.vectors import matrix_file, rounded_file
from mirsearch.indexes.embedded.vectors.matrix_file import Float16Array, MatrixFile, RowTable
from mirsearch.indexes.embedded.vectors.rounded import RoundedMatrix
from mirsearch.indexes.embedded.vectors.rounded_file import RoundedFile

LOCK = "matrix.lock"
CHUNK_ROWS = 4096
MAX_REMOVED_SHARE = 0.25
"""Largest share of removed rows in a matrix file. Above it, the file is written again without them."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All vectors of one commit: consecutive blocks (n, dims), the table of all rows, and the rounded rows if any.

    `checker` checks the first block, if that is a file. `meaning` has the sentence vectors, where a query needs them.
    """

    table: RowTable
    blocks: tuple[Float16Array, ...]
    rounded: RoundedMatrix | None = None
    checker: BlockChecker | None = None
    meaning: MeaningRows | None = None

    def row_numbers(self, keys: NDArray[np.int64]) -> NDArray[np.intp]:
        """Return the row numbers of panels by their keys. Unknown keys are left out."""
        if not len(self.table):
            return np.zeros(0, dtype=np.intp)
        nearest = np.minimum(np.searchsorted(self.table.key, keys), len(self.table) - 1)
        rows: NDArray[np.intp] = nearest[self.table.key[nearest] == keys]
        return rows


@dataclass(frozen=True, slots=True)
class MeaningRows:
    """The sentence vectors of the panels of a snapshot, in a matrix of their own: `vectors`.

    `places` (n,) has the row there of each row of the snapshot (None: the same row), `inverse_norm` (n,) 1/norm of its
    vector. Rows of panels that no longer exist may have any place.
    """

    vectors: Snapshot
    places: NDArray[np.intp] | None
    inverse_norm: NDArray[np.float32]

    @classmethod
    def of_rows(cls, table: RowTable, vectors: Snapshot) -> MeaningRows:
        """Return the sentence vectors for the rows of a table; both must be of the same commit."""
        own = vectors.table
        if np.array_equal(table.key, own.key):
            return cls(vectors, None, np.asarray(own.inverse_norm, dtype=np.float32))
        places = np.minimum(np.searchsorted(own.key, table.key), max(len(own.key) - 1, 0))
        return cls(vectors, places, np.asarray(own.inverse_norm[places], dtype=np.float32))


class Matrix:
    """Keeps the matrix of one index up to date with the last commit of SQLite. Safe to use from several threads."""

    def __init__(self, folder: Path, dims: int) -> None:
        self.folder = folder
        self.dims = dims
        self._lock = threading.Lock()
        self._current: Snapshot | None = None
        self._damaged: set[str] = set()

    def snapshot(self, connection: sqlite3.Connection) -> Snapshot:
        """Return the vectors for the connection's transaction. Updates the files if they can be written.

        Call this first in a transaction: if the files are newer than the transaction, it begins a new one.
        """
        with self._lock:
            commit = last_commit(connection)
            if self._current is not None and _is_same_commit(self._current.table, commit):
                return self._current
            file = self._load()
            if file is not None and file.table.generation > commit.generation:
                connection.execute("ROLLBACK")
                connection.execute("BEGIN")
                commit = last_commit(connection)
            self._current = self._update_and_map(connection, commit, file) or self._build_in_memory(connection, commit)
            self._check_count(connection, self._current)
            return self._current

    def discard(self, name: str) -> None:
        """Use a damaged file no more, nor what was made from it. It is made again from SQLite."""
        with self._lock:
            self._damaged.add(name)
            self._current = None

    def _load(self) -> MatrixFile | None:
        file = matrix_file.load(self.folder, self.dims)
        return None if file is None or file.name in self._damaged else file

    def _load_rounded(self, file: MatrixFile) -> RoundedFile | None:
        rounded = rounded_file.load(file)
        return None if rounded is None or rounded.name in self._damaged else rounded

    def _check_count(self, connection: sqlite3.Connection, snapshot: Snapshot) -> None:
        found, wanted = int(np.count_nonzero(snapshot.table.alive)), schema.read_totals(connection)["panels"]
        if found != wanted:
            self._current = None
            raise damaged_error(str(self.folder), f"it has {found} of {wanted} panels")

    def update_files(self, connection: sqlite3.Connection) -> None:
        """Update the files to the connection's transaction, if they can be written. If not, a later query does it."""
        with self._lock:
            self._current = self._update_and_map(connection, last_commit(connection), self._load())

    def _update_and_map(
        self, connection: sqlite3.Connection, commit: RowTable, file: MatrixFile | None
    ) -> Snapshot | None:
        """Update the files to `commit` if necessary, and map them. Returns None if they can't be written."""
        if file is not None and _is_same_commit(file.table, commit):
            return _map_files(file, self._load_rounded(file) or self._make_rounded(file))
        try:
            with FileLock(self.folder / LOCK):
                before = self._load()
                try:
                    file = self._write(connection, commit, before)
                except DamagedFileError:  # of the block that is continued
                    before, file = None, self._write(connection, commit, None)
                return _map_files(file, self._update_rounded(file, before))
        except (OSError, LockHeldError):
            return None

    def _make_rounded(self, file: MatrixFile) -> RoundedFile | None:
        """Make the rounded rows of a matrix without them. Returns None if they don't pay or can't be written."""
        if not rounded_file.is_wanted(file):
            return None
        try:
            with FileLock(self.folder / LOCK):
                present = self._load()
                is_same = present is not None and _has_same_rows(present, file)
                return self._update_rounded(file, None) if is_same else None
        except (OSError, LockHeldError):
            return None

    def _update_rounded(self, file: MatrixFile, before: MatrixFile | None) -> RoundedFile | None:
        """Update the rounded rows to the matrix. Returns None if they can't be written; the index works without."""
        try:
            while file.name not in self._damaged:
                try:
                    return rounded_file.update(file, before, self._damaged)
                except DamagedFileError as error:  # of the rounded rows, which are then made anew, or of the matrix
                    self._damaged.add(error.name)
        except OSError:
            return None
        return None

    def _write(self, connection: sqlite3.Connection, commit: RowTable, file: MatrixFile | None) -> MatrixFile:
        """Append new rows to the matrix file if it belongs to this database, else write a new file. Publish it."""
        if file is not None and is_past_commit(connection, file.table.generation, file.table.token):
            table = _mark_removed(connection, commit, file.table)
            if len(table) - np.count_nonzero(table.alive) <= MAX_REMOVED_SHARE * len(table):
                grown = matrix_file.append_rows(replace(file, table=table), self._read_newer(connection, table))
                matrix_file.publish(grown)
                return grown
        empty = replace(matrix_file.create(self.folder, self.dims), table=commit)
        grown = matrix_file.append_rows(empty, self._read_newer(connection, commit))
        matrix_file.publish(grown)
        return grown

    def _build_in_memory(self, connection: sqlite3.Connection, commit: RowTable) -> Snapshot:
        """Return the snapshot without writing: what is in memory or on disk, and the rest from SQLite."""
        start = self._current
        if start is None or not is_past_commit(connection, start.table.generation, start.table.token):
            file = self._load()
            usable = file is not None and is_past_commit(connection, file.table.generation, file.table.token)
            start = (_map_files(file) if file and usable else None) or Snapshot(RowTable(), ())
        table, added = _mark_removed(connection, commit, start.table), list(start.blocks[1:])
        for table_so_far, block in self._read_newer(connection, table):
            table = table_so_far
            added.append(block)
        blocks = (*start.blocks[:1], *_as_blocks(np.concatenate(added) if added else None))
        return Snapshot(table, blocks, checker=start.checker)

    def _read_newer(self, connection: sqlite3.Connection, table: RowTable) -> Iterator[tuple[RowTable, Float16Array]]:
        """Yield the vectors of panels newer than `table`, in chunks, each with the table of all rows so far."""
        cursor = connection.execute(
            "SELECT p.key, p.field_of_view_nm, v.vector, p.vector_crc, p.crc, "
            f"row_crc({', '.join(f'p.{name}' for name in PANELS)}) "
            "FROM panels p LEFT JOIN vectors v ON p.key = v.panel WHERE p.key > ? ORDER BY p.key",
            (table.last_key,),
        )
        while chunk := cursor.fetchmany(CHUNK_ROWS):
            keys, fields_of_view, blobs, vector_crcs, crcs, computed = zip(*chunk, strict=True)
            if crcs != computed or tuple(map(blob_crc, blobs)) != vector_crcs:
                raise damaged_error(str(self.folder), "a panel or its vector does not match its checksum")
            if any(len(blob) != 2 * self.dims for blob in blobs):
                raise damaged_error(str(self.folder), "a vector of the wrong length")
            block = np.frombuffer(b"".join(blobs), dtype="<f2").reshape(-1, self.dims)
            norms = np.sqrt(np.einsum("ij,ij->i", block, block, dtype=np.float32))
            widths = np.array([np.nan if width is None else width for width in fields_of_view], dtype=np.float64)
            log10_fov = np.log10(widths)
            table = table.with_rows(np.array(keys, dtype=np.int64), log10_fov, norms)
            yield table, block


def _mark_removed(connection: sqlite3.Connection, commit: RowTable, table: RowTable) -> RowTable:
    """Return `table`, which is of an earlier commit, for `commit`: removed panels are not alive. Adds no rows."""
    alive = table.alive
    if table.removals != commit.removals:
        existing = read_numbers(connection, "key", "FROM panels")
        alive = np.isin(table.key, existing)
    return replace(table, generation=commit.generation, token=commit.token, removals=commit.removals, alive=alive)


def last_commit(connection: sqlite3.Connection) -> RowTable:
    """Return the last commit, as a table without rows."""
    return RowTable(*schema.last_commit(connection))


def _map_files(file: MatrixFile, rounded_rows: RoundedFile | None = None) -> Snapshot | None:
    """Return the files as a snapshot, or None if another process has just replaced the matrix."""
    try:
        rows, checker = file.map_rows()
        blocks = _as_blocks(rows)
    except (OSError, ValueError):
        return None
    try:
        return Snapshot(file.table, blocks, None if rounded_rows is None else rounded_rows.map_rows(), checker)
    except (OSError, ValueError):
        return Snapshot(file.table, blocks, checker=checker)


def _as_blocks(matrix: Float16Array | None) -> tuple[Float16Array, ...]:
    return () if matrix is None or not len(matrix) else (matrix,)


def _is_same_commit(first: RowTable, second: RowTable) -> bool:
    return (first.generation, first.token) == (second.generation, second.token)


def _has_same_rows(first: MatrixFile, second: MatrixFile) -> bool:
    return (first.name, len(first.table), first.sums.crc) == (second.name, len(second.table), second.sums.crc)


def is_past_commit(connection: sqlite3.Connection, generation: int, token: str) -> bool:
    """Return whether a commit is in the history of this database. Files of such a commit can be updated."""
    row = connection.execute("SELECT token FROM commits WHERE generation = ?", (generation,)).fetchone()
    return bool(row) and row[0] == token
