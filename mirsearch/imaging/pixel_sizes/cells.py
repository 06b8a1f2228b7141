"""Pixel sizes of programs that record living cells: Micro-Manager, MetaMorph, FluoView."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mirsearch.imaging.pixel_sizes.sizes import NO_LENGTH, PixelSize, size_of_axes, stated_size, to_number
from mirsearch.imaging.pixel_sizes.tags import PageTags
from mirsearch.imaging.pixel_sizes.units import to_nm
from mirsearch.imaging.pixel_sizes.xml import parse_xml

MICRO_MANAGER_TAG, UIC1_TAG, FLUOVIEW_TAG = 51123, 33628, 34361


def micro_manager_pixel_size(page: PageTags) -> PixelSize | None:
    """Return `PixelSizeUm` of Micro-Manager; 0 there means that the microscope was not calibrated."""
    if MICRO_MANAGER_TAG not in page:
        return None
    info = page.value(MICRO_MANAGER_TAG)
    if not isinstance(info, Mapping):
        return NO_LENGTH
    size = size_of_axes(to_number(info.get("PixelSizeUm")), None, 1e3)
    return size.follow(page.size, stated_size(info.get("Width"), info.get("Height")))


def metamorph_pixel_size(page: PageTags) -> PixelSize | None:
    """Return the spatial calibration of MetaMorph: properties in XML, or the UIC1 tag. None if there is neither."""
    if page.description.lstrip().startswith("<MetaData>") and "spatial-calibration-" in page.description:
        root = parse_xml(page.description)
        if root is None:
            return NO_LENGTH
        values = {prop.get("id"): prop.get("value") for prop in root.iter("prop")}
        state, unit = values.get("spatial-calibration-state"), values.get("spatial-calibration-units")
        numbers = [values.get(f"spatial-calibration-{axis}") for axis in "xy"]
        stated = stated_size(values.get("pixel-size-x"), values.get("pixel-size-y"))  # its name for the px of a side
    elif UIC1_TAG in page:
        info = page.tiff.known("stk")
        if not isinstance(info, Mapping):
            return NO_LENGTH
        state, unit = str(info.get("SpatialCalibration", 1)), info.get("CalibrationUnits")
        numbers, stated = [info.get("XCalibration"), info.get("YCalibration")], None
    else:
        return None
    is_off = str(state).lower() in ("off", "0", "false")
    return NO_LENGTH if is_off else _calibrated(numbers, unit).follow(page.size, stated)


def fluoview_pixel_size(page: PageTags) -> PixelSize | None:
    """Return the resolution of the dimensions X and Y of FluoView."""
    if FLUOVIEW_TAG not in page:
        return None
    info = page.tiff.known("fluoview")
    dimensions = info.get("Dimensions", ()) if isinstance(info, Mapping) else ()
    found = {str(entry[0]).strip().upper(): (entry[3], entry[4]) for entry in dimensions if len(entry) >= 5}
    if "X" not in found:
        return NO_LENGTH
    number, unit = found["X"]
    return _calibrated([number, found.get("Y", (None, None))[0]], unit)


def _calibrated(numbers: list[Any], unit: Any) -> PixelSize:
    """Return the size of x and y in one unit."""
    x, y = (to_nm(to_number(number), unit or "") for number in numbers)
    return size_of_axes(x, y)
