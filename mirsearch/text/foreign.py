"""Read JSON, numbers and texts that come from outside."""

from __future__ import annotations

import html
import json
import math
import re
from typing import Any

from mirsearch.settings import LIMITS

LARGEST_INTEGER = 2**53
"""Largest integer that is taken from outside: every database and every JSON reader keeps it exactly."""
_MOST_DIGITS = 17
_HUGE_REFERENCE = re.compile(r"&#(?:0*+[0-9]{8,}+|[xX]0*+[0-9a-fA-F]{7,}+);?")
"""References to characters beyond the last one, of any number of digits, which `html` would take for a number."""


def parse_json(data: bytes | str, most_values: int = LIMITS.json_values) -> Any:
    """Return the value of JSON, without what can't be stored or counted with.

    Halves of characters in texts are replaced. Numbers that no database keeps (NaN, infinity, integers of more than 64
    bits) become None. Raises ValueError for anything else than JSON, for more than `most_values` values, whose memory
    would be many times that of the text, and for nesting that is too deep.
    """
    if isinstance(data, bytes):
        count = data.count(b",") + data.count(b"[") + data.count(b"{")
    else:
        count = data.count(",") + data.count("[") + data.count("{")
    if count > most_values:
        raise ValueError(f"about {count:,} values, more than the limit of {most_values:,}")
    try:
        value = json.loads(data, parse_int=_parse_int, parse_float=_parse_float, parse_constant=lambda _: None)
        return _without_surrogates(value)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def parse_integer(value: object) -> int | None:
    """Return a whole number of 0 to 2^53, given as a number or in digits; None for anything else."""
    if isinstance(value, str):
        text = value.strip()
        value = int(text) if text.isascii() and text.isdecimal() and len(text) < _MOST_DIGITS else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= LARGEST_INTEGER else None


def parse_number(value: object) -> float | None:
    """Return a number as a finite one; None for anything else. True and false are no numbers here."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def clean_surrogates(text: str) -> str:
    """Return a text in which halves of characters, which can't be stored, are replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def unescape_entities(text: str) -> str:
    """Return a text with characters in place of the entities of HTML."""
    return html.unescape(_HUGE_REFERENCE.sub("\ufffd", text))


def _parse_int(digits: str) -> int | None:
    return int(digits) if len(digits.lstrip("-")) < 20 and -(2**63) <= int(digits) < 2**63 else None


def _parse_float(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return clean_surrogates(value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {clean_surrogates(name): _without_surrogates(item) for name, item in value.items()}
    return value
