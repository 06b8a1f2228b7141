"""Panel letters in the ways journals set them, and where they are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mirsearch.corpus import Box
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.scalebars.bars import fill_rect
from mirsearch.synthetic.scalebars.styles import BLACK, WHITE
from mirsearch.synthetic.text_masks import dilate_mask, paint_mask, text_mask

ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")


@dataclass(frozen=True, slots=True)
class LetterStyle:
    """How a panel's letter is spelled and drawn: `back` is none, white, black (a box behind) or outline.

    `strength` is how much of the letter's color covers the picture: a faint one is neither black nor white. Those that
    are not `common` are drawn only when asked for.
    """

    name: str
    spelled: Callable[[str], str]
    face: str = "sans"
    back: str = "none"
    size: float = 0.07
    strength: float = 1.0
    common: bool = True


_STYLES = (
    LetterStyle("a", lambda label: label),
    LetterStyle("a-bold", lambda label: label, face="bold"),
    LetterStyle("(a)", lambda label: f"({label})"),
    LetterStyle("(a)-bold", lambda label: f"({label})", face="bold", size=0.06),
    LetterStyle("a)", lambda label: f"{label})"),
    LetterStyle("A", lambda label: label.upper(), size=0.065),
    LetterStyle("A-bold", lambda label: label.upper(), face="bold", size=0.07),
    LetterStyle("(A)", lambda label: f"({label.upper()})"),
    LetterStyle("a-white-box", lambda label: label, face="bold", back="white"),
    LetterStyle("(a)-white-box", lambda label: f"({label})", back="white"),
    LetterStyle("A-black-box", lambda label: label.upper(), face="bold", back="black"),
    LetterStyle("a-outline", lambda label: label, face="bold", back="outline", size=0.075),
    LetterStyle("(i)", lambda label: f"({ROMAN['abcdefghij'.index(label)]})"),
    LetterStyle("italic", lambda label: f"({label})", face="italic"),
    LetterStyle("A)", lambda label: f"{label.upper()})", common=False),
    LetterStyle("[a]", lambda label: f"[{label}]", common=False),
    LetterStyle("a.", lambda label: f"{label}.", face="bold", common=False),
    LetterStyle("i", lambda label: ROMAN["abcdefghij".index(label)], face="bold", common=False),
    LetterStyle("(a1)", lambda label: f"(a{'abcdefghij'.index(label) + 1})", common=False),
    LetterStyle("a-small", lambda label: label, face="bold", size=0.045, common=False),
    LetterStyle("(a)-faint", lambda label: f"({label})", strength=0.7, common=False),
)

LETTER_STYLES: dict[str, LetterStyle] = {style.name: style for style in _STYLES}
"""Every letter style by name."""

COMMON_LETTERS = tuple(sorted(style.name for style in _STYLES if style.common))
"""Those a seed chooses among."""

_BRACKETS = "()[]."


def printed_label(style: LetterStyle, letter: str) -> str:
    """The label a reader takes from a letter drawn in a style: lower case, no brackets ("i" for the roman ones)."""
    return style.spelled(letter).strip(_BRACKETS).lower()


def is_capital(style: LetterStyle) -> bool:
    """Whether a style sets letters as capitals."""
    return style.spelled("a").strip(_BRACKETS).isupper()


def draw_letter(
    pixels: Pixels, box: Box, letter: str, style: LetterStyle, outside: bool, side: int | None = None
) -> Box:
    """Draw a panel's letter at its upper left corner, inside or just above, in place; returns the letter's box.

    Its size goes by `side` in px, the panel's shorter one where none is given.
    """
    side = side or min(box[2] - box[0], box[3] - box[1])
    height = float(np.clip(style.size * side, 13, 32))
    mask = text_mask(style.spelled(letter), height, style.face)
    margin = max(5, round(0.025 * side))
    x, y = box[0] + margin, box[1] + margin
    if outside:
        x, y = max(1, box[0]), max(1, box[1] - mask.shape[0] - 5)
    around = (x, y, x + mask.shape[1], y + mask.shape[0])
    region = pixels[around[1] : around[3], around[0] : around[2]]
    bright = float(region.mean()) if region.size else 255.0
    color = BLACK if bright > 128 else WHITE
    gray = region.mean(axis=2)
    unclear = not outside and float(np.percentile(np.abs(gray - color[0]), 10)) < 85
    pad = max(3, round(height * 0.25))
    if not outside and (style.back in ("white", "black") or (unclear and style.back == "none")):
        back, color = (BLACK, WHITE) if style.back == "black" else (WHITE, BLACK)
        fill_rect(pixels, x - pad, y - pad, around[2] + pad, around[3] + pad, back)
    elif style.back == "outline" and not outside:
        radius = max(1, round(height * 0.1))
        color = WHITE
        paint_mask(pixels, dilate_mask(mask, radius), x - radius, y - radius, BLACK)
    paint_mask(pixels, mask * np.float32(style.strength), x, y, color)
    return around
