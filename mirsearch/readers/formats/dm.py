"""Read images of DigitalMicrograph (Gatan), dm3 and dm4, with their calibration."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.imaging.pixel_sizes.units import nm_per_unit
from mirsearch.readers.base import Plane
from mirsearch.readers.formats.dm_tags import DmArray, DmTags
from mirsearch.settings import Limits

_DATA_TYPES = {
    1: "i2", 2: "f4", 3: "c8", 6: "u1", 7: "i4", 9: "i1", 10: "u2", 11: "u4", 12: "f8", 13: "c16", 14: "u1", 23: "u4",
}  # fmt: skip
"""Types of samples by their number in the tag DataType; 23 is red, green, blue and opacity in one number."""

_RGB = 23
_COMPLEX = (3, 13)
"""Types whose elements are stored as pairs, real and imaginary."""

_MOST_IMAGES = 256
_LEAST_SIDE = 2
"""Px: a data set that is lower is a spectrum or a profile."""


class DmImage:
    """One image or stack of a file: its tags, samples and size (width, height, planes)."""

    def __init__(self, tags: DmTags, path: str) -> None:
        self.data: DmArray = tags.get(f"{path}.ImageData.Data")
        self.data_type = int(tags.get(f"{path}.ImageData.DataType", 0))
        sizes = [int(tags.get(f"{path}.ImageData.Dimensions.{axis}", 1)) for axis in range(4)]
        self.width, self.height, self.depth = sizes[0], sizes[1], sizes[2] * sizes[3]
        axes = f"{path}.ImageData.Calibrations.Dimension"
        self.unit = tags.text(f"{axes}.0.Units")
        is_square = self.unit == tags.text(f"{axes}.1.Units")  # else the first axis is one of energies or wavelengths
        self.scale = float(tags.get(f"{axes}.0.Scale", math.nan)) if is_square else math.nan
        self.depth_unit = tags.text(f"{axes}.2.Units")
        self.name = tags.text(f"{path}.Name")
        info = f"{path}.ImageTags.Microscope Info"
        self.modes = " ".join(tags.text(f"{info}.{name}") for name in ("Illumination Mode", "Operation Mode")).upper()
        self.microscope = tags.text(f"{info}.Microscope") or tags.text(f"{info}.Name")
        self.voltage = float(tags.get(f"{info}.Voltage", 0.0) or 0.0)

    @property
    def is_image(self) -> bool:
        """Return whether this is a picture or a stack of them, of a type that can be read."""
        return (
            isinstance(self.data, DmArray) and self.data_type in _DATA_TYPES
            and bool(self.data.code) != (self.data_type in _COMPLEX)
            and min(self.width, self.height) >= _LEAST_SIDE and self.depth >= 1
            and self.width * self.height * self.depth <= self.data.count
        )  # fmt: skip

    @property
    def is_diffraction(self) -> bool:
        """Return whether its axes are those of reciprocal space, or of angles."""
        return self.unit.replace(" ", "") in ("1/nm", "nm-1", "1/Å", "1/A", "1/um", "mrad", "rad", "nm^-1")

    def planes(self, position: int | None) -> list[Plane]:
        """Return its planes: a stack is one of energies (a depth), else of moments."""
        unit = None if self.is_diffraction else nm_per_unit(self.unit)
        nm = unit * self.scale if unit is not None and math.isfinite(self.scale) and self.scale > 0 else None
        is_depth = "ev" in self.depth_unit.lower()
        kind = "diffraction" if self.is_diffraction else "micrograph"
        plane = Plane(
            self.width, self.height, nm, position=position, title=self.name if position is not None else "", kind=kind,
            technique=self._technique,
        )  # fmt: skip
        if self.depth == 1:
            return [plane]
        return [replace(plane, z=at) if is_depth else replace(plane, t=at) for at in range(self.depth)]

    @property
    def _technique(self) -> str | None:
        if self.is_diffraction:
            return "diffraction"
        if "STEM" in self.modes or "SCANNING" in self.modes:
            return "STEM"
        return "TEM" if "TEM" in self.modes or "IMAGING" in self.modes else None

    @property
    def words(self) -> str:
        """Return a line about the instrument."""
        voltage = f"{self.voltage / 1000:g} kV" if self.voltage >= 1000 else ""
        return ", ".join(filter(None, (self.name, self._technique or "", self.microscope, voltage)))


class DmFile:
    """An open file of DigitalMicrograph."""

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._file = file
        tags = DmTags(file)
        self._order = tags.order
        small = {int(tags.get(f"Thumbnails.{number}.ImageIndex", -1)) for number in range(8)}
        found = [DmImage(tags, f"ImageList.{at}") for at in range(_MOST_IMAGES) if at not in small and _has(tags, at)]
        images = [image for image in found if image.is_image]
        self._places: list[tuple[DmImage, int]] = []
        self.planes: list[Plane] = []
        for number, image in enumerate(images):
            image.depth = min(image.depth, max(1, limits.stack_planes - len(self.planes)))
            self.planes += image.planes(number if len(images) > 1 else None)
            self._places += [(image, at) for at in range(image.depth)]
        self.description = images[0].words if images else ""

    def samples(self, index: int) -> NDArray[Any]:
        """Return the samples of a plane."""
        image, at = self._places[index]
        dtype = np.dtype(self._order + _DATA_TYPES[image.data_type])
        count = image.width * image.height
        self._file.seek(image.data.offset + at * count * dtype.itemsize)
        flat = np.frombuffer(self._file.read(count * dtype.itemsize), dtype)
        samples = flat.reshape(image.height, image.width)
        if image.data_type == _RGB:
            return np.stack([(samples >> shift & 255).astype(np.uint8) for shift in (16, 8, 0)], axis=2)
        return samples


def _has(tags: DmTags, at: int) -> bool:
    return f"ImageList.{at}.ImageData.Data" in tags.values


class DmReader:
    """Reads dm3 and dm4."""

    name = "dm"
    suffixes = frozenset((".dm3", ".dm4"))

    @classmethod
    def missing_requirement(cls) -> str | None:
        """Return None: nothing is missing."""
        return None

    def recognizes(self, path: Path, head: bytes) -> bool:
        """Return whether a file has the suffix and the first numbers of DigitalMicrograph."""
        version = int.from_bytes(head[:4], "big")
        return path.suffix.lower() in self.suffixes and version in (3, 4)

    @contextmanager
    def open(self, path: Path, limits: Limits) -> Iterator[DmFile]:
        """Open a file."""
        with path.open("rb") as file:
            yield DmFile(file, limits)
