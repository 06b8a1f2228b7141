"""Pixel sizes of ImageJ: the unit in its ImageDescription, the pixels per unit in the resolution tags."""

from __future__ import annotations

from mirsearch.imaging.pixel_sizes.resolution import is_print_or_scan, may_be_no_microscope
from mirsearch.imaging.pixel_sizes.sizes import NO_LENGTH, PixelSize
from mirsearch.imaging.pixel_sizes.tags import PageTags
from mirsearch.imaging.pixel_sizes.units import CM_NM, INCH_NM, MM_NM, nm_per_unit

_MARKS = ("ImageJ=", "SCIFIO=")
_MOST_CHARS = 20_000
"""Most characters of the description that are looked at. ImageJ writes some hundreds."""


def imagej_pixel_size(page: PageTags) -> PixelSize | None:
    """Return the pixel size by ImageJ's unit. None if ImageJ did not write the page, or without any unit.

    Inches and cm are what ImageJ takes from the resolution tags of other files, so they must pass as those must;
    mm with round dots per inch come from print as well.
    """
    if not page.description.startswith(_MARKS):
        return None
    lines = (line.partition("=") for line in page.description[:_MOST_CHARS].splitlines())
    values = {key.strip(): value.strip() for key, sign, value in lines if sign}
    if "unit" not in values:
        return None
    per_unit = page.resolution()
    unit_x, unit_y = values["unit"], values.get("yunit", values["unit"])
    x, y = nm_per_unit(unit_x), nm_per_unit(unit_y)
    if per_unit is None or x is None:
        return NO_LENGTH
    size = PixelSize(x / per_unit[0], None if y is None else y / per_unit[1])
    if x in (INCH_NM, CM_NM):
        return NO_LENGTH if may_be_no_microscope(size) else size
    return NO_LENGTH if x == MM_NM and is_print_or_scan(size.x) else size
