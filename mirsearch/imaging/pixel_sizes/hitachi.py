"""Pixel sizes of Hitachi: the text file beside an SEM image."""

from __future__ import annotations

import re

from mirsearch.imaging.pixel_sizes.sizes import PixelSize, size_of_axes, split_number
from mirsearch.imaging.pixel_sizes.text import read_sections
from mirsearch.imaging.pixel_sizes.units import to_nm

_SECTIONS = ("semimagefile", "temimagefile")


def hitachi_text_size(text: str, picture: tuple[int, int] | None) -> PixelSize | None:
    """Return `PixelSize`, in nm if it has no unit of its own. None if the text is not Hitachi's.

    `picture` is the (width, height) of the image, compared with `DataSize`.
    """
    sections = read_sections(text)
    values = next((sections[name] for name in _SECTIONS if name in sections), None)
    if values is None:
        return None
    number, unit = split_number(values.get("PixelSize", ""))
    stored = re.fullmatch(r"(\d{2,6})\s*[xX*]\s*(\d{2,6})", values.get("DataSize", ""))
    stated = None if stored is None else (float(stored.group(1)), float(stored.group(2)))
    return size_of_axes(to_nm(number, unit or "nm"), None).follow(picture, stated)
