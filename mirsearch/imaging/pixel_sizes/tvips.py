"""Pixel sizes of TVIPS cameras: tag 37706, as EM-MENU writes it."""

from __future__ import annotations

from collections.abc import Mapping

from mirsearch.imaging.pixel_sizes.sizes import NO_LENGTH, PixelSize, size_by_keys, stated_size
from mirsearch.imaging.pixel_sizes.tags import PageTags

TAG = 37706
_DIFFRACTION = 3
"""`TemMode` of diffraction patterns."""


def tvips_pixel_size(page: PageTags) -> PixelSize | None:
    """Return `PixelSizeX` and `PixelSizeY`, in nm there. None if the page has no such tag."""
    if TAG not in page:
        return None
    info = page.value(TAG)
    if not isinstance(info, Mapping) or info.get("TemMode") == _DIFFRACTION:
        return NO_LENGTH
    size = size_by_keys(info, "PixelSizeX", "PixelSizeY", 1.0)
    return size.follow(page.size, stated_size(info.get("ImageSizeX"), info.get("ImageSizeY")))
