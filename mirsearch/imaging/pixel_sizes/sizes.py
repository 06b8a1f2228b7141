"""What a pixel size is, which ones a microscope can have, and how it follows the resizing of a picture."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SMALLEST_PIXEL, _LARGEST_PIXEL = 1e-4, 1e6
"""Least and greatest pixel size in nm that a microscope's image can have: 0.1 pm and 1 mm."""

_LIKE_WHOLE_PX = 1.01
"""Greatest difference in px of a side from a whole multiple: rounding moves a side by less than 1 px."""

_NUMBER = re.compile(r"\s*([-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d{1,3})?)\s*(.*)", re.DOTALL)
_MOST_CHARS = 80
"""Longest value of a number with a unit that is looked at."""


@dataclass(frozen=True, slots=True)
class PixelSize:
    """The size of a pixel in nm along the rows (x) and along the columns (y) of the stored picture.

    `y` is None where only one number is known. NaN means that the file says of itself that it has no length per pixel,
    or that what it says can't be used: then nothing else in the file is asked.
    """

    x: float
    y: float | None = None

    def times(self, factor: float) -> PixelSize:
        """Return the size of pixels that are larger by a factor."""
        return PixelSize(self.x * factor, None if self.y is None else self.y * factor)

    def follow(
        self,
        picture: tuple[int, int] | None,
        stated: tuple[float, float] | None,
        databar: tuple[float, float] = (0.0, 0.0),
    ) -> PixelSize:
        """Return the size for a picture of (width, height) that may be a resized copy of one of a stated size.

        The same size where either is not known; NO_LENGTH where `follow_resizing` can't tell.
        """
        if picture is None or stated is None:
            return self
        factor = follow_resizing(stated, picture, databar)
        return NO_LENGTH if factor is None else self.times(factor)

    def along_width(self, *, sideways: bool = False) -> float | None:
        """Return the nm per px along the width of the upright picture, or None if no microscope can have it."""
        size = self.y if sideways and self.y is not None and is_plausible(self.y) else self.x
        return size if is_plausible(size) else None


NO_LENGTH = PixelSize(math.nan)
"""What a reader gives if the file is its own, but has no length per pixel that can be trusted."""


def size_of_axes(x: float | None, y: float | None, nm: float = 1.0) -> PixelSize:
    """Return the size of x and y in a unit of so many nm; NO_LENGTH if x is unknown or 0."""
    return PixelSize(x * nm, y * nm if y else None) if x else NO_LENGTH


def size_by_keys(info: Any, x: str, y: str, nm: float) -> PixelSize:
    """Return the size that two keys of a decoded tag give, in a unit of so many nm; NO_LENGTH if it has no x."""
    return size_of_axes(to_number(info.get(x)), to_number(info.get(y)), nm) if isinstance(info, Mapping) else NO_LENGTH


def stated_size(width: Any, height: Any) -> tuple[float, float] | None:
    """Return the (width, height) in px that a file states, or None if it does not: 0 is written for that as well."""
    sides = (to_number(width), to_number(height))
    return (sides[0], sides[1]) if sides[0] and sides[1] else None


def is_plausible(nm: float) -> bool:
    """Return whether a microscope's image can have pixels of this size in nm."""
    return math.isfinite(nm) and _SMALLEST_PIXEL <= nm <= _LARGEST_PIXEL


def to_number(value: Any) -> float | None:
    """Return a value as a finite number, or None. A decimal comma is known."""
    if isinstance(value, str | bytes):
        number, rest = split_number(value if isinstance(value, str) else value.decode("latin-1"))
        return number if not rest else None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def split_number(text: str) -> tuple[float | None, str]:
    """Return the number at the start of a text and what follows it: `5.8 nm` gives (5.8, "nm")."""
    match = _NUMBER.fullmatch(text[:_MOST_CHARS].strip("\0"))
    if match is None:
        return None, text
    number = float(match.group(1).replace(",", "."))
    return (number if math.isfinite(number) else None), match.group(2).strip()


def follow_resizing(
    stated: tuple[float, float], picture: tuple[int, int], databar: tuple[float, float] = (0.0, 0.0)
) -> float | None:
    """Return the factor by which pixels grew since the file's text was written, or None if that can't be told.

    `stated` is the (width, height) that the text gives, `picture` the one of the file; `databar` bounds the height of
    a strip below the picture, as shares of the stated height. A picture of the stated width was at most cut or
    extended in height: factor 1. Another one must have kept its shape; what was cropped has no factor.
    """
    width, height = stated
    if not (width >= 1 and height >= 1):
        return None
    if round(width) == picture[0]:
        return 1.0
    shrunk = picture[0] / width
    if abs(picture[1] - shrunk * height) <= _LIKE_WHOLE_PX:
        return 1 / shrunk
    low, high = (shrunk * height * (1 + share) for share in databar)
    if databar[1] > 0 and low - _LIKE_WHOLE_PX <= picture[1] <= high + _LIKE_WHOLE_PX:
        return 1 / shrunk
    return None
