"""Filters on single fields as clauses of an Elasticsearch query."""

from __future__ import annotations

from typing import Any

from mirsearch.field_filters import ANY, FieldFilter


def field_clause(field: FieldFilter) -> dict[str, Any]:
    """Return the clause of one field: it matches any of the filter's words, flags or ranges."""
    choices: list[dict[str, Any]] = []
    for value in field.values:
        if value == ANY:
            choices.append({"exists": {"field": field.name}})
        elif field.kind == "flag":
            choices.append({"term": {field.name: value == "true"}})
        else:
            choices.append({"term": {field.name: {"value": value, "case_insensitive": True}}})
    for low, high in field.ranges:
        bounds = {name: end for name, end in (("gte", low), ("lte", high)) if end is not None}
        choices.append({"range": {field.name: bounds}})
    return {"bool": {"should": choices, "minimum_should_match": 1}} if choices else {"match_none": {}}
