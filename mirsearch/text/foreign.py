"""Read JSON, integers and texts that come from outside."""

from __future__ import annotations

import json
from typing import Any

LARGEST_INTEGER = 2**53
"""Largest integer that is taken from outside: every database and every JSON reader keeps it exactly."""
_MOST_DIGITS = 17


def parse_json(data: bytes | str) -> Any:
    """Return the value of JSON, without characters that no text may have. Raises ValueError for anything else."""
    try:
        return _without_surrogates(json.loads(data))
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


def clean_surrogates(text: str) -> str:
    """Return a text in which halves of characters, which can't be stored, are replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return clean_surrogates(value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {clean_surrogates(name): _without_surrogates(item) for name, item in value.items()}
    return value
