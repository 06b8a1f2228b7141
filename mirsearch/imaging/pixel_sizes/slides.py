"""Pixel sizes of whole slides: Aperio's `MPP` in the ImageDescription."""

from __future__ import annotations

import re

from mirsearch.imaging.pixel_sizes.sizes import NO_LENGTH, PixelSize, follow_resizing, to_number
from mirsearch.imaging.pixel_sizes.tags import PageTags

_MPP = re.compile(r"(?:^|\|)\s*MPP\s*=\s*([^|\r\n]{1,30})")
_SIZES = re.compile(r"(\d{1,7})x(\d{1,7})\s*(?:\[\s*\d+,\s*\d+\s+(\d{1,7})x(\d{1,7})\s*\])?")
"""`46920x33014 [0,100 46000x32914] (240x240) -> 1024x732`: the scan, what was kept of it, and more."""

_MOST_CHARS = 20_000
"""Most characters of the description that are looked at. Aperio writes up to a thousand."""


def aperio_pixel_size(page: PageTags) -> PixelSize | None:
    """Return `MPP`, in µm there, of a page with Aperio's description; smaller pages of its shape have larger pixels."""
    description = page.description[:_MOST_CHARS]
    match = _MPP.search(description)
    if match is None:
        return None
    microns = to_number(match.group(1))
    if not microns:
        return NO_LENGTH
    sizes = _SIZES.search(description)
    if sizes is None:
        return PixelSize(microns * 1e3)
    kept = (float(sizes.group(3) or sizes.group(1)), float(sizes.group(4) or sizes.group(2)))
    factor = follow_resizing(kept, page.size)
    if factor is None and "->" in description:
        return NO_LENGTH
    return PixelSize(microns * 1e3).times(factor or 1.0)  # another shape was cut out of the full size
