"""Read the segments of Zeiss CZI files: the directory of subblocks, their samples, and the metadata.

By the description of the format that Zeiss published with libCZI (DV entries, schema 1.2.2).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_SEGMENT = struct.Struct("<16sqq")
_ENTRY = struct.Struct("<2siqiiB5si")
"""Schema, pixel type, place in the file, part, compression, pyramid type, spare bytes, number of dimensions."""

_DIMENSION = struct.Struct("<4siifi")
_MOST_BLOCKS = 1_000_000
_MOST_DIMENSIONS = 40
_LARGEST_XML = 64 << 20
_PIXELS: dict[int, tuple[str, int]] = {
    0: ("<u1", 1), 1: ("<u2", 1), 2: ("<f4", 1), 3: ("<u1", 3), 4: ("<u2", 3), 8: ("<f4", 3), 9: ("<u1", 4),
    12: ("<u4", 1),
}  # fmt: skip
"""Type and number of samples in a pixel, by the number of the pixel type."""

_UNCOMPRESSED, _JPEG, _LZW, _JPEG_XR, _ZSTD0, _ZSTD1 = 0, 1, 2, 4, 5, 6


@dataclass(frozen=True, slots=True)
class Block:
    """One subblock: its place in the file, types, place along each axis, size in px of the full level and as stored."""

    offset: int
    pixel_type: int
    compression: int
    start: Mapping[str, int]
    size: tuple[int, int]
    stored: tuple[int, int]

    @property
    def reduction(self) -> int:
        """Return how many px of the full level one stored px stands for."""
        return max(1, round(self.size[0] / self.stored[0])) if self.stored[0] else 1


class CziSegments:
    """An open CZI file. ValueError or struct.error if it is damaged."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        _, start = self._segment(0, b"ZISRAWFILE")
        file.seek(start + 52)
        self._directory, self._metadata = self._unpack("<qq")

    def _unpack(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack(layout, self._file.read(struct.calcsize(layout)))

    def _segment(self, offset: int, wanted: bytes) -> tuple[int, int]:
        """Return the used bytes of a segment and where its data begin."""
        self._file.seek(offset)
        name, _, used = _SEGMENT.unpack(self._file.read(_SEGMENT.size))
        if name.rstrip(b"\0") != wanted:
            raise ValueError(f"no {wanted.decode()} at byte {offset}")
        return used, offset + _SEGMENT.size

    def xml(self) -> bytes:
        """Return the metadata, or nothing if there are none."""
        if self._metadata <= 0:
            return b""
        _, start = self._segment(self._metadata, b"ZISRAWMETADATA")
        size, _ = self._unpack("<ii")
        if not 0 <= size <= _LARGEST_XML:
            raise ValueError(f"metadata of {size} bytes")
        self._file.seek(start + 256)
        return self._file.read(size)

    def blocks(self) -> list[Block]:
        """Return the entries of the directory."""
        _, start = self._segment(self._directory, b"ZISRAWDIRECTORY")
        (count,) = self._unpack("<i")
        if not 0 <= count <= _MOST_BLOCKS:
            raise ValueError(f"a directory of {count} entries")
        self._file.seek(start + 128)
        return [self._entry() for _ in range(count)]

    def _entry(self) -> Block:
        schema, pixel_type, offset, _, compression, _, _, count = _ENTRY.unpack(self._file.read(_ENTRY.size))
        if schema != b"DV" or not 0 < count <= _MOST_DIMENSIONS:
            raise ValueError(f"an entry of schema {schema!r} with {count} dimensions")
        start: dict[str, int] = {}
        sizes: dict[str, tuple[int, int]] = {}
        for _ in range(count):
            name, first, size, _, stored = _DIMENSION.unpack(self._file.read(_DIMENSION.size))
            axis = name.rstrip(b"\0").decode("ascii")
            start[axis], sizes[axis] = first, (size, stored or size)
        (width, stored_width), (height, stored_height) = sizes["X"], sizes["Y"]
        return Block(offset, pixel_type, compression, start, (width, height), (stored_width, stored_height))

    def samples(self, block: Block) -> NDArray[Any]:
        """Return the samples of a subblock: gray (h, w) or RGB (h, w, 3)."""
        if block.pixel_type not in _PIXELS:
            raise ValueError(f"pixels of type {block.pixel_type}")
        _, start = self._segment(block.offset, b"ZISRAWSUBBLOCK")
        metadata, _, size = self._unpack("<iiq")
        dimensions = self._entry_dimensions()
        self._file.seek(start + max(256, 16 + _ENTRY.size + dimensions * _DIMENSION.size) + metadata)
        dtype, count = _PIXELS[block.pixel_type]
        width, height = block.stored
        shape = (height, width, count) if count > 1 else (height, width)
        data = _decode(self._file.read(size), block.compression, shape, np.dtype(dtype))
        is_picture = isinstance(data, np.ndarray)
        samples = np.asarray(data if is_picture else np.frombuffer(data, dtype))
        if samples.size != math.prod(shape):
            raise ValueError(f"{samples.size} samples for {width} × {height} × {count}")
        samples = samples.reshape(shape)
        if count == 1:
            return samples
        return samples[:, :, :3] if is_picture else samples[:, :, 2::-1]  # raw samples are blue, green, red

    def _entry_dimensions(self) -> int:
        count: int = _ENTRY.unpack(self._file.read(_ENTRY.size))[-1]
        return count


def _decode(data: bytes, compression: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """Return the bytes of a subblock without compression, or an array where the codec gives one; never more of it."""
    if compression == _UNCOMPRESSED:
        return data
    import imagecodecs

    size = math.prod(shape) * dtype.itemsize
    if compression in (_JPEG, _JPEG_XR):
        decode = imagecodecs.jpeg_decode if compression == _JPEG else imagecodecs.jpegxr_decode
        return decode(data, out=np.empty(shape, dtype))
    if compression == _LZW:
        return imagecodecs.lzw_decode(data, out=size)
    if compression not in (_ZSTD0, _ZSTD1):
        raise ValueError(f"compression {compression}")
    plain = imagecodecs.zstd_decode(data[data[0] if compression == _ZSTD1 else 0 :], out=size)
    is_split = compression == _ZSTD1 and data[0] == 3 and data[2] & 1
    # low and high bytes of 16-bit samples are stored apart
    return np.frombuffer(plain, np.uint8).reshape(2, -1).T.tobytes() if is_split else plain
