"""Pixel sizes of TVIPS cameras: tag 37706, as EM-MENU writes it."""

from __future__ import annotations

from collections.abc import Mapping

from mirsearch.imaging.pixel_sizes.sizes import NO_LENGTH, PixelSize, follow_resizing, to_number
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
    x, y = to_number(info.get("PixelSizeX")), to_number(info.get("PixelSizeY"))
    stored = tuple(to_number(info.get(f"ImageSize{axis}")) for axis in "XY")
    factor = follow_resizing((stored[0], stored[1]), page.size) if stored[0] and stored[1] else 1.0
    return NO_LENGTH if not x or factor is None else PixelSize(x, y or None).times(factor)
