"""Columns of panels, hits and figures in tables of data (CSV, Parquet, data frames): a name, a type, and the value."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

from mirsearch.corpus import Article, Figure, Panel
from mirsearch.indexes.comparison import known_technique
from mirsearch.query import StoredPanel
from mirsearch.report.wording import article_link, scale_label
from mirsearch.search.answer import Hit
from mirsearch.search.listing import ListedFigure

Item = TypeVar("Item")
Value = str | int | float | bool | None


class Column(NamedTuple, Generic[Item]):
    """A column: its type (str, int, float or bool), and the value of an item, None where it is not known."""

    kind: type
    value: Callable[[Item], Value]


def _article_columns(figure: Callable[[Item], Figure]) -> dict[str, Column[Item]]:
    def of(name: str) -> Callable[[Item], Value]:
        return lambda item: getattr(figure(item).article, name, None)

    return {
        "title": Column(str, of("title")),
        "authors": Column(str, lambda item: "; ".join(_article(figure(item)).authors)),
        "journal": Column(str, of("journal")),
        "year": Column(int, of("year")),
        "doi": Column(str, of("doi")),
        "license": Column(str, of("license")),
        "url": Column(str, lambda item: article_link(figure(item).article)),
        "retracted": Column(bool, lambda item: _article(figure(item)).retracted),
        "image": Column(str, lambda item: figure(item).image),
    }


def _article(figure: Figure) -> Article:
    return figure.article or Article(id="")


def _of_scale(name: str) -> Callable[[StoredPanel], Value]:
    return lambda stored: getattr(stored.panel.scale, name, None)


def _of_panel(name: str) -> Callable[[StoredPanel], Value]:
    return lambda stored: getattr(stored.panel, name)


def _doubtful_label(panel: Panel) -> str | None:
    return None if panel.doubtful_scale is None else scale_label(dataclasses.replace(panel, scale=None))


PANEL_COLUMNS: dict[str, Column[StoredPanel]] = {
    "id": Column(str, _of_panel("id")),
    "scale_label": Column(str, _of_scale("label_text")),
    "length_nm": Column(float, _of_scale("length_nm")),
    "nm_per_px": Column(float, _of_scale("nm_per_px")),
    "scale_source": Column(str, _of_scale("source")),
    "scale_confidence": Column(float, _of_scale("confidence")),
    "field_of_view_nm": Column(float, _of_panel("field_of_view_nm")),
    "figure": Column(str, lambda stored: stored.figure.id),
    "figure_label": Column(str, lambda stored: stored.figure.label),
    "panel": Column(str, _of_panel("label")),
    "x0": Column(int, lambda stored: stored.panel.box[0]),
    "y0": Column(int, lambda stored: stored.panel.box[1]),
    "x1": Column(int, lambda stored: stored.panel.box[2]),
    "y1": Column(int, lambda stored: stored.panel.box[3]),
    "kind": Column(str, _of_panel("kind")),
    "technique": Column(str, lambda stored: known_technique(stored.panel)),
    "caption": Column(str, lambda stored: stored.panel.caption or stored.figure.caption),
    "printed_text": Column(str, _of_panel("text")),
    **_article_columns(lambda stored: stored.figure),
    "part": Column(int, _of_panel("part")),
    "heading": Column(str, lambda stored: stored.panel.heading or None),
    "inset_of": Column(str, _of_panel("inset_of")),
    "doubtful_label": Column(str, lambda stored: _doubtful_label(stored.panel)),
    "doubtful_nm_per_px": Column(float, lambda stored: getattr(stored.panel.doubtful_scale, "nm_per_px", None)),
    "bar_px": Column(float, lambda stored: getattr(stored.panel.bar, "length_px", None)),
}

HIT_COLUMNS: dict[str, Column[Hit]] = {
    "rank": Column(int, lambda hit: hit.rank),
    "score": Column(float, lambda hit: hit.scored.score),
    "visual_distance": Column(float, lambda hit: hit.scored.visual_distance),
    "visual": Column(float, lambda hit: hit.scored.visual),
    "scale": Column(float, lambda hit: hit.scored.scale),
    "text": Column(float, lambda hit: hit.scored.text),
    "match": Column(str, lambda hit: hit.match.word if hit.match else None),
    "match_probability": Column(float, lambda hit: hit.match.probability if hit.match else None),
}
"""The columns that a hit has before those of its panel."""

FIGURE_COLUMNS: dict[str, Column[ListedFigure]] = {
    "figure": Column(str, lambda listed: listed.figure.id),
    "figure_label": Column(str, lambda listed: listed.figure.label),
    "panels": Column(int, lambda listed: len(listed.panel_ids)),
    "with_scale": Column(int, lambda listed: listed.with_scale),
    "width": Column(int, lambda listed: listed.figure.width),
    "height": Column(int, lambda listed: listed.figure.height),
    "page": Column(int, lambda listed: listed.figure.page),
    "caption": Column(str, lambda listed: listed.figure.caption),
    **_article_columns(lambda listed: listed.figure),
    "permission_note": Column(str, lambda listed: listed.figure.permission_note),
}


def data_rows(items: Iterable[Item], columns: dict[str, Column[Item]]) -> Iterator[dict[str, Value]]:
    """Yield the values of each item by column."""
    for item in items:
        yield {name: column.value(item) for name, column in columns.items()}
