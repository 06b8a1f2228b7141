"""Conditions on single fields as SQL: on panels (p), and by subqueries on figures, articles and origins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mirsearch.field_filters import ANY, FieldFilter
from mirsearch.indexes.embedded.database.checksums import placeholders

_FIGURES = "p.figure IN (SELECT g.key FROM figures g WHERE {})"
_ARTICLES = "p.figure IN (SELECT g.key FROM figures g JOIN articles b ON b.key = g.article WHERE {})"
_ORIGINS = "p.figure IN (SELECT o.figure FROM origins o WHERE {})"
_AUTHORS = _ARTICLES.format("EXISTS (SELECT 1 FROM json_each(b.authors) w WHERE {})")
_COLUMNS = {
    "panel.number": "p.position",
    "panel.width_px": "(p.x1 - p.x0)",
    "panel.height_px": "(p.y1 - p.y0)",
    "scale.known": "(p.field_of_view_nm IS NOT NULL)",
    "scale.source": "p.scale_source",
    "scale.confidence": "p.scale_confidence",
    "scale.doubtful": "(p.doubtful_field_of_view_nm IS NOT NULL)",
    "scale.lone_bar": "(p.lone_bar IS NOT NULL)",
    "article.license_code": "b.license_short",
    "article.authors": "w.value",
    "source": "o.source",
}
"""The columns whose names differ from the names of their fields."""
_LOWER_CASE_FIELDS = ("panel.id", "figure.id")
"""Fields whose values have no capitals. Their values are looked up, which is faster than comparing without case."""


def field_condition(field: FieldFilter) -> tuple[str, list[Any]]:
    """Return the SQL condition for a field filter, with its values."""
    group, column = field.name.partition(".")[0], field_column(field.name)
    template = {"figure": _FIGURES, "article": _ARTICLES, "source": _ORIGINS}.get(group, "{}")
    if field.name == "article.authors":
        template = _AUTHORS
    alternatives = list(_alternatives(field, column))
    values = [value for _, part_values in alternatives for value in part_values]
    return template.format(" OR ".join(f"({condition})" for condition, _ in alternatives) or "0"), values


def field_column(field: str) -> str:
    """Return the SQL expression of a field: of panels p, figures g, articles b, origins o, or an author w."""
    group, _, name = field.partition(".")
    table_alias = {"panel": "p", "scale": "p", "figure": "g", "article": "b"}.get(group, "")
    return _COLUMNS.get(field, f"{table_alias}.{name}")


def _alternatives(field: FieldFilter, column: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield the alternatives of a filter as SQL conditions, each with its values."""
    words = [word for word in field.values if word != ANY]
    if len(words) < len(field.values):
        yield f"{column} IS NOT NULL", []
    if words and field.kind == "flag":
        yield f"{column} IN ({placeholders(words)})", [int(word == "true") for word in words]
    elif words and field.name in _LOWER_CASE_FIELDS:
        yield f"{column} IN ({placeholders(words)})", [word.lower() for word in words]
    elif words:
        yield f"{column} COLLATE NOCASE IN ({placeholders(words)})", list(words)
    for low, high in field.ranges:
        bounds = [(f"{column} {sign} ?", end) for sign, end in ((">=", low), ("<=", high)) if end is not None]
        yield " AND ".join(bound for bound, _ in bounds), [end for _, end in bounds]
