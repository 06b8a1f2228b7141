"""Pixel sizes of programs that record living cells: Micro-Manager, MetaMorph, FluoView."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mirsearch.imaging.pixel_sizes.sizes import NO_LENGTH, PixelSize, to_number
from mirsearch.imaging.pixel_sizes.tags import PageTags
from mirsearch.imaging.pixel_sizes.units import nm_per_unit
from mirsearch.imaging.pixel_sizes.xml import parse_xml

MICRO_MANAGER_TAG, UIC1_TAG, FLUOVIEW_TAG = 51123, 33628, 34361


def micro_manager_pixel_size(page: PageTags) -> PixelSize | None:
    """Return `PixelSizeUm` of Micro-Manager; 0 there means that the microscope was not calibrated."""
    if MICRO_MANAGER_TAG not in page:
        return None
    info = page.value(MICRO_MANAGER_TAG)
    microns = to_number(info.get("PixelSizeUm")) if isinstance(info, Mapping) else None
    return PixelSize(microns * 1e3) if microns else NO_LENGTH


def metamorph_pixel_size(page: PageTags) -> PixelSize | None:
    """Return the spatial calibration of MetaMorph: properties in XML, or the UIC1 tag. None if there is neither."""
    if page.description.lstrip().startswith("<MetaData>"):
        root = parse_xml(page.description)
        if root is None:
            return NO_LENGTH
        values = {prop.get("id"): prop.get("value") for prop in root.iter("prop")}
        state, keys = values.get("spatial-calibration-state"), ("spatial-calibration-x", "spatial-calibration-y")
        unit, numbers = values.get("spatial-calibration-units"), [values.get(key) for key in keys]
    elif UIC1_TAG in page:
        info = page.tiff.known("stk")
        if not isinstance(info, Mapping):
            return NO_LENGTH
        state, unit = str(info.get("SpatialCalibration", 1)), info.get("CalibrationUnits")
        numbers = [info.get("XCalibration"), info.get("YCalibration")]
    else:
        return None
    is_off = str(state).lower() in ("off", "0", "false")
    return NO_LENGTH if is_off else _calibrated(numbers, unit)


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
    factor = nm_per_unit(re.sub(r"[\0\s]+$", "", str(unit or "")))
    x, y = (to_number(number) for number in numbers)
    return NO_LENGTH if not x or factor is None else PixelSize(x * factor, y * factor if y else None)
