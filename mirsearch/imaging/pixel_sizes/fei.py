"""Pixel sizes of FEI, Thermo Fisher and Phenom: texts in tags 34680 and 34682, XML in those and in 34683."""

from __future__ import annotations

from typing import Any

from mirsearch.imaging.pixel_sizes.sizes import (
    NO_LENGTH,
    PixelSize,
    follow_resizing,
    size_of_axes,
    split_number,
    stated_size,
    to_number,
)
from mirsearch.imaging.pixel_sizes.tags import PageTags
from mirsearch.imaging.pixel_sizes.text import read_sections
from mirsearch.imaging.pixel_sizes.units import to_nm
from mirsearch.imaging.pixel_sizes.xml import child_text, local_name, parse_xml

TAGS = (34680, 34682, 34683)
_DATABAR = (0.05, 0.08)
"""Height of the databar as a share of the picture's: 29/442 (Helios), 59/884 (Quanta), 70/1024 (Magellan)."""

_XML_SIZES = ("PixelSize", "PixelsSize")
"""Elements with the size of a pixel in their X and Y."""


def fei_pixel_size(page: PageTags) -> PixelSize | None:
    """Return the pixel size of a page by the texts of FEI's microscopes. None if the page has none of them."""
    texts = [text for text in map(page.text, TAGS) if text.strip()]
    if not texts:
        return None
    for text in texts:
        is_xml = text.lstrip("\ufeff \t\r\n").startswith("<")
        size = _read_xml(text, page.size) if is_xml else _read_sections(text, page.size)
        if size is not None:
            return size
    return NO_LENGTH


def _read_sections(text: str, picture: tuple[int, int]) -> PixelSize | None:
    """Return the pixel size that sections of `key=value` give, in m there, for a picture of (width, height)."""
    sections = read_sections(text)
    beam = sections.get("beam", {})
    image = sections.get("image", {})
    width, height = to_number(image.get("ResolutionX")), to_number(image.get("ResolutionY"))
    factor = 1.0 if not width or not height else follow_resizing((width, height), picture, _DATABAR)
    if factor is None:
        return NO_LENGTH
    named = [sections.get(name.lower(), {}) for name in ("Scan", beam.get("Scan", ""), beam.get("Beam", "")) if name]
    for section in (*named, *sections.values()):
        x, y = to_number(section.get("PixelWidth")), to_number(section.get("PixelHeight"))
        if x:
            return size_of_axes(x, y, 1e9).times(factor)
    for section in named:
        x, y = to_number(section.get("HFW")), to_number(section.get("VFW"))
        if x and width and height:
            return size_of_axes(x / width, y / height if y else None, 1e9).times(factor)
    return None


def _read_xml(text: str, picture: tuple[int, int]) -> PixelSize | None:
    """Return the pixel size that XML gives: the X and Y of its `PixelSize`, or Phenom's `pixelWidth`.

    Elements of other names have an X in m as well, such as the position of the stage.
    """
    root = parse_xml(text)
    if root is None:
        return None
    for element in (element for element in root.iter() if local_name(element) in _XML_SIZES):
        x, y = _axis(element, "X"), _axis(element, "Y")
        if x is not None:
            return PixelSize(x, y).follow(picture, _image_size(element.getparent()), _DATABAR)
    widths = {name: next((e for e in root.iter() if local_name(e).lower() == name), None)
              for name in ("pixelwidth", "pixelheight")}  # fmt: skip
    x, y = (None if element is None else _length(element) for element in widths.values())
    return None if x is None else PixelSize(x, y)


def _axis(element: Any, name: str) -> float | None:
    """Return the length in nm of a child, or None if it has no such child; NaN if the child has no length."""
    child = next((child for child in element if local_name(child) == name), None)
    return None if child is None else _length(child)


def _length(element: Any) -> float:
    """Return the text of an element in nm, by its attribute `unit`, else in m; NaN if it is no length."""
    number, unit = split_number(str(element.text or ""))
    named = next((str(element.get(key)) for key in element.attrib if str(key).lower() == "unit"), unit or "m")
    nm = to_nm(number, named)
    return float("nan") if nm is None else nm


def _image_size(parent: Any) -> tuple[float, float] | None:
    """Return the (width, height) of the `ImageSize` beside a pixel size, or None if there is none."""
    if parent is None:
        return None
    return stated_size(child_text(parent, "ImageSize", "X"), child_text(parent, "ImageSize", "Y"))
