"""Pages of TIFF files: classic and BigTIFF, any depth, the full-size level of pyramids.

8-bit pages are decoded by Pillow, which knows every photometric interpretation; deeper ones by tifffile, which keeps
their depth, and by Pillow again where a compression is beyond tifffile's own codecs.
"""

from __future__ import annotations

import ctypes
import logging
import struct
from collections.abc import Iterator
from typing import IO, Any

import tifffile
from PIL import TiffImagePlugin, _imaging

from mirsearch.errors import ImageError
from mirsearch.imaging.tones import Pixels, picture_to_rgb, samples_to_rgb, stretch_contrast
from mirsearch.settings import Limits

# What is odd in a file is told through ImageError; the libraries' own log lines would go to stderr besides.
for _name in ("tifffile", "PIL.TiffImagePlugin"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


def _silence_libtiff() -> None:
    """Stop the libtiff inside Pillow from writing to stderr by itself: it names no file, and the ImageError does."""
    try:
        library = ctypes.CDLL(_imaging.__file__)
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            function = getattr(library, name)
            function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
            function(None)
    except (OSError, AttributeError, TypeError):
        return  # linked in a way that can't be reached: a line too much on stderr is all


_silence_libtiff()

DEEP_BITS = 9
REDUCED_SUBFILE = 0x1
"""Bit of NewSubfileType: a smaller version of another page (TIFF 6.0, section 8)."""
_PLAIN_PHOTOMETRIC = (0, 1, 2)  # white-is-zero, black-is-zero, RGB
_ORIENTATIONS = {2: "h", 3: "hv", 4: "v", 5: "t", 6: "th", 7: "thv", 8: "tv"}


def read_tiff(file: IO[bytes], name: str, limits: Limits) -> Iterator[tuple[int, Pixels]]:
    """(number, RGB pixels) of each full-size page; `number` counts all pages of the file, from 0."""
    with tifffile.TiffFile(file, name=name, is_ome=False) as tiff:
        full: Any = None
        pillow = _PillowPages(file)
        for number, page in enumerate(_iterate_pages(tiff, name, limits)):
            if number > 0 and _is_reduced(page, full):
                continue
            full = page if full is None else full
            _check_size(page, name, limits)
            _check_samples_present(tiff, page)
            yield number, _decode(pillow, page, number)


def tiff_size(file: IO[bytes], name: str) -> tuple[int, int]:
    """(width, height) in px of the first page, upright. IndexError where there is none."""
    with tifffile.TiffFile(file, name=name, is_ome=False) as tiff:
        page: Any = tiff.pages[0]
        width, height = int(page.imagewidth), int(page.imagelength)
        return (height, width) if "t" in _upright_steps(page) else (width, height)


def _upright_steps(page: Any) -> str:
    """Steps that set a page upright: h and v mirror, t swaps rows and columns."""
    tag = page.tags.get("Orientation")
    return _ORIENTATIONS.get(int(tag.value) if tag is not None else 1, "")


def _iterate_pages(tiff: Any, name: str, limits: Limits) -> Iterator[Any]:
    """Pages one by one: their number is never asked for, as counting would follow a chain of any length first."""
    pages = tiff.pages
    seen: set[int] = set()
    for number in range(limits.image_pages):
        try:
            page = pages[number]
        except IndexError:
            _check_end(tiff, seen)
            return
        seen.add(page.offset)
        yield page
    try:
        pages[limits.image_pages]
    except IndexError:
        return
    raise ImageError(
        f"{name}: more than {limits.image_pages} pages; the first {limits.image_pages} were read",
        "split the file to read the rest",
    )


def _check_end(tiff: Any, seen: set[int]) -> None:
    """EOFError where the last page names one more that is not in the file, as in a file cut short; a loop is an end."""
    at = tiff.pages.next_page_offset
    if at is None:
        return
    tiff.filehandle.seek(at)
    field = tiff.filehandle.read(tiff.tiff.offsetsize)
    if len(field) < tiff.tiff.offsetsize:
        raise EOFError("the list of pages is cut off")
    (following,) = struct.unpack(tiff.tiff.offsetformat, field)
    if following and following not in seen:
        raise EOFError(f"page {len(seen)} and what follows it are not in the file")


def _is_reduced(page: Any, full: Any) -> bool:
    """Whether a page is a thumbnail or a level of a pyramid, told by its tag or by halved sides of a tiled page."""
    if int(page.subfiletype or 0) & REDUCED_SUBFILE:
        return True
    if not full.is_tiled or page.imagewidth >= full.imagewidth or page.imagelength >= full.imagelength:
        return False
    across, down = full.imagewidth / page.imagewidth, full.imagelength / page.imagelength
    return bool(abs(across / down - 1) < 0.02)


def _check_size(page: Any, name: str, limits: Limits) -> None:
    width, height, depth = int(page.imagewidth), int(page.imagelength), int(page.imagedepth)
    if width < 1 or height < 1 or depth != 1:
        raise ImageError(f"{name}: not a flat picture ({width} × {height} × {depth})", "save it as pages of a TIFF")
    tile = int(page.tilewidth or 0) * int(page.tilelength or 0) if page.is_tiled else 0
    if max(width * height, tile) > limits.image_pixels or int(page.samplesperpixel) > 64:
        raise ImageError(
            f"{name}: {width} × {height} pixels are more than the limit of {limits.image_pixels:,}",
            "crop it or reduce its size",
        )


def _check_samples_present(tiff: Any, page: Any) -> None:
    """EOFError where strips or tiles lie beyond the file's end: libtiff would leave those parts black."""
    size = tiff.filehandle.size
    pieces = zip(page.dataoffsets, page.databytecounts, strict=False)
    if any(offset + count > size for offset, count in pieces if count > 0):
        raise EOFError("samples lie beyond the file's end")


class _PillowPages:
    """Pillow's view of the file, opened at the first need and turned page by page: opening anew starts at page 0."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._picture: TiffImagePlugin.TiffImageFile | None = None

    def page(self, number: int) -> TiffImagePlugin.TiffImageFile:
        """The picture of a page."""
        if self._picture is None:
            self._file.seek(0)
            self._picture = TiffImagePlugin.TiffImageFile(self._file)
        self._picture.seek(number)
        return self._picture


def _decode(pillow: _PillowPages, page: Any, number: int) -> Pixels:
    bits = page.bitspersample
    depth = max(bits) if isinstance(bits, tuple) else int(bits)
    deep = depth >= DEEP_BITS or int(page.sampleformat or 1) in (2, 3)  # signed and float samples count as deep
    if deep and int(page.photometric) in _PLAIN_PHOTOMETRIC:
        try:
            return _decode_deep(page)
        except (ValueError, RuntimeError, ImportError, NotImplementedError):
            pass  # a compression tifffile has no codec for: libtiff, inside Pillow, knows more of them
    picture = pillow.page(number)
    rgb = picture_to_rgb(picture)
    return stretch_contrast(rgb) if deep and picture.mode == "RGB" else rgb


def _decode_deep(page: Any) -> Pixels:
    samples = page.asarray()
    axes = page.axes
    if axes == "SYX":
        samples, axes = samples.transpose(1, 2, 0), "YXS"
    if axes not in ("YX", "YXS"):
        raise ValueError(f"axes {axes}")
    extra = tuple(int(each) for each in page.extrasamples)
    rgb = samples_to_rgb(samples, alpha=bool(extra) and extra[-1] in (1, 2), inverted=int(page.photometric) == 0)
    for step in _upright_steps(page):
        rgb = {"h": rgb[:, ::-1], "v": rgb[::-1], "t": rgb.transpose(1, 0, 2)}[step]
    return rgb.copy()
