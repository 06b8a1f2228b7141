"""Read image files safely: each page is decoded once and is always RGB.

The first bytes of a file tell its format, never its suffix. Its size is checked before it is decoded.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, GifImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from mirsearch.corpus import Box
from mirsearch.errors import ImageError, UsageError
from mirsearch.imaging.beside import EXIF_HEAD, has_sidecar, may_have_field_of_view
from mirsearch.imaging.damage import DAMAGE_REMEDY, check_expansion, report_damage
from mirsearch.imaging.heads import TIFF_HEADS
from mirsearch.imaging.tones import Pixels, picture_to_rgb, samples_to_rgb, upright_size
from mirsearch.settings import LIMITS, THUMBNAIL_SIDE, Limits

SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".btf", ".tf8", ".gif", ".bmp", ".dib", ".webp")
)
THUMBNAIL_QUALITY = 85
"""JPEG quality of thumbnails, 0 to 100."""
_HEAD_BYTES = 32
"""First bytes of a file that tell its format."""

_HASH_CHUNK = 1 << 20
"""Bytes read at once for a hash."""

_CONVERT_REMEDY = "convert it to png, jpg or tif"

_Opener = Callable[[IO[bytes]], ImageFile.ImageFile]


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One picture of a file: RGB pixels uint8 (h, w, 3), its number in the file from 0, and nm per px.

    nm per px is None where the file does not give it.
    """

    pixels: Pixels
    number: int = 0
    nm_per_px: float | None = None


def is_image_name(path: Path) -> bool:
    """Return whether a file's name has the suffix of an image that mirsearch reads; hidden files don't count."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def is_image_head(head: bytes) -> bool:
    """Return whether these are the first bytes of an image that this module reads."""
    return head[:4] in TIFF_HEADS or _decoder_class(head) is not None


def read_pages(path: Path | str, limits: Limits = LIMITS) -> Iterator[Page]:
    """Yield each page of an image file: one for all formats but TIFF.

    Thumbnails and the smaller levels of pyramids are left out. ImageError names the file if it is missing, empty,
    damaged, no image, or larger than the limits.
    """
    path = Path(path)
    with _open_checked(path, limits) as file:
        head = file.read(_HEAD_BYTES)
        file.seek(0)
        if head[:4] in TIFF_HEADS:
            yield from _read_tiff_pages(file, path, limits)
        else:
            pixels = _decode(file, head, path, limits)
            yield Page(pixels, 0, _picture_pixel_size(path, file, (pixels.shape[1], pixels.shape[0])))


def open_picture(path: Path | str, limits: Limits = LIMITS) -> Page:
    """Return the first page of an image file. ImageError as for `read_pages`."""
    pages = read_pages(path, limits)
    try:
        page = next(pages, None)
    finally:
        pages.close()  # type: ignore[attr-defined]
    if page is None:
        raise ImageError(f"{path}: contains no picture", _CONVERT_REMEDY)
    return page


def picture_size(path: Path | str, limits: Limits = LIMITS) -> tuple[int, int]:
    """Return (width, height) in px of a file's first picture as read_pages gives it, without decoding it."""
    path = Path(path)
    with _open_checked(path, limits) as file:
        head = file.read(_HEAD_BYTES)
        file.seek(0)
        if head[:4] in TIFF_HEADS:
            with report_damage(path):
                from mirsearch.imaging.tiff import tiff_size

                return tiff_size(file, str(path))
        opener = _decoder_class(head)
        if opener is None:
            raise _no_image_error(path)
        with report_damage(path), opener(file) as picture:
            return upright_size(picture)


def content_hash(path: Path | str, is_stopped: Callable[[], bool] = lambda: False) -> str:
    """Return the sha256 of a file's bytes, 64 hex digits; empty once `is_stopped`. ImageError if it can't be read."""
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while chunk := file.read(_HASH_CHUNK):
                if is_stopped():
                    return ""
                digest.update(chunk)
    except OSError as error:
        raise _unreadable_error(Path(path), error) from error
    return digest.hexdigest()


def thumbnail(pixels: Pixels, side: int = THUMBNAIL_SIDE) -> bytes:
    """Return JPEG bytes of a picture whose longer side is at most `side` px; equal pixels give equal bytes."""
    height, width = pixels.shape[:2]
    pixels = shrink(pixels, fitted_size((width, height), side))
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(
        buffer, "JPEG", quality=THUMBNAIL_QUALITY, optimize=True, progressive=True
    )
    return buffer.getvalue()


