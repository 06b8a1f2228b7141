"""Read the tags of DigitalMicrograph files, versions 3 and 4: a tree of names with numbers, texts and arrays.

Large arrays (the images) are not read: their place in the file is. All numbers of the tree itself are big-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import IO, Any

_SIMPLE = {2: "h", 3: "i", 4: "H", 5: "I", 6: "f", 7: "d", 8: "?", 9: "b", 10: "B", 11: "q", 12: "Q"}
"""Codes of the simple types, as struct names them."""

_STRUCT, _TEXT, _ARRAY = 15, 18, 20
_GROUP_TAG, _DATA_TAG = 20, 21
_MARK = b"%%%%"
_MOST_TAGS = 200_000
"""Most tags of a file; the largest of real files had some 20,000."""
_MOST_DEPTH = 64
_MOST_FIELDS = 1_000
_MOST_VALUES = 4_096
"""Most elements of an array that are read as a value; a longer one is an image or a table."""
_SAMPLES = ".ImageData.Data"
"""End of the path of an image's samples, which are never read with the tags."""


@dataclass(frozen=True, slots=True)
class DmArray:
    """A large array: its place in the file, its elements' type as struct names it ("" for structs), and its length."""

    offset: int
    code: str
    count: int


class DmTags:
    """The tags of a file by path: "ImageList.1.ImageData.DataType" → value. Unnamed tags are numbered from 0.

    ValueError or struct.error if the tree is damaged.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        version = self._big("I")
        if version not in (3, 4):
            raise ValueError(f"version {version} of DigitalMicrograph")
        self.is_wide = version == 4
        self._size = "Q" if self.is_wide else "I"
        self._big(self._size)
        self.order = "<" if self._big("I") == 1 else ">"
        self.values: dict[str, Any] = {}
        self._count = 0
        self._read_group("", 0)

    def get(self, path: str, default: Any = None) -> Any:
        """Return the value at a path, or the default."""
        return self.values.get(path, default)

    def text(self, path: str) -> str:
        """Return the text at a path in one line, or "" if there is none. Texts are stored as arrays of 16 bits."""
        value = self.values.get(path)
        if isinstance(value, tuple) and all(isinstance(code, int) and 0 <= code < 0x110000 for code in value):
            value = "".join(map(chr, value))
        return " ".join(value.split()) if isinstance(value, str) else ""

    def _big(self, code: str) -> int:
        return int(self._unpack(">" + code)[0])

    def _unpack(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack(layout, self._file.read(struct.calcsize(layout)))

    def _read_group(self, path: str, depth: int) -> None:
        if depth > _MOST_DEPTH:
            raise ValueError("tags are nested too deep")
        self._file.read(2)  # whether the group is sorted, and open
        unnamed = 0
        for _ in range(self._big(self._size)):
            self._count += 1
            if self._count > _MOST_TAGS:
                raise ValueError(f"more than {_MOST_TAGS:,} tags")
            kind, length = self._unpack(">BH")
            if kind not in (_GROUP_TAG, _DATA_TAG):
                raise ValueError(f"a tag of kind {kind}")
            name = self._file.read(length).decode("latin-1")
            if not name:
                name, unnamed = str(unnamed), unnamed + 1
            own = f"{path}.{name}" if path else name
            end = self._big("Q") + self._file.tell() if self.is_wide else None
            if kind == _GROUP_TAG:
                self._read_group(own, depth + 1)
            else:
                self._read_data(own)
                if end is not None:
                    self._file.seek(end)

    def _read_data(self, path: str) -> None:
        if self._file.read(4) != _MARK:
            raise ValueError(f"no data where {path} should have some")
        count = self._big(self._size)
        if not 0 < count <= 2 * _MOST_FIELDS:
            raise ValueError(f"{path} is described by {count} numbers")
        told = list(self._unpack(f">{count}{self._size}"))
        self.values[path] = self._read_value(told, _MOST_VALUES if not path.endswith(_SAMPLES) else 0)

    def _read_value(self, told: list[int], most: int) -> Any:
        """Return the value that the numbers describe; the file stands behind it then."""
        kind = told[0]
        if kind in _SIMPLE:
            return self._unpack(self.order + _SIMPLE[kind])[0]
        if kind == _STRUCT:
            return tuple(self._unpack(self.order + "".join(_SIMPLE[field] for field in told[4::2])))
        if kind == _TEXT:
            return self._text(told[1])
        if kind == _ARRAY:
            return self._read_array(told, most)
        raise ValueError(f"data of kind {kind}")

    def _text(self, length: int) -> str:
        if length > _MOST_VALUES:
            raise ValueError(f"a text of {length} bytes")
        return self._file.read(length).decode("utf-16-le" if self.order == "<" else "utf-16-be", "replace")

    def _read_array(self, told: list[int], most: int) -> Any:
        length = told[-1]
        if told[1] in _SIMPLE:
            layout = _SIMPLE[told[1]]
        elif told[1] == _STRUCT:
            layout = "".join(_SIMPLE[field] for field in told[5:-1:2])
        else:
            raise ValueError(f"an array of kind {told[1]}")
        size = struct.calcsize("=" + layout)
        if told[1] == _STRUCT or length > most:
            found = DmArray(self._file.tell(), layout if told[1] != _STRUCT else "", length)
            self._file.seek(size * length, 1)
            return found
        return self._unpack(f"{self.order}{length}{layout}")
