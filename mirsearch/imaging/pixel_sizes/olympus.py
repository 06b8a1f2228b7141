"""Pixel sizes of Olympus Soft Imaging Solutions: tag 33560 of the page with the image."""

from __future__ import annotations

import struct
from typing import Any

from mirsearch.imaging.pixel_sizes.sizes import PixelSize, size_by_keys
from mirsearch.imaging.pixel_sizes.tags import PageTags

SIS_TAG = 33560
_MOST_PREVIEWS = 3
"""Most pages at the start of a file that may be previews of an image, and how far away it may be."""


def olympus_pixel_size(page: PageTags) -> PixelSize | None:
    """Return `pixelsizex` and `pixelsizey`, in m there. None if the page has no such tag, as previews have none."""
    return size_by_keys(page.value(SIS_TAG), "pixelsizex", "pixelsizey", 1e9) if SIS_TAG in page else None


def is_preview(pages: Any, number: int) -> bool:
    """Return whether a page of a TIFF (tifffile's pages) is a preview that Olympus SIS writes beside the image.

    It has not the tag that a page behind it has, or that a larger page before it has.
    """
    if number >= _MOST_PREVIEWS or SIS_TAG in pages[number].tags:
        return False
    width = int(pages[number].imagewidth)
    for other in range(number + _MOST_PREVIEWS):
        try:
            page = pages[other]
        except (LookupError, ValueError, OSError, EOFError, struct.error):
            return False  # the end, or damage that whoever reads that page tells
        if SIS_TAG in page.tags:
            return int(page.imagewidth) > width or (other > number and int(page.imagewidth) == width)
    return False
