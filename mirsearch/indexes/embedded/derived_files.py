"""Files made from SQLite that can be made again: rows that are only appended, and a table about them replaced whole.

A reader's map of the rows so stays true. The table notes size, times and checksum of the rows' file: where size and
times are others, the file is read against its checksum.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_CHUNK = 1 << 24


def append(path: Path, size: int, parts: Iterable[bytes], crc: int) -> int:
    """Write behind the first `size` bytes of a file, whose checksum is `crc`; the checksum with what is new."""
    with path.open("r+b") as stream:
        if stream.seek(0, os.SEEK_END) != size:  # what a process that died had appended
            stream.truncate(size)
        stream.seek(size)
        for data in parts:
            stream.write(data)
            crc = zlib.crc32(data, crc)
        stream.flush()
        os.fsync(stream.fileno())
    return crc


def intact(path: Path, size: int, crc: int, noted: list[int]) -> bool:
    """Whether the first `size` bytes are those noted; OSError where there is no such file."""
    if path.stat().st_size < size:
        return False
    return noted == times(path) or checksum(path, size) == crc


def times(path: Path) -> list[int]:
    """Size, and the time of the last change."""
    about = path.stat()
    return [about.st_size, about.st_mtime_ns]


def checksum(path: Path, size: int) -> int:
    """Checksum of the first `size` bytes; -1 where there are fewer."""
    crc = 0
    with path.open("rb") as stream:
        while size > 0:
            data = stream.read(min(_CHUNK, size))
            if not data:
                return -1
            crc, size = zlib.crc32(data, crc), size - len(data)
    return crc


def write_table(path: Path, magic: bytes, header: dict[str, Any], columns: bytes) -> None:
    """Replace a table."""
    text = json.dumps(header | {"columns_crc": zlib.crc32(columns)}).encode() + b"\n"
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_bytes(magic + text + str(zlib.crc32(text)).encode() + b"\n" + columns)
    fresh.replace(path)


def read_table(path: Path, magic: bytes) -> tuple[dict[str, Any], bytes] | None:
    """Header and columns, None where any part is damaged; OSError or ValueError, too."""
    found, text, crc, columns = path.read_bytes().split(b"\n", 3)
    if found + b"\n" != magic or not crc.isdigit() or zlib.crc32(text + b"\n") != int(crc):
        return None
    header: dict[str, Any] = json.loads(text)
    return (header, columns) if zlib.crc32(columns) == header["columns_crc"] else None


def remove_others(folder: Path, kept: str | None, *patterns: str) -> None:
    """Remove the files of some patterns but the one of a name."""
    for pattern in patterns:
        for other in folder.glob(pattern):
            if other.name != kept:
                remove(other)


def remove(path: Path) -> None:
    """Remove a file that nothing is made from any more."""
    try:
        path.unlink()
    except OSError:  # Windows keeps what is mapped; the next matrix removes it
        return
