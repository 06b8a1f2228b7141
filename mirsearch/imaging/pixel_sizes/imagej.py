"""Pixel sizes of ImageJ: the unit in its ImageDescription, the pixels per unit in the resolution tags."""

from __future__ import annotations

from mirsearch.imaging.pixel_sizes.resolution import is_print, is_print_or_scan, may_be_no_microscope, nm_by_resolution
from mirsearch.imaging.pixel_sizes.sizes import NO_LENGTH, PixelSize
from mirsearch.imaging.pixel_sizes.tags import PageTags
from mirsearch.imaging.pixel_sizes.units import CM_NM, INCH_NM, MM_NM, nm_per_unit

_MARKS = ("ImageJ=", "SCIFIO=")
_MOST_CHARS = 20_000
"""Most characters of the description that are looked at. ImageJ writes some hundreds."""

_FINEST = 0.05
"""Pixel size in nm below which resolution tags are rather meant literally, if they then can be a microscope's."""


def imagej_pixel_size(page: PageTags) -> PixelSize | None:
    """Return the pixel size by ImageJ's unit. None if ImageJ did not write the page, or without any unit.

    Inches and cm are what ImageJ takes from the resolution tags of other files, so they must pass as those must;
    mm with round dots per inch come from print as well. Resolution tags that have a unit of their own count literally
    where they have usual dots per inch, or are very fine in ImageJ's unit: an editor that kept the description wrote
    them.
    """
    if not page.description.startswith(_MARKS):
        return None
    lines = (line.partition("=") for line in page.description[:_MOST_CHARS].splitlines())
    values = {key.strip(): value.strip() for key, sign, value in lines if sign}
    if "unit" not in values:
        return None
    per_unit, x = page.resolution(), nm_per_unit(values["unit"])
    if per_unit is None or x is None:
        return NO_LENGTH
    y = nm_per_unit(values.get("yunit", values["unit"]))
    size = PixelSize(x / per_unit[0], None if y is None else y / per_unit[1])
    literal = nm_by_resolution(page)
    is_fine = size.x < _FINEST and literal is not None and not may_be_no_microscope(literal)
    if literal is not None and (is_print(literal.x) or is_fine):
        size, x = literal, CM_NM
    is_doubtful = may_be_no_microscope(size) if x in (INCH_NM, CM_NM) else x == MM_NM and is_print_or_scan(size.x)
    return NO_LENGTH if is_doubtful else size
