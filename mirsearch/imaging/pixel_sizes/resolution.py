"""Pixel sizes by the resolution tags of TIFF alone, where they can only mean a microscope."""

from __future__ import annotations

import math

from mirsearch.imaging.pixel_sizes.sizes import PixelSize
from mirsearch.imaging.pixel_sizes.tags import RESOLUTION_UNIT, PageTags
from mirsearch.imaging.pixel_sizes.units import CM_NM, INCH_NM

_NM_PER_UNIT = {2: INCH_NM, 3: CM_NM}
"""Nanometers per unit of the resolution tags: inch, cm."""

_LARGEST_BARE = 1840.0
"""Pixel size in nm from which resolution tags may be those of a camera's sensor (1.85 to 6.5 µm and more, rounded), of
a scanner, of paper or a screen."""

_SMALLEST_SCANNER, _SCANNER_STEP = 990.0, 400
"""Pixel size in nm from which dots per inch that are multiples of this may be a scanner's: 14,400, 19,200, 25,600."""

_SENSOR_PIXELS = (1120.0, 1250.0, 1335.0, 1340.0, 1400.0, 1430.0, 1450.0, 1550.0, 1670.0, 1750.0, 1780.0)
"""Pixels in nm of sensors in eyepiece cameras and telephones that are smaller still."""

_SENSOR_DIGITS = 0.001
"""Greatest relative difference of a camera's pixel from the one in its data sheet."""

_SQUARE = 0.02
"""Greatest relative difference of the pixel's sides that resolution tags of a microscope have."""

_PRINT_DPI = (72, 96, 150, 300, 600)
"""Dots per inch that programs write without being asked."""

_PRINT_DIGITS = 0.0005
"""Greatest relative difference of such a value, in µm with four digits."""

_ROUND_STEPS, _ROUND_DPI = (50, 72, 96), 0.03
"""Steps of round dots per inch, and how far off they are in px per mm with three decimals."""

_FINEST_SCANNER = 9600
"""Most dots per inch of scanners of paper and film."""


def nm_by_resolution(page: PageTags) -> PixelSize | None:
    """Return the pixel size that the resolution tags state literally, whatever it means. None if they do not say."""
    per_unit, unit = page.resolution(), page.value(RESOLUTION_UNIT)
    nm = _NM_PER_UNIT.get(int(unit or 0)) if isinstance(unit, int) else None
    return None if per_unit is None or nm is None else PixelSize(nm / per_unit[0], nm / per_unit[1])


def bare_pixel_size(page: PageTags) -> PixelSize | None:
    """Return the pixel size by the resolution tags, if it is too fine for print, scan and a camera's sensor."""
    size = nm_by_resolution(page)
    return size if size is not None and not may_be_no_microscope(size) else None


def may_be_no_microscope(size: PixelSize) -> bool:
    """Return whether a size that no person set may be that of a sensor, a scan, a print or a screen."""
    if size.x >= _LARGEST_BARE or (size.y is not None and not math.isclose(size.x, size.y, rel_tol=_SQUARE)):
        return True
    if any(math.isclose(size.x, sensor, rel_tol=_SENSOR_DIGITS) for sensor in _SENSOR_PIXELS):
        return True
    if size.x < _SMALLEST_SCANNER:
        return False
    return _is_round_dpi(size.x)


def _is_round_dpi(nm: float) -> bool:
    """Return whether a pixel size is that of a scanner's dots per inch, or of those in whole dots per cm."""
    dpi, per_cm = INCH_NM / nm, CM_NM / nm
    nearest = _SCANNER_STEP * round(dpi / _SCANNER_STEP)
    if math.isclose(dpi, nearest, rel_tol=1e-6):
        return True
    return math.isclose(per_cm, round(per_cm), rel_tol=1e-7) and abs(nearest / 2.54 - per_cm) <= 1


def is_print(nm: float) -> bool:
    """Return whether a pixel size is that of a picture printed or shown with usual dots per inch."""
    return nm > 0 and any(math.isclose(INCH_NM / nm, dots, rel_tol=_PRINT_DIGITS) for dots in _PRINT_DPI)


def is_print_or_scan(nm: float) -> bool:
    """Return whether a pixel size is that of round dots per inch, as printers and scanners have them."""
    dpi = INCH_NM / nm if nm > 0 else math.inf
    return dpi <= _FINEST_SCANNER + 1 and any(
        abs(dpi - step * round(dpi / step)) <= _ROUND_DPI for step in _ROUND_STEPS
    )
