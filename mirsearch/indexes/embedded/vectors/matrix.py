"""The vectors in memory as of one commit: the matrix file as far as it goes, what SQLite has beyond it, and no more."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mirsearch.files.locks import FileLock, LockHeldError
from mirsearch.indexes.embedded.database.access import damaged
from mirsearch.indexes.embedded.vectors import matrix_file
from mirsearch.indexes.embedded.vectors import rounded_file as coarse_file
from mirsearch.indexes.embedded.vectors.matrix_file import Half, MatrixFile, Rows
from mirsearch.indexes.embedded.vectors.rounded import Coarse
from mirsearch.indexes.embedded.vectors.rounded_file import CoarseFile

LOCK = "matrix.lock"
CHUNK_ROWS = 4096
DEAD_SHARE = 0.25
"""Share of removed rows from which the matrix is written anew."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All vectors at one commit: blocks (n, dims) one after the other, the table of all their rows, and the same rows
    rounded, where there are such."""

    rows: Rows
    blocks: tuple[Half, ...]
    coarse: Coarse | None = None

    def positions(self, keys: NDArray[np.int64]) -> NDArray[np.intp]:
        """Row numbers of panels by their keys; keys that are not there are left out."""
        if not len(self.rows):
            return np.zeros(0, dtype=np.intp)
        at = np.minimum(np.searchsorted(self.rows.key, keys), len(self.rows) - 1)
        found: NDArray[np.intp] = at[self.rows.key[at] == keys]
        return found


class Matrix:
    """Keeps the matrix of one index at SQLite's last commit. Safe to use from several threads."""

    def __init__(self, folder: Path, dims: int) -> None:
        self.folder = folder
        self.dims = dims
        self._lock = threading.Lock()
        self._now: Snapshot | None = None

    def at(self, connection: sqlite3.Connection) -> Snapshot:
        """The vectors as of the connection's transaction; the files follow where they may be written.

        Call it first in a transaction: it begins a new one where the files are ahead of this one.
        """
        with self._lock:
            commit = last_commit(connection)
            if self._now is not None and _same(self._now.rows, commit):
                return self._now
            found = matrix_file.load(self.folder, self.dims)
            if found is not None and found.rows.generation > commit.generation:
                connection.execute("ROLLBACK")
                connection.execute("BEGIN")
                commit = last_commit(connection)
            self._now = self._on_disk(connection, commit, found) or self._in_memory(connection, commit)
            return self._now

    def follow(self, connection: sqlite3.Connection) -> None:
        """Bring the files up to the connection's transaction where they may be written; else leave it to a query."""
        with self._lock:
            found = matrix_file.load(self.folder, self.dims)
            self._now = self._on_disk(connection, last_commit(connection), found)

    def _on_disk(self, connection: sqlite3.Connection, commit: Rows, found: MatrixFile | None) -> Snapshot | None:
        """Bring the files up to `commit` where need be, and map them; None where they can't be written."""
        if found is not None and _same(found.rows, commit):
            return _mapped(found, coarse_file.load(found) or self._rounded(found))
        try:
            with FileLock(self.folder / LOCK):
                before = matrix_file.load(self.folder, self.dims)
                found = self._write(connection, commit, before)
                return _mapped(found, _follow(found, before))
        except (OSError, LockHeldError):
            return None

    def _rounded(self, file: MatrixFile) -> CoarseFile | None:
        """Make the rounded rows of a matrix that lacks them; None where they are not wanted or can't be written."""
        if not coarse_file.wanted(file):
            return None
        try:
            with FileLock(self.folder / LOCK):
                now = matrix_file.load(self.folder, self.dims)
                same = now is not None and (now.name, len(now.rows), now.crc) == (file.name, len(file.rows), file.crc)
                return _follow(file, None) if same else None
        except (OSError, LockHeldError):
            return None

    def _write(self, connection: sqlite3.Connection, commit: Rows, found: MatrixFile | None) -> MatrixFile:
        """Append what is new to a matrix of ours, or write one anew; give its place in the folder to it."""
        if found is not None and is_past(connection, found.rows.generation, found.rows.token):
            rows = _without_removed(connection, commit, found.rows)
            if len(rows) - np.count_nonzero(rows.alive) <= DEAD_SHARE * len(rows):
                grown = matrix_file.append(replace(found, rows=rows), self._newer(connection, rows))
                matrix_file.publish(grown)
                return grown
        fresh = replace(matrix_file.start(self.folder, self.dims), rows=commit)
        grown = matrix_file.append(fresh, self._newer(connection, commit))
        matrix_file.publish(grown)
        return grown

    def _in_memory(self, connection: sqlite3.Connection, commit: Rows) -> Snapshot:
        """The same without writing: what is at hand, in memory or on disk, and the rest from SQLite."""
        now = self._now
        if now is None or not is_past(connection, now.rows.generation, now.rows.token):
            found = matrix_file.load(self.folder, self.dims)
            usable = found is not None and is_past(connection, found.rows.generation, found.rows.token)
            now = (_mapped(found) if found and usable else None) or Snapshot(Rows(), ())
        rows, added = _without_removed(connection, commit, now.rows), list(now.blocks[1:])
        for longer, block in self._newer(connection, rows):
            rows = longer
            added.append(block)
        return Snapshot(rows, (*now.blocks[:1], *_blocks(np.concatenate(added) if added else None)))

    def _newer(self, connection: sqlite3.Connection, rows: Rows) -> Iterator[tuple[Rows, Half]]:
        """Vectors of panels newer than `rows` has, in chunks, each with the table of all rows so far."""
        cursor = connection.execute(
            "SELECT v.panel, p.field_of_view_nm, v.vector FROM vectors v JOIN panels p ON p.key = v.panel "
            "WHERE v.panel > ? ORDER BY v.panel",
            (rows.last_key,),
        )
        while chunk := cursor.fetchmany(CHUNK_ROWS):
            keys, views, blobs = zip(*chunk, strict=True)
            if any(len(blob) != 2 * self.dims for blob in blobs):
                raise damaged(str(self.folder), "a vector of the wrong length")
            block = np.frombuffer(b"".join(blobs), dtype="<f2").reshape(-1, self.dims)
            norms = np.sqrt(np.einsum("ij,ij->i", block, block, dtype=np.float32))
            fields = np.log10(np.array([np.nan if view is None else view for view in views], dtype=np.float64))
            rows = rows.extended(np.array(keys, dtype=np.int64), fields, norms)
            yield rows, block


