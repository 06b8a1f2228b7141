"""Draw text on pictures with Pillow's own font: sizes, plates behind words, wrapping. It needs no font file.

The font has no µ, × and →, which every reading needs: this module draws them. It replaces other missing characters.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from PIL import ImageDraw, ImageFont

Color = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_DRAWN_CHARACTERS = frozenset("µ×→")
_SUBSTITUTES = str.maketrans({"\u03bc": "µ", "Å": "A", "\u2212": "-", "≈": "~", "≥": ">=", "≤": "<="})


@lru_cache(maxsize=32)
def font(size: int) -> Font:
    """Return Pillow's bundled font at a size in px."""
    return ImageFont.load_default(float(max(size, 6)))


def text_size(text: str, size: int) -> tuple[int, int]:
    """Return the width of the line and the height of a row (from ascender to descender) in px."""
    width = sum(_advance(run, size) for run in _split_runs(text))
    return round(width + 0.5), _metrics(size)[0] + _metrics(size)[1]


def draw_text(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, ink: Color) -> None:
    """Draw a line of text with its upper left corner `at`."""
    x, y = float(at[0]), float(at[1])
    base = y + _metrics(size)[0]
    for run in _split_runs(text):
        width = _advance(run, size)
        if run in _DRAWN_CHARACTERS:
            _draw_special(draw, run, (x, y, base, width), size, ink)
        else:
            draw.text((x, y), run, fill=ink, font=font(size))
        x += width


def truncate_to_width(text: str, size: int, width: int) -> str:
    """Return the text, or as much of it as fits into `width` px, with an ellipsis."""
    if text_size(text, size)[0] <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if text_size(text[:middle] + "…", size)[0] <= width else (low, middle - 1)
    return text[:low].rstrip() + "…"


def wrap_text(text: str, size: int, width: int, lines: int) -> list[str]:
    """Return the text in at most `lines` lines of `width` px, broken between words. The last may end in an ellipsis."""
    rows: list[str] = []
    words = text.split()
    while words and len(rows) < lines:
        count = 1
        while count < len(words) and text_size(" ".join(words[: count + 1]), size)[0] <= width:
            count += 1
        last = len(rows) == lines - 1
        rows.append(truncate_to_width(" ".join(words if last else words[:count]), size, width))
        words = words[count:]
    return rows


def contrasting_ink(color: Color) -> Color:
    """Return black or white, whichever reads better on the color (relative luminance of WCAG)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (value / 255 for value in color)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (0, 0, 0) if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else (255, 255, 255)


def draw_plate(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, color: Color) -> None:
    """Draw a word on a filled plate with its upper left corner `at`."""
    width, height = plate_size(text, size)
    draw.rectangle((at[0], at[1], at[0] + width - 1, at[1] + height - 1), fill=color)
    draw_text(draw, (at[0] + size // 3, at[1] + 1), text, size, contrasting_ink(color))


def plate_size(text: str, size: int) -> tuple[int, int]:
    """Return the width and height of a plate in px."""
    width, height = text_size(text, size)
    return width + 2 * (size // 3), height + 2


def _split_runs(text: str) -> list[str]:
    """Return the text as the font can show it, split so that each character that this module draws stands alone."""
    shown = "".join(_displayable(char) for char in text.translate(_SUBSTITUTES))
    runs: list[str] = []
    for char in shown:
        if char in _DRAWN_CHARACTERS or not runs or runs[-1] in _DRAWN_CHARACTERS:
            runs.append(char)
        else:
            runs[-1] += char
    return runs


@lru_cache(maxsize=4096)
def _displayable(char: str) -> str:
    if char in _DRAWN_CHARACTERS or char.isspace() or _has_glyph(char):
        return char
    folded = "".join(c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c))
    return folded if folded != char and folded and all(_has_glyph(c) for c in folded) else "?"


def _has_glyph(char: str) -> bool:
    """Return whether the font has a glyph for the character. One that it lacks looks like a noncharacter."""
    plain = font(20)
    return bytes(plain.getmask(char)) != bytes(plain.getmask("\uffff"))


def _metrics(size: int) -> tuple[int, int]:
    drawn = font(size)
    return drawn.getmetrics() if isinstance(drawn, ImageFont.FreeTypeFont) else (size, round(size * 0.2))


def _advance(run: str, size: int) -> float:
    if run == "µ":
        return font(size).getlength("u")
    if run == "×":
        return 0.55 * size
    if run == "→":
        return 0.95 * size
    return font(size).getlength(run)


def _draw_special(
    draw: ImageDraw.ImageDraw, char: str, place: tuple[float, float, float, float], size: int, ink: Color
) -> None:
    """Draw µ, × or →; `place` is x, top, baseline and width in px."""
    x, top, base, width = place
    stroke = max(1, round(size / 13))
    if char == "µ":
        draw.text((x, top), "u", fill=ink, font=font(size))
        stem = x + font(size).getbbox("u")[0] + stroke / 2
        draw.line((stem, base - size * 0.3, stem, base + size * 0.2), fill=ink, width=stroke)
        return
    middle = base - size * 0.26
    if char == "×":
        reach = size * 0.17
        center = x + width / 2
        draw.line((center - reach, middle - reach, center + reach, middle + reach), fill=ink, width=stroke)
        draw.line((center - reach, middle + reach, center + reach, middle - reach), fill=ink, width=stroke)
        return
    tip, head = x + width * 0.92, size * 0.2
    draw.line((x + width * 0.08, middle, tip, middle), fill=ink, width=stroke)
    draw.line((tip - head, middle - head, tip, middle, tip - head, middle + head), fill=ink, width=stroke)
