"""Conditions on single fields as SQL on panels (p), and on figures and articles by subqueries of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mirsearch.field_filters import ANY, FieldFilter
from mirsearch.indexes.embedded.database.rows import marks

_FIGURES = "p.figure IN (SELECT g.key FROM figures g WHERE {})"
_ARTICLES = "p.figure IN (SELECT g.key FROM figures g JOIN articles b ON b.key = g.article WHERE {})"
_PLACES = "p.figure IN (SELECT o.figure FROM origins o WHERE {})"
_AUTHORS = _ARTICLES.format("EXISTS (SELECT 1 FROM json_each(b.authors) w WHERE {})")
_COLUMNS = {
    "panel.number": "p.position",
    "panel.width_px": "(p.x1 - p.x0)",
    "panel.height_px": "(p.y1 - p.y0)",
    "scale.known": "(p.field_of_view_nm IS NOT NULL)",
    "scale.source": "p.scale_source",
    "scale.confidence": "p.scale_confidence",
    "article.license_code": "b.license_short",
    "article.authors": "w.value",
    "source": "o.source",
}
"""Columns that are called otherwise than their fields."""


def condition(field: FieldFilter) -> tuple[str, list[Any]]:
    """The condition with its values."""
    group, _, name = field.name.partition(".")
    letter = {"panel": "p", "scale": "p", "figure": "g", "article": "b"}.get(group, "")
    column = _COLUMNS.get(field.name, f"{letter}.{name}")
    around = {"figure": _FIGURES, "article": _ARTICLES, "source": _PLACES}.get(group, "{}")
    if field.name == "article.authors":
        around = _AUTHORS
    parts = list(_parts(field, column))
    values = [value for _, given in parts for value in given]
    return around.format(" OR ".join(f"({part})" for part, _ in parts) or "0"), values


def _parts(field: FieldFilter, column: str) -> Iterator[tuple[str, list[Any]]]:
    """Alternatives, each with its values."""
    words = [each for each in field.values if each != ANY]
    if len(words) < len(field.values):
        yield f"{column} IS NOT NULL", []
    if words and field.kind == "flag":
        yield f"{column} IN ({marks(words)})", [int(each == "true") for each in words]
    elif words:
        yield f"{column} COLLATE NOCASE IN ({marks(words)})", list(words)
    for low, high in field.ranges:
        bounds = [(f"{column} {sign} ?", end) for sign, end in ((">=", low), ("<=", high)) if end is not None]
        yield " AND ".join(bound for bound, _ in bounds), [end for _, end in bounds]
