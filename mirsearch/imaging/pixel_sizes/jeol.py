"""Pixel sizes of JEOL: XML in the ImageDescription of TEM images, and text files beside SEM images."""

from __future__ import annotations

import re

from mirsearch.imaging.pixel_sizes.resolution import nm_by_resolution
from mirsearch.imaging.pixel_sizes.sizes import NO_LENGTH, PixelSize, to_number
from mirsearch.imaging.pixel_sizes.tags import MAKE, PageTags
from mirsearch.imaging.pixel_sizes.xml import child_text, local_name, parse_xml
from mirsearch.text.lengths import parse_length

_DATABAR = (0.06, 0.075)
"""Height of the databar as a share of the picture's: 64/960 and 128/1920 px."""

_LINE = re.compile(r"^\$*[ \t]*([A-Z_a-z]{2,40})[ \t=]+([^\r\n]{1,80})", re.MULTILINE)


def jeol_pixel_size(page: PageTags) -> PixelSize | None:
    """Return the pixel size of a TEM image: the camera's pixel of the resolution tags over the magnification.

    None if JEOL's software did not write the page. Diffraction patterns and STEM images have no size there.
    """
    if not page.text(MAKE).startswith("JEOL") and "<TemReporter" not in page.description[:2000]:
        return None
    root = parse_xml(page.description)
    if root is None or local_name(root) != "TemReporter":
        return NO_LENGTH
    system = "ImageFormingSystem"
    is_image = child_text(root, "Eos", "EosMode") == "eosTEM" and "MAG" in (
        child_text(root, system, "ModeString") or ""
    )
    magnification = to_number(child_text(root, system, "SelectorValue") or "")
    unit = child_text(root, system, "SelectorUnitString") or "X"
    camera = nm_by_resolution(page)
    if not is_image or not magnification or unit.lower() not in ("x", "×") or camera is None:
        return NO_LENGTH
    return camera.times(1 / magnification)


def jeol_text_size(text: str, picture: tuple[int, int] | None) -> PixelSize | None:
    """Return the pixel size by the text beside an SEM image: the length of its micron bar over its px.

    `picture` is the (width, height) of the image, compared with `$CM_FULL_SIZE`. None if the text is not JEOL's.
    """
    pairs: dict[str, str] = {}
    for key, value in _LINE.findall(text):
        pairs.setdefault(key, value.strip())
    if "SM_MICRON_BAR" not in pairs or "SM_MICRON_MARKER" not in pairs:
        return None
    length, pixels = parse_length(pairs["SM_MICRON_MARKER"], repair=False), to_number(pairs["SM_MICRON_BAR"])
    if length is None or not pixels:
        return NO_LENGTH
    full = re.fullmatch(r"(\d{2,6})[ \t,x]+(\d{2,6})", pairs.get("CM_FULL_SIZE", ""))
    stated = None if full is None else (float(full.group(1)), float(full.group(2)))
    return PixelSize(length.nm / pixels).follow(picture, stated, _DATABAR)
