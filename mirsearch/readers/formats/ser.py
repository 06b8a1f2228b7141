"""Read images and series of FEI's TIA in .ser files, by the description of the format that its users published."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.readers.base import Plane
from mirsearch.settings import Limits

_IMAGES = 0x4122
"""Type of a series of images; 0x4120 is one of spectra."""

_SERIES_ID = 0x0197
_WIDE_VERSION = 0x0220
"""Version from which offsets have 64 bits."""

_TYPES = {1: "<u1", 2: "<u2", 3: "<u4", 4: "<i1", 5: "<i2", 6: "<i4", 7: "<f4", 8: "<f8", 9: "<c8", 10: "<c16"}
_IMAGE_HEAD = struct.Struct("<ddiddiHii")
"""Offset, step and place of the calibration along x, the same along y, type of samples, width, height."""

_NM_PER_METER = 1e9
_LARGEST_PIXEL = 1e-3
"""Meters: a step that is larger is no length; diffraction patterns give 1/m, some files px."""


class SerFile:
    """An open .ser file with images."""

    description = ""

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._file = file
        order, _, version, kind, _, total, valid = struct.unpack("<HHHIIII", file.read(22))
        if order != 0x4949 or kind != _IMAGES:
            raise ValueError("a series of spectra, not of images")
        self._wide = version >= _WIDE_VERSION
        (array,) = self._unpack("<Q" if self._wide else "<I")
        file.seek(array)
        count = min(valid, total, limits.stack_planes)
        self._offsets = self._unpack(f"<{count}{'Q' if self._wide else 'I'}")
        self.planes = []
        for at, offset in enumerate(self._offsets):
            width, height, step, _ = self._head(offset)
            self.planes.append(_plane(width, height, step, at if count > 1 else None))

    def _unpack(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack(layout, self._file.read(struct.calcsize(layout)))

    def _head(self, offset: int) -> tuple[int, int, float, str]:
        """Return the width, height, step and type of samples of the image at an offset."""
        self._file.seek(offset)
        _, step, _, _, _, _, kind, width, height = _IMAGE_HEAD.unpack(self._file.read(_IMAGE_HEAD.size))
        if kind not in _TYPES or width < 1 or height < 1:
            raise ValueError(f"an image of type {kind}, {width} × {height}")
        return width, height, step, _TYPES[kind]

    def samples(self, index: int) -> NDArray[Any]:
        """Return the samples of a plane; the rows of TIA run from bottom to top."""
        width, height, _, kind = self._head(self._offsets[index])
        dtype = np.dtype(kind)
        flat = np.frombuffer(self._file.read(width * height * dtype.itemsize), dtype)
        return np.array(flat.reshape(height, width)[::-1])


def _plane(width: int, height: int, step: float, t: int | None) -> Plane:
    """Return a plane; `step` is in m for images, in 1/m for diffraction patterns."""
    if math.isfinite(step) and 0 < step < _LARGEST_PIXEL:
        return Plane(width, height, step * _NM_PER_METER, t=t, kind="micrograph")
    is_reciprocal = math.isfinite(step) and step > 1e3
    return Plane(width, height, t=t, kind="diffraction" if is_reciprocal else "unknown",
                 technique="diffraction" if is_reciprocal else None)  # fmt: skip


class SerReader:
    """Reads .ser."""

    name = "ser"
    suffixes = frozenset((".ser",))

    @classmethod
    def missing_requirement(cls) -> str | None:
        """Return None: nothing is missing."""
        return None

    def recognizes(self, path: Path, head: bytes) -> bool:
        """Return whether a file begins like a series of TIA."""
        return head[:2] == b"II" and head[2:4] == _SERIES_ID.to_bytes(2, "little")

    @contextmanager
    def open(self, path: Path, limits: Limits) -> Iterator[SerFile]:
        """Open a file."""
        with path.open("rb") as file:
            yield SerFile(file, limits)
