"""The reader of TIFF stacks and slides. TIFF whose pages are figures of their own is left to the reader of pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import ImageError
from mirsearch.imaging.heads import TIFF_HEADS
from mirsearch.settings import LIMITS, Limits

if TYPE_CHECKING:
    from mirsearch.readers.tiff.layout import Layout

_EXTRA = "mirsearch[formats]"
_log = logging.getLogger(__name__)
_WHOLE_BITS = 8
"""Bits of a sample from which gray pages are decoded as they are, without a stretch of their tones."""


class TiffFile:
    """An open TIFF stack or slide."""

    description = ""

    def __init__(self, tiff: Any, layout: Layout, file: IO[bytes], limits: Limits) -> None:
        from mirsearch.imaging.tiff import PillowPages

        self._tiff, self._layout, self._limits = tiff, layout, limits
        self._pillow = PillowPages(file)
        self.planes = layout.planes

    def samples(self, index: int) -> NDArray[Any]:
        """Return the samples of a plane."""
        if self._layout.factor > 1:
            return self._reduced(self._layout.level)
        if self._layout.level is not None:
            return self._decode(self._layout.level, None)
        number = self._layout.pages[index]
        if self._layout.is_contiguous:
            return self._contiguous(number)
        return self._decode(self._tiff.pages[number], number)

    def _reduced(self, page: Any) -> NDArray[Any]:
        """Return the reduced samples of a page that is too large to be decoded whole."""
        from mirsearch.imaging.tiff import check_samples_present
        from mirsearch.readers.tiff.reducing import read_reduced

        check_samples_present(self._tiff, page)
        samples = read_reduced(self._tiff, page, self._layout.factor)
        samples = samples if page.dtype.kind == "f" else np.rint(samples).astype(page.dtype)
        return _inverted(samples) if int(page.photometric) == 0 else samples

    def _contiguous(self, number: int) -> NDArray[Any]:
        """Return the plane of an ImageJ stack whose planes follow each other behind the only page."""
        page = self._tiff.pages.first
        dtype = page.dtype.newbyteorder(self._tiff.byteorder)
        self._tiff.filehandle.seek(int(page.dataoffsets[0]) + number * int(page.nbytes))
        flat = np.frombuffer(self._tiff.filehandle.read(int(page.nbytes)), dtype)
        samples = flat.reshape(int(page.imagelength), int(page.imagewidth), int(page.samplesperpixel))
        return samples[:, :, 0] if samples.shape[2] == 1 else samples

    def _decode(self, page: Any, number: int | None) -> NDArray[Any]:
        """Return the samples of a page: raw where tifffile knows the compression, else as Pillow shows them."""
        from mirsearch.imaging.tiff import check_samples_present, check_size, decode_page, has_codec

        check_size(page, str(self._tiff.filehandle.name), self._limits)
        check_samples_present(self._tiff, page)
        if number is None and not has_codec(page):
            raise ImageError("the tiles of this slide can't be decoded yet", f"pip install '{_EXTRA}'")
        is_gray = int(page.photometric) in (0, 1) and int(page.samplesperpixel) == 1
        if number is None or (is_gray and int(page.bitspersample) >= _WHOLE_BITS and has_codec(page)):
            samples: NDArray[Any] = page.asarray()
            return _inverted(samples) if int(page.photometric) == 0 else samples
        if is_gray and int(page.bitspersample) >= _WHOLE_BITS:
            samples = np.asarray(self._pillow.page(number))  # libtiff knows the compressions of TIFF 6.0
            if samples.ndim == 2:
                return samples
        return decode_page(self._pillow, page, number)


def _inverted(samples: NDArray[Any]) -> NDArray[Any]:
    """Return samples of a page where zero is white."""
    return np.iinfo(samples.dtype).max - samples if samples.dtype.kind == "u" else -samples


class TiffReader:
    """Reads TIFF stacks (OME, ImageJ, gray pages of one size) and slides."""

    name = "tiff"
    suffixes = frozenset((".tif", ".tiff", ".btf", ".tf8", ".svs", ".ndpi"))

    @classmethod
    def missing_requirement(cls) -> str | None:
        """Return None: nothing is missing."""
        return None

    def recognizes(self, path: Path, head: bytes) -> bool:
        """Return whether a file is a TIFF with the planes of a stack, or the levels of a slide."""
        if head[:4] not in TIFF_HEADS:
            return False
        try:
            with _open_layout(path, LIMITS) as (_, layout, _file):
                return layout is not None
        except Exception as error:  # noqa: BLE001  damage raises anything; the reader of pictures tells it
            _log.debug("no layout of %s: %s", path, error)
            return False

    @contextmanager
    def open(self, path: Path, limits: Limits) -> Iterator[TiffFile]:
        """Open a stack or slide."""
        with _open_layout(path, limits) as (tiff, layout, file):
            if layout is None:
                raise EOFError("neither a stack nor a slide")
            yield TiffFile(tiff, layout, file, limits)


@contextmanager
def _open_layout(path: Path, limits: Limits) -> Iterator[tuple[Any, Layout | None, IO[bytes]]]:
    import tifffile

    from mirsearch.readers.tiff.layout import find_layout

    with path.open("rb") as file, tifffile.TiffFile(file, name=str(path), is_ome=False) as tiff:
        yield tiff, find_layout(tiff, path, limits), file
