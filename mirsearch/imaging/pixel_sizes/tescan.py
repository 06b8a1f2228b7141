"""Pixel sizes of Tescan: the text in tag 50431, or in a file beside the image."""

from __future__ import annotations

import re

from mirsearch.imaging.pixel_sizes.sizes import NO_LENGTH, PixelSize, size_of_axes, to_number
from mirsearch.imaging.pixel_sizes.tags import PageTags

TAG = 50431
_WIDTHS = (512, 768, 1024, 1280, 1536, 2048, 3072, 4096, 6144, 8192)
"""Widths in px of the images that Tescan's programs scan."""

_ASPECTS = (1.0, 4 / 3, 1.5)
"""Width over height of those images, without the strip below them."""

_PIXEL = re.compile(r"(?:^|[\r\n\0])[ \t]*PixelSize([XY])[ \t]*=[ \t]*([-+.,\deE]{1,30})")
_COUNT = re.compile(r"(?:^|[\r\n\0])[ \t]*(ImageStripSize|ViewFieldsCount[XY])[ \t]*=[ \t]*(\d{1,5})")
"""Height in px of the strip, and the number of detectors whose images stand side by side or one below the other."""


def tescan_pixel_size(page: PageTags) -> PixelSize | None:
    """Return the pixel size of a page by its tag of Tescan. None if it has none.

    Bytes that are no text stand before and between the sections there.
    """
    data = page.raw(TAG)
    return None if not data else _read(data.decode("latin-1"), page.size) or NO_LENGTH


def tescan_text_size(text: str, picture: tuple[int, int] | None) -> PixelSize | None:
    """Return the pixel size by the text beside an image of (width, height). None if the text is not Tescan's."""
    return _read(text, picture) if "PixelSizeX" in text else None


def _read(text: str, picture: tuple[int, int] | None) -> PixelSize | None:
    """Return `PixelSizeX` and `PixelSizeY`, in m there."""
    pixel: dict[str, float | None] = {}
    for axis, value in _PIXEL.findall(text):
        pixel.setdefault(axis, to_number(value))
    x, y = pixel.get("X"), pixel.get("Y")
    if not x:
        return None
    counts = {name: int(count) for name, count in _COUNT.findall(text)}
    across, down = (max(1, counts.get(f"ViewFieldsCount{axis}", 1)) for axis in "XY")
    factor = 1.0 if picture is None else _growth(counts.get("ImageStripSize", 0), picture, (across, down))
    return size_of_axes(x, y, 1e9).times(factor)


def _growth(strip: int, picture: tuple[int, int], views: tuple[int, int]) -> float:
    """Return how much larger the picture's pixels are than the scanned ones, by the height of its strip in px.

    The text has no size of the image. A strip that has kept its height, or was cut off, leaves an image of a usual
    shape. If instead the strip has shrunk with an image of a usual width and shape, the picture is a resized copy.
    `views` are the numbers of images across and down.
    """
    width, height = picture
    rest = height - strip
    aspects = [aspect * views[0] / views[1] for aspect in _ASPECTS]
    if strip <= 0 or any(abs(width / aspect - side) <= 1 for aspect in aspects for side in (rest, height)):
        return 1.0
    for scanned in (side * views[0] for side in _WIDTHS):
        for aspect in aspects:
            if abs((scanned / aspect + strip) * width / scanned - height) <= 1:
                return scanned / width
    return 1.0
