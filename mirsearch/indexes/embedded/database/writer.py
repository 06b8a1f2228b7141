"""Writing to the embedded index: figures in and out, all or nothing at each commit."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.corpus import Article, Figure, Origin, Panel, panel_ids
from mirsearch.corrections import apply_corrections
from mirsearch.errors import IndexAccessError
from mirsearch.indexes.base import Failure, FigureRecord
from mirsearch.indexes.embedded.database import failures as sqlite_failures
from mirsearch.indexes.embedded.database import notes as sqlite_notes
from mirsearch.indexes.embedded.database import schema
from mirsearch.indexes.embedded.database import words as sqlite_words
from mirsearch.indexes.embedded.database.access import told
from mirsearch.indexes.embedded.database.filters import folded, short_license
from mirsearch.indexes.embedded.database.rows import batches, marks, panel_values, plain

_ARTICLE_TEXTS = ("title", "doi", "pmcid", "journal", "license", "url")


class SqliteWriter:
    """One writing session on a connection of its own; the caller holds the write lock."""

    def __init__(self, connection: sqlite3.Connection, location: str, dims: int) -> None:
        self._connection = connection
        self._location = location
        self._dims = dims
        self._removed = self._failed = False
        self._loose: set[int] = set()

    def put(self, record: FigureRecord) -> None:
        """Add a figure, or replace it and its panels; ValueError where vectors don't fit panels or dims."""
        vectors = self._checked(record)
        with self._session():
            self._begin()
            article = self._put_article(record.figure.article)
            key = self._put_figure(record.figure, article)
            self._drop_panels([key])
            title = self._title(key)
            sqlite_notes.note(self._connection, key, record.analysis, record.given)
            for position, panel in enumerate(self._corrected(record)):
                panel_key = self._put_panel(key, position, panel, title)
                self._run("INSERT INTO vectors VALUES (?, ?)", panel_key, vectors[position].tobytes())
                jpeg = record.thumbnails[position] if position < len(record.thumbnails) else b""
                if jpeg:
                    self._run("INSERT INTO thumbnails VALUES (?, ?)", panel_key, jpeg)
            for origin in record.figure.origins:
                self._put_origin(key, origin)

    def _corrected(self, record: FigureRecord) -> tuple[Panel, ...]:
        """The panels, named, with what was corrected laid over what was read; notes whose each correction is."""
        figure = record.figure.id
        ids = panel_ids(figure, [panel.label for panel in record.panels])
        named = [
            panel if panel.id else dataclasses.replace(panel, id=each)
            for panel, each in zip(record.panels, ids, strict=True)
        ]
        there = sqlite_notes.corrections(self._connection, figure)
        wanted = there if record.corrections is None else record.corrections
        panels, settled = apply_corrections(named, wanted)
        if settled != there:
            sqlite_notes.replace(self._connection, figure, settled)
        return panels

    def add_origin(self, figure_id: str, origin: Origin) -> None:
        """Note one more place of a figure; nothing happens where the figure is not there."""
        with self._session():
            row = self._run("SELECT key FROM figures WHERE id = ?", figure_id).fetchone()
            if row:
                self._begin()
                self._put_origin(row[0], origin)

    def mark_retracted(self, article_ids: Iterable[str]) -> None:
        """Note that articles were retracted; nothing happens where one is not there."""
        with self._session():
            for part in batches(dict.fromkeys(article_ids)):
                self._begin()
                self._run(f"UPDATE articles SET retracted = 1 WHERE id IN ({marks(part)})", *part)

    def delete_figures(self, figure_ids: Iterable[str]) -> int:
        """Remove figures with their panels; how many were there."""
        gone = 0
        with self._session():
            for part in batches(dict.fromkeys(figure_ids)):
                query = f"SELECT key, article, id FROM figures WHERE id IN ({marks(part)})"
                rows = self._connection.execute(query, part).fetchall()
                if not rows:
                    continue
                self._begin()
                keys = [row[0] for row in rows]
                self._drop_panels(keys)
                for table, column in (("origins", "figure"), ("figures", "key")):
                    self._run(f"DELETE FROM {table} WHERE {column} IN ({marks(keys)})", *keys)
                for row in rows:
                    sqlite_notes.replace(self._connection, row[2], ())
                self._loose.update(row[1] for row in rows if row[1] is not None)
                gone += len(rows)
        return gone

    def record_failures(self, failed: Iterable[Failure], settled: Iterable[str] = ()) -> None:
        """Note inputs that failed, and forget those that are settled."""
        with self._session():
            self._begin()
            sqlite_failures.note(self._connection, failed, settled)

    def commit(self) -> None:
        """Make everything since the last commit durable and visible."""
        with self._session():
            if not self._connection.in_transaction:
                return
            self._drop_articles()
            schema.note_commit(self._connection, removed=self._removed)
            self._connection.execute("COMMIT")
            self._removed = False

    def rollback(self) -> None:
        """Forget everything since the last commit."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._removed = False
        self._loose.clear()

    @contextmanager
    def _session(self) -> Iterator[None]:
        """Where SQLite fails, all since the last commit is dropped and the session is over: no half figure is kept."""
        with told(self._location):
            if self._failed:
                raise IndexAccessError(
                    f"writing to the index at {self._location} was cut off before", "run the same command again"
                )
            try:
                yield
            except sqlite3.Error:
                self._failed = True
                self.rollback()
                raise

    def _checked(self, record: FigureRecord) -> NDArray[np.float16]:
        vectors = np.asarray(record.vectors, dtype=np.float32)
        if vectors.shape != (len(record.panels), self._dims):
            raise ValueError(f"vectors of shape {vectors.shape} for {len(record.panels)} panels of {self._dims} dims")
        if not np.isfinite(vectors).all() or (len(vectors) and np.abs(vectors).max() > np.finfo(np.float16).max):
            raise ValueError(f"vectors of figure {record.figure.id} are not finite")
        return vectors.astype("<f2")

    def _run(self, statement: str, *values: object) -> sqlite3.Cursor:
        return self._connection.execute(statement, values)

    def _begin(self) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    def _put_article(self, article: Article | None) -> int | None:
        """Add an article, or fill and renew the fields of the one there with what is not empty; its key."""
        if article is None:
            return None
        new: dict[str, Any] = {name: plain(getattr(article, name)) or None for name in _ARTICLE_TEXTS}
        year = article.year if article.year is not None and abs(article.year) < 10_000 else None
        new |= {"year": year, "authors": None, "retracted": int(article.retracted)}
        if article.authors:
            new["authors"] = json.dumps([plain(author) for author in article.authors], ensure_ascii=False)
        row = self._run(
            f"SELECT key, {', '.join(new)} FROM articles WHERE id = ?", plain(article.id)
        ).fetchone()  # fmt: skip
        old = dict(zip(new, row[1:], strict=True)) if row else {"authors": "[]", "retracted": 0}
        kept = {name: old.get(name) if value is None else value for name, value in new.items()}
        kept["retracted"] = int(bool(new["retracted"]) or bool(old["retracted"]))
        kept["journal_folded"] = folded(str(kept["journal"])) if kept["journal"] else None
        kept["license_short"] = short_license(str(kept["license"])) if kept["license"] else None
        if row is None:
            columns = ["id", *kept]
            cursor = self._run(
                f"INSERT INTO articles ({', '.join(columns)}) VALUES ({marks(columns)})",
                plain(article.id), *kept.values(),
            )  # fmt: skip
            return cursor.lastrowid
        key = int(row[0])
        self._run(f"UPDATE articles SET {', '.join(f'{name} = ?' for name in kept)} WHERE key = ?", *kept.values(), key)
        if kept["title"] != old["title"]:
            sqlite_words.retitle(self._connection, key, str(kept["title"]))
        return key

    def _put_figure(self, figure: Figure, article: int | None) -> int:
        """Add or renew a figure's row; its key."""
        values = (plain(figure.caption) or "", int(figure.width), int(figure.height), int(figure.page))
        row = self._run("SELECT key, article FROM figures WHERE id = ?", figure.id).fetchone()
        if row is None:
            cursor = self._run(
                "INSERT INTO figures (id, article, label, permission_note, caption, width, height, page) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                figure.id, article, plain(figure.label), plain(figure.permission_note), *values,
            )  # fmt: skip
            return int(cursor.lastrowid or 0)
        if article is not None and row[1] not in (None, article):
            self._loose.add(row[1])
        self._run(
            "UPDATE figures SET article = coalesce(?, article), label = coalesce(?, label), "
            "permission_note = coalesce(?, permission_note), caption = ?, width = ?, height = ?, page = ? "
            "WHERE key = ?",
            article, plain(figure.label), plain(figure.permission_note), *values, row[0],
        )  # fmt: skip
        return int(row[0])

    def _title(self, figure: int) -> str:
        row = self._run("SELECT a.title FROM figures f JOIN articles a ON a.key = f.article WHERE f.key = ?", figure)
        found = row.fetchone()
        return str(found[0]) if found and found[0] else ""

    def _put_panel(self, figure: int, position: int, panel: Panel, title: str) -> int:
        """Add a panel with its words; its key."""
        values = panel_values(panel)
        columns = ["id", "figure", "position", *values]
        key = self._run(
            f"INSERT INTO panels ({', '.join(columns)}) VALUES ({marks(columns)})",
            panel.id, figure, position, *values.values(),
        ).lastrowid  # fmt: skip
        caption, text = plain(panel.caption) or "", plain(panel.text) or ""
        self._run("INSERT INTO panel_texts VALUES (?, ?, ?)", key, caption, text)
        sqlite_words.add(self._connection, int(key or 0), caption, text, title)
        return int(key or 0)

    def _put_origin(self, figure: int, origin: Origin) -> None:
        self._run(
            "INSERT OR IGNORE INTO origins (figure, source, location, retrieved) VALUES (?, ?, ?, ?)",
            figure, plain(origin.source), plain(origin.location), origin.retrieved,
        )  # fmt: skip

    def _drop_panels(self, figures: list[int]) -> None:
        keys = [row[0] for row in self._run(f"SELECT key FROM panels WHERE figure IN ({marks(figures)})", *figures)]
        for part in batches(keys):
            tables = ("words", "rowid"), ("panel_texts", "panel"), ("vectors", "panel"), ("thumbnails", "panel")
            for table, column in (*tables, ("panels", "key")):
                self._connection.execute(f"DELETE FROM {table} WHERE {column} IN ({marks(part)})", part)
            self._removed = True

    def _drop_articles(self) -> None:
        """Remove articles that lost their last figure."""
        for key in self._loose:
            self._run(
                "DELETE FROM articles WHERE key = ? AND NOT EXISTS (SELECT 1 FROM figures WHERE article = ?)", key, key
            )
        self._loose.clear()
