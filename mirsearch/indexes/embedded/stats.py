"""Counts of the contents of the embedded index."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Iterable
from typing import Any

from mirsearch.indexes.embedded.database.filters import Where
from mirsearch.indexes.embedded.database.rows import JOINED
from mirsearch.settings import NEWEST_FIGURES

_TOTALS = {
    "articles": "SELECT count(*) FROM articles",
    "figures": "SELECT count(*) FROM figures",
    "panels": "SELECT count(*) FROM panels",
    "with_scale": "SELECT count(*) FROM panels WHERE field_of_view_nm IS NOT NULL",
    "with_doubtful_scale": "SELECT count(*) FROM panels WHERE doubtful_field_of_view_nm IS NOT NULL",
    "with_lone_bar": "SELECT count(*) FROM panels WHERE lone_bar IS NOT NULL",
    "with_text": "SELECT count(*) FROM panel_texts WHERE text <> ''",
    "with_caption": "SELECT count(*) FROM panel_texts WHERE caption <> ''",
}
_GROUPS = {
    "kinds": "p.kind",
    "techniques": "p.technique",
    "licenses": "a.license_short",
    "years": "a.year",
    "scale_sources": "p.scale_source",
    "journals": "a.journal",
}


def count_contents(connection: sqlite3.Connection) -> dict[str, Any]:
    """Count all contents; count panels by kind, technique, license, year, scale source and journal, or "unknown".

    Panels are also counted by decade of the field of view in nm (2: from 100 nm to 1 µm).
    """
    totals: dict[str, Any] = {name: connection.execute(query).fetchone()[0] for name, query in _TOTALS.items()}
    for name, column in _GROUPS.items():
        query = f"SELECT {column}, count(*) FROM {JOINED} GROUP BY {column} ORDER BY count(*) DESC, {column}"
        totals[name] = {
            ("unknown" if value is None else str(value)): count for value, count in connection.execute(query)
        }
    fields_of_view = connection.execute("SELECT field_of_view_nm FROM panels WHERE field_of_view_nm > 0")
    totals["fields_of_view"] = _count_decades(width for (width,) in fields_of_view)
    sources = "SELECT source, count(DISTINCT figure) FROM origins GROUP BY source ORDER BY source"
    totals["sources"] = dict(connection.execute(sources))
    totals["newest_figures"] = _newest_figures(connection)
    return totals


def _newest_figures(connection: sqlite3.Connection) -> list[str]:
    """Return the ids of the figures that were written last, the newest first. Keys of panels only grow."""
    panels = connection.execute("SELECT figure FROM panels ORDER BY key DESC")
    keys: dict[int, None] = {}
    for (key,) in panels:
        keys[key] = None
        if len(keys) == NEWEST_FIGURES:
            break
    panels.close()
    return [connection.execute("SELECT id FROM figures WHERE key = ?", (key,)).fetchone()[0] for key in keys]


def count_values(connection: sqlite3.Connection, where: Where) -> dict[str, dict[str, int]]:
    """Count the panels that meet the conditions by their values. See `Index.count_values`."""
    names = [name for name in _GROUPS if name != "scale_sources"]
    columns = ", ".join(_GROUPS[name] for name in names)
    # rows are counted as they come: a list of them takes a third of a GB for a million panels
    together = Counter(connection.execute(f"SELECT {columns} FROM {JOINED} {where.clause}", where.values))
    counts: dict[str, dict[str, int]] = {}
    for at, name in enumerate(names):
        values: Counter[Any] = Counter()
        for row, count in together.items():
            values[row[at]] += count
        counts[name] = {"unknown" if value is None else str(value): count for value, count in values.most_common()}
    width = "p.field_of_view_nm > 0"
    only = f"{where.clause} AND {width}" if where.clause else f"WHERE {width}"
    widths = connection.execute(f"SELECT p.field_of_view_nm FROM panels p {only}", where.values)
    counts["fields_of_view"] = _count_decades(width for (width,) in widths)
    figures = f"SELECT p.figure FROM panels p {where.clause}"
    sources = f"SELECT source, count(DISTINCT figure) FROM origins WHERE figure IN ({figures}) GROUP BY source"
    counts["sources"] = dict(connection.execute(sources, where.values))
    return counts


def _count_decades(widths: Iterable[float]) -> dict[str, int]:
    decades = Counter(math.floor(math.log10(width)) for width in widths)
    return {str(decade): decades[decade] for decade in sorted(decades)}
