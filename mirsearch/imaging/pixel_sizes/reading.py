"""Ask the readers of all makers for the pixel size of a page or a picture."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from mirsearch.imaging.beside import EXIF_HEAD, may_have_field_of_view
from mirsearch.imaging.heads import TIFF_HEADS, read_head
from mirsearch.imaging.pixel_sizes.cells import fluoview_pixel_size, metamorph_pixel_size, micro_manager_pixel_size
from mirsearch.imaging.pixel_sizes.fei import fei_pixel_size
from mirsearch.imaging.pixel_sizes.gatan import gatan_pixel_size
from mirsearch.imaging.pixel_sizes.imagej import imagej_pixel_size
from mirsearch.imaging.pixel_sizes.jeol import jeol_pixel_size
from mirsearch.imaging.pixel_sizes.olympus import olympus_pixel_size
from mirsearch.imaging.pixel_sizes.ome import OmeSizes
from mirsearch.imaging.pixel_sizes.renishaw import exif_pixel_size, renishaw_pixel_size
from mirsearch.imaging.pixel_sizes.resolution import bare_pixel_size
from mirsearch.imaging.pixel_sizes.sidecars import sidecar_pixel_size
from mirsearch.imaging.pixel_sizes.sizes import PixelSize
from mirsearch.imaging.pixel_sizes.slides import aperio_pixel_size
from mirsearch.imaging.pixel_sizes.tags import PageTags, TiffTags, quiet_tifffile
from mirsearch.imaging.pixel_sizes.tescan import tescan_pixel_size
from mirsearch.imaging.pixel_sizes.tvips import tvips_pixel_size
from mirsearch.imaging.pixel_sizes.zeiss import lsm_pixel_size, smartsem_pixel_size

_LOG = logging.getLogger(__name__)

_SAME_SHAPE = 0.02
"""Greatest relative difference of the shapes of a page and of a smaller version of it."""

_READERS: tuple[Callable[[PageTags], PixelSize | None], ...] = (
    fei_pixel_size,
    smartsem_pixel_size,
    lsm_pixel_size,
    gatan_pixel_size,
    tescan_pixel_size,
    tvips_pixel_size,
    olympus_pixel_size,
    jeol_pixel_size,
    renishaw_pixel_size,
    micro_manager_pixel_size,
    metamorph_pixel_size,
    fluoview_pixel_size,
    aperio_pixel_size,
    imagej_pixel_size,
)
"""What a page is asked, in this order. The first that knows the page decides, also if it says that there is none.

Only then a text file beside the image is asked, and last the resolution tags, which most programs fill with anything.
"""


def pixel_size_nm(path: Path, page: int = 0) -> float | None:
    """Return the width of a pixel in nm according to a file's metadata, or None if it does not say, or not for sure.

    TIFFs are asked by their tags, then by a text file beside them; `page` is the number of the page, from 0.
    """
    with open_pixel_sizes(path) as size_of:
        return size_of(page)


@contextmanager
def open_pixel_sizes(path: Path) -> Iterator[Callable[[int], float | None]]:
    """Return a function that gives what `pixel_size_nm` returns for a page (from 0); the file is opened only once."""
    tags = _FileSizes(path) if read_head(path, 4) in TIFF_HEADS else None
    try:
        yield (lambda page: _upright_nm(sidecar_pixel_size(path, None))) if tags is None else tags.nm_of
    finally:
        if tags is not None:
            tags.close()


def picture_pixel_size(path: Path, size: tuple[int, int]) -> float | None:
    """Return the nm per px of a picture of (width, height), upright, that is no TIFF.

    Its EXIF is asked where WiRE wrote it, then a text file beside it. Dots per inch or per m of PNG, JPEG and BMP
    never count.
    """
    found = _exif_size(path, size)
    return _upright_nm(sidecar_pixel_size(path, size) if found is None else found)


def _exif_size(path: Path, size: tuple[int, int]) -> PixelSize | None:
    """Return the pixel size by the EXIF of a JPEG of WiRE, or None."""
    if not may_have_field_of_view(read_head(path, EXIF_HEAD)):
        return None
    from PIL import JpegImagePlugin

    try:
        with path.open("rb") as file, JpegImagePlugin.JpegImageFile(file) as picture:
            return exif_pixel_size(picture.getexif(), size)
    except Exception as error:  # noqa: BLE001  damaged EXIF raises anything, and the pixels may still be sound
        _LOG.debug("no pixel size from the EXIF of %s: %s", path, error)
        return None


def _upright_nm(size: PixelSize | None, *, sideways: bool = False) -> float | None:
    return None if size is None else size.along_width(sideways=sideways)


class _FileSizes:
    """The pixel sizes of the pages of one TIFF."""

    def __init__(self, path: Path) -> None:
        self._tiff = TiffTags(path)
        self._ome: OmeSizes | None = None

    def close(self) -> None:
        """Close the file."""
        self._tiff.close()

    def nm_of(self, number: int) -> float | None:
        """Return the nm per px of a page along the width of the upright picture, or None."""
        try:
            with quiet_tifffile():
                page = self._tiff.page(number) if number else self._tiff.first
                size = self._size_of(page)
                if size is None:
                    size = sidecar_pixel_size(self._tiff.path, page.size)
                if size is None:
                    size = bare_pixel_size(page)
                return _upright_nm(size, sideways=page.is_sideways)
        except Exception as error:  # noqa: BLE001  damaged tags raise anything, and the pixels may still be sound
            _LOG.debug("no pixel size from the tags of %s: %s", self._tiff.path, error)
            return None

    def _size_of(self, page: PageTags) -> PixelSize | None:
        """Return the pixel size of a page by its own tags, else by those of the first page where it shows the same."""
        if self._ome is None:
            self._ome = OmeSizes(self._tiff)
        if self._ome.found:
            size = self._ome.size_of(page)
            return _ask(page) if size is None else size
        size = _ask(page)
        factor = _reduction(page, self._tiff.first) if size is None and page.number > 0 else None
        return size if factor is None or self._of_first is None else self._of_first.times(factor)

    @cached_property
    def _of_first(self) -> PixelSize | None:
        """Return what the first page says."""
        return _ask(self._tiff.first)


def _ask(page: PageTags) -> PixelSize | None:
    """Return what the first reader that knows a page says."""
    for reader in _READERS:
        size = reader(page)
        if size is not None:
            return size
    return None


def _reduction(page: PageTags, first: PageTags) -> float | None:
    """Return how many times smaller than the first page a page of the same field is, or None if it may show another."""
    if page.size == first.size:
        return 1.0
    ratio_x, ratio_y = (first.size[side] / page.size[side] for side in (0, 1))
    is_level = page.is_reduced and ratio_x > 1 and math.isclose(ratio_x, ratio_y, rel_tol=_SAME_SHAPE)
    return ratio_x if is_level else None
