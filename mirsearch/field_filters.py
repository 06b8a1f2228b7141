"""Conditions on single fields, by the names they have on every index: `--filter FIELD=VALUE`."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from mirsearch.errors import UsageError

FieldKind = Literal["word", "number", "flag"]
Range = tuple[float | None, float | None]

FIELDS: dict[str, FieldKind] = {
    "panel.id": "word", "panel.label": "word", "panel.number": "number", "panel.kind": "word",
    "panel.kind_confidence": "number", "panel.technique": "word", "panel.technique_confidence": "number",
    "panel.width_px": "number", "panel.height_px": "number",
    "scale.known": "flag", "scale.nm_per_px": "number", "scale.length_nm": "number", "scale.length_px": "number",
    "scale.label_text": "word", "scale.source": "word", "scale.confidence": "number",
    "scale.field_of_view_nm": "number",
    "figure.id": "word", "figure.label": "word", "figure.width": "number", "figure.height": "number",
    "figure.page": "number", "figure.permission_note": "word",
    "article.id": "word", "article.doi": "word", "article.pmcid": "word", "article.journal": "word",
    "article.year": "number", "article.license": "word", "article.license_code": "word", "article.url": "word",
    "article.authors": "word", "article.retracted": "flag",
    "source": "word",
}  # fmt: skip
"""Every field a filter may name, and what it holds."""

ANY = "*"
"""The value that asks for a panel that has the field at all."""
_FLAGS = {"true": "true", "yes": "true", "false": "false", "no": "false"}


@dataclass(frozen=True, slots=True)
class FieldFilter:
    """A condition on one field: any of the words (compared without case) or flags, or a number in any of the ranges.

    Range ends are included, None is open; ANY among `values` asks that the field be there.
    """

    name: str
    values: tuple[str, ...] = ()
    ranges: tuple[Range, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in FIELDS:
            near = difflib.get_close_matches(self.name, FIELDS, 1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"no field is named {self.name!r}", f"{meant}fields are {', '.join(FIELDS)}")

    @property
    def kind(self) -> FieldKind:
        """What the field holds."""
        return FIELDS[self.name]


def parse(texts: Iterable[str], length: Callable[[str], float]) -> tuple[FieldFilter, ...]:
    """`FIELD=VALUE`, or `FIELD=FROM..TO` for numbers; the same field twice: any of both. Raises UsageError.

    `length` turns "5 um" into nm, for fields that are lengths.
    """
    found: dict[str, FieldFilter] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name or not value:
            raise UsageError(f"--filter {text!r} is not FIELD=VALUE", "for instance --filter scale.source=caption")
        one = FieldFilter(name)
        before = found.get(name, one)
        if value == ANY or one.kind == "word":
            found[name] = FieldFilter(name, (*before.values, value), before.ranges)
        elif one.kind == "flag":
            found[name] = FieldFilter(name, (*before.values, _flag(text, value)), before.ranges)
        else:
            found[name] = FieldFilter(name, before.values, (*before.ranges, _range(text, name, value, length)))
    return tuple(found.values())


def _flag(text: str, value: str) -> str:
    if value.lower() not in _FLAGS:
        raise UsageError(f"--filter {text!r} is neither true nor false", "give true or false")
    return _FLAGS[value.lower()]


def _range(text: str, name: str, value: str, length: Callable[[str], float]) -> Range:
    start, dots, end = value.partition("..")
    ends = [_number(text, name, each.strip(), length) if each.strip() else None for each in (start, end)]
    low, high = ends if dots else (ends[0], ends[0])
    if low is None and high is None:
        raise UsageError(f"--filter {text!r} has no number", "for instance 100..500; either end may be left out")
    if low is not None and high is not None and low > high:
        raise UsageError(f"--filter {text!r} runs backwards", "the smaller number comes first")
    return low, high


def _number(text: str, name: str, value: str, length: Callable[[str], float]) -> float:
    try:
        number = float(value)
    except ValueError:
        if not name.endswith("_nm"):
            raise UsageError(f"--filter {text!r}: {value!r} is no number", f"{name} holds numbers") from None
        number = length(value)
    if not math.isfinite(number):
        raise UsageError(f"--filter {text!r}: {value!r} is no number", f"{name} holds numbers")
    return number
