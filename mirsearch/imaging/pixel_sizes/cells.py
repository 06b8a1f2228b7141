"""Pixel sizes of programs that record living cells: Micro-Manager, MetaMorph, FluoView."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mirsearch.imaging.pixel_sizes.sizes import NO_LENGTH, PixelSize, follow_resizing, to_number
from mirsearch.imaging.pixel_sizes.tags import PageTags
from mirsearch.imaging.pixel_sizes.units import nm_per_unit
from mirsearch.imaging.pixel_sizes.xml import parse_xml

MICRO_MANAGER_TAG, UIC1_TAG, FLUOVIEW_TAG = 51123, 33628, 34361


def micro_manager_pixel_size(page: PageTags) -> PixelSize | None:
    """Return `PixelSizeUm` of Micro-Manager; 0 there means that the microscope was not calibrated."""
    if MICRO_MANAGER_TAG not in page:
        return None
    info = page.value(MICRO_MANAGER_TAG)
    if not isinstance(info, Mapping):
        return NO_LENGTH
    microns = to_number(info.get("PixelSizeUm"))
    size = PixelSize(microns * 1e3) if microns else NO_LENGTH
    return _follow(size, [info.get("Width"), info.get("Height")], page)


def metamorph_pixel_size(page: PageTags) -> PixelSize | None:
    """Return the spatial calibration of MetaMorph: properties in XML, or the UIC1 tag. None if there is neither."""
    if page.description.lstrip().startswith("<MetaData>") and "spatial-calibration-" in page.description:
        root = parse_xml(page.description)
        if root is None:
            return NO_LENGTH
        values = {prop.get("id"): prop.get("value") for prop in root.iter("prop")}
        state, unit = values.get("spatial-calibration-state"), values.get("spatial-calibration-units")
        numbers = [values.get(f"spatial-calibration-{axis}") for axis in "xy"]
        stated = [values.get(f"pixel-size-{axis}") for axis in "xy"]  # its name for the px of a side
    elif UIC1_TAG in page:
        info = page.tiff.known("stk")
        if not isinstance(info, Mapping):
            return NO_LENGTH
        state, unit = str(info.get("SpatialCalibration", 1)), info.get("CalibrationUnits")
        numbers, stated = [info.get("XCalibration"), info.get("YCalibration")], [None, None]
    else:
        return None
    is_off = str(state).lower() in ("off", "0", "false")
    return NO_LENGTH if is_off else _follow(_calibrated(numbers, unit), stated, page)


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


def _follow(size: PixelSize, stated: list[Any], page: PageTags) -> PixelSize:
    """Return the pixel size of a page that may be a resized copy of an image of a stated (width, height)."""
    width, height = map(to_number, stated)
    factor = follow_resizing((width, height), page.size) if width and height else 1.0
    return NO_LENGTH if factor is None else size.times(factor)


def _calibrated(numbers: list[Any], unit: Any) -> PixelSize:
    """Return the size of x and y in one unit."""
    factor = nm_per_unit(re.sub(r"[\0\s]+$", "", str(unit or "")))
    x, y = (to_number(number) for number in numbers)
    return NO_LENGTH if not x or factor is None else PixelSize(x * factor, y * factor if y else None)
