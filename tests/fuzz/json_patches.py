"""Inputs that change the values of a JSON document: text that is no JSON is refused before its values are read."""

from __future__ import annotations

import copy
import json
from typing import Any

MARK = b"\x01"
"""First byte of an input that is a list of changes: a document, then pairs of a value's number and what replaces it."""
ODD_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 2**53, 10**30, 1e308, float("nan"), float("inf"), "", "x", "\ud800", "9" * 5000, "\u202e\0", [],
    {}, [[]], [None], {"a": {}}, {"": ""}, ["a", "b"], 0.5, "1e999", [1, 2, 3, 4], "2 µm", "a" * 3000, [[[[1]]]], "\n",
)  # fmt: skip


def patched(documents: list[Any], data: bytes) -> bytes:
    """Return a document of the list, changed as an input tells that begins with MARK, or that is no JSON.

    Other inputs stay unchanged, and so does every fourth of those that are no JSON.
    """
    if len(data) < 2 or not (data.startswith(MARK) or (len(data) % 4 and _is_no_json(data))):
        return data
    document = {"": copy.deepcopy(documents[data[1] % len(documents)])}
    for number, value in zip(data[2:200:2], data[3:200:2], strict=False):
        slots = _slots(document)
        holder, key = slots[number % len(slots)]
        if value % 8 == 7:
            del holder[key]
        elif value % 8 == 6 and isinstance(holder, list):
            holder += holder[:20]
        else:
            holder[key] = copy.deepcopy(ODD_VALUES[value % len(ODD_VALUES)])
        document.setdefault("", {})
    return json.dumps(document[""]).encode()


def _is_no_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return True
    return False


def _slots(value: Any) -> list[tuple[Any, Any]]:
    """Return the place of each value in a document: what holds it, and its key there."""
    keys = range(len(value)) if isinstance(value, list) else list(value) if isinstance(value, dict) else []
    found = [(value, key) for key in keys]
    return found + [slot for key in keys for slot in _slots(value[key])]
