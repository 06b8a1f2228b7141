"""The rounded rows of a matrix: one file has int8 rows, a table has scales and errors. Both are made from the matrix.

When the matrix has grown, the rounded rows are extended. If they are damaged or belong to another matrix, they are made
again. Without them, a query uses the matrix alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mirsearch.indexes.embedded import derived_files
from mirsearch.indexes.embedded.buffers import Float32Array
from mirsearch.indexes.embedded.derived_files import BlockChecker, RowSums
from mirsearch.indexes.embedded.vectors.matrix_file import Float16Array, MatrixFile
from mirsearch.indexes.embedded.vectors.rounded import (
    MIN_MATRIX_NUMBERS,
    Codes,
    RoundedMatrix,
    RoundedVectors,
    has_exact_kernels,
    round_vectors,
)

TABLE = "coarse.rows"
_MAGIC = b"mirsearch coarse 2\n"
_CHUNK_ROWS = 256
"""Rows that are rounded together. They fit in the cache of the processor."""


@dataclass(frozen=True, slots=True)
class RoundedFile:
    """Rounded rows on disk: the file name and checksums, scales and errors (n,), and the matrix they are made from.

    `matrix` is the name of the matrix file and `matrix_crc` the checksum of its first n rows.
    """

    folder: Path
    dims: int
    name: str
    sums: RowSums
    matrix: str
    matrix_crc: int
    scale: Float32Array
    error: Float32Array

    def __len__(self) -> int:
        return len(self.scale)

    @property
    def path(self) -> Path:
        """Return the path of the file with int8 rows."""
        return self.folder / self.name

    @property
    def byte_count(self) -> int:
        """Return the size of the rows in bytes."""
        return len(self) * self.dims

    def map_rows(self) -> RoundedMatrix:
        """Return the rows, memory-mapped read-only. Raises OSError or ValueError if the file was just removed."""
        data = np.asarray(np.memmap(self.path, dtype=np.uint8, mode="r", shape=(self.byte_count,)))
        codes: Codes = data.view(np.int8).reshape(-1, self.dims)
        checker = BlockChecker(self.name, data, self.sums.sums)
        return RoundedMatrix.from_vectors(RoundedVectors(codes, self.scale, self.error), checker)


def is_wanted(matrix: MatrixFile) -> bool:
    """Return whether rounded rows make queries on this matrix faster."""
    return len(matrix.table) * matrix.dims >= MIN_MATRIX_NUMBERS and has_exact_kernels(matrix.dims)


def load(matrix: MatrixFile) -> RoundedFile | None:
    """Read the rounded rows of this matrix. Returns None if they don't pay, or are absent, damaged or outdated."""
    file = read(matrix) if is_wanted(matrix) else None
    return file if file is not None and _covers(file, matrix) else None


def update(matrix: MatrixFile, before: MatrixFile | None, damaged: Collection[str] = ()) -> RoundedFile | None:
    """Make or extend the rounded rows of a matrix. `before` is the previous state of the matrix, if there was one.

    Files named in `damaged` are not extended. Returns None if rounded rows don't pay. Raises OSError if they can't be
    written, DamagedFileError if the matrix is damaged. The caller holds the matrix lock.
    """
    if not is_wanted(matrix):
        _remove_all_but(matrix.folder, None)
        return None
    file = read(matrix)
    if file is None or file.name in damaged or not _is_beginning_of(file, matrix, before):
        file = _create(matrix)
    try:
        grown = _append(file, matrix)
        _publish(grown)
    except OSError:
        if not len(file):  # a new file that could not be written whole is of no use
            derived_files.remove(file.path)
        raise
    return grown


def _covers(file: RoundedFile, matrix: MatrixFile) -> bool:
    return (file.matrix, len(file), file.matrix_crc) == (matrix.name, len(matrix.table), matrix.sums.crc)


def _is_beginning_of(file: RoundedFile, matrix: MatrixFile, before: MatrixFile | None) -> bool:
    """Return whether the rounded rows are made from the first rows of the matrix."""
    if file.matrix != matrix.name or len(file) > len(matrix.table):
        return False
    if any(state is not None and _covers(file, state) for state in (matrix, before)):
        return True
    return derived_files.checksum(matrix.path, len(file) * matrix.dims * 2) == file.matrix_crc


def _create(matrix: MatrixFile) -> RoundedFile:
    """Create an empty file with a name that was never used before: files that other processes map must not change."""
    empty = np.zeros(0, dtype=np.float32)
    name = f"coarse-{secrets.token_hex(4)}.i8"
    file = RoundedFile(matrix.folder, matrix.dims, name, RowSums(), matrix.name, 0, empty, empty)
    file.path.touch()
    return file


def _append(file: RoundedFile, matrix: MatrixFile) -> RoundedFile:
    scales, errors = [file.scale], [file.error]

    def data() -> Iterator[bytes]:
        rows, checker = matrix.map_rows()
        checker.check_rows(np.arange(len(file), len(rows)), matrix.dims * 2)
        for chunk in _chunks(rows[len(file) :]):
            chunk_rounded = round_vectors(chunk)
            scales.append(chunk_rounded.scale)
            errors.append(chunk_rounded.error)
            yield chunk_rounded.codes.tobytes()

    sums = derived_files.append_rows(file.path, file.byte_count, data(), file.sums)
    scale, error = np.concatenate(scales), np.concatenate(errors)
    return replace(file, sums=sums, matrix_crc=matrix.sums.crc, scale=scale, error=error)


def _chunks(matrix: Float16Array) -> Iterator[Float16Array]:
    for start in range(0, len(matrix), _CHUNK_ROWS):
        yield matrix[start : start + _CHUNK_ROWS]


def _publish(file: RoundedFile) -> None:
    header = {
        "name": file.name, "dims": file.dims, "rows": len(file), "crc": file.sums.crc,
        "matrix": file.matrix, "matrix_crc": file.matrix_crc,
    }  # fmt: skip
    arrays = (file.scale.astype("<f4"), file.error.astype("<f4"), file.sums.sums.astype("<u8"))
    columns = b"".join(array.tobytes() for array in arrays)
    derived_files.write_table(file.folder / TABLE, _MAGIC, header, columns)
    _remove_all_but(file.folder, file.name)


def _remove_all_but(folder: Path, name: str | None) -> None:
    """Remove all rounded rows except the file `name`."""
    derived_files.remove_others(folder, name, "coarse-*.i8", f"{TABLE}.*.new")
    if name is None and (folder / TABLE).exists():
        derived_files.remove(folder / TABLE)


def read(matrix: MatrixFile) -> RoundedFile | None:
    """Read the rounded rows in the folder of a matrix, even if they are of another one. Returns None if damaged."""
    try:
        contents = derived_files.read_table(matrix.folder / TABLE, _MAGIC)
        if contents is None or contents[0]["dims"] != matrix.dims:
            return None
        header, columns = contents
        rows = int(header["rows"])
        scale, error = np.frombuffer(columns, dtype="<f4", count=2 * rows).reshape(2, rows)
        sums = RowSums(header["crc"], np.frombuffer(columns, dtype="<u8", offset=8 * rows))
        name = Path(header["name"]).name
        file = RoundedFile(matrix.folder, matrix.dims, name, sums, header["matrix"], header["matrix_crc"], scale, error)
        return file if derived_files.is_whole(file.path, file.byte_count, file.sums) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
