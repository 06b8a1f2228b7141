"""What the pages of a TIFF are: planes of one stack with their axes, the levels of a slide, or figures of their own."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirsearch.imaging.pixel_sizes import open_pixel_sizes
from mirsearch.imaging.tiff import full_pages, has_shape, iterate_pages
from mirsearch.readers.base import Color, Plane
from mirsearch.readers.tiff.ome import OmePlane, parse_ome
from mirsearch.readers.tiff.reducing import can_reduce
from mirsearch.settings import Limits

SLIDE_SIDE = 2_000
"""Px: longer side of a slide's level that is read, about."""

_GRAY = (0, 1)
"""Photometric interpretations of gray pages: white is zero, black is zero."""

_RGB = 2


@dataclass(frozen=True, slots=True)
class PageInfo:
    """A page as a stack is judged by: its number in the file, size in px, samples in each pixel, kind of samples."""

    number: int
    width: int
    height: int
    samples: int
    photometric: int
    dtype: str

    @property
    def shape(self) -> tuple[Any, ...]:
        """Return what the pages of one stack have in common."""
        return (self.width, self.height, self.samples, self.photometric, self.dtype)


@dataclass(frozen=True, slots=True)
class Layout:
    """The planes of a TIFF, each with the number of its page, or with its number in the samples behind page 0.

    `level` is None, or the page that is the only plane: a slide's level, or a page that is read reduced by `factor`.
    """

    planes: tuple[Plane, ...]
    pages: tuple[int, ...]
    is_contiguous: bool = False
    level: Any = None
    factor: int = 1


def find_layout(tiff: Any, path: Path, limits: Limits) -> Layout | None:
    """Return the layout of a TIFF that is a stack or a slide; None if its pages are figures of their own.

    `tiff` is a tifffile.TiffFile. Damage raises any kind of error.
    """
    slide = _find_slide(tiff, path, limits)
    if slide is not None:
        return slide
    ome = _ome_planes(tiff, limits)
    imagej = tiff.imagej_metadata if tiff.is_imagej else None
    pages = _full_pages(tiff, path, limits)
    if not pages or (len(pages) == 1 and not (imagej and _count(imagej, "images") > 1)):
        return _reduced_layout(tiff, path, limits) if pages else None
    if ome:
        return _ome_layout(path, [page for page in pages if page.number in ome], ome)
    if imagej is not None and pages[0].photometric in (*_GRAY, _RGB):
        layout = _imagej_layout(tiff, path, pages, imagej)
        if layout is not None:
            return layout
    if pages[0].photometric in _GRAY and pages[0].samples == 1 and len({page.shape for page in pages}) == 1:
        nm = _pixel_sizes(path, [pages[0].number])[0]
        planes = [Plane(page.width, page.height, nm, t=at) for at, page in enumerate(pages)]
        return Layout(tuple(planes), tuple(page.number for page in pages))
    return None


