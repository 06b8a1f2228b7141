"""The embedded index: a folder with an SQLite database, the only truth, and a float16 matrix scanned exactly."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch import settings
from mirsearch.errors import IndexMismatchError, MirsearchError, NotFoundError
from mirsearch.indexes import mismatch_error
from mirsearch.indexes.base import ExtractorIdentity, Failure, FigureNotes, IndexWriter, KnownFigure
from mirsearch.indexes.embedded.database import failures as sqlite_failures
from mirsearch.indexes.embedded.database import notes as sqlite_notes
from mirsearch.indexes.embedded.database import rows as sqlite_rows
from mirsearch.indexes.embedded.database import schema
from mirsearch.indexes.embedded.database.access import DATABASE, Readers, connect, damaged, ensure, told, write_lock
from mirsearch.indexes.embedded.database.filters import where
from mirsearch.indexes.embedded.database.rows import batches, marks
from mirsearch.indexes.embedded.database.writer import SqliteWriter
from mirsearch.indexes.embedded.search import Searcher
from mirsearch.indexes.embedded.stats import counts
from mirsearch.indexes.embedded.vectors.matrix import Matrix
from mirsearch.indexes.embedded.vectors.scan import Scanner
from mirsearch.indexes.embedded.words.postings import Postings
from mirsearch.query import Filters, SearchRequest, SearchResult, StoredPanel

_PREFIX_DIGITS = 6
_WAL_BYTES = 64 << 20
_CACHE_KIB = 32 << 10


class EmbeddedIndex:
    """An index in a folder. Any number of readers and one writer at once; one object serves several threads."""

    def __init__(self, location: str) -> None:
        self.location = location
        self._folder = Path(location)
        self._readers = Readers(location)
        self._extractor = self._stored_extractor()
        self._matrix = Matrix(self._folder, self._extractor.dims)
        self._scanner = Scanner(settings.thread_count())
        self._postings = Postings(self._folder)
        self._searcher = Searcher(self._scanner, self._postings)

    @classmethod
    def open(cls, location: str, *, create: ExtractorIdentity | None = None) -> EmbeddedIndex:
        """Open the folder `location`; with `create` make it when absent, and refuse another extractor's index."""
        ensure(location, create)
        index = cls(location)
        if create is not None and index.extractor != create:
            index.close()
            raise mismatch_error(location, index.extractor, create)
        return index

    def _stored_extractor(self) -> ExtractorIdentity:
        try:
            with self._readers.snapshot() as connection:
                return schema.extractor(connection)
        except (KeyError, ValueError) as error:
            self._readers.close()
            raise damaged(self.location, f"no {error} is noted") from error
        except MirsearchError:
            self._readers.close()
            raise

    @property
    def extractor(self) -> ExtractorIdentity:
        """The extractor this index was built with."""
        return self._extractor

    @contextmanager
    def writer(self) -> Iterator[IndexWriter]:
        """The writing session; IndexBusyError where another process, or another session here, has it."""
        with ExitStack() as held:
            with told(self.location):  # and not what the caller does inside: its errors are its own
                held.enter_context(write_lock(self.location))
                connection = held.enter_context(closing(self._write_connection()))
                self._same_vectors(connection)
            writer = SqliteWriter(connection, self.location, self._extractor.dims)
            try:
                yield writer
                writer.commit()
            finally:
                writer.rollback()
                _settle(connection)
        with self._readers.snapshot() as connection:
            self._matrix.follow(connection)
            self._postings.follow(connection)

    def _write_connection(self) -> sqlite3.Connection:
        connection = connect(self._folder / DATABASE, "rw")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        return connection

    def known_figures(self, figure_ids: Sequence[str]) -> dict[str, KnownFigure]:
        """Those of the figures that are in the index."""
        found: dict[str, KnownFigure] = {}
        with self._readers.snapshot() as connection:
            for part in batches(figure_ids):
                query = (
                    "SELECT f.key, f.id, f.caption, a.id FROM figures f LEFT JOIN articles a ON a.key = f.article "
                    f"WHERE f.id IN ({marks(part)})"
                )
                rows = connection.execute(query, part).fetchall()
                places = sqlite_rows.origins(connection, {row[0] for row in rows})
                for key, figure_id, caption, article in rows:
                    found[figure_id] = KnownFigure(figure_id, caption, article, tuple(places.get(key, ())))
        return found

    def figure_notes(self, figure_ids: Sequence[str]) -> dict[str, FigureNotes]:
        """How each of the figures was read and what was corrected; those that are not there are left out."""
        with self._readers.snapshot() as connection:
            return sqlite_notes.notes(connection, figure_ids)

    def search(self, request: SearchRequest) -> SearchResult:
        """The best panels for a request; always exact. IndexMismatchError where the vectors are of another extractor
        now."""
        with self._readers.snapshot() as connection:
            self._same_vectors(connection)
            now = self._matrix.at(connection)
            self._same_vectors(connection)  # again, as it may have begun a newer transaction
            return self._searcher.search(connection, now, request)

    def _same_vectors(self, connection: sqlite3.Connection) -> None:
        """IndexMismatchError where the index was embedded anew since it was opened."""
        found = schema.extractor(connection)
        if found != self._extractor:
            raise IndexMismatchError(
                f"the index at {self.location} was embedded anew with {found} since it was opened", "open it again"
            )

    def panels(self, panel_ids: Sequence[str]) -> list[StoredPanel]:
        """Panels by id, in the order asked; NotFoundError names the first that is missing."""
        with self._readers.snapshot() as connection:
            found = sqlite_rows.by_ids(connection, panel_ids)
        missing = next((each for each in panel_ids if each not in found), None)
        if missing is not None:
            raise self._absent(missing)
        return [found[each] for each in panel_ids]

    def figure_panels(self, figure_id: str) -> list[StoredPanel]:
        """All panels of a figure in reading order; empty where there is no such figure."""
        with self._readers.snapshot() as connection:
            return list(sqlite_rows.stored(connection, "WHERE f.id = ? ORDER BY p.position", (figure_id,)))

    def find_panels(self, some_id: str) -> list[StoredPanel]:
        """Panels of a panel id, figure id (or a unique prefix of 6 or more digits) or article id, DOI or PMC id."""
        some_id = some_id.strip()
        of_article = where(Filters(articles=(some_id,)))
        clauses = (
            ("WHERE p.id = ? ", [some_id]),
            ("WHERE f.id = ? ", [some_id]),
            (of_article.clause, of_article.values),
        )
        with self._readers.snapshot() as connection:
            for clause, values in clauses:
                found = list(sqlite_rows.stored(connection, f"{clause}ORDER BY f.id, p.position", values))
                if found:
                    return found
            figure = _figure_of_prefix(connection, some_id.lower())
            clause = "WHERE f.id = ? ORDER BY p.position"
            return list(sqlite_rows.stored(connection, clause, (figure,))) if figure else []

    def vector(self, panel_id: str) -> NDArray[np.float32]:
        """The stored vector of a panel, float32 (dims,); NotFoundError."""
        with self._readers.snapshot() as connection:
            query = "SELECT v.vector FROM panels p JOIN vectors v ON v.panel = p.key WHERE p.id = ?"
            row = connection.execute(query, (panel_id,)).fetchone()
        if row is None:
            raise self._absent(panel_id)
        return np.frombuffer(row[0], dtype="<f2").astype(np.float32)

    def thumbnail(self, panel_id: str) -> bytes | None:
        """The panel's small JPEG, None where there is none or no such panel."""
        with self._readers.snapshot() as connection:
            query = "SELECT t.jpeg FROM panels p JOIN thumbnails t ON t.panel = p.key WHERE p.id = ?"
            row = connection.execute(query, (panel_id,)).fetchone()
        return bytes(row[0]) if row else None

    def select_panels(self, filters: Filters) -> Iterator[StoredPanel]:
        """Every panel the filters leave, ordered by panel id, as of one commit, in bounded memory."""
        built = where(filters)
        with self._readers.snapshot() as connection:
            yield from sqlite_rows.stored(connection, f"{built.clause}ORDER BY p.id", built.values)

    def failures(self) -> list[Failure]:
        """What ingests could not take, and have not taken since, by input."""
        with self._readers.snapshot() as connection:
            return sqlite_failures.noted(connection)

    def stats(self) -> dict[str, Any]:
        """Counts, what made the vectors, the schema, and bytes on disk."""
        with self._readers.snapshot() as connection:
            found = counts(connection) | {"failures": sqlite_failures.count(connection)}
            facts = schema.facts(connection)
            found["schema_version"] = schema.version(connection)
        extractor = self._extractor
        return found | {
            "extractor": extractor.name,
            "extractor_version": extractor.version,
            "dims": extractor.dims,
            "created_by": facts.get("created_by"),
            "bytes": sum(_size(each) for each in self._folder.iterdir()),
        }

    def close(self) -> None:
        """Give back files, connections and threads."""
        self._readers.close()
        self._scanner.close()

    def __enter__(self) -> EmbeddedIndex:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _absent(self, panel_id: str) -> NotFoundError:
        return NotFoundError(
            f"no panel {panel_id!r} in the index at {self.location}",
            "see ids with: mirsearch export or mirsearch query",
        )


def _size(path: Path) -> int:
    """Bytes of a file, 0 where it has just gone, as SQLite's log does."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _settle(connection: sqlite3.Connection) -> None:
    """Move what lies in the log into the database, so that one file has it all, as far as readers allow just now."""
    with suppress(sqlite3.Error):  # all is safe in the log, too
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _figure_of_prefix(connection: sqlite3.Connection, prefix: str) -> str | None:
    """The one figure whose id begins so, or None where there are none or several."""
    if len(prefix) < _PREFIX_DIGITS or not all(letter in "0123456789abcdef" for letter in prefix):
        return None
    query = "SELECT id FROM figures WHERE id >= ? AND id < ? LIMIT 2"
    rows = connection.execute(query, (prefix, prefix + "g")).fetchall()
    return str(rows[0][0]) if len(rows) == 1 else None
