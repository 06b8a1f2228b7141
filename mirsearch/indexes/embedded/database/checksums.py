"""Checksums of the rows of the database. Each is stored with its row, and compared whenever the row is read.

A checksum is the CRC-32 of the values as ASCII literals: the same in every version of Python and SQLite. That of a
figure also covers its origins, its corrections and the number of its panels, so that a missing row is noticed.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

BATCH_ROWS = 500
ARTICLES = (
    "key", "id", "title", "doi", "pmcid", "journal", "year", "license", "url", "authors", "retracted",
    "journal_folded", "license_short",
)  # fmt: skip
FIGURES = (
    "key", "id", "article", "label", "caption", "width", "height", "page", "permission_note", "analysis", "given",
    "mentions", "panels",
)  # fmt: skip
PANELS = (
    "key", "figure", "position", "id", "label", "x0", "y0", "x1", "y1", "kind", "kind_confidence", "technique",
    "technique_confidence", "nm_per_px", "length_nm", "length_px", "bar", "label_text", "scale_source",
    "scale_confidence", "field_of_view_nm", "part", "group_box", "heading", "inset_of", "doubtful_scale",
    "doubtful_field_of_view_nm", "lone_bar",
)  # fmt: skip
FAILURES = ("input", "stage", "reason", "noted_at")
ENTRIES = ("list", "name", "value")
"""The columns that the checksum of a row covers, in order."""
WORDS_CRC = "row_crc(w.caption, w.text, w.title, w.mentions)"
"""The checksum of the words `w` of a panel, in SQL."""
_ORIGINS = ("source", "location", "retrieved")
_CORRECTIONS = ("panel", "correction")
Item = TypeVar("Item")
Related = dict[int, list[tuple[Any, ...]]]


class DamagedRowError(Exception):
    """A row of the database does not match its checksum, or is missing. The message names what it is about."""


def batches(items: Iterable[Item]) -> Iterator[tuple[Item, ...]]:
    """Yield items in order, in batches that are small enough for one statement in any SQLite."""
    rest = iter(items)
    while batch := tuple(islice(rest, BATCH_ROWS)):
        yield batch


def placeholders(values: Sequence[Any]) -> str:
    """Return a question mark for each value."""
    return ", ".join("?" * len(values))


def row_crc(*values: object) -> int:
    """Return the checksum of the values of a row."""
    return zlib.crc32(ascii(values).encode("ascii"))


def register(connection: sqlite3.Connection) -> None:
    """Let SQL statements of a connection use `row_crc(value, …)` and `blob_crc(blob)`."""
    connection.create_function("row_crc", -1, row_crc, deterministic=True)
    connection.create_function("blob_crc", 1, blob_crc, deterministic=True)


def blob_crc(blob: bytes | None) -> int | None:
    """Return the checksum of a vector or thumbnail, None for none."""
    if isinstance(blob, bytes):
        return zlib.crc32(blob)
    return None if blob is None else row_crc(blob)  # damage can turn a blob into a text


def _read_related(connection: sqlite3.Connection, figures: dict[int, str]) -> tuple[Related, Related]:
    """Return the origins and the corrections of figures (key: id) by the key of the figure, oldest first."""
    origins: Related = {key: [] for key in figures}
    corrections: Related = {key: [] for key in figures}
    keys = {figure_id: key for key, figure_id in figures.items()}
    for batch in batches(figures):
        marks = placeholders(batch)
        query = f"SELECT figure, {', '.join(_ORIGINS)} FROM origins WHERE figure IN ({marks}) ORDER BY key"
        for key, *values in connection.execute(query, batch):
            _list_of(origins, key).append(tuple(values))
        ids = [figures[key] for key in batch]
        query = f"SELECT figure, {', '.join(_CORRECTIONS)} FROM corrections WHERE figure IN ({marks}) ORDER BY key"
        for figure_id, *values in connection.execute(query, ids):
            _list_of(corrections, keys.get(figure_id)).append(tuple(values))
    return origins, corrections


def _list_of(lists: Related, key: int | None) -> list[tuple[Any, ...]]:
    if key not in lists:
        raise DamagedRowError("an index of the database points to a wrong row")
    return lists[key]


@dataclass(frozen=True, slots=True)
class CheckedFigure:
    """The values of FIGURES of a figure, its origins and corrections, and whether they match its checksum."""

    values: tuple[Any, ...]
    origins: list[tuple[Any, ...]]
    corrections: list[tuple[Any, ...]]
    crc: int
    is_whole: bool

    def check(self) -> None:
        """Raise DamagedRowError if the figure does not match its checksum."""
        if not self.is_whole:
            raise DamagedRowError(f"the data of figure {self.values[1]} does not match its checksum")


def read_checked_figures(connection: sqlite3.Connection, keys: Iterable[int]) -> Iterator[CheckedFigure]:
    """Yield the rows of figures, with the checksum that each should have. Unknown keys are left out."""
    for batch in batches(keys):
        query = f"SELECT {', '.join(FIGURES)}, crc FROM figures WHERE key IN ({placeholders(batch)})"
        rows = connection.execute(query, batch).fetchall()
        origins, corrections = _read_related(connection, {row[0]: row[1] for row in rows})
        for *row, stored in rows:
            values = tuple(row)
            own = origins[values[0]], corrections[values[0]]
            crc = row_crc(values, *map(tuple, own))
            yield CheckedFigure(values, *own, crc, crc == stored)


def check_figures(connection: sqlite3.Connection, keys: Iterable[int]) -> None:
    """Raise DamagedRowError if one of the figures does not match its checksum."""
    for figure in read_checked_figures(connection, keys):
        figure.check()


def seal_figures(connection: sqlite3.Connection, keys: Iterable[int]) -> None:
    """Store the checksums of figures, after all else about them was written."""
    for batch in batches(keys):
        sums = [(figure.crc, figure.values[0]) for figure in read_checked_figures(connection, batch)]
        connection.executemany("UPDATE figures SET crc = ? WHERE key = ?", sums)


def check_article(connection: sqlite3.Connection, key: int) -> None:
    """Raise DamagedRowError if an article does not match its checksum."""
    query = f"SELECT id, crc, row_crc({', '.join(ARTICLES)}) FROM articles WHERE key = ?"
    for article_id, crc, computed in connection.execute(query, (key,)):
        if crc != computed:
            raise DamagedRowError(f"the data of article {article_id} does not match its checksum")


def seal_articles(connection: sqlite3.Connection, condition: str = "1", values: Sequence[Any] = ()) -> None:
    """Store the checksums of articles that meet a condition."""
    connection.execute(f"UPDATE articles SET crc = row_crc({', '.join(ARTICLES)}) WHERE {condition}", values)


def seal_panels(connection: sqlite3.Connection, condition: str = "1", values: Sequence[Any] = ()) -> None:
    """Store the checksums of panels that meet a condition, without their texts, vectors and thumbnails."""
    connection.execute(f"UPDATE panels SET crc = row_crc({', '.join(PANELS)}) WHERE {condition}", values)


def seal_everything(connection: sqlite3.Connection) -> None:
    """Store the checksums of all rows as they are. The caller holds a transaction."""
    connection.execute("UPDATE figures SET panels = (SELECT count(*) FROM panels p WHERE p.figure = figures.key)")
    seal_articles(connection)
    seal_figures(connection, [row[0] for row in connection.execute("SELECT key FROM figures")])
    connection.execute(
        f"UPDATE panels SET crc = row_crc({', '.join(PANELS)}), "
        "text_crc = (SELECT row_crc(t.caption, t.text) FROM panel_texts t WHERE t.panel = panels.key), "
        "vector_crc = (SELECT blob_crc(v.vector) FROM vectors v WHERE v.panel = panels.key), "
        "thumbnail_crc = (SELECT blob_crc(t.jpeg) FROM thumbnails t WHERE t.panel = panels.key), "
        f"words_crc = (SELECT {WORDS_CRC} FROM words w WHERE w.rowid = panels.key)"
    )
    connection.execute(f"UPDATE failures SET crc = row_crc({', '.join(FAILURES)})")
