"""Read pages of TIFF files: classic and BigTIFF, any depth, the full-size level of pyramids.

Pillow decodes 8-bit pages, as it knows every photometric interpretation. tifffile decodes deeper pages, as it keeps
their depth; Pillow decodes them if tifffile has no codec for the compression.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import struct
from collections.abc import Iterator
from typing import IO, Any

import tifffile
from PIL import TiffImagePlugin, _imaging

from mirsearch.errors import ImageError
from mirsearch.imaging.damage import check_expansion
from mirsearch.imaging.pixel_sizes.olympus import is_preview
from mirsearch.imaging.tones import Pixels, picture_to_rgb, samples_to_rgb, stretch_contrast
from mirsearch.settings import Limits

# ImageError reports what is wrong with a file; the libraries' log lines would go to stderr in addition.
for _name in ("tifffile", "PIL.TiffImagePlugin"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


def _silence_libtiff() -> None:
    """Stop Pillow's libtiff from writing to stderr: it names no file; the ImageError does."""
    try:
        library = ctypes.CDLL(_imaging.__file__)
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            function = getattr(library, name)
            function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
            function(None)
    except (OSError, AttributeError, TypeError):
        return  # libtiff can't be reached: the only harm is an extra line on stderr


_silence_libtiff()

DEEP_BITS = 9
"""Least bits of a sample that count as deep."""

REDUCED_SUBFILE = 0x1
"""Bit of NewSubfileType: a smaller version of another page (TIFF 6.0, section 8)."""

_SAME_SHAPE = 0.02
"""Greatest relative difference of the shapes of a page and of a smaller version of it."""

_PLAIN_PHOTOMETRIC = (0, 1, 2)  # white-is-zero, black-is-zero, RGB
_ORIENTATIONS = {2: "h", 3: "hv", 4: "v", 5: "t", 6: "th", 7: "thv", 8: "tv"}


def read_tiff(file: IO[bytes], name: str, limits: Limits) -> Iterator[tuple[int, Pixels]]:
    """Yield (number, RGB pixels) of each full-size page; `number` counts all pages of the file, from 0."""
    with tifffile.TiffFile(file, name=name, is_ome=False) as tiff:
        pillow = PillowPages(file)
        decoded = 0
        for number, page in full_pages(tiff, name, limits):
            check_size(page, name, limits)
            decoded += _decoded_bytes(page)  # of all pages: many of them may share their bytes
            check_expansion(name, decoded, tiff.filehandle.size, limits)
            check_samples_present(tiff, page)
            yield number, decode_page(pillow, page, number)


def tiff_size(file: IO[bytes], name: str) -> tuple[int, int]:
    """Return (width, height) in px of the first page, upright. IndexError if there is no page."""
    with tifffile.TiffFile(file, name=name, is_ome=False) as tiff:
        number = 0
        while is_preview(tiff.pages, number):
            number += 1
        page: Any = tiff.pages[number]
        width, height = int(page.imagewidth), int(page.imagelength)
        return (height, width) if "t" in _upright_steps(page) else (width, height)


def _upright_steps(page: Any) -> str:
    """Return the steps that turn a page upright: h and v mirror, t swaps rows and columns."""
    tag = page.tags.get("Orientation")
    return _ORIENTATIONS.get(int(tag.value) if tag is not None else 1, "")


def full_pages(tiff: Any, name: str, limits: Limits) -> Iterator[tuple[int, Any]]:
    """Yield the number and the page of those that are no thumbnails, no previews and no smaller levels."""
    full: Any = None
    for number, page in enumerate(iterate_pages(tiff, name, limits)):
        if (full is not None and _is_reduced(page, full)) or is_preview(tiff.pages, number):
            continue
        full = page if full is None else full
        yield number, page


def iterate_pages(tiff: Any, name: str, limits: Limits) -> Iterator[Any]:
    """Yield pages one by one. They are never counted: counting would follow a chain of any length first."""
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
    """Raise EOFError if the last page names one more that is not in the file, as in a truncated file.

    A link back to an earlier page counts as an end.
    """
    offset = tiff.pages.next_page_offset
    if offset is None:
        return
    tiff.filehandle.seek(offset)
    link = tiff.filehandle.read(tiff.tiff.offsetsize)
    if len(link) < tiff.tiff.offsetsize:
        raise EOFError("the list of pages is cut off")
    (next_offset,) = struct.unpack(tiff.tiff.offsetformat, link)
    if next_offset and next_offset not in seen:
        raise EOFError(f"page {len(seen)} and what follows it are not in the file")


