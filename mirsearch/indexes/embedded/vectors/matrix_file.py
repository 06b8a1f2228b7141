"""The matrix beside the database: float16 rows in one file, what is known of each row in another.

Both can be made again from SQLite at any time.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mirsearch.indexes.embedded import derived_files as noted

TABLE = "matrix.rows"
_MAGIC = b"mirsearch rows 1\n"
Half = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Rows:
    """What is known of each row, in order of key: the panel's key, log10 of its field of view in nm (NaN: none),
    1/norm of its vector, whether it is still there; and the commit that this holds for."""

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
        """The highest key, 0 where there is no row."""
        return int(self.key[-1]) if len(self.key) else 0

    def extended(self, key: NDArray[np.int64], log10_fov: NDArray[np.float64], norms: NDArray[np.float32]) -> Rows:
        """With more rows at the end, all alive."""
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
    """A matrix on disk: its file's name, checksum over the rows, and the rows' table."""

    folder: Path
    dims: int
    name: str
    crc: int
    rows: Rows

    @property
    def path(self) -> Path:
        """The file of float16 rows."""
        return self.folder / self.name

    @property
    def bytes(self) -> int:
        """Bytes of the rows."""
        return len(self.rows) * self.dims * 2

    def mapped(self) -> Half:
        """The rows, memory-mapped read-only, (n, dims)."""
        if not self.bytes:
            return np.zeros((0, self.dims), dtype=np.float16)
        shape = (len(self.rows), self.dims)
        return np.asarray(np.memmap(self.path, dtype="<f2", mode="r", shape=shape))


def start(folder: Path, dims: int) -> MatrixFile:
    """A new, empty file under a name that was never used."""
    found = MatrixFile(folder, dims, f"matrix-{secrets.token_hex(4)}.f16", 0, Rows())
    found.path.touch()
    return found


def load(folder: Path, dims: int) -> MatrixFile | None:
    """The matrix lying in `folder`, or None where there is none or any part of it is damaged."""
    try:
        found = _read_table(folder, dims)
        if found is None:
            return None
        file, times = found
        return file if noted.intact(file.path, file.bytes, file.crc, times) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def append(file: MatrixFile, parts: Iterable[tuple[Rows, Half]]) -> MatrixFile:
    """Write rows behind those that `file` has (each part's table holds all rows so far); no reader sees them yet."""
    rows = file.rows

    def data() -> Iterator[bytes]:
        nonlocal rows
        for longer, matrix in parts:
            yield np.ascontiguousarray(matrix, dtype="<f2").tobytes()
            rows = longer

    crc = noted.append(file.path, file.bytes, data(), file.crc)
    return replace(file, crc=crc, rows=rows)


def publish(file: MatrixFile) -> None:
    """Make `file` the folder's matrix, and remove the ones before it where nothing holds them open."""
    columns = b"".join(np.asarray(getattr(file.rows, name), dtype=kind).tobytes() for name, kind in _COLUMNS.items())
    header = {
        "name": file.name, "dims": file.dims, "rows": len(file.rows), "crc": file.crc, "times": noted.times(file.path),
        "generation": file.rows.generation, "token": file.rows.token, "removals": file.rows.removals,
    }  # fmt: skip
    noted.write_table(file.folder / TABLE, _MAGIC, header, columns)
    noted.remove_others(file.folder, file.name, "matrix-*.f16", f"{TABLE}.*.new")


def _read_table(folder: Path, dims: int) -> tuple[MatrixFile, list[int]] | None:
    found = noted.read_table(folder / TABLE, _MAGIC)
    if found is None or found[0]["dims"] != dims:
        return None
    header, columns = found
    count, offset, arrays = int(header["rows"]), 0, {}
    for name, kind in _COLUMNS.items():
        arrays[name] = np.frombuffer(columns, dtype=kind, count=count, offset=offset)
        offset += arrays[name].nbytes
    rows = Rows(header["generation"], header["token"], header["removals"], **arrays)
    name = Path(header["name"]).name
    return MatrixFile(folder, dims, name, header["crc"], rows), header["times"]
