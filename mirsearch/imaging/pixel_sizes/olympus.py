"""Pixel sizes of Olympus Soft Imaging Solutions: tag 33560 of the page with the image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mirsearch.imaging.pixel_sizes.sizes import NO_LENGTH, PixelSize, to_number
from mirsearch.imaging.pixel_sizes.tags import MAKE, PageTags

SIS_TAG = 33560
_MAKE = "Olympus Soft Imaging"
_MOST_PREVIEWS = 4
"""Most pages before the image that may be previews of it."""


def olympus_pixel_size(page: PageTags) -> PixelSize | None:
    """Return `pixelsizex` and `pixelsizey`, in m there. None if the page has no such tag, as previews have none."""
    if SIS_TAG not in page:
        return None
    info = page.value(SIS_TAG)
    x, y = (to_number(info.get(f"pixelsize{axis}")) for axis in "xy") if isinstance(info, Mapping) else (None, None)
    return PixelSize(x * 1e9, y * 1e9 if y else None) if x else NO_LENGTH


def is_preview(pages: Any, number: int) -> bool:
    """Return whether a page of a TIFF (tifffile's pages) is the preview that Olympus SIS writes before the image.

    It has the maker's name, but not the tag that a page behind it has.
    """
    make = pages[number].tags.get(MAKE)
    if number >= _MOST_PREVIEWS or make is None or not str(make.value).startswith(_MAKE):
        return False
    for behind in range(number, number + _MOST_PREVIEWS + 1):
        try:
            if SIS_TAG in pages[behind].tags:
                return behind > number
        except IndexError:
            return False
    return False
