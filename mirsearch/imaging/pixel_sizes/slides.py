"""Pixel sizes of whole slides: Aperio's `MPP` in the ImageDescription."""

from __future__ import annotations

import re

from mirsearch.imaging.pixel_sizes.sizes import NO_LENGTH, PixelSize, to_number
from mirsearch.imaging.pixel_sizes.tags import PageTags

_MPP = re.compile(r"(?:^|\|)\s*MPP\s*=\s*([^|\r\n]{1,30})")
_SIZES = re.compile(
    r"(\d{1,7})x(\d{1,7})\s*(?:\[\s*\d+,\s*\d+\s+(\d{1,7})x(\d{1,7})\s*\])?[^|;]{0,60}?->\s*(\d{1,7})x(\d{1,7})"
)
"""`46920x33014 [0,100 46000x32914] (240x240) -> 1024x732`: the scan, what was kept of it, the size of this page."""


def aperio_pixel_size(page: PageTags) -> PixelSize | None:
    """Return `MPP`, in µm there, of a page with Aperio's description; smaller pages have larger pixels."""
    match = _MPP.search(page.description)
    if match is None:
        return None
    microns = to_number(match.group(1))
    if not microns:
        return NO_LENGTH
    sizes = _SIZES.search(page.description)
    size = PixelSize(microns * 1e3)
    if sizes is None or abs(int(sizes.group(5)) - page.size[0]) > 1:
        return size
    return size.times(int(sizes.group(3) or sizes.group(1)) / page.size[0])
