"""Pixel sizes of Renishaw's WiRE: the field of view in EXIF tags of its JPEG and TIFF files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mirsearch.imaging.pixel_sizes.sizes import NO_LENGTH, PixelSize, to_number
from mirsearch.imaging.pixel_sizes.tags import MAKE, PageTags
from mirsearch.imaging.pixel_sizes.units import CM_NM, INCH_NM, MM_NM

_MAKE = "Renishaw"
_FIELD_OF_VIEW = 65185
"""Width and height of the field of view in µm."""

_EXIF = 34665
_PLANE = {41486: "FocalPlaneXResolution", 41487: "FocalPlaneYResolution", 41488: "FocalPlaneResolutionUnit"}
"""The tags of the focal plane with their names, which tifffile uses."""

_NM_PER_PLANE_UNIT = {2: INCH_NM, 3: CM_NM, 4: MM_NM, 5: 1e3}
"""Nanometers per unit of FocalPlaneResolutionUnit: inch, cm, mm, µm."""


def renishaw_pixel_size(page: PageTags) -> PixelSize | None:
    """Return the field of view over the px of a page of a TIFF. None if WiRE did not write it."""
    if not page.text(MAKE).startswith(_MAKE) and _FIELD_OF_VIEW not in page:
        return None
    return _by_field(page.value(_FIELD_OF_VIEW), page.value(_EXIF), page.size)


def exif_pixel_size(exif: Any, size: tuple[int, int]) -> PixelSize | None:
    """Return the field of view over the px of a picture of (width, height) by its EXIF (Pillow's).

    None if WiRE did not write it: the same tags of cameras give px per unit of their sensor.
    """
    if not str(exif.get(MAKE) or "").startswith(_MAKE) and _FIELD_OF_VIEW not in exif:
        return None
    return _by_field(exif.get(_FIELD_OF_VIEW), exif.get_ifd(_EXIF), size)


def _by_field(field: Any, exif: Any, size: tuple[int, int]) -> PixelSize:
    """Return the pixel size by the field of view, which WiRE writes into the tags of the focal plane as well."""
    width, height = (to_number(value) for value in field[:2]) if _is_pair(field) else (None, None)
    factor: float | None = 1e3
    if not width and isinstance(exif, Mapping):
        width, height, unit = (_number(exif, code, name) for code, name in _PLANE.items())
        factor = _NM_PER_PLANE_UNIT.get(int(unit or 0))
    if not width or factor is None:
        return NO_LENGTH
    return PixelSize(width * factor / size[0], height * factor / size[1] if height else None)


def _number(exif: Mapping[Any, Any], code: int, name: str) -> float | None:
    """Return a number of EXIF, which may be a pair of numerator and denominator."""
    value = exif.get(code, exif.get(name))
    if _is_pair(value):
        above, below = to_number(value[0]), to_number(value[1])
        return above / below if above is not None and below else None
    return to_number(value)


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) >= 2
