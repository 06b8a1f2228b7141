"""Tell what characters of symbol fonts, and ligatures, stand for: PDFs often name only the keys on which they lie.

In Mathematical Pi, "Ca21" is printed as Ca2+, and "20 mm" in Symbol as 20 µm.
"""

from __future__ import annotations

import re

_SUBSET = re.compile(r"[A-Z]{6}\+")
_MATH_PI = re.compile(r"math(?:ematical)?\s?-?pi", re.IGNORECASE)
_SYMBOL = re.compile(r"symbol(?:mt|std|ps|neu|set|proportional)?(?:bt)?(?![a-z])", re.IGNORECASE)
_ADVENT = re.compile(r"Adv(?:P[0-9A-F]{4}|PSSym|PSMSAM|MathSym|Sym|MT_?SY|MTSY)")
_DINGBATS = re.compile(r"wingd|webd|dingb", re.IGNORECASE)
_COMMERCIAL_PI = re.compile(r"CommPi|CommercialPi", re.IGNORECASE)

_GREEK = dict(zip("abcdefghiklmnoprstxyzDFGLPSW", "αβχδεφγηικλμνοπρστξψζΔΦΓΛΠΣΩ", strict=True))
_SYMBOL_SIGNS = {
    **_GREEK, "q": "θ", "w": "ω", "u": "υ", "j": "ϕ", "v": "ϖ", "Q": "Θ", "X": "Ξ", "Y": "Ψ", "U": "Υ", "m": "µ",
    "-": "−", "\xa2": "′", "\xa3": "≤", "\xa5": "∞", "\xb2": "″", "\xb3": "≥", "\xb4": "×", "\xb8": "÷", "\xb9": "≠",
    "\xba": "≡", "\xbb": "≈",
}  # fmt: skip
"""Of characters that Symbol has under another key, such as µ and ×, none: they are told right."""
_PRIVATE_SIGNS = {**_SYMBOL_SIGNS, "\xac": "←", "\xae": "→", "\xb5": "∝", "\xb7": "•", "\xd7": "·"}
"""The keys of Symbol, where they are told as characters of private use."""
_MATH_PI_SIGNS = {
    **_GREEK, "u": "θ", "v": "ω", "m": "µ", "V": "Ω", "1": "+", "2": "−", "3": "×", "4": "÷", "5": "=", "6": "±",
    "8": "°", "9": "′", "0": "″", ",": "<", ".": ">",
}  # fmt: skip
_ADVENT_SIGNS = {
    "½": "[", "\x8a": "]", "\x8b": "]", "þ": "+", "¼": "=", "ð": "(", "Þ": ")", "À": "−", "Â": "×", "Æ": "±", "Á": "·",
    "Ã": "*", "$": "~", "\x02": "×", "\x03": "*", "\x04": "·", "\x00": "−", "\x01": "·", "\x06": "±",
}  # fmt: skip
_LIGATURES = {
    "\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb05": "st", "\ufb06": "st",
}  # fmt: skip
_ANGSTROM = re.compile(r"[˚\u030a]\s?A(?![a-z])|(?<![A-Za-z])A\s?[˚\u030a]")
_DEGREE = re.compile(r"[◦∘](?=\s?[CFK](?![a-z]))")


_FONTS: dict[str, dict[str, str] | None] = {}
_MAX_FONTS = 1_000


def shown_character(character: str, font: str) -> str:
    """Return what a character of a font shows. Characters of other fonts stay as they are, but for ligatures."""
    if character in _LIGATURES:
        return _LIGATURES[character]
    is_private = "\uf020" <= character <= "\uf0ff"
    if is_private and not _DINGBATS.search(font):
        key = chr(ord(character) - 0xF000)
        return _PRIVATE_SIGNS.get(key, key)
    signs = _signs_of(font)
    return character if signs is None else signs.get(character, character)


def _signs_of(font: str) -> dict[str, str] | None:
    """Return what the keys of a symbol font show; None for other fonts."""
    if font not in _FONTS:
        if len(_FONTS) > _MAX_FONTS:
            _FONTS.clear()
        _FONTS[font] = _find_signs(_SUBSET.sub("", font))
    return _FONTS[font]


def _find_signs(name: str) -> dict[str, str] | None:
    if _MATH_PI.search(name):
        return _MATH_PI_SIGNS
    if _SYMBOL.match(name):
        return _SYMBOL_SIGNS
    if _ADVENT.match(name):
        return _ADVENT_SIGNS
    return {"r": "©"} if _COMMERCIAL_PI.search(name) else None


def join_signs(text: str) -> str:
    """Return a text in which a ring and an A are Å, and a circle before C, F or K is °."""
    return _DEGREE.sub("°", _ANGSTROM.sub("Å", text))
