"""Messages between the main process and one that reads foreign data: JSON and pieces of bytes, through pipes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import IO

_COUNT = struct.Struct(">I")
_LENGTH = struct.Struct(">Q")
_MOST_PARTS = 10_000
_CHUNK_BYTES = 1 << 20


class BrokenMessageError(Exception):
    """A message was cut short, or breaks the bounds of its reader."""


def write_message(stream: IO[bytes], text: bytes, blobs: Sequence[bytes] = ()) -> None:
    """Write a message. Raises OSError if nobody reads any more."""
    parts = (text, *blobs)
    stream.write(_COUNT.pack(len(parts)) + b"".join(_LENGTH.pack(len(part)) for part in parts))
    for part in parts:
        stream.write(part)
    stream.flush()


def read_message(stream: IO[bytes], most_bytes: int) -> tuple[bytes, list[bytes]] | None:
    """Return the next message, its JSON and its pieces; None at the end. Raises BrokenMessageError."""
    head = stream.read(_COUNT.size)
    if not head:
        return None
    if len(head) < _COUNT.size:
        raise BrokenMessageError("cut short")
    (count,) = _COUNT.unpack(head)
    if not 1 <= count <= _MOST_PARTS:
        raise BrokenMessageError(f"{count} parts")
    lengths = [length for (length,) in _LENGTH.iter_unpack(_read_exactly(stream, count * _LENGTH.size))]
    if sum(lengths) > most_bytes:
        raise BrokenMessageError(f"{sum(lengths):,} bytes")
    text, *blobs = [_read_exactly(stream, length) for length in lengths]
    return text, blobs


def _read_exactly(stream: IO[bytes], length: int) -> bytes:
    chunks = []
    while length:
        chunk = stream.read(min(length, _CHUNK_BYTES))
        if not chunk:
            raise BrokenMessageError("cut short")
        chunks.append(chunk)
        length -= len(chunk)
    return b"".join(chunks)
