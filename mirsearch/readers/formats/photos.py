"""Read pictures that Pillow, or a package beside it, decodes: JPEG 2000, AVIF, HEIC."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image, ImageFile

from mirsearch.errors import ImageError
from mirsearch.imaging.tones import picture_to_rgb, upright_size
from mirsearch.readers.base import Plane
from mirsearch.readers.formats.requirements import missing_formats
from mirsearch.settings import Limits

_JP2_HEADS = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")


class PhotoFile:
    """An open picture."""

    description = ""

    def __init__(self, picture: ImageFile.ImageFile) -> None:
        self._picture = picture
        self.planes = (Plane(*upright_size(picture)),)

    def samples(self, index: int) -> NDArray[Any]:
        """Return the RGB pixels of the picture, upright."""
        self._picture.load()
        return picture_to_rgb(self._picture)


class PhotoReader:
    """Reads JPEG 2000 and AVIF with Pillow."""

    name = "photo"
    suffixes = frozenset((".jp2", ".j2k", ".jpx", ".jpf", ".jpc", ".j2c", ".avif", ".avifs"))

    @classmethod
    def missing_requirement(cls) -> str | None:
        """Return None: Pillow is always there."""
        return None

    def recognizes(self, path: Path, head: bytes) -> bool:
        """Return whether a file begins like JPEG 2000 or AVIF."""
        return head.startswith(_JP2_HEADS) or (head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis"))

    @contextmanager
    def open(self, path: Path, limits: Limits) -> Iterator[PhotoFile]:
        """Open a picture."""
        with path.open("rb") as file, _opener(file.read(12))(path) as picture:
            _check_size(picture, path, limits)
            yield PhotoFile(picture)


class HeicReader:
    """Reads HEIC with the package pi-heif, which has no GPL encoder as pillow-heif's wheels do."""

    name = "heic"
    suffixes = frozenset((".heic", ".heif", ".hif"))

    @classmethod
    def missing_requirement(cls) -> str | None:
        """Return how to install pi-heif, if it is missing."""
        return missing_formats("pi_heif")

    def recognizes(self, path: Path, head: bytes) -> bool:
        """Return whether a file begins like HEIC."""
        brands = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc")
        return head[4:8] == b"ftyp" and head[8:12] in brands

    @contextmanager
    def open(self, path: Path, limits: Limits) -> Iterator[PhotoFile]:
        """Open a picture."""
        from pi_heif import HeifImageFile

        with path.open("rb") as file, HeifImageFile(file) as picture:
            _check_size(picture, path, limits)
            yield PhotoFile(picture)


def _opener(head: bytes) -> Any:
    """Return Pillow's class for a picture with these first bytes."""
    from PIL import AvifImagePlugin, Jpeg2KImagePlugin

    return Jpeg2KImagePlugin.Jpeg2KImageFile if head.startswith(_JP2_HEADS) else AvifImagePlugin.AvifImageFile


def _check_size(picture: Image.Image, path: Path, limits: Limits) -> None:
    """Raise ImageError before a picture is decoded that is larger than the limit."""
    if picture.width * picture.height > limits.image_pixels:
        raise ImageError(f"{path}: {picture.width} × {picture.height} px are more than the limit", "reduce its size")
