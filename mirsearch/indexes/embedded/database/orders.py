"""The order of a listing as SQL."""

from __future__ import annotations

import sqlite3

from mirsearch.indexes.embedded.database.fields import field_column
from mirsearch.indexes.embedded.database.filters import Where
from mirsearch.query import Order

_FIGURES = " JOIN figures g ON g.key = p.figure"
_ARTICLES = f"{_FIGURES} LEFT JOIN articles b ON b.key = g.article"
_SEVERAL = {
    "article.authors": "(SELECT min(w.value) FROM json_each(b.authors) w)",
    "source": "(SELECT min(o.source) FROM origins o WHERE o.figure = p.figure)",
}
"""Fields with several values, and the value that counts in an order."""


def sorted_ids(connection: sqlite3.Connection, where: Where, order: Order) -> list[str]:
    """Return the ids of the panels that meet the conditions, in the order.

    Only the sorted column and the ids are read: rows with their texts would be much more to sort.
    """
    group = order.field.partition(".")[0]
    joined = {"figure": _FIGURES, "article": _ARTICLES}.get(group, "")
    value = _SEVERAL.get(order.field) or field_column(order.field)
    direction = "DESC" if order.descending else "ASC"
    query = f"SELECT p.id FROM panels p{joined} {where.clause}ORDER BY {value} IS NULL, {value} {direction}, p.id"
    return [row[0] for row in connection.execute(query, where.values)]
