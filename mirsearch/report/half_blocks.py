"""Pictures in any color terminal: a character cell shows two pixels, as an upper half block in 24-bit color."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, UnidentifiedImageError
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text

from mirsearch.query import Pixels
from mirsearch.settings import LIMITS


def can_show_pictures(console: Console) -> bool:
    """Return whether half blocks work here: a terminal with 256 colors or more, and an encoding with the character."""
    colorful = console.color_system in {"truecolor", "256", "windows"}
    return console.is_terminal and colorful and console.encoding.lower().startswith("utf")


def half_blocks(picture: bytes | Pixels | None, columns: int = 16, rows: int = 6) -> Text:
    """Return a picture (JPEG or PNG bytes, or RGB pixels) in at most `columns` × `rows` cells; empty for None."""
    small = _shrink(picture, columns, rows * 2)
    if small is None:
        return Text()
    lines = []
    for y in range(0, len(small), 2):
        line = Text()
        below = small[y + 1] if y + 1 < len(small) else None
        for x, upper in enumerate(small[y]):
            line.append("▀", Style(color=_color(upper), bgcolor=None if below is None else _color(below[x])))
        lines.append(line)
    return Text("\n").join(lines)


def _color(pixel: Pixels) -> Color:
    red, green, blue = (float(value) for value in pixel)
    return Color.from_rgb(red, green, blue)


def decode_picture(picture: bytes) -> Image.Image | None:
    """Return a small JPEG or PNG as RGB; None if it is damaged, of another kind, or too large."""
    try:
        with Image.open(io.BytesIO(picture), formats=("JPEG", "PNG")) as image:
            return image.convert("RGB") if image.width * image.height <= LIMITS.image_pixels else None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return None


def _shrink(picture: bytes | Pixels | None, width: int, height: int) -> Pixels | None:
    if picture is None or len(picture) == 0:
        return None
    image = decode_picture(picture) if isinstance(picture, bytes) else Image.fromarray(np.ascontiguousarray(picture))
    if image is None:
        return None
    image.thumbnail((width, height), Image.Resampling.BOX)
    return np.asarray(image.convert("RGB"))
