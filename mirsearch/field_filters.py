"""Conditions on single fields, `--filter FIELD=VALUE`. The field names are the same on every index."""

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
    "panel.width_px": "number", "panel.height_px": "number", "panel.part": "number", "panel.heading": "word",
    "panel.inset_of": "word",
    "scale.known": "flag", "scale.nm_per_px": "number", "scale.length_nm": "number", "scale.length_px": "number",
    "scale.label_text": "word", "scale.source": "word", "scale.confidence": "number",
    "scale.field_of_view_nm": "number", "scale.doubtful": "flag", "scale.doubtful_field_of_view_nm": "number",
    "scale.lone_bar": "flag",
    "figure.id": "word", "figure.label": "word", "figure.width": "number", "figure.height": "number",
    "figure.page": "number", "figure.permission_note": "word",
    "article.id": "word", "article.doi": "word", "article.pmcid": "word", "article.journal": "word",
    "article.year": "number", "article.license": "word", "article.license_code": "word", "article.url": "word",
    "article.authors": "word", "article.retracted": "flag",
    "source": "word",
}  # fmt: skip
"""All fields that a filter can name, with the kind of their values."""

ANY = "*"
"""The value that matches every panel that has the field."""
_FLAGS = {"true": "true", "yes": "true", "false": "false", "no": "false"}


@dataclass(frozen=True, slots=True)
class FieldFilter:
    """A condition on one field: it equals one of `values` (words, case ignored, or flags), or lies in one of `ranges`.

    Range ends are included; an end that is None is open. ANY in `values` matches every panel that has the field.
    """

    name: str
    values: tuple[str, ...] = ()
    ranges: tuple[Range, ...] = ()

    def __post_init__(self) -> None:
        check_field(self.name)

    @property
    def kind(self) -> FieldKind:
        """Return the kind of the field's values."""
        return FIELDS[self.name]


def check_field(name: str, others: Iterable[str] = ()) -> None:
    """Raise UsageError, with the nearest name, if neither a field nor one of `others` has this name."""
    known = (*others, *FIELDS)
    if name in known:
        return
    similar = difflib.get_close_matches(name.lower(), known, 1) or [
        field for field in FIELDS if name and field.endswith(f".{name.lower()}")
    ]
    suggestion = f"did you mean {similar[0]}? " if similar else ""
    raise UsageError(f"no field is named {name!r}", f"{suggestion}fields are {', '.join(known)}")


def parse_field_filters(texts: Iterable[str], parse_length: Callable[[str], float]) -> tuple[FieldFilter, ...]:
    """Parse `FIELD=VALUE`, or `FIELD=FROM..TO` for numbers. Raises UsageError.

    If a field occurs twice, a panel must meet one of its conditions. `parse_length` converts "5 um" to nm, for fields
    that are lengths.
    """
    filters: dict[str, FieldFilter] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name or not value:
            raise UsageError(f"--filter {text!r} is not FIELD=VALUE", "for instance --filter scale.source=caption")
        single = FieldFilter(name)
        earlier = filters.get(name, single)
        if value == ANY or single.kind == "word":
            filters[name] = FieldFilter(name, (*earlier.values, value), earlier.ranges)
        elif single.kind == "flag":
            filters[name] = FieldFilter(name, (*earlier.values, _parse_flag(text, value)), earlier.ranges)
        else:
            filters[name] = FieldFilter(
                name, earlier.values, (*earlier.ranges, _parse_range(text, name, value, parse_length))
            )
    return tuple(filters.values())


def _parse_flag(text: str, value: str) -> str:
    if value.lower() not in _FLAGS:
        raise UsageError(f"--filter {text!r} is neither true nor false", "give true or false")
    return _FLAGS[value.lower()]


def _parse_range(text: str, name: str, value: str, parse_length: Callable[[str], float]) -> Range:
    start, dots, end = value.partition("..")
    ends = [
        _parse_number(text, name, end_text.strip(), parse_length) if end_text.strip() else None
        for end_text in (start, end)
    ]
    low, high = ends if dots else (ends[0], ends[0])
    if low is None and high is None:
        raise UsageError(f"--filter {text!r} has no number", "give a range such as 100..500; one end may be left out")
    if low is not None and high is not None and low > high:
        raise UsageError(f"--filter {text!r}: the range is reversed", "give the smaller number first")
    return low, high


def _parse_number(text: str, name: str, value: str, parse_length: Callable[[str], float]) -> float:
    try:
        number = float(value)
    except ValueError:
        if not name.endswith("_nm"):
            raise UsageError(f"--filter {text!r}: {value!r} is no number", f"{name} holds numbers") from None
        number = parse_length(value)
    if not math.isfinite(number):
        raise UsageError(f"--filter {text!r}: {value!r} is no number", f"{name} holds numbers")
    return number
