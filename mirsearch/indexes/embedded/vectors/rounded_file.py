"""The rounded rows beside a matrix: int8 rows in one file, scales and errors in a table, all made from the matrix.

The matrix comes first: what was rounded of it is extended when that has grown, and made again where it is damaged or of
another matrix. Without it a question is answered from the matrix alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mirsearch.indexes.embedded import derived_files as noted
from mirsearch.indexes.embedded.buffers import Single
from mirsearch.indexes.embedded.vectors.matrix_file import Half, MatrixFile
from mirsearch.indexes.embedded.vectors.rounded import LEAST_NUMBERS, Coarse, Codes, Rounded, rounded, usable

TABLE = "coarse.rows"
_MAGIC = b"mirsearch coarse 1\n"
_CHUNK_ROWS = 256
"""What is rounded at once stays in the processor's cache."""


@dataclass(frozen=True, slots=True)
class CoarseFile:
    """Rounded rows on disk: their file, its checksum, scales and errors (n,); and the matrix they are of, by name and
    the checksum of its first n rows."""

    folder: Path
    dims: int
    name: str
    crc: int
    matrix: str
    matrix_crc: int
    scale: Single
    error: Single

    def __len__(self) -> int:
        return len(self.scale)

    @property
    def path(self) -> Path:
        """The file of int8 rows."""
        return self.folder / self.name

    @property
    def bytes(self) -> int:
        """Bytes of the rows."""
        return len(self) * self.dims

    def mapped(self) -> Coarse:
        """The rows, memory-mapped read-only. OSError or ValueError where the file has just gone."""
        codes: Codes = np.asarray(np.memmap(self.path, dtype=np.int8, mode="r", shape=(len(self), self.dims)))
        return Coarse.of(Rounded(codes, self.scale, self.error))


def wanted(matrix: MatrixFile) -> bool:
    """Whether rounded rows are worth having."""
    return len(matrix.rows) * matrix.dims >= LEAST_NUMBERS and usable(matrix.dims)


def load(matrix: MatrixFile) -> CoarseFile | None:
    """The rounded rows of just this matrix; None where they are not wanted, absent, of another one or damaged."""
    found = _load(matrix) if wanted(matrix) else None
    return found if found is not None and _covers(found, matrix) else None


def follow(matrix: MatrixFile, before: MatrixFile | None) -> CoarseFile | None:
    """Make or extend the rounded rows of a matrix, which was `before` until now; None where they are not wanted.

    For the holder of the matrix's lock. OSError where they can't be written.
    """
    if not wanted(matrix):
        _clear(matrix.folder, None)
        return None
    found = _load(matrix)
    if found is None or not _begins(found, matrix, before):
        found = _start(matrix)
    try:
        grown = _append(found, matrix)
        _publish(grown)
    except OSError:
        if not len(found):  # where there is no room for it a part of it is of no use
            noted.remove(found.path)
        raise
    return grown


def _covers(file: CoarseFile, matrix: MatrixFile) -> bool:
    return (file.matrix, len(file), file.matrix_crc) == (matrix.name, len(matrix.rows), matrix.crc)


def _begins(file: CoarseFile, matrix: MatrixFile, before: MatrixFile | None) -> bool:
    """Whether the rounded rows are those that the matrix begins with."""
    if file.matrix != matrix.name or len(file) > len(matrix.rows):
        return False
    if any(each is not None and _covers(file, each) for each in (matrix, before)):
        return True
    return noted.checksum(matrix.path, len(file) * matrix.dims * 2) == file.matrix_crc


def _start(matrix: MatrixFile) -> CoarseFile:
    """An empty file under a name that was never used: what others have mapped must not change."""
    none = np.zeros(0, dtype=np.float32)
    file = CoarseFile(matrix.folder, matrix.dims, f"coarse-{secrets.token_hex(4)}.i8", 0, matrix.name, 0, none, none)
    file.path.touch()
    return file


def _append(file: CoarseFile, matrix: MatrixFile) -> CoarseFile:
    scales, errors = [file.scale], [file.error]

    def data() -> Iterator[bytes]:
        for part in _parts(matrix.mapped()[len(file) :]):
            made = rounded(part)
            scales.append(made.scale)
            errors.append(made.error)
            yield made.codes.tobytes()

    crc = noted.append(file.path, file.bytes, data(), file.crc)
    scale, error = np.concatenate(scales), np.concatenate(errors)
    return replace(file, crc=crc, matrix_crc=matrix.crc, scale=scale, error=error)


def _parts(matrix: Half) -> Iterator[Half]:
    for at in range(0, len(matrix), _CHUNK_ROWS):
        yield matrix[at : at + _CHUNK_ROWS]


def _publish(file: CoarseFile) -> None:
    header = {
        "name": file.name, "dims": file.dims, "rows": len(file), "crc": file.crc, "times": noted.times(file.path),
        "matrix": file.matrix, "matrix_crc": file.matrix_crc,
    }  # fmt: skip
    columns = file.scale.astype("<f4").tobytes() + file.error.astype("<f4").tobytes()
    noted.write_table(file.folder / TABLE, _MAGIC, header, columns)
    _clear(file.folder, file.name)


def _clear(folder: Path, name: str | None) -> None:
    """Remove rounded rows but those of a name."""
    noted.remove_others(folder, name, "coarse-*.i8", f"{TABLE}.*.new")
    if name is None and (folder / TABLE).exists():
        noted.remove(folder / TABLE)


def _load(matrix: MatrixFile) -> CoarseFile | None:
    """The rounded rows lying beside a matrix, of whichever matrix they are; None where any part is damaged."""
    try:
        found = noted.read_table(matrix.folder / TABLE, _MAGIC)
        if found is None or found[0]["dims"] != matrix.dims:
            return None
        header, columns = found
        scale, error = np.frombuffer(columns, dtype="<f4").reshape(2, int(header["rows"]))
        name = Path(header["name"]).name
        file = CoarseFile(
            matrix.folder, matrix.dims, name, header["crc"], header["matrix"], header["matrix_crc"], scale, error
        )
        return file if noted.intact(file.path, file.bytes, file.crc, header["times"]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