def _is_reduced(page: Any, full: Any) -> bool:
    """Return whether a page is a thumbnail (by its tag) or a pyramid level (a smaller tiled page of equal shape)."""
    if int(page.subfiletype or 0) & REDUCED_SUBFILE:
        return True
    is_smaller = page.imagewidth < full.imagewidth and page.imagelength < full.imagelength
    return bool(full.is_tiled) and is_smaller and has_shape(page, full)


def has_shape(page: Any, full: Any) -> bool:
    """Return whether a page has the ratio of width to height of another, but for rounding."""
    ratio = (full.imagewidth / page.imagewidth) / (full.imagelength / page.imagelength)
    return bool(abs(ratio - 1) < _SAME_SHAPE)


def check_size(page: Any, name: str, limits: Limits) -> None:
    """Raise ImageError if a page is no flat picture or larger than the limits."""
    width, height, depth = int(page.imagewidth), int(page.imagelength), int(page.imagedepth)
    if width < 1 or height < 1 or depth != 1:
        raise ImageError(f"{name}: not a flat picture ({width} × {height} × {depth})", "save it as pages of a TIFF")
    tile = int(page.tilewidth or 0) * int(page.tilelength or 0) if page.is_tiled else 0
    if max(width * height, tile) > limits.image_pixels or int(page.samplesperpixel) > 64:
        raise ImageError(
            f"{name}: {width} × {height} pixels are more than the limit of {limits.image_pixels:,}",
            "crop it or reduce its size",
        )


def _decoded_bytes(page: Any) -> int:
    """Return about how many bytes the decoder makes of a page; samples of a few bits become whole bytes."""
    bits = page.bitspersample
    depth = max(bits) if isinstance(bits, tuple) else int(bits)
    return int(page.imagewidth) * int(page.imagelength) * int(page.samplesperpixel) * max(1, depth // 8)


def check_samples_present(tiff: Any, page: Any) -> None:
    """Raise EOFError if strips or tiles lie beyond the file's end: libtiff would leave those parts black."""
    size = tiff.filehandle.size
    pieces = zip(page.dataoffsets, page.databytecounts, strict=False)
    if any(offset + count > size for offset, count in pieces if count > 0):
        raise EOFError("samples lie beyond the file's end")


class PillowPages:
    """Pillow's view of the file, opened at the first request and moved page by page: reopening starts at page 0."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._picture: TiffImagePlugin.TiffImageFile | None = None

    def page(self, number: int) -> TiffImagePlugin.TiffImageFile:
        """Return the picture of a page."""
        if self._picture is None:
            self._file.seek(0)
            self._picture = TiffImagePlugin.TiffImageFile(self._file)
        self._picture.seek(number)
        return self._picture


def has_codec(page: Any) -> bool:
    """Return whether tifffile can decode a page's compression: some need the package imagecodecs."""
    return int(page.compression) in tifffile.TIFF.DECOMPRESSORS


def decode_page(pillow: PillowPages, page: Any, number: int) -> Pixels:
    """Return the RGB pixels of a page."""
    bits = page.bitspersample
    depth = max(bits) if isinstance(bits, tuple) else int(bits)
    is_deep = depth >= DEEP_BITS or int(page.sampleformat or 1) in (2, 3)  # signed and float samples count as deep
    if is_deep and int(page.photometric) in _PLAIN_PHOTOMETRIC and has_codec(page):
        with contextlib.suppress(ValueError, NotImplementedError):  # libtiff knows more layouts than tifffile
            return _decode_deep(page)
    picture = pillow.page(number)
    rgb = picture_to_rgb(picture)
    return stretch_contrast(rgb) if is_deep and picture.mode == "RGB" else rgb


def _decode_deep(page: Any) -> Pixels:
    """Return the RGB pixels of a page with deep samples, decoded by tifffile."""
    samples = page.asarray()
    axes = page.axes
    if axes == "SYX":
        samples, axes = samples.transpose(1, 2, 0), "YXS"
    if axes not in ("YX", "YXS"):
        raise ValueError(f"axes {axes}")
    extra = tuple(int(sample) for sample in page.extrasamples)
    rgb = samples_to_rgb(samples, alpha=bool(extra) and extra[-1] in (1, 2), inverted=int(page.photometric) == 0)
    for step in _upright_steps(page):
        rgb = {"h": rgb[:, ::-1], "v": rgb[::-1], "t": rgb.transpose(1, 0, 2)}[step]
    return rgb.copy()
