"""Names of units of length, as programs write them into files, and what is no length."""

from __future__ import annotations

import re
import unicodedata

from mirsearch.text.lengths import normalize

INCH_NM, CM_NM, MM_NM = 2.54e7, 1e7, 1e6

_NM_PER_SYMBOL = {"fm": 1e-6, "pm": 1e-3, "Å": 0.1, "å": 0.1, "A": 0.1, "nm": 1.0, "μm": 1e3, "um": 1e3, "μ": 1e3,
                  "mm": MM_NM, "cm": CM_NM, "dm": 1e8, "m": 1e9, "in": INCH_NM, "mil": 2.54e4, "thou": 2.54e4,
                  "纳米": 1.0, "微米": 1e3, "毫米": MM_NM}  # fmt: skip
"""Nanometers per unit, by its symbol."""

_NM_PER_NAME = {"femtometer": 1e-6, "picometer": 1e-3, "angstrom": 0.1, "angstroem": 0.1, "nanometer": 1.0,
                "micrometer": 1e3, "micron": 1e3, "micra": 1e3, "mikron": 1e3, "mikrometer": 1e3, "millimeter": MM_NM,
                "milimeter": MM_NM, "centimeter": CM_NM, "decimeter": 1e8, "meter": 1e9, "inch": INCH_NM,
                "inche": INCH_NM, "mil": 2.54e4}  # fmt: skip
"""Nanometers per unit, by its name without accents in the singular, spelled in the American way."""

_PER_PIXEL = re.compile(r" ?(?:/|per) ?(?:px|pix|pixels?|voxels?)\.?$", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))")
_TWICE_CODED = {"&micro;": "µ", "&#181;": "µ", "&#xB5;": "µ", "Âµ": "µ", "Î¼": "µ", "Ã…": "Å", "Â": ""}
"""What stays of µ and Å where a program took UTF-8 for Latin-1, or HTML for text."""

_MOST_CHARS = 40
"""Longest name of a unit that is looked at."""


def nm_per_unit(name: object) -> float | None:
    """Return the nanometers of a unit, or None if its name is that of no length (1/nm, s, deg, px, …).

    Symbols and names are known in any case, singular or plural, in several spellings, and with `per pixel` behind.
    """
    clean = _clean(name)
    known = _NM_PER_SYMBOL.get(clean, _NM_PER_SYMBOL.get(clean.lower()))
    if known is not None:
        return known
    bare = "".join(char for char in unicodedata.normalize("NFD", clean.lower()) if not unicodedata.combining(char))
    singular = bare.removesuffix("s") if len(bare) > 3 else bare
    return _NM_PER_NAME.get(re.sub(r"met(?:re|ro)$", "meter", singular))


def to_nm(number: float | None, unit: object) -> float | None:
    """Return a number of a unit in nm; None if the number is unknown or 0, or the unit is that of no length."""
    factor = nm_per_unit(unit)
    return number * factor if number and factor else None


def _clean(name: object) -> str:
    """Return the name of a unit in normal form: one µ, one Å, without escapes, `per pixel` and brackets."""
    text = str(name).strip("\0 \t\r\n")
    if len(text) > _MOST_CHARS:
        return ""
    text = _ESCAPED.sub(lambda match: chr(int(match.group(1) or match.group(2), 16)), text)
    for wrong, right in _TWICE_CODED.items():
        text = text.replace(wrong, right)
    return _PER_PIXEL.sub("", normalize(text).strip(" []()."))
