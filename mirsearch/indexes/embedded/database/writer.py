"""Writes to the embedded index: adds and deletes figures. Each commit is atomic."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from mirsearch.corpus import Figure, Origin, Panel, panel_ids
from mirsearch.corrections import Correction, apply_corrections
from mirsearch.errors import IndexAccessError, MirsearchError
from mirsearch.indexes.base import Failure, FigureRecord, JsonObject
from mirsearch.indexes.embedded.database import checksums, schema
from mirsearch.indexes.embedded.database import entries as sqlite_entries
from mirsearch.indexes.embedded.database import failures as sqlite_failures
from mirsearch.indexes.embedded.database import notes as sqlite_notes
from mirsearch.indexes.embedded.database import words as sqlite_words
from mirsearch.indexes.embedded.database.access import GivingWay, translate_errors
from mirsearch.indexes.embedded.database.articles import put_article
from mirsearch.indexes.embedded.database.checksums import batches, placeholders
from mirsearch.indexes.embedded.database.own_names import names_of
from mirsearch.indexes.embedded.database.rows import panel_values, storable_text
from mirsearch.indexes.embedded.database.words import FigureTexts

AddMeanings = Callable[[sqlite3.Connection, int, Mapping[str, NDArray[np.float32]]], None]
"""Writes the sentence vectors of the panels of a figure, given by its key, of which some are known."""


class SqliteWriter(GivingWay):
    """A writing session with its own connection. The caller holds the write lock."""

    def __init__(
        self, connection: sqlite3.Connection, location: str, dims: int, add_meanings: AddMeanings | None = None
    ) -> None:
        self._connection, self._location = connection, location
        self._dims, self._add_meanings = dims, add_meanings
        self._removed = self._failed = False
        self._changes: Counter[str] = Counter()
        self._orphan_candidates: set[int] = set()

    def put(self, record: FigureRecord) -> None:
        """Add a figure, or replace it and its panels. Raises ValueError if vectors don't match panels or dims."""
        vectors = self._check_vectors(record)
        with self._guard():
            self._begin_if_needed()
            article = put_article(self._connection, record.figure.article, self._changes)
            key = self._put_figure(record.figure, article, len(record.panels))
            self._delete_panels([key])
            texts = sqlite_words.read_figure_texts(self._connection, key)
            sqlite_notes.write_notes(self._connection, key, record.analysis_version, record.source_panels)
            panels = self._apply_corrections(record)
            for position, panel in enumerate(panels):
                jpeg = record.thumbnails[position] if position < len(record.thumbnails) else b""
                self._put_panel(key, position, panel, texts, (vectors[position].tobytes(), jpeg or None))
            if self._add_meanings is not None:
                self._add_meanings(self._connection, key, record.meanings)
            for origin in record.figure.origins:
                self._put_origin(key, origin)
            checksums.seal_panels(self._connection, "figure = ?", (key,))
            checksums.seal_figures(self._connection, [key])

    def _apply_corrections(self, record: FigureRecord) -> tuple[Panel, ...]:
        """Return the panels with ids and with corrections applied. Stores the panels that the corrections match."""
        figure = record.figure.id
        ids = panel_ids(figure, record.panels)
        panels_with_ids = [
            panel if panel.id else dataclasses.replace(panel, id=panel_id)
            for panel, panel_id in zip(record.panels, ids, strict=True)
        ]
        stored = sqlite_notes.read_corrections(self._connection, figure)
        corrections = stored if record.corrections is None else record.corrections
        panels, matched = apply_corrections(panels_with_ids, corrections)
        if matched != stored:
            sqlite_notes.replace_corrections(self._connection, figure, matched)
        return panels

    def add_origin(self, figure_id: str, origin: Origin) -> None:
        """Add an origin to a figure. Does nothing if the figure is not in the index."""
        with self._guard():
            row = self._execute("SELECT key FROM figures WHERE id = ?", figure_id).fetchone()
            if row:
                self._begin_if_needed()
                checksums.check_figures(self._connection, [row[0]])
                self._put_origin(row[0], origin)
                checksums.seal_figures(self._connection, [row[0]])

    def remove_origins(self, figure_id: str, origins: Iterable[Origin]) -> None:
        """Remove origins of a figure. Does nothing for those that it has not."""
        with self._guard():
            row = self._execute("SELECT key FROM figures WHERE id = ?", figure_id).fetchone()
            if row:
                self._begin_if_needed()
                checksums.check_figures(self._connection, [row[0]])
                query = "DELETE FROM origins WHERE figure = ? AND source = ? AND location = ?"
                values = [(row[0], *self._origin_values(item)[:2]) for item in origins]
                self._connection.executemany(query, values)
                checksums.seal_figures(self._connection, [row[0]])

    def replace_origins(self, figure_id: str, origins: Iterable[Origin]) -> None:
        """Give a figure these origins in place of those that it has."""
        with self._guard():
            row = self._execute("SELECT key FROM figures WHERE id = ?", figure_id).fetchone()
            if row:
                self._begin_if_needed()
                checksums.check_figures(self._connection, [row[0]])
                self._execute("DELETE FROM origins WHERE figure = ?", row[0])
                for origin in origins:
                    self._put_origin(row[0], origin)
                checksums.seal_figures(self._connection, [row[0]])

    def keep_corrections(self, figure_id: str, corrections: Sequence[Correction]) -> None:
        """Keep corrections for a figure that is not in the index, until it is ingested."""
        with self._guard():
            if not self._execute("SELECT 1 FROM figures WHERE id = ?", figure_id).fetchone():
                self._begin_if_needed()
                sqlite_notes.replace_corrections(self._connection, figure_id, corrections)

    def mark_retracted(self, article_ids: Iterable[str]) -> None:
        """Mark articles as retracted. Unknown articles are ignored."""
        with self._guard():
            for batch in batches(dict.fromkeys(article_ids)):
                self._begin_if_needed()
                is_one = f"id IN ({placeholders(batch)})"
                for (key,) in self._execute(f"SELECT key FROM articles WHERE {is_one}", *batch).fetchall():
                    checksums.check_article(self._connection, key)
                self._execute(f"UPDATE articles SET retracted = 1 WHERE {is_one}", *batch)
                checksums.seal_articles(self._connection, is_one, batch)

    def delete_figures(self, figure_ids: Iterable[str]) -> int:
        """Delete figures with their panels. Returns the number of deleted figures."""
        deleted = 0
        with self._guard():
            for batch in batches(dict.fromkeys(figure_ids)):
                query = f"SELECT key, article, id FROM figures WHERE id IN ({placeholders(batch)})"
                rows = self._connection.execute(query, batch).fetchall()
                if not rows:
                    continue
                self._begin_if_needed()
                keys = [row[0] for row in rows]
                self._delete_panels(keys)
                for table, column in (("origins", "figure"), ("figures", "key")):
                    self._execute(f"DELETE FROM {table} WHERE {column} IN ({placeholders(keys)})", *keys)
                for row in rows:
                    sqlite_notes.replace_corrections(self._connection, row[2], ())
                self._orphan_candidates.update(row[1] for row in rows if row[1] is not None)
                self._changes["figures"] -= len(rows)
                deleted += len(rows)
        return deleted

    def record_failures(self, failed: Iterable[Failure], resolved: Iterable[str] = ()) -> None:
        """Record failed inputs, and remove the records of resolved ones."""
        with self._guard():
            self._begin_if_needed()
            sqlite_failures.record_failures(self._connection, failed, resolved)

    def write_entries(self, kept: str, entries: Mapping[str, JsonObject], removed: Iterable[str] = ()) -> None:
        """Write entries of a list, and remove others by name."""
        with self._guard():
            self._begin_if_needed()
            sqlite_entries.write_entries(self._connection, kept, entries, removed, self._changes)

    def commit(self) -> None:
        """Make all changes since the last commit durable and visible."""
        with self._guard():
            if not self._connection.in_transaction:
                return
            self._delete_orphan_articles()
            if any(self._changes.values()):
                schema.change_totals(self._connection, self._changes)
            schema.record_commit(self._connection, removed=self._removed)
            self._connection.execute("COMMIT")
            self._removed = False
            self._changes.clear()

    def rollback(self) -> None:
        """Discard all changes since the last commit."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._removed = False
        self._changes.clear()
        self._orphan_candidates.clear()

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """After an error of SQLite, discard all changes since the last commit and end the session.

        So the index never has a part of a figure.
        """
        with translate_errors(self._location):
            if self._failed:
                raise IndexAccessError(
                    f"an earlier write to the index at {self._location} failed", "run the same command again"
                )
            try:
                yield
            except (sqlite3.Error, MirsearchError):  # the latter of sentence vectors that can't be made
                self._failed = True
                self.rollback()
                raise

    def _check_vectors(self, record: FigureRecord) -> NDArray[np.float16]:
        vectors = np.asarray(record.vectors, dtype=np.float32)
        if vectors.shape != (len(record.panels), self._dims):
            raise ValueError(f"vectors of shape {vectors.shape} for {len(record.panels)} panels of {self._dims} dims")
        if not np.isfinite(vectors).all() or (len(vectors) and np.abs(vectors).max() > np.finfo(np.float16).max):
            raise ValueError(f"vectors of figure {record.figure.id} are not finite")
        return vectors.astype("<f2")

    def _execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        return self._connection.execute(statement, values)

    def _begin_if_needed(self) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")

    def _put_figure(self, figure: Figure, article: int | None, panels: int) -> int:
        """Add or update the row of a figure. Returns its key."""
        values = (storable_text(figure.caption) or "", int(figure.width), int(figure.height), int(figure.page), panels)
        sentences = [storable_text(sentence) for sentence in figure.mentions]
        mentions = json.dumps(sentences, ensure_ascii=False) if sentences else None
        row = self._execute("SELECT key, article FROM figures WHERE id = ?", figure.id).fetchone()
        if row is None:
            cursor = self._execute(
                "INSERT INTO figures (id, article, label, permission_note, mentions, caption, width, height, page, "
                "panels) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                figure.id, article, storable_text(figure.label), storable_text(figure.permission_note), mentions,
                *values,
            )  # fmt: skip
            self._changes["figures"] += 1
            return int(cursor.lastrowid or 0)
        checksums.check_figures(self._connection, [row[0]])
        if article is not None and row[1] not in (None, article):
            self._orphan_candidates.add(row[1])
        self._execute(
            "UPDATE figures SET article = coalesce(?, article), label = coalesce(?, label), "
            "permission_note = coalesce(?, permission_note), mentions = coalesce(?, mentions), "
            "caption = ?, width = ?, height = ?, page = ?, panels = ? WHERE key = ?",
            article, storable_text(figure.label), storable_text(figure.permission_note), mentions, *values, row[0],
        )  # fmt: skip
        return int(row[0])

    def _put_panel(
        self, figure: int, position: int, panel: Panel, texts: FigureTexts, blobs: tuple[bytes, bytes | None]
    ) -> None:
        """Add a panel with its words, vector and thumbnail (None: none), and their checksums."""
        caption, text = storable_text(panel.caption) or "", storable_text(panel.text) or ""
        values = panel_values(panel)
        words = sqlite_words.panel_words(caption, text, values["heading"], values["label"], texts)
        vector, jpeg = blobs
        values |= {"text_crc": checksums.row_crc(caption, text), "words_crc": checksums.row_crc(*words)}
        values |= {"vector_crc": checksums.blob_crc(vector), "thumbnail_crc": checksums.blob_crc(jpeg)}
        columns = ["id", "figure", "position", *values]
        cursor = self._execute(
            f"INSERT INTO panels ({', '.join(columns)}) VALUES ({placeholders(columns)})",
            panel.id, figure, position, *values.values(),
        )  # fmt: skip
        key = int(cursor.lastrowid or 0)
        self._changes["panels"] += 1
        self._execute("INSERT INTO panel_texts VALUES (?, ?, ?)", key, caption, text)
        sqlite_words.add_panel(self._connection, key, words)
        self._execute("INSERT INTO vectors VALUES (?, ?)", key, vector)
        if jpeg is not None:
            self._execute("INSERT INTO thumbnails VALUES (?, ?)", key, jpeg)

    def _put_origin(self, figure: int, origin: Origin) -> None:
        self._execute(
            "INSERT OR IGNORE INTO origins (figure, source, location, retrieved) VALUES (?, ?, ?, ?)",
            figure, *self._origin_values(origin),
        )  # fmt: skip

    def _origin_values(self, origin: Origin) -> tuple[str | None, str | None, str | None]:
        """Return source, location and time of an origin, as they are stored."""
        location = names_of(self._connection).to_stored(origin.location)
        return storable_text(origin.source), storable_text(location), origin.retrieved

    def _delete_panels(self, figures: list[int]) -> None:
        keys = [
            row[0]
            for row in self._execute(f"SELECT key FROM panels WHERE figure IN ({placeholders(figures)})", *figures)
        ]
        for batch in batches(keys):
            for table, column in (*schema.PANEL_TABLES, ("panels", "key")):
                self._connection.execute(f"DELETE FROM {table} WHERE {column} IN ({placeholders(batch)})", batch)
            self._changes["panels"] -= len(batch)
            self._removed = True

    def _delete_orphan_articles(self) -> None:
        """Delete articles whose last figure was deleted."""
        for key in self._orphan_candidates:
            cursor = self._execute(
                "DELETE FROM articles WHERE key = ? AND NOT EXISTS (SELECT 1 FROM figures WHERE article = ?)", key, key
            )
            self._changes["articles"] -= cursor.rowcount
        self._orphan_candidates.clear()