def fitted_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return a width and height whose longer side is at most `side` px, in the same ratio."""
    width, height = size
    factor = min(1.0, side / max(width, height))
    return (max(1, round(width * factor)), max(1, round(height * factor)))


def shrink(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Return a picture in the size (width, height) in px: reduced by areas, or as it is if it has that size."""
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def crop(pixels: Pixels, box: Box) -> Pixels:
    """Return the part of a picture inside `box`, as a view. UsageError if the box lies outside the picture."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = max(0, box[0]), max(0, box[1]), min(width, box[2]), min(height, box[3])
    if x0 >= x1 or y0 >= y1:
        raise UsageError(f"the box {','.join(map(str, box))} lies outside the picture of {width} × {height} pixels",
                         "give x0,y0,x1,y1 in pixels, from the top left corner, x0 < x1 and y0 < y1")  # fmt: skip
    return pixels[y0:y1, x0:x1]


@contextmanager
def _open_checked(path: Path, limits: Limits) -> Iterator[IO[bytes]]:
    """Open a file after checking that it is a regular file and of a size that an image can have."""
    try:
        is_regular, size = path.is_file(), path.stat().st_size  # opening a pipe or a device would block
        if not is_regular:
            raise ImageError(f"{path}: not a file", "give an image file")
        if size == 0:
            raise ImageError(f"{path}: empty file (0 bytes)", "get the file again")
        if size > limits.image_bytes:
            raise ImageError(f"{path}: {size:,} bytes, more than the limit of {limits.image_bytes:,}", _CONVERT_REMEDY)
        file = path.open("rb")
    except (OSError, ValueError) as error:
        raise _unreadable_error(path, error) from error
    with file:
        yield file


def _unreadable_error(path: Path, error: OSError | ValueError) -> ImageError:
    """Return the error for a file that can't be opened or read."""
    if isinstance(error, FileNotFoundError):
        return ImageError(f"{path}: no such file", "check the path")
    cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ImageError(f"{path}: can't be read: {cause}", "check the path and its permissions")


def _no_image_error(path: Path) -> ImageError:
    """Return the error for a file of no format that mirsearch reads."""
    return ImageError(f"{path}: not an image of a kind mirsearch reads", _CONVERT_REMEDY)


def _decoder_class(head: bytes) -> _Opener | None:
    """Return Pillow's class for an image with these first bytes, or None."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImagePlugin.PngImageFile
    if head.startswith(b"\xff\xd8\xff"):
        return JpegImagePlugin.JpegImageFile
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return GifImagePlugin.GifImageFile
    if head[:2] == b"BM":
        return BmpImagePlugin.BmpImageFile
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile
    return None


def _decode(file: IO[bytes], head: bytes, path: Path, limits: Limits) -> Pixels:
    """Return the RGB pixels of a file that is no TIFF."""
    opener = _decoder_class(head)
    if opener is None:
        raise _no_image_error(path)
    with report_damage(path), opener(file) as picture:  # not Image.open, which applies limits of Pillow's
        _check_size(picture.size, path, limits)
        check_expansion(str(path), _decoded_bytes(picture), path.stat().st_size, limits)
        picture.load()
        if picture.format == "PNG" and head[24:25] == b"\x10" and picture.mode != "I;16":
            return _decode_deep_png(file)
        return picture_to_rgb(picture)


def _decode_deep_png(file: IO[bytes]) -> Pixels:
    """Return the pixels of a PNG with 16 bits a channel: OpenCV keeps them all, Pillow keeps 8."""
    file.seek(0)
    decoded = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None:
        raise ValueError("16-bit samples can't be decoded")
    samples: NDArray[Any] = np.asarray(decoded)
    if samples.ndim == 3 and samples.shape[2] >= 3:
        samples = samples[:, :, [2, 1, 0, 3][: samples.shape[2]]]
    return samples_to_rgb(samples, alpha=samples.ndim == 3 and samples.shape[2] in (2, 4))


def _read_tiff_pages(file: IO[bytes], path: Path, limits: Limits) -> Iterator[Page]:
    """Yield the pages of a TIFF with their pixel sizes."""
    with report_damage(path):
        from mirsearch.imaging.pixel_sizes import open_pixel_sizes
        from mirsearch.imaging.tiff import read_tiff

    with open_pixel_sizes(path) as size_of:
        pages = (Page(pixels, number, size_of(number)) for number, pixels in read_tiff(file, str(path), limits))
        page, told = None, set[str]()
        while True:
            with report_damage(
                path, told
            ):  # not around the yield: what the reader of a page raises is not the file's fault
                following = next(pages, None)
                if page is None and following is None:
                    raise EOFError("the first page is not where the file places it")
            if following is None:
                return
            page = following
            yield page


def _picture_pixel_size(path: Path, file: IO[bytes], size: tuple[int, int]) -> float | None:
    """Return the nm per px of a picture of (width, height) that is no TIFF, by its EXIF or a text file beside it.

    Where neither can be there, no more modules are loaded.
    """
    file.seek(0)
    if not may_have_field_of_view(file.read(EXIF_HEAD)) and not has_sidecar(path):
        return None
    from mirsearch.imaging.pixel_sizes import picture_pixel_size

    return picture_pixel_size(path, size)


def _decoded_bytes(picture: ImageFile.ImageFile) -> int:
    """Return about how many bytes the decoder of Pillow makes."""
    return picture.width * picture.height * len(picture.getbands()) * (4 if picture.mode in ("I", "F") else 1)


def _check_size(size: tuple[int, int], path: Path, limits: Limits) -> None:
    """Raise ImageError if a picture has no pixels or more than the limit."""
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"{path}: a picture of {width} × {height} pixels", DAMAGE_REMEDY)
    if width * height > limits.image_pixels:
        raise ImageError(
            f"{path}: {width} × {height} pixels are more than the limit of {limits.image_pixels:,}",
            "crop it or reduce its size",
        )
