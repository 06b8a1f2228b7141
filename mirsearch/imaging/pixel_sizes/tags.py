"""The tags of one page of a TIFF, as the readers of pixel sizes ask for them."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from mirsearch.imaging.pixel_sizes.text import decode_text

_LARGEST_TAG, _LARGEST_DESCRIPTION = 1 << 20, 32 << 20
"""Most bytes of a tag that are read: texts and XML of microscopes have up to 200 KB, OME-XML far more."""

_BYTE_TYPES = (1, 2, 6, 7)
"""Types of TIFF whose items are bytes: BYTE, ASCII, SBYTE, UNDEFINED."""

IMAGE_DESCRIPTION, MAKE, ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 270, 271, 274, 282, 283, 296
_LARGEST_UNSIGNED = 2**32 - 1
"""Numerator or denominator of a resolution that some program could not express."""

_OVERFLOW_DIGITS = (4.294967295, 2.147483647)
"""Digits of such a resolution, if powers of ten were taken out of the fraction: of numbers without and with a sign."""


class TiffTags:
    """The pages of one TIFF, opened at the first request. Damage makes tifffile raise many kinds of errors."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: Any = None

    def close(self) -> None:
        """Close the file, if it was opened."""
        if self._opened is not None:
            self._opened.close()

    @property
    def file(self) -> Any:
        """Return the tifffile.TiffFile."""
        if self._opened is None:
            import tifffile

            self._opened = tifffile.TiffFile(self.path, is_ome=False)
        return self._opened

    def page(self, number: int) -> PageTags:
        """Return the tags of a page. IndexError if there is no such page."""
        return PageTags(self, self.file.pages[number], number)  # not len(pages): the chain may be of any length

    @cached_property
    def first(self) -> PageTags:
        """Return the tags of the first page."""
        return self.page(0)

    def known(self, kind: str) -> Any:
        """Return what tifffile makes of a vendor's format (`lsm`, `stk`, `fluoview`), or None."""
        return getattr(self.file, f"{kind}_metadata", None)


class PageTags:
    """The tags of one page, its number in the file from 0, and its (width, height) in px as stored."""

    def __init__(self, tiff: TiffTags, page: Any, number: int) -> None:
        self.tiff, self._page, self.number = tiff, page, number
        self.size = (int(page.imagewidth), int(page.imagelength))

    def __contains__(self, code: int) -> bool:
        return code in self._page.tags

    @property
    def is_reduced(self) -> bool:
        """Return whether the page says that it is a smaller version of another page, or is cut into tiles."""
        return bool(int(self._page.subfiletype or 0) & 1) or bool(self._page.is_tiled)

    @property
    def is_sideways(self) -> bool:
        """Return whether turning the page upright swaps its width and height."""
        value = self.value(ORIENTATION)
        return isinstance(value, int) and 5 <= value <= 8

    def value(self, code: int) -> Any:
        """Return the value of a tag as tifffile decodes it, or None if the page has none, or one that is too large."""
        tag = self._page.tags.get(code)
        return None if tag is None or int(tag.valuebytecount) > _LARGEST_TAG else tag.value

    def raw(self, code: int, limit: int = _LARGEST_TAG) -> bytes:
        """Return the bytes of a tag of bytes or characters, cut at a limit; empty if the page has no such tag."""
        tag = self._page.tags.get(code)
        if tag is None or int(tag.dtype) not in _BYTE_TYPES:
            return b""
        handle = self.tiff.file.filehandle
        handle.seek(tag.valueoffset)
        return bytes(handle.read(min(int(tag.count), limit)))

    def text(self, code: int) -> str:
        """Return the text of a tag, whatever its coding; empty if the page has no such tag."""
        return decode_text(self.raw(code))

    @cached_property
    def description(self) -> str:
        """Return the ImageDescription."""
        return decode_text(self.raw(IMAGE_DESCRIPTION, _LARGEST_DESCRIPTION))

    def resolution(self) -> tuple[float, float] | None:
        """Return the pixels per unit (x, y) of the resolution tags, or None if x is missing, zero or an overflow."""
        x, y = _ratio(self.value(X_RESOLUTION)), _ratio(self.value(Y_RESOLUTION))
        return None if x is None else (x, y or x)


def _ratio(value: Any) -> float | None:
    """Return a rational of TIFF as a number, or None if it is zero, broken or an overflow."""
    if not (isinstance(value, tuple | list) and len(value) >= 2):
        return None
    above, below = int(value[0]), int(value[1])
    if above <= 0 or below <= 0 or _LARGEST_UNSIGNED in (above, below):
        return None
    ratio = above / below
    digits = ratio / 10 ** math.floor(math.log10(ratio))
    return None if any(math.isclose(digits, overflow, rel_tol=1e-10) for overflow in _OVERFLOW_DIGITS) else ratio


@contextlib.contextmanager
def quiet_tifffile() -> Iterator[None]:
    """Keep tifffile from logging every odd tag of a damaged file to stderr."""
    import logging

    logger = logging.getLogger("tifffile")
    was_disabled, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = was_disabled
