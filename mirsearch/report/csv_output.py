"""Answers and lists as CSV: empty cells for missing values, and no text that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping
from typing import TextIO, TypeVar

from mirsearch.query import StoredPanel
from mirsearch.report.data_columns import HIT_COLUMNS, PANEL_COLUMNS, Column, Value, data_rows
from mirsearch.report.wording import clean_text
from mirsearch.search.answer import Answer, Hit
from mirsearch.settings import LIMITS

Item = TypeVar("Item")

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "|", "%", "＝", "＋", "－", "＠")


def _of_hit(column: Column[StoredPanel]) -> Column[Hit]:
    return Column(column.kind, lambda hit: column.value(hit.stored))


_KNOWN: dict[str, Column[Hit]] = {
    **{name: _of_hit(column) for name, column in PANEL_COLUMNS.items()},
    **HIT_COLUMNS,
    "also": Column(str, lambda hit: "; ".join(stored.panel.id for stored in hit.repeats)),
    "more": Column(str, lambda hit: "; ".join(stored.panel.id for _, stored in hit.parts)),
    "more_of_article": Column(str, lambda hit: "; ".join(stored.panel.id for _, stored in hit.others)),
}
_HEADINGS = (
    "rank", "id", "score", "visual_distance", "visual", "scale", "text", "scale_label", "nm_per_px", "scale_source",
    "field_of_view_nm", "figure", "figure_label", "panel", "x0", "y0", "x1", "y1", "kind", "technique", "caption",
    "title", "authors", "journal", "year", "doi", "license", "url", "retracted", "image", "also", "more", "part",
    "heading", "inset_of", "doubtful_label", "doubtful_nm_per_px", "bar_px", "more_of_article",
    "match", "match_probability",
)  # fmt: skip
"""The columns of an answer. New ones stand at the end: programs may read the others by their place."""
_COLUMNS = {name: _KNOWN[name] for name in _HEADINGS}


def answer_csv(answer: Answer) -> str:
    """Return the hits as CSV text, a row for each."""
    out = io.StringIO()
    write_csv(answer.hits, _COLUMNS, out)
    return out.getvalue()


def write_csv(items: Iterable[Item], columns: dict[str, Column[Item]], stream: TextIO) -> int:
    """Write a header and a row for each item, and return the number of items."""
    return write_rows(data_rows(items, columns), columns, stream)


def write_rows(rows: Iterable[Mapping[str, Value]], names: Collection[str], stream: TextIO) -> int:
    """Write a header and the cells of each row that have these names, and return the number of rows.

    Quoting is that of RFC 4180; lines end in LF.
    """
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    count = 0
    for row in rows:
        writer.writerow([_safe_cell(row.get(name)) for name in names])
        count += 1
    return count


def _safe_cell(value: Value) -> str | int | float:
    """Return a cell: a flag as "yes" or nothing, and text that a spreadsheet would take for a formula made harmless.

    It gets an apostrophe in front (OWASP's advice).
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    if not isinstance(value, str):
        return value
    text = clean_text(value, LIMITS.caption_chars)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
