"""Read images of HDF5 files that mark them as such: EMD of Velox and of Berkeley, HyperSpy, HDF5 images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.readers.base import Plane
from mirsearch.readers.formats.hdf5_images import MarkedImage, find_images
from mirsearch.readers.formats.requirements import missing_formats
from mirsearch.settings import Limits

_SIGNATURE = b"\x89HDF\r\n\x1a\n"


class Hdf5File:
    """An open HDF5 file. Each marked data set is a position; its planes are read one by one."""

    def __init__(self, opened: Any, limits: Limits) -> None:
        images = find_images(opened)
        self.planes: list[Plane] = []
        self._places: list[tuple[MarkedImage, int]] = []
        for number, image in enumerate(images):
            planes = image.planes(number if len(images) > 1 else None)
            room = limits.stack_planes - len(self.planes)
            self.planes += planes[:room]
            self._places += [(image, at) for at in range(len(planes))][:room]
        self.description = images[0].description if images else ""

    def samples(self, index: int) -> NDArray[Any]:
        """Return the samples of a plane."""
        image, at = self._places[index]
        return np.asarray(image.read(at))


class Hdf5Reader:
    """Reads HDF5 with the package h5py."""

    name = "hdf5"
    suffixes = frozenset((".emd", ".h5", ".hdf5", ".hspy", ".he5", ".hdf"))

    @classmethod
    def missing_requirement(cls) -> str | None:
        """Return how to install h5py, if it is missing."""
        return missing_formats("h5py")

    def recognizes(self, path: Path, head: bytes) -> bool:
        """Return whether a file begins like HDF5."""
        return head.startswith(_SIGNATURE)

    @contextmanager
    def open(self, path: Path, limits: Limits) -> Iterator[Hdf5File]:
        """Open a file. It can't lead to other files: only data sets of its own are read."""
        import h5py

        with h5py.File(path, "r") as opened:
            found = Hdf5File(opened, limits)
            if not found.planes:
                raise EOFError("no data set in it is marked as an image (EMD, HyperSpy, HDF5 image)")
            yield found
