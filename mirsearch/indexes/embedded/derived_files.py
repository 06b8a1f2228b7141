"""Files derived from SQLite, which can be rebuilt: a file of rows that only grows, and a table that is replaced whole.

So a reader's memory map of the rows stays valid. The table stores size, modification time and checksum of the row file.
If size or time differ, the checksum of the file is computed and compared.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_CHUNK_BYTES = 1 << 24


def append_rows(path: Path, size: int, parts: Iterable[bytes], crc: int) -> int:
    """Write `parts` after the first `size` bytes of a file, whose checksum is `crc`. Returns the new checksum."""
    with path.open("r+b") as stream:
        if stream.seek(0, os.SEEK_END) != size:  # appended by a process that was killed
            stream.truncate(size)
        stream.seek(size)
        for part in parts:
            stream.write(part)
            crc = zlib.crc32(part, crc)
        stream.flush()
        os.fsync(stream.fileno())
    return crc


def is_intact(path: Path, size: int, crc: int, stamp: list[int]) -> bool:
    """Return whether the first `size` bytes are unchanged since :func:`file_stamp` gave `stamp`. OSError if absent."""
    if path.stat().st_size < size:
        return False
    return stamp == file_stamp(path) or checksum(path, size) == crc


def file_stamp(path: Path) -> list[int]:
    """Return size and modification time (ns) of a file."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def checksum(path: Path, size: int) -> int:
    """Return the checksum of the first `size` bytes, or -1 if the file is shorter."""
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
