"""Reads figures with their articles, origins and notes from the database, and checks their checksums."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mirsearch.corpus import Article, Figure, Origin
from mirsearch.corrections import Correction, correction_from_json, panel_from_json
from mirsearch.indexes.base import FigureNotes, KnownFigure
from mirsearch.indexes.embedded.database.checksums import (
    ARTICLES,
    FIGURES,
    DamagedRowError,
    batches,
    placeholders,
    read_checked_figures,
    row_crc,
)
from mirsearch.indexes.embedded.database.own_names import names_of

MAX_CACHED = 32_768
"""Most figures that are kept in memory while panels are listed: some 100 MB. Each that is dropped is read again."""


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A figure with what the database has about it besides its panels, and the number of its panels."""

    figure: Figure
    analysis_version: str | None
    source_panels: str | None
    corrections: tuple[Correction, ...]
    panel_count: int

    def known(self) -> KnownFigure:
        """Return what an ingest needs of the figure."""
        figure = self.figure
        article = figure.article.id if figure.article else None
        return KnownFigure(figure.id, figure.caption, article, figure.origins, figure.mentions)

    def notes(self) -> FigureNotes:
        """Return the notes of the figure."""
        source_panels = json.loads(self.source_panels) if self.source_panels else ()
        return FigureNotes(
            self.analysis_version, tuple(panel_from_json(values) for values in source_panels), self.corrections
        )


def read_figures(
    connection: sqlite3.Connection, keys: Iterable[int], known: dict[int | None, Article] | None = None
) -> dict[int, FigureRow]:
    """Return figures by key. Raises DamagedRowError if one is missing or does not match its checksum.

    `known` articles, by key, are not read again; those that are read are added to them.
    """
    articles = {} if known is None else known
    own = names_of(connection)
    found: dict[int, FigureRow] = {}
    for batch in batches(dict.fromkeys(keys)):
        rows = list(read_checked_figures(connection, batch))
        if len(rows) < len(batch):
            raise DamagedRowError("a figure of a panel is missing")
        values_of = [dict(zip(FIGURES, row.values, strict=True)) for row in rows]
        wanted = {values["article"] for values in values_of if values["article"] is not None}
        articles |= _read_articles(connection, wanted - articles.keys())
        for row, values in zip(rows, values_of, strict=True):
            row.check()
            origins = own.origins(Origin(*origin) for origin in row.origins)
            found[values["key"]] = _figure_row(values, articles.get(values["article"]), origins, row.corrections)
    return found


class FigureCache:
    """Figures that were read in one transaction. Panels in any order but that of their ids ask for each again."""

    def __init__(self) -> None:
        self._rows: dict[int, FigureRow] = {}
        self._articles: dict[int | None, Article] = {}

    def read(self, connection: sqlite3.Connection, keys: Iterable[int]) -> dict[int, FigureRow]:
        """Return figures by key, as `read_figures`."""
        wanted = dict.fromkeys(keys)
        found = {key: self._rows[key] for key in wanted if key in self._rows}
        if len(found) == len(wanted):
            return found
        read = read_figures(connection, (key for key in wanted if key not in found), self._articles)
        self._rows |= read
        _drop_oldest(self._rows)
        _drop_oldest(self._articles)
        return found | read

    def add_known(self, connection: sqlite3.Connection, keys: Mapping[str, int], figures: Iterable[Figure]) -> None:
        """Add figures that were read and checked before; `keys` are by id, others are left out.

        A figure with corrections is left to be read, because a panel needs them, too.
        """
        corrected: set[str] = set()
        for batch in batches(keys):
            query = f"SELECT figure FROM corrections WHERE figure IN ({placeholders(batch)})"
            corrected.update(row[0] for row in connection.execute(query, batch))
        for figure in figures:
            if figure.id in keys and figure.id not in corrected:
                self._rows[keys[figure.id]] = FigureRow(figure, None, None, (), 0)


def _drop_oldest(kept: dict[Any, Any]) -> None:
    for key in list(islice(kept, max(len(kept) - MAX_CACHED, 0))):
        del kept[key]


def find_figures(connection: sqlite3.Connection, ids: Iterable[str]) -> dict[str, FigureRow]:
    """Return figures by id. Unknown ids are left out."""
    keys: list[int] = []
    for batch in batches(dict.fromkeys(ids)):
        query = f"SELECT key FROM figures WHERE id IN ({placeholders(batch)})"
        keys.extend(row[0] for row in connection.execute(query, batch))
    return {row.figure.id: row for row in read_figures(connection, keys).values()}


def _figure_row(
    values: dict[str, Any], article: Article | None, origins: tuple[Origin, ...], corrections: Iterable[Any]
) -> FigureRow:
    figure = Figure(
        id=values["id"],
        width=values["width"],
        height=values["height"],
        label=values["label"],
        caption=values["caption"],
        article=article,
        origins=origins,
        page=values["page"],
        permission_note=values["permission_note"],
        mentions=tuple(json.loads(values["mentions"])) if values["mentions"] else (),
    )
    read = tuple(correction_from_json(json.loads(text)) for _, text in corrections)
    return FigureRow(figure, values["analysis"], values["given"], read, values["panels"])


def _read_articles(connection: sqlite3.Connection, keys: set[int]) -> dict[int | None, Article]:
    articles: dict[int | None, Article] = {}
    for batch in batches(keys):
        query = f"SELECT {', '.join(ARTICLES)}, crc FROM articles WHERE key IN ({placeholders(batch)})"
        for *row, crc in connection.execute(query, batch):
            values = dict(zip(ARTICLES, row, strict=True))
            if row_crc(*row) != crc:
                raise DamagedRowError(f"the data of article {values['id']} does not match its checksum")
            names = ("id", "title", "doi", "pmcid", "journal", "year", "license", "url")
            authors, retracted = tuple(json.loads(values["authors"])), bool(values["retracted"])
            articles[values["key"]] = Article(
                **{name: values[name] for name in names}, authors=authors, retracted=retracted
            )
    if len(articles) < len(keys):
        raise DamagedRowError("an article of a figure is missing")
    return articles
