"""The sentence vectors of one commit: a matrix of their own, in a folder of their own, beside that of the looks."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from mirsearch.errors import IndexMismatchError
from mirsearch.files.locks import LockHeldError
from mirsearch.indexes.embedded.database.access import damaged_error
from mirsearch.indexes.embedded.database.meaning_facts import read_meaning
from mirsearch.indexes.embedded.vectors.matrix import CHUNK_ROWS, Matrix, MeaningRows, Snapshot
from mirsearch.indexes.embedded.vectors.matrix_file import Float16Array, MatrixFile, RowTable

FOLDER = "meaning"
"""The folder, in that of the index, of all files that are made from the sentence vectors."""


class MeaningMatrix(Matrix):
    """Keeps the matrix of sentence vectors up to date, as Matrix does with that of the looks."""

    def __init__(self, index: Path, dims: int) -> None:
        super().__init__(index / FOLDER, dims)
        self._index = index

    def _update_and_map(
        self, connection: sqlite3.Connection, commit: RowTable, file: MatrixFile | None
    ) -> Snapshot | None:
        try:
            self.folder.mkdir(exist_ok=True)
        except (OSError, LockHeldError):
            return None
        return super()._update_and_map(connection, commit, file)

    def _read_newer(self, connection: sqlite3.Connection, table: RowTable) -> Iterator[tuple[RowTable, Float16Array]]:
        """Yield the sentence vectors of panels newer than `table`, in chunks, with the table of all rows so far."""
        cursor = connection.execute(
            "SELECT p.key, p.id, m.vector, m.crc, row_crc(m.text, m.vector) FROM panels p "
            "LEFT JOIN meanings m ON m.panel = p.key WHERE p.key > ? ORDER BY p.key",
            (table.last_key,),
        )
        while chunk := cursor.fetchmany(CHUNK_ROWS):
            for _, panel_id, vector, crc, computed in chunk:
                if crc != computed or not isinstance(vector, bytes) or len(vector) != 2 * self.dims:
                    reason = f"the sentence vector of panel {panel_id} does not match its checksum"
                    raise damaged_error(str(self._index), reason)
            block = np.frombuffer(b"".join(row[2] for row in chunk), dtype="<f2").reshape(-1, self.dims)
            norms = np.sqrt(np.einsum("ij,ij->i", block, block, dtype=np.float32))
            keys = np.array([row[0] for row in chunk], dtype=np.int64)
            table = table.with_rows(keys, np.full(len(keys), np.nan), norms)
            yield table, block


class MeaningMatrices:
    """Gives the sentence vectors for a snapshot of the looks. Safe to use from several threads."""

    def __init__(self, index: Path) -> None:
        self._index = index
        self._lock = threading.Lock()
        self._matrix: MeaningMatrix | None = None
        self._joined: tuple[Snapshot, Snapshot, Snapshot] | None = None

    def join(self, connection: sqlite3.Connection, looks: Snapshot) -> Snapshot | None:
        """Return the snapshot with its sentence vectors; None if the transaction is of another commit by now.

        Raises IndexMismatchError if the index has no sentence vectors.
        """
        model = read_meaning(connection)
        if model is None:
            raise IndexMismatchError(
                f"the index at {self._index} has no sentence vectors", "add them: mirsearch reembed --meaning"
            )
        with self._lock:
            if self._matrix is None or self._matrix.dims != model.dims:
                self._matrix = MeaningMatrix(self._index, model.dims)
            own = self._matrix.snapshot(connection)
            if (own.table.generation, own.table.token) != (looks.table.generation, looks.table.token):
                return None
            if self._joined is None or self._joined[0] is not looks or self._joined[1] is not own:
                joined = replace(looks, meaning=MeaningRows.of_rows(looks.table, own))
                self._joined = (looks, own, joined)
            return self._joined[2]

    def discard(self, name: str) -> None:
        """Use a damaged file no more. It is made again from SQLite."""
        with self._lock:
            if self._matrix is not None:
                self._matrix.discard(name)

    def update_files(self, connection: sqlite3.Connection) -> None:
        """Update the files to the connection's transaction, if the index has sentence vectors."""
        model = read_meaning(connection)
        if model is not None:
            MeaningMatrix(self._index, model.dims).update_files(connection)
