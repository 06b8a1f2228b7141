"""Python values as the words of options: numbers as lengths, mappings and sequences as repeated options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mirsearch.query import Filters
from mirsearch.search.option_values import add_filters, parse_filters

Words = str | Sequence[str] | None
"""One word, or several of which a panel must have one."""
Length = str | float | None
"""A length with its unit ("500 nm"), or nanometers."""
Number = float | int
Range = str | tuple[Length, Length] | None
"""A range of lengths: "100nm..5um", or its two ends, of which one may be None."""
Condition = str | bool | Number | tuple[Number | None, Number | None] | Sequence[str]
FieldConditions = str | Sequence[str] | Mapping[str, Condition] | None
"""Conditions on fields: "scale.source=caption", several of these, or {"figure.width": (500, None)}."""


def to_list(value: Words) -> list[str]:
    """Return one word or several as a list."""
    return [] if value is None else [value] if isinstance(value, str) else [str(word) for word in value]


def to_length(value: Length) -> str | None:
    """Return a length as it is typed."""
    return value if value is None or isinstance(value, str) else f"{float(value)!r} nm"


def to_range(value: Range) -> str | None:
    """Return a range of lengths as it is typed."""
    if value is None or isinstance(value, str):
        return value
    low, high = (to_length(end) or "" for end in value)
    return f"{low}..{high}"


def to_weights(value: Words | Mapping[str, float]) -> list[str]:
    """Return the weights of terms as they are typed: "visual=0.6"."""
    if isinstance(value, Mapping):
        return [f"{term}={weight!r}" for term, weight in value.items()]
    return to_list(value)


def to_conditions(value: FieldConditions) -> list[str]:
    """Return conditions on fields as they are typed: "figure.width=500..900"."""
    if not isinstance(value, Mapping):
        return to_list(value)
    return [f"{name}={text}" for name, condition in value.items() for text in _condition_texts(condition)]


def _condition_texts(condition: Condition) -> list[str]:
    if isinstance(condition, bool):
        return ["true" if condition else "false"]
    if isinstance(condition, str | int | float):
        return [str(condition)]
    if isinstance(condition, tuple) and len(condition) == 2 and not any(isinstance(end, str) for end in condition):
        return ["..".join("" if end is None else str(end) for end in condition)]
    return [str(word) for word in condition]


def to_filters(
    kind: Words, technique: Words, year: str | int | None, journal: Words, licenses: Words, article: Words,
    has_scale: bool | None, fov: Range, label_text: str | None, conditions: FieldConditions,
) -> Filters:  # fmt: skip
    """Return the filters that a command makes of its options."""
    named = parse_filters(
        to_list(kind), to_list(technique), None if year is None else str(year), to_list(journal), to_list(licenses),
        to_list(article),
    )  # fmt: skip
    return add_filters(named, has_scale, to_range(fov), label_text, to_conditions(conditions))
