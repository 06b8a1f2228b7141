"""Pixel sizes of TIFFs that DigitalMicrograph writes: tags 65003 to 65014."""

from __future__ import annotations

from mirsearch.imaging.pixel_sizes.sizes import NO_LENGTH, PixelSize, to_number
from mirsearch.imaging.pixel_sizes.tags import PageTags
from mirsearch.imaging.pixel_sizes.units import to_nm

_UNIT_X, _UNIT_Y, _SCALE_X, _SCALE_Y, _UNIT_NAME_X, _UNIT_NAME_Y = 65003, 65004, 65009, 65010, 65012, 65013


def gatan_pixel_size(page: PageTags) -> PixelSize | None:
    """Return the scale of x and y in their units. None if the page has no such tags.

    Images of diffraction (1/nm), spectra (eV) and line scans over time have no length along x, and so no size.
    """
    if _SCALE_X not in page or not (_UNIT_X in page or _UNIT_NAME_X in page):
        return None
    x = _length(page, _SCALE_X, _UNIT_X, _UNIT_NAME_X)
    return NO_LENGTH if x is None else PixelSize(x, _length(page, _SCALE_Y, _UNIT_Y, _UNIT_NAME_Y))


def _length(page: PageTags, scale: int, symbol: int, name: int) -> float | None:
    """Return one scale in nm, or None if its unit is no length."""
    number = to_number(page.value(scale))
    return to_nm(number, page.text(symbol)) or to_nm(number, page.text(name))
