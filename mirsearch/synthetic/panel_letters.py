"""Draws panel letters in the styles of journals."""

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
    """Spelling and look of panel letters; `background` is none, white, black (a box behind the letter) or outline.

    `strength` is the opacity of the letter: a faint one is neither black nor white. A style that is not `common` is
    drawn only on request.
    """

    name: str
    spell: Callable[[str], str]
    face: str = "sans"
    background: str = "none"
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
    LetterStyle("a-white-box", lambda label: label, face="bold", background="white"),
    LetterStyle("(a)-white-box", lambda label: f"({label})", background="white"),
    LetterStyle("A-black-box", lambda label: label.upper(), face="bold", background="black"),
    LetterStyle("a-outline", lambda label: label, face="bold", background="outline", size=0.075),
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
"""Letter styles that a seed chooses from."""

_BRACKETS = "()[]."


def printed_label(style: LetterStyle, letter: str) -> str:
    """Return the label that a reader understands from a letter in a style: lower case, without brackets."""
    return style.spell(letter).strip(_BRACKETS).lower()


def is_capital(style: LetterStyle) -> bool:
    """Return whether a style writes letters as capitals."""
    return style.spell("a").strip(_BRACKETS).isupper()


def draw_letter(
    pixels: Pixels, box: Box, letter: str, style: LetterStyle, outside: bool, side: int | None = None
) -> Box:
    """Draw a panel's letter at its upper left corner, inside or just above it, in place; return the letter's box.

    The letter's size depends on `side` in px; None means the panel's shorter side.
    """
    side = side or min(box[2] - box[0], box[3] - box[1])
    height = float(np.clip(style.size * side, 13, 32))
    mask = text_mask(style.spell(letter), height, style.face)
    margin = max(5, round(0.025 * side))
    x, y = box[0] + margin, box[1] + margin
    if outside:
        x, y = max(1, box[0]), max(1, box[1] - mask.shape[0] - 5)
    letter_box = (x, y, x + mask.shape[1], y + mask.shape[0])
    region = pixels[letter_box[1] : letter_box[3], letter_box[0] : letter_box[2]]
    bright = float(region.mean()) if region.size else 255.0
    color = BLACK if bright > 128 else WHITE
    gray = region.mean(axis=2)
    has_low_contrast = not outside and float(np.percentile(np.abs(gray - color[0]), 10)) < 85
    pad = max(3, round(height * 0.25))
    if not outside and (style.background in ("white", "black") or (has_low_contrast and style.background == "none")):
        box_color, color = (BLACK, WHITE) if style.background == "black" else (WHITE, BLACK)
        fill_rect(pixels, x - pad, y - pad, letter_box[2] + pad, letter_box[3] + pad, box_color)
    elif style.background == "outline" and not outside:
        radius = max(1, round(height * 0.1))
        color = WHITE
        paint_mask(pixels, dilate_mask(mask, radius), x - radius, y - radius, BLACK)
    paint_mask(pixels, mask * np.float32(style.strength), x, y, color)
    return letter_box
