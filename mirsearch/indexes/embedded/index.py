"""The embedded index: a folder with an SQLite database, which has all data, and a float16 matrix for exact scans."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch import settings
from mirsearch.errors import MirsearchError, NotFoundError
from mirsearch.indexes import mismatch_error
from mirsearch.indexes.base import ExtractorIdentity, Failure, FigureNotes, IndexWriter, JsonObject, KnownFigure
from mirsearch.indexes.embedded.conditions import find_where
from mirsearch.indexes.embedded.database import failures as sqlite_failures
from mirsearch.indexes.embedded.database import names, schema
from mirsearch.indexes.embedded.database import rows as sqlite_rows
from mirsearch.indexes.embedded.database.access import (
    DATABASE,
    ReaderPool,
    connect,
    damaged_error,
    ensure_index,
    translate_errors,
    write_lock,
)
from mirsearch.indexes.embedded.database.checking import CheckedCommits
from mirsearch.indexes.embedded.database.entries import read_entries
from mirsearch.indexes.embedded.database.figures import find_figures
from mirsearch.indexes.embedded.database.orders import sorted_ids
from mirsearch.indexes.embedded.database.writer import SqliteWriter
from mirsearch.indexes.embedded.search import Searcher
from mirsearch.indexes.embedded.searches import Searches
from mirsearch.indexes.embedded.snapshot import SnapshotReads
from mirsearch.indexes.embedded.stats import count_contents, count_values
from mirsearch.indexes.embedded.vectors.matrix import Matrix
from mirsearch.indexes.embedded.vectors.scan import Scanner
from mirsearch.indexes.embedded.words.postings import Postings
from mirsearch.query import Filters, Order, StoredPanel

_WAL_BYTES = 64 << 20
_CACHE_KIB = 32 << 10


class EmbeddedIndex(Searches, SnapshotReads):
    """An index in a folder, with any number of readers and one writer at a time. Safe to use from several threads."""

    def __init__(self, location: str) -> None:
        self.location = location
        self._folder = Path(location)
        self._readers = ReaderPool(location)
        self._extractor = self._stored_extractor()
        self._matrix = Matrix(self._folder, self._extractor.dims)
        self._scanner = Scanner(settings.thread_count())
        self._postings = Postings(self._folder)
        self._searcher = Searcher(self._scanner, self._postings)
        self._whole = CheckedCommits(self._folder / DATABASE)

    @classmethod
    def open(cls, location: str, *, create: ExtractorIdentity | None = None) -> EmbeddedIndex:
        """Open the index in the folder `location`; with `create`, create it if absent. See `Index.open`."""
        ensure_index(location, create)
        index = cls(location)
        if create is not None and index.extractor != create:
            index.close()
            raise mismatch_error(location, index.extractor, create)
        return index

    def _stored_extractor(self) -> ExtractorIdentity:
        try:
            with self._readers.transaction() as connection:
                return schema.read_extractor(connection)
        except (KeyError, ValueError) as error:
            self._readers.close()
            raise damaged_error(self.location, f"its metadata has no valid {error}") from error
        except MirsearchError:
            self._readers.close()
            raise

    @property
    def extractor(self) -> ExtractorIdentity:
        """Return the extractor that made the vectors of this index."""
        return self._extractor

    @contextmanager
    def writer(self) -> Iterator[IndexWriter]:
        """Return the writing session. Raises IndexBusyError if another process or session is writing."""
        with ExitStack() as resources:
            with translate_errors(self.location):  # not around the yield: errors of the caller stay as they are
                lock = resources.enter_context(write_lock(self.location))
                connection = resources.enter_context(closing(self._write_connection()))
                self._check_extractor(connection)
                add_meanings = self._meaning_adder(connection)
            writer = SqliteWriter(connection, self.location, self._extractor.dims, add_meanings)
            writer.lock = lock
            try:
                yield writer
                writer.commit()
            finally:
                writer.rollback()
                _checkpoint(connection)
        with self._readers.transaction() as connection:
            self._matrix.update_files(connection)
            self._postings.update_file(connection)
            if schema.read_meta(connection).get("meaning"):
                self._meanings.update_files(connection)

    def _write_connection(self) -> sqlite3.Connection:
        connection = connect(self._folder / DATABASE, "rw")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        return connection

    def commit(self) -> tuple[int, str, int]:
        """Return what stands for all that the index has. See `CommitIndex`."""
        with self._readers.transaction() as connection:
            return schema.last_commit(connection)

    def known_figures(self, figure_ids: Sequence[str]) -> dict[str, KnownFigure]:
        """Return those of the figures that are in the index, by id."""
        with self._readers.transaction() as connection:
            return {figure_id: row.known() for figure_id, row in find_figures(connection, figure_ids).items()}

    def figures_below(self, folder: str) -> list[KnownFigure]:
        """Return the figures that have an origin in a folder or below it, ordered by id."""
        with self._readers.transaction() as connection:
            return names.figures_below(connection, folder)

    def figure_notes(self, figure_ids: Sequence[str]) -> dict[str, FigureNotes]:
        """Return the notes of figures by id. Figures that are not in the index are left out."""
        with self._readers.transaction() as connection:
            return {figure_id: row.notes() for figure_id, row in find_figures(connection, figure_ids).items()}

    def panels(self, panel_ids: Sequence[str]) -> list[StoredPanel]:
        """Return panels by id, in the given order. NotFoundError names the first missing one."""
        with self._readers.transaction() as connection:
            stored = sqlite_rows.panels_by_id(connection, panel_ids)
            missing = next((panel_id for panel_id in panel_ids if panel_id not in stored), None)
            if missing is not None:
                self._whole.check_core(connection)
                raise self._not_found_error(missing)
        return [stored[panel_id] for panel_id in panel_ids]

    def figure_panels(self, figure_id: str) -> list[StoredPanel]:
        """Return all panels of a figure in reading order. Empty if there is no such figure."""
        with self._readers.transaction() as connection:
            return sqlite_rows.read_figure_panels(connection, figure_id)

    def find_panels(self, some_id: str) -> list[StoredPanel]:
        """Return the panels with a panel id, figure id (or a unique prefix of ≥ 6 digits), article id, DOI, PMC id."""
        some_id = some_id.strip()
        with self._readers.transaction() as connection:
            panels = list(sqlite_rows.panels_by_id(connection, [some_id]).values())
            if panels := panels or sqlite_rows.read_figure_panels(connection, some_id):
                return panels
            self._whole.check_core(connection)
            article = find_where(connection, self._postings, Filters(articles=(some_id,)))
            clause = f"{article.clause}ORDER BY f.id, p.position"
            if panels := list(sqlite_rows.read_panels(connection, clause, article.values)):
                return panels
            figure = names.figure_with_prefix(connection, some_id.lower())
            return sqlite_rows.read_figure_panels(connection, figure) if figure else []

    def figures_at(self, location: str) -> list[str]:
        """Return the ids of figures with a file at `location`; `*/NAME`: in any folder. See `Index.figures_at`."""
        with self._readers.transaction() as connection:
            return names.figures_at(connection, location)

    def corrected_figures(self) -> list[str]:
        """Return the ids, ascending, of the figures that have corrections."""
        with self._readers.transaction() as connection:
            return names.corrected_figures(connection)

    def vector(self, panel_id: str) -> NDArray[np.float32]:
        """Return the stored vector of a panel, float32 (dims,). Raises NotFoundError."""
        with self._readers.transaction() as connection:
            blob = sqlite_rows.read_blob(connection, "vector", panel_id)
            if blob is None:
                self._whole.check_core(connection)
                raise self._not_found_error(panel_id)
        return np.frombuffer(blob, dtype="<f2").astype(np.float32)

    def first_vectors(self, filters: Filters, count: int) -> NDArray[np.float32]:
        """Return the vectors of the first panels by id that pass the filters. See `Index.first_vectors`."""
        with self._readers.transaction() as connection:
            self._whole.check_filters(connection, filters)
            where = find_where(connection, self._postings, filters)
            blobs = sqlite_rows.read_vectors(connection, where.clause, where.values, count)
        return np.frombuffer(b"".join(blobs), dtype="<f2").astype(np.float32).reshape(len(blobs), self._extractor.dims)

    def thumbnail(self, panel_id: str) -> bytes | None:
        """Return the thumbnail of a panel as JPEG. None if it has none or if there is no such panel."""
        with self._readers.transaction() as connection:
            return sqlite_rows.read_blob(connection, "thumbnail", panel_id)

    def select_panels(self, filters: Filters, order: Order | None = None) -> Iterator[StoredPanel]:
        """Yield all panels that pass the filters, in this order (None: by panel id), as of one commit.

        Memory is bounded; with an order, the ids of all these panels are held.
        """
        with self._readers.transaction() as connection:
            self._whole.check_core(connection)
            where = find_where(connection, self._postings, filters)
            if order is None:
                yield from sqlite_rows.read_panels(connection, f"{where.clause}ORDER BY p.id", where.values)
            else:
                yield from sqlite_rows.read_in_order(connection, sorted_ids(connection, where, order))

    def near_words(self, words: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return near spellings for those of some tokens that no panel has. See `SpellingIndex`."""
        from mirsearch.indexes.embedded.database.vocabulary import near_words

        with self._readers.transaction() as connection:
            return self._postings.ask(connection, lambda all_words: near_words(connection, all_words, words))

    def failures(self) -> list[Failure]:
        """Return the inputs that failed in an ingest and have not succeeded since, ordered by input."""
        with self._readers.transaction() as connection:
            return sqlite_failures.read_failures(connection)

    def entries(self, kept: str) -> dict[str, JsonObject]:
        """Return the entries, by name, of a list that the index keeps."""
        with self._readers.transaction() as connection:
            return read_entries(connection, kept)

    def count_values(self, filters: Filters) -> dict[str, dict[str, int]]:
        """Count the panels that pass the filters by their values. See `Index.count_values`."""
        with self._readers.transaction() as connection:
            self._whole.check_filters(connection, filters)
            return count_values(connection, find_where(connection, self._postings, filters))

    def stats(self) -> dict[str, Any]:
        """Return counts, the extractor, the schema version and the size on disk in bytes."""
        model = self.meaning()
        with self._readers.transaction() as connection:
            self._whole.check_counts(connection)
            contents = count_contents(connection) | {"failures": sqlite_failures.count_failures(connection)}
            meta = schema.read_meta(connection)
            contents["schema_version"] = schema.read_version(connection)
        extractor = self._extractor
        return contents | {
            "extractor": extractor.name,
            "extractor_version": extractor.version,
            "dims": extractor.dims,
            **({} if model is None else {"meaning": str(model)}),
            "created_by": meta.get("created_by"),
            "bytes": sum(_file_size(path) for path in (*self._folder.iterdir(), *self._folder.glob("meaning/*"))),
        }

    def close(self) -> None:
        """Close files and connections, and stop threads."""
        self._readers.close()
        self._scanner.close()

    def __enter__(self) -> EmbeddedIndex:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _not_found_error(self, panel_id: str) -> NotFoundError:
        return NotFoundError(
            f"no panel {panel_id!r} in the index at {self.location}",
            "list the ids with: mirsearch export or mirsearch query",
        )


def _file_size(path: Path) -> int:
    """Return the size of a file in bytes, or 0 if it was just removed (as the log of SQLite may be)."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _checkpoint(connection: sqlite3.Connection) -> None:
    """Move the contents of the write-ahead log into the database file, as far as current readers allow."""
    with suppress(sqlite3.Error):  # the data is safe in the log, too
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
