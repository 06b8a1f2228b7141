"""The reader of pictures: png, jpg, gif, bmp, webp, and TIFF whose pages are figures of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mirsearch.imaging import images
from mirsearch.readers.base import Plane
from mirsearch.settings import Limits


class PictureFile:
    """The first picture of a file. :mod:`mirsearch.imaging.images` checks and decodes it."""

    description = ""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._limits = path, limits
        width, height = images.picture_size(path, limits)
        self.planes = (Plane(width, height),)

    def samples(self, index: int) -> NDArray[Any]:
        """Return the RGB pixels of the picture."""
        return images.open_picture(self._path, self._limits).pixels


class PictureReader:
    """Reads what :mod:`mirsearch.imaging.images` reads. `pages` gives each page of a file as a figure of its own."""

    name = "image"
    suffixes = images.SUFFIXES

    @classmethod
    def missing_requirement(cls) -> str | None:
        """Return None: nothing is missing."""
        return None

    def recognizes(self, path: Path, head: bytes) -> bool:
        """Return whether the file is a picture."""
        return images.is_image_head(head)

    @contextmanager
    def open(self, path: Path, limits: Limits) -> Iterator[PictureFile]:
        """Open the first picture of a file."""
        yield PictureFile(path, limits)

    def pages(self, path: Path, limits: Limits) -> Iterator[images.Page]:
        """Yield each page of a file, decoded, with its number in the file and its pixel size."""
        yield from images.read_pages(path, limits)