def _without_removed(connection: sqlite3.Connection, commit: Rows, rows: Rows) -> Rows:
    """`rows`, of an earlier commit, as of `commit` but for what was added: removed panels are no longer alive."""
    alive = rows.alive
    if rows.removals != commit.removals:
        there = np.fromiter((row[0] for row in connection.execute("SELECT key FROM panels")), dtype=np.int64)
        alive = np.isin(rows.key, there)
    return replace(rows, generation=commit.generation, token=commit.token, removals=commit.removals, alive=alive)


def last_commit(connection: sqlite3.Connection) -> Rows:
    """The last commit, as an empty table of rows."""
    query = "SELECT generation, token, removals FROM commits ORDER BY generation DESC LIMIT 1"
    row = connection.execute(query).fetchone()
    return Rows(*row) if row else Rows()


def _follow(file: MatrixFile, before: MatrixFile | None) -> CoarseFile | None:
    """Bring the rounded rows up to the matrix; None where they can't be written: it does without."""
    try:
        return coarse_file.follow(file, before)
    except OSError:
        return None


def _mapped(file: MatrixFile, rounded: CoarseFile | None = None) -> Snapshot | None:
    """The files as a snapshot; None where another process has just replaced the matrix."""
    try:
        blocks = _blocks(file.mapped())
    except (OSError, ValueError):
        return None
    try:
        return Snapshot(file.rows, blocks, None if rounded is None else rounded.mapped())
    except (OSError, ValueError):
        return Snapshot(file.rows, blocks)


def _blocks(matrix: Half | None) -> tuple[Half, ...]:
    return () if matrix is None or not len(matrix) else (matrix,)


def _same(one: Rows, other: Rows) -> bool:
    return (one.generation, one.token) == (other.generation, other.token)


def is_past(connection: sqlite3.Connection, generation: int, token: str) -> bool:
    """True for a commit that this database went through, so that what is of it can be caught up."""
    row = connection.execute("SELECT token FROM commits WHERE generation = ?", (generation,)).fetchone()
    return bool(row) and row[0] == token
