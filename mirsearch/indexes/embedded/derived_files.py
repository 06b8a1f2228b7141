"""Files derived from SQLite, which can be rebuilt: a file of rows that only grows, and a table that is replaced whole.

So a reader's memory map of the rows stays valid. The table stores a sum for each block of the row file. A process
checks a block against its sum before it first uses it. The sums run at the speed of memory, some ten times that of a
CRC; any flipped bit, and any block of noise or zeros, changes them.
"""

from __future__ import annotations

import json
import os
import threading
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 4096
_CHUNK_BYTES = 1 << 24
Bytes = NDArray[np.uint8]
Sums = NDArray[np.uint64]


class DamagedFileError(Exception):
    """A derived file does not have the contents that its table tells. `name` is the name of the file."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} does not match its checksums")
        self.name = name


@dataclass(frozen=True, slots=True)
class RowSums:
    """What a table knows of its row file: the CRC of all bytes, which names the contents, and the sums of blocks."""

    crc: int = 0
    sums: Sums = field(default_factory=lambda: np.zeros(0, dtype="<u8"))


def block_sums(data: Bytes) -> Sums:
    """Return the sum of the 64-bit words of each block of bytes. The last block counts as filled up with zeros."""
    whole = len(data) // BLOCK_BYTES * BLOCK_BYTES
    words = data[:whole].view("<u8").reshape(-1, BLOCK_BYTES // 8)
    sums: Sums = np.add.reduce(words, axis=1, dtype=np.uint64)
    if whole == len(data):
        return sums
    rest = np.zeros(BLOCK_BYTES, dtype=np.uint8)
    rest[: len(data) - whole] = data[whole:]
    return np.append(sums, np.add.reduce(rest.view("<u8"), dtype=np.uint64))


class BlockChecker:
    """Checks a memory-mapped row file block by block, each once. Safe to use from several threads."""

    def __init__(self, name: str, data: Bytes, sums: Sums) -> None:
        self._name, self._data, self._sums = name, data, sums
        self._checked = np.zeros(len(sums), dtype=bool)
        self._all_checked = not len(sums)
        self._lock = threading.Lock()

    def check_all(self) -> None:
        """Check all blocks. Raises DamagedFileError."""
        if self._all_checked:
            return
        with self._lock:
            if not self._all_checked and not np.array_equal(block_sums(self._data), self._sums):
                raise DamagedFileError(self._name)
            self._all_checked = True

    def check_rows(self, rows: NDArray[np.intp], row_bytes: int) -> None:
        """Check the blocks that hold some rows. Raises DamagedFileError."""
        if self._all_checked or not len(rows):
            return
        first, last = rows * row_bytes // BLOCK_BYTES, ((rows + 1) * row_bytes - 1) // BLOCK_BYTES
        wanted = np.zeros(len(self._sums), dtype=bool)
        for step in range(int((last - first).max()) + 1):
            wanted[np.minimum(first + step, last)] = True
        blocks = np.flatnonzero(wanted & ~self._checked)
        for block in blocks:
            data = self._data[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES]
            if block_sums(data)[0] != self._sums[block]:
                raise DamagedFileError(self._name)
        self._checked[blocks] = True


def append_rows(path: Path, size: int, parts: Iterable[bytes], known: RowSums) -> RowSums:
    """Write `parts` after the first `size` bytes of a file. Returns the new sums.

    Raises DamagedFileError if the block that is continued does not match its sum.
    """
    begin = size // BLOCK_BYTES * BLOCK_BYTES
    crc, sums = known.crc, [known.sums[: begin // BLOCK_BYTES]]
    with path.open("r+b") as stream:
        if stream.seek(0, os.SEEK_END) != size:  # appended by a process that was killed
            stream.truncate(size)
        stream.seek(begin)
        rest = stream.read(size - begin)
        if size > begin and not np.array_equal(_sums_of(rest), known.sums[begin // BLOCK_BYTES :]):
            raise DamagedFileError(path.name)
        stream.seek(size)
        for part in parts:
            stream.write(part)
            crc = zlib.crc32(part, crc)
            rest += part
            whole = len(rest) // BLOCK_BYTES * BLOCK_BYTES
            sums.append(_sums_of(rest[:whole]))
            rest = rest[whole:]
        stream.flush()
        os.fsync(stream.fileno())
    return RowSums(crc, np.concatenate([*sums, _sums_of(rest)]).astype("<u8"))


def _sums_of(data: bytes) -> Sums:
    return block_sums(np.frombuffer(data, dtype=np.uint8))


def is_whole(path: Path, size: int, known: RowSums) -> bool:
    """Return whether a file is long enough for its first `size` bytes, and has a sum for each block of them."""
    return path.stat().st_size >= size and len(known.sums) == -(-size // BLOCK_BYTES)


def checksum(path: Path, size: int) -> int:
    """Return the CRC of the first `size` bytes, or -1 if the file is shorter."""
    crc = 0
    with path.open("rb") as stream:
        while size > 0:
            data = stream.read(min(_CHUNK_BYTES, size))
            if not data:
                return -1
            crc, size = zlib.crc32(data, crc), size - len(data)
    return crc


def write_table(path: Path, magic: bytes, header: dict[str, Any], columns: bytes) -> None:
    """Write a table, replacing the file as a whole."""
    text = json.dumps(header | {"columns_crc": zlib.crc32(columns)}).encode() + b"\n"
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    temporary.write_bytes(magic + text + str(zlib.crc32(text)).encode() + b"\n" + columns)
    temporary.replace(path)


def read_table(path: Path, magic: bytes) -> tuple[dict[str, Any], bytes] | None:
    """Return header and columns, or None if a part is damaged. A damaged file may also raise OSError or ValueError."""
    first_line, text, crc, columns = path.read_bytes().split(b"\n", 3)
    if first_line + b"\n" != magic or not crc.isdigit() or zlib.crc32(text + b"\n") != int(crc):
        return None
    header: dict[str, Any] = json.loads(text)
    return (header, columns) if zlib.crc32(columns) == header["columns_crc"] else None


def remove_others(folder: Path, kept_name: str | None, *patterns: str) -> None:
    """Remove the files that match a pattern, except the one named `kept_name`."""
    for pattern in patterns:
        for other in folder.glob(pattern):
            if other.name != kept_name:
                remove(other)


def remove(path: Path) -> None:
    """Remove a file that is no longer needed."""
    try:
        path.unlink()
    except OSError:  # Windows can't remove a mapped file; the next commit removes it
        return
