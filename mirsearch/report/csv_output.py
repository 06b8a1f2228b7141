"""An answer as CSV: one row for each hit, empty cells for missing values, and no text that a spreadsheet would run."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable

from mirsearch.corpus import Article, Panel
from mirsearch.indexes.comparison import known_technique
from mirsearch.report.wording import article_link, clean_text, scale_label
from mirsearch.search.answer import Answer, Hit
from mirsearch.settings import LIMITS

Cell = str | int | float | None

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "|", "%", "＝", "＋", "－", "＠")

_COLUMNS: dict[str, Callable[[Hit], Cell]] = {
    "rank": lambda hit: hit.rank,
    "id": lambda hit: hit.stored.panel.id,
    "score": lambda hit: hit.scored.score,
    "visual_distance": lambda hit: hit.scored.visual_distance,
    "visual": lambda hit: hit.scored.visual,
    "scale": lambda hit: hit.scored.scale,
    "text": lambda hit: hit.scored.text,
    "scale_label": lambda hit: hit.stored.panel.scale.label_text if hit.stored.panel.scale else None,
    "nm_per_px": lambda hit: hit.stored.panel.scale.nm_per_px if hit.stored.panel.scale else None,
    "scale_source": lambda hit: hit.stored.panel.scale.source if hit.stored.panel.scale else None,
    "field_of_view_nm": lambda hit: hit.stored.panel.field_of_view_nm,
    "figure": lambda hit: hit.stored.figure.id,
    "figure_label": lambda hit: hit.stored.figure.label,
    "panel": lambda hit: hit.stored.panel.label,
    "x0": lambda hit: hit.stored.panel.box[0],
    "y0": lambda hit: hit.stored.panel.box[1],
    "x1": lambda hit: hit.stored.panel.box[2],
    "y1": lambda hit: hit.stored.panel.box[3],
    "kind": lambda hit: hit.stored.panel.kind,
    "technique": lambda hit: known_technique(hit.stored.panel),
    "caption": lambda hit: hit.stored.panel.caption or hit.stored.figure.caption,
    "title": lambda hit: _article_of(hit).title,
    "authors": lambda hit: "; ".join(_article_of(hit).authors),
    "journal": lambda hit: _article_of(hit).journal,
    "year": lambda hit: _article_of(hit).year,
    "doi": lambda hit: _article_of(hit).doi,
    "license": lambda hit: _article_of(hit).license,
    "url": lambda hit: article_link(hit.stored.figure.article),
    "retracted": lambda hit: "yes" if _article_of(hit).retracted else None,
    "image": lambda hit: hit.stored.figure.image,
    "also": lambda hit: "; ".join(stored.panel.id for stored in hit.repeats) or None,
    "more": lambda hit: "; ".join(stored.panel.id for _, stored in hit.parts) or None,
    "part": lambda hit: hit.stored.panel.part,
    "heading": lambda hit: hit.stored.panel.heading,
    "inset_of": lambda hit: hit.stored.panel.inset_of,
    "doubtful_label": lambda hit: _doubtful_label(hit.stored.panel),
    "doubtful_nm_per_px": lambda hit: _doubtful_nm_per_px(hit.stored.panel),
    "bar_px": lambda hit: hit.stored.panel.bar.length_px if hit.stored.panel.bar else None,
    "more_of_article": lambda hit: "; ".join(stored.panel.id for _, stored in hit.others) or None,
}
"""Heading → the value of a hit."""


def answer_csv(answer: Answer) -> str:
    """Return the hits as CSV text: a header, RFC 4180 quoting, lines that end in LF."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for hit in answer.hits:
        writer.writerow([safe_cell(value(hit)) for value in _COLUMNS.values()])
    return out.getvalue()


def safe_cell(value: Cell) -> str | int | float:
    """Return a cell. Text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP's advice)."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    text = clean_text(value, LIMITS.caption_chars)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _doubtful_label(panel: Panel) -> str | None:
    return None if panel.doubtful_scale is None else scale_label(dataclasses.replace(panel, scale=None))


def _doubtful_nm_per_px(panel: Panel) -> float | None:
    return None if panel.doubtful_scale is None else panel.doubtful_scale.nm_per_px


def _article_of(hit: Hit) -> Article:
    return hit.stored.figure.article or Article(id="")