def _reduced_layout(tiff: Any, path: Path, limits: Limits) -> Layout | None:
    """Return the layout of a single page that is too large to be decoded whole; None if it is not, or can't be."""
    page = tiff.pages.first
    width, height = int(page.imagewidth), int(page.imagelength)
    is_large = width * height > limits.image_pixels or tiff.filehandle.size > limits.image_bytes
    if not is_large or max(width, height) > limits.page_side or not can_reduce(page):
        return None
    factor = -(-max(width, height) // limits.plane_side)
    nm = _pixel_sizes(path, [0])[0]
    plane = Plane(width // factor, height // factor, None if nm is None else nm * factor)
    return Layout((plane,), (0,), level=page, factor=factor)


def _full_pages(tiff: Any, path: Path, limits: Limits) -> list[PageInfo]:
    """Return the pages that are no thumbnails and no smaller levels."""
    limits = dataclasses.replace(limits, image_pages=limits.stack_planes)
    return [
        PageInfo(number, int(page.imagewidth), int(page.imagelength), int(page.samplesperpixel), int(page.photometric),
                 str(page.dtype))
        for number, page in full_pages(tiff, str(path), limits)
    ]  # fmt: skip


def _ome_planes(tiff: Any, limits: Limits) -> dict[int, OmePlane]:
    text = tiff.pages.first.description
    if not isinstance(text, str) or "<OME" not in text[:4096] or not text.rstrip().endswith(">"):
        return {}
    return parse_ome(text, limits.stack_planes)


def _ome_layout(path: Path, pages: list[PageInfo], ome: dict[int, OmePlane]) -> Layout | None:
    """Return the planes of an OME-TIFF; None if it has one, or pages that are no planes."""
    if len(pages) < 2:
        return None
    firsts: dict[int, int] = {}
    for page in pages:
        firsts.setdefault(ome[page.number].image, page.number)
    sizes = dict(zip(firsts, _pixel_sizes(path, list(firsts.values())), strict=True))
    is_set = len(firsts) > 1
    planes = []
    for page in pages:
        own = ome[page.number]
        planes.append(
            Plane(
                page.width, page.height, sizes[own.image], own.channel, own.told.name, own.told.color, own.z, own.t,
                own.image if is_set else None, own.title if is_set else "", "micrograph", own.told.technique,
            )
        )  # fmt: skip
    return Layout(tuple(planes), tuple(page.number for page in pages))


def _imagej_layout(tiff: Any, path: Path, pages: list[PageInfo], told: dict[str, Any]) -> Layout | None:
    """Return the planes of an ImageJ stack: channels run fastest, then depth, then time; None if they don't add up."""
    channels, depths, moments = (_count(told, name) for name in ("channels", "slices", "frames"))
    total = channels * depths * moments
    is_contiguous = len(pages) == 1 and total > 1
    count = total if is_contiguous else len(pages)
    if total != count or len({page.shape for page in pages}) != 1:
        return None
    if is_contiguous and not _holds(tiff, total):
        return None
    nm = _pixel_sizes(path, [pages[0].number])[0]
    colors = _lut_colors(told.get("LUTs"), channels)
    planes = [
        Plane(
            pages[0].width, pages[0].height, nm,
            channel=at % channels if channels > 1 else None,
            color=colors[at % channels],
            z=at // channels % depths if depths > 1 else None,
            t=at // (channels * depths) if moments > 1 else None,
        )
        for at in range(count)
    ]  # fmt: skip
    return Layout(
        tuple(planes), tuple(range(count)) if is_contiguous else tuple(page.number for page in pages), is_contiguous
    )


def _holds(tiff: Any, planes: int) -> bool:
    """Return whether so many planes of uncompressed samples lie behind the first page's offset."""
    first = tiff.pages.first
    needed = int(first.dataoffsets[0]) + planes * int(first.nbytes)
    return bool(first.is_contiguous) and needed <= tiff.filehandle.size


def _lut_colors(tables: Any, channels: int) -> list[Color | None]:
    """Return the brightest color of each channel's lookup table; None where ImageJ wrote none, or a gray one."""
    colors: list[Color | None] = []
    for table in list(tables or [])[:channels]:
        red, green, blue = (int(value) for value in table[:, -1])
        colors.append(None if red == green == blue else (red, green, blue))
    return colors + [None] * (channels - len(colors))


def _count(told: dict[str, Any], name: str) -> int:
    value = told.get(name, 1)
    return value if isinstance(value, int) and 0 < value <= 1_000_000 else 1


def _pixel_sizes(path: Path, pages: list[int]) -> list[float | None]:
    with open_pixel_sizes(path) as size_of:
        return [size_of(page) for page in pages]


def _find_slide(tiff: Any, path: Path, limits: Limits) -> Layout | None:
    """Return the level of a slide whose longer side is next to SLIDE_SIDE; None if the file has no smaller levels.

    A picture that is small enough to be read whole is no slide.
    """
    full = tiff.pages.first
    width, height = int(full.imagewidth), int(full.imagelength)
    if not full.is_tiled or max(width, height) <= limits.plane_side:
        return None
    levels = [full, *_levels(tiff, full, path, limits)]
    if len(levels) == 1:
        return None
    level = min(levels, key=lambda page: abs(max(page.imagewidth, page.imagelength) / SLIDE_SIDE - 1))
    nm = _pixel_sizes(path, [0])[0]
    own = None if nm is None else nm * width / int(level.imagewidth)
    plane = Plane(int(level.imagewidth), int(level.imagelength), own, kind="micrograph", technique="optical")
    return Layout((plane,), (0,), level=level)


def _levels(tiff: Any, full: Any, path: Path, limits: Limits) -> list[Any]:
    """Return the smaller levels of a slide: pages of equal shape, or pages below the first (SubIFDs)."""
    found = [page for page in iterate_pages(tiff, str(path), limits) if page is not full and _is_level(page, full)]
    if full.subifds:
        found += [page for page in (full.pages or [])[:32] if _is_level(page, full)]
    return found


def _is_level(page: Any, full: Any) -> bool:
    """Return whether a page is a tiled, smaller version of a slide's full level."""
    is_smaller = bool(page.is_tiled) and page.imagewidth < full.imagewidth
    return is_smaller and int(page.samplesperpixel) == int(full.samplesperpixel) and has_shape(page, full)
