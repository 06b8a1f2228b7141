"""Filters on single fields as clauses of an Elasticsearch query."""

from __future__ import annotations

from typing import Any

from mirsearch.field_filters import ANY, FieldFilter
from mirsearch.indexes.comparison import MIN_TECHNIQUE_CONFIDENCE
from mirsearch.query import Order

TECHNIQUE_FIELD = "panel.technique"
IS_TECHNIQUE_KNOWN: dict[str, Any] = {"range": {"panel.technique_confidence": {"gte": MIN_TECHNIQUE_CONFIDENCE}}}
"""The condition that a panel's technique is no guess. Documents of earlier versions hold guesses, too."""
_FALSE_IF_MISSING = ("scale.doubtful", "scale.lone_bar")
"""Flags that documents of earlier versions lack; then they are false."""


def field_clause(field: FieldFilter) -> dict[str, Any]:
    """Return the clause of one field: it matches any of the filter's words, flags or ranges."""
    clause = _values_clause(field)
    return {"bool": {"filter": [clause, IS_TECHNIQUE_KNOWN]}} if field.name == TECHNIQUE_FIELD else clause


def _values_clause(field: FieldFilter) -> dict[str, Any]:
    choices: list[dict[str, Any]] = []
    for value in field.values:
        if value == ANY:
            choices.append({"exists": {"field": field.name}})
        elif value == "false" and field.name in _FALSE_IF_MISSING:
            choices.append({"bool": {"must_not": [{"term": {field.name: True}}]}})
        elif field.kind == "flag":
            choices.append({"term": {field.name: value == "true"}})
        else:
            choices.append({"term": {field.name: {"value": value, "case_insensitive": True}}})
    for low, high in field.ranges:
        bounds = {name: end for name, end in (("gte", low), ("lte", high)) if end is not None}
        choices.append({"range": {field.name: bounds}})
    return {"bool": {"should": choices, "minimum_should_match": 1}} if choices else {"match_none": {}}


def sort_clauses(order: Order | None) -> list[dict[str, Any]]:
    """Return the `sort` of a search for panels in this order (None: by panel id). Panels without a value come last."""
    by_id = {"panel.id": {"order": "asc"}}
    if order is None:
        return [by_id]
    missing = 0 if order.field in _FALSE_IF_MISSING else "_last"  # flags are sorted as numbers
    direction = "desc" if order.descending else "asc"
    return [{order.field: {"order": direction, "mode": "min", "missing": missing}}, by_id]
