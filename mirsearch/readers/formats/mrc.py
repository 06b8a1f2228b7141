"""Read images, stacks and volumes of electron microscopy in MRC (and CCP4) files, with the package mrcfile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.readers.base import Plane
from mirsearch.readers.formats.requirements import missing_formats
from mirsearch.settings import Limits

_NM_PER_ANGSTROM = 0.1
_HEADER_BYTES = 1024
_MAP = slice(208, 211)
"""Bytes of the header that say "MAP"; files of before 2000 lack them."""


class MrcFile:
    """An open MRC file. The rows of MRC run from bottom to top; here they run from top to bottom."""

    def __init__(self, opened: Any, limits: Limits) -> None:
        data = opened.data
        self._planes = data if data.ndim == 2 else data.reshape(-1, *data.shape[-2:])
        count = 1 if data.ndim == 2 else min(len(self._planes), limits.stack_planes)
        height, width = data.shape[-2:]
        size = float(opened.voxel_size.x) * _NM_PER_ANGSTROM
        nm = size if 0 < size < float("inf") else None
        is_volume = bool(opened.is_volume())
        labels = [bytes(label).decode("ascii", "replace") for label in np.atleast_1d(opened.header.label)]
        self.description = " ".join("".join(char for char in labels[0] if char.isprintable()).split()) if labels else ""
        plane = Plane(width, height, nm, kind="micrograph")
        self.planes = (
            [replace(plane, z=at) if is_volume else replace(plane, t=at) for at in range(count)]
            if count > 1
            else [plane]
        )

    def samples(self, index: int) -> NDArray[Any]:
        """Return the samples of a plane."""
        plane = self._planes if self._planes.ndim == 2 else self._planes[index]
        return np.array(plane[::-1])


def _check_extended_header(header: bytes, size: int) -> None:
    """Raise ValueError if the header behind the header is larger than the file: mrcfile would make room for it."""
    count = int.from_bytes(header[92:96], "big" if header[212:213] == b"\x11" else "little", signed=True)
    if not 0 <= count <= size:
        raise ValueError(f"an extended header of {count} bytes")


class MrcReader:
    """Reads MRC with the package mrcfile."""

    name = "mrc"
    suffixes = frozenset((".mrc", ".mrcs", ".map", ".ccp4", ".rec", ".st", ".ali", ".preali"))

    @classmethod
    def missing_requirement(cls) -> str | None:
        """Return how to install mrcfile, if it is missing."""
        return missing_formats("mrcfile")

    def recognizes(self, path: Path, head: bytes) -> bool:
        """Return whether a file has "MAP" in its header, or the suffix and plain sizes of an older file."""
        if head[_MAP] == b"MAP":
            return True
        sizes = np.frombuffer(head[:16], "<i4") if len(head) >= 1024 else np.zeros(4, "<i4")
        return path.suffix.lower() in (".mrc", ".mrcs", ".st", ".rec") and bool(
            (sizes[:3] > 0).all() and (sizes[:3] < 1 << 17).all() and 0 <= sizes[3] <= 12
        )

    @contextmanager
    def open(self, path: Path, limits: Limits) -> Iterator[MrcFile]:
        """Open a file. Its planes stay on the disk until they are asked for."""
        import mrcfile

        with path.open("rb") as file:
            _check_extended_header(file.read(_HEADER_BYTES), path.stat().st_size)
        with mrcfile.mmap(path, mode="r", permissive=True) as opened:  # it warns of small errors in the header
            yield MrcFile(opened, limits)
