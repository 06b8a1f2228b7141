"""The matrix of vectors beside the database: one file has float16 rows, another has a table about the rows.

Both files can be rebuilt from SQLite at any time.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mirsearch.indexes.embedded import derived_files
from mirsearch.indexes.embedded.derived_files import BlockChecker, RowSums

TABLE = "matrix.rows"
_MAGIC = b"mirsearch rows 2\n"
_NO_BYTES = np.zeros(0, dtype=np.uint8)
Float16Array = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class RowTable:
    """A table with one entry per row of the matrix, in order of key, and the commit for which it is valid.

    Columns: the key of the panel, log10 of its field of view in nm (NaN: none), 1/norm of its vector, and whether the
    panel still exists.
    """

    generation: int = 0
    token: str = ""
    removals: int = 0
    key: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype="<i8"))
    log10_fov: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0, dtype="<f8"))
    inverse_norm: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, dtype="<f4"))
    alive: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype="?"))

    def __len__(self) -> int:
        return len(self.key)

    @property
    def last_key(self) -> int:
        """Return the highest key, or 0 if there is no row."""
        return int(self.key[-1]) if len(self.key) else 0

    def with_rows(self, key: NDArray[np.int64], log10_fov: NDArray[np.float64], norms: NDArray[np.float32]) -> RowTable:
        """Return the table with more rows at the end. The new rows are all alive."""
        inverse = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
        return replace(
            self,
            key=np.concatenate([self.key, key]),
            log10_fov=np.concatenate([self.log10_fov, log10_fov]),
            inverse_norm=np.concatenate([self.inverse_norm, inverse]),
            alive=np.concatenate([self.alive, np.ones(len(key), dtype=bool)]),
        )


_COLUMNS = {"key": "<i8", "log10_fov": "<f8", "inverse_norm": "<f4", "alive": "?"}


@dataclass(frozen=True, slots=True)
class MatrixFile:
    """A matrix on disk: the name of its file, the checksums of the rows, and the table about the rows."""

    folder: Path
    dims: int
    name: str
    sums: RowSums
    table: RowTable

    @property
    def path(self) -> Path:
        """Return the path of the file with float16 rows."""
        return self.folder / self.name

    @property
    def byte_count(self) -> int:
        """Return the size of the rows in bytes."""
        return len(self.table) * self.dims * 2

    def map_rows(self) -> tuple[Float16Array, BlockChecker]:
        """Return the rows, memory-mapped read-only, shape (n, dims), and what checks them before they are used."""
        if not self.byte_count:
            return np.zeros((0, self.dims), dtype=np.float16), BlockChecker(self.name, _NO_BYTES, self.sums.sums)
        data = np.asarray(np.memmap(self.path, dtype=np.uint8, mode="r", shape=(self.byte_count,)))
        return data.view("<f2").reshape(-1, self.dims), BlockChecker(self.name, data, self.sums.sums)


def create(folder: Path, dims: int) -> MatrixFile:
    """Create an empty matrix file with a name that was never used before."""
    file = MatrixFile(folder, dims, f"matrix-{secrets.token_hex(4)}.f16", RowSums(), RowTable())
    file.path.touch()
    return file


def load(folder: Path, dims: int) -> MatrixFile | None:
    """Read the table of the matrix in `folder`. Returns None if there is none, if it is damaged or the rows too short.

    The rows are checked when they are used.
    """
    try:
        file = _read_table(folder, dims)
        return file if file is not None and derived_files.is_whole(file.path, file.byte_count, file.sums) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def append_rows(file: MatrixFile, parts: Iterable[tuple[RowTable, Float16Array]]) -> MatrixFile:
    """Append rows to `file`. No reader sees them until :func:`publish`.

    Each part is a table of all rows so far, and the vectors of the new rows.
    """
    table = file.table

    def data() -> Iterator[bytes]:
        nonlocal table
        for extended, matrix in parts:
            yield np.ascontiguousarray(matrix, dtype="<f2").tobytes()
            table = extended

    sums = derived_files.append_rows(file.path, file.byte_count, data(), file.sums)
    return replace(file, sums=sums, table=table)


def publish(file: MatrixFile) -> None:
    """Make `file` the matrix of its folder. Remove earlier files that are not open in a process."""
    columns = b"".join(np.asarray(getattr(file.table, name), dtype=dtype).tobytes() for name, dtype in _COLUMNS.items())
    columns += file.sums.sums.astype("<u8").tobytes()
    header = {
        "name": file.name, "dims": file.dims, "rows": len(file.table), "crc": file.sums.crc,
        "generation": file.table.generation, "token": file.table.token, "removals": file.table.removals,
    }  # fmt: skip
    derived_files.write_table(file.folder / TABLE, _MAGIC, header, columns)
    derived_files.remove_others(file.folder, file.name, "matrix-*.f16", f"{TABLE}.*.new")


def _read_table(folder: Path, dims: int) -> MatrixFile | None:
    contents = derived_files.read_table(folder / TABLE, _MAGIC)
    if contents is None or contents[0]["dims"] != dims:
        return None
    header, columns = contents
    row_count, offset, arrays = int(header["rows"]), 0, {}
    for name, dtype in _COLUMNS.items():
        arrays[name] = np.frombuffer(columns, dtype=dtype, count=row_count, offset=offset)
        offset += arrays[name].nbytes
    table = RowTable(header["generation"], header["token"], header["removals"], **arrays)
    sums = RowSums(header["crc"], np.frombuffer(columns, dtype="<u8", offset=offset))
    return MatrixFile(folder, dims, Path(header["name"]).name, sums, table)
