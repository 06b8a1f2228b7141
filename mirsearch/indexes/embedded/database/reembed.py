"""Replaces the vectors of an embedded index by those of another extractor.

The new vectors are collected in a side file, then put in place in one transaction. Until then, the index answers with
its old vectors. After an interruption, the same call continues.

A vector in the side file belongs to what was embedded: a box in a figure, whose id is the hash of its file. So it is
right for any state of the database, also for one that was put back from a copy. Keys of rows would not be.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.embedded.database import rows as sqlite_rows
from mirsearch.indexes.embedded.database import schema
from mirsearch.indexes.embedded.database.access import DATABASE, connect, ensure_index, translate_errors, write_lock
from mirsearch.indexes.embedded.database.checksums import row_crc
from mirsearch.indexes.embedded.vectors.matrix import Matrix
from mirsearch.indexes.embedded.words.postings import Postings
from mirsearch.query import StoredPanel

SIDE_FILE = "corpus.sqlite3-reembedding"
"""The file of the new vectors, in the folder of the index until they are in place."""
_SIDE_VERSION = 2
PAGE_PANELS = 64
_CONTENT = "f.id || ' ' || p.x0 || ' ' || p.y0 || ' ' || p.x1 || ' ' || p.y1"
"""What was embedded, as a text."""
_PANELS = "main.panels p JOIN main.figures f ON f.key = p.figure"
Embed = Callable[[Sequence[StoredPanel]], NDArray[np.float32]]
Progress = Callable[[int, int], None]


def reembed(location: str, extractor: ExtractorIdentity, embed: Embed, progress: Progress | None = None) -> int:
    """Replace the vector of every panel by the result of `embed`, float32 (n, dims). Returns the number of panels.

    An error in `embed` ends the call; the next call continues there. Raises the errors of opening an index, and
    IndexBusyError if another process is writing to it.
    """
    ensure_index(location, None)
    side_path = Path(location) / SIDE_FILE
    with ExitStack() as resources:
        with translate_errors(location):
            resources.enter_context(write_lock(location))
            corpus = resources.enter_context(closing(connect(Path(location) / DATABASE, "rw")))
            side_file = resources.enter_context(closing(_open_side_file(side_path, extractor)))
        panel_count = _embed_missing(location, corpus, side_file, embed, progress or (lambda _done, _all: None))
        with translate_errors(location):
            _replace_vectors(corpus, side_path, extractor)
            side_file.close()
            _remove_side_file(side_path)
            _renew_files(location, corpus, extractor.dims)
    return panel_count


def _open_side_file(side_path: Path, extractor: ExtractorIdentity) -> sqlite3.Connection:
    """Open the side file: the one that an interrupted call for the same extractor left, else an empty one."""
    if side_path.exists():
        connection = connect(side_path, "rw")
        if _is_usable(connection, extractor):
            return connection
        connection.close()
        _remove_side_file(side_path)
    connection = connect(side_path, "rwc")
    connection.execute("CREATE TABLE extractor (name TEXT, version TEXT, dims INTEGER)")
    connection.execute(
        "CREATE TABLE vectors (content TEXT PRIMARY KEY, vector BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID"
    )
    connection.execute("INSERT INTO extractor VALUES (?, ?, ?)", (extractor.name, extractor.version, extractor.dims))
    connection.execute(f"PRAGMA user_version = {_SIDE_VERSION}")
    return connection


def _is_usable(connection: sqlite3.Connection, extractor: ExtractorIdentity) -> bool:
    """Return whether a side file has vectors of this extractor. Removes vectors that don't match their checksums."""
    try:
        if schema.read_version(connection) != _SIDE_VERSION:
            return False
        rows = connection.execute("SELECT name, version, dims FROM extractor").fetchall()
        connection.execute("DELETE FROM vectors WHERE crc IS NOT row_crc(content, vector)")
        is_whole = connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    except sqlite3.DatabaseError:
        return False
    return is_whole and rows == [(extractor.name, extractor.version, extractor.dims)]


def _remove_side_file(side_path: Path) -> None:
    side_path.unlink()
    side_path.with_name(f"{side_path.name}-journal").unlink(missing_ok=True)


def _embed_missing(
    location: str, corpus: sqlite3.Connection, side_file: sqlite3.Connection, embed: Embed, progress: Progress
) -> int:
    """Embed all panels without a new vector and store their vectors page by page. Returns the number of panels."""
    with translate_errors(location):
        finished = {row[0] for row in side_file.execute("SELECT content FROM vectors")}
        query = f"SELECT {_CONTENT}, p.id FROM {_PANELS} ORDER BY p.figure, p.position"
        all_panels: list[tuple[str, str]] = corpus.execute(query).fetchall()
    missing = [panel for panel in all_panels if panel[0] not in finished]
    done = len(all_panels) - len(missing)
    for page in _pages(missing):
        progress(done, len(all_panels))
        with translate_errors(location):
            panels = sqlite_rows.panels_by_id(corpus, [panel_id for _, panel_id in page])
        vectors = np.asarray(embed([panels[panel_id] for _, panel_id in page])).astype("<f2")
        blobs = [(content, vector.tobytes()) for (content, _), vector in zip(page, vectors, strict=True)]
        with translate_errors(location):
            side_file.execute("BEGIN")
            rows = [(*blob, row_crc(*blob)) for blob in blobs]
            side_file.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
            side_file.execute("COMMIT")
        done += len(page)
    progress(done, len(all_panels))
    return len(all_panels)


def _pages(rows: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    for start in range(0, len(rows), PAGE_PANELS):
        yield rows[start : start + PAGE_PANELS]


def _replace_vectors(corpus: sqlite3.Connection, side_path: Path, extractor: ExtractorIdentity) -> None:
    """Replace the old vectors by the new ones in one transaction."""
    corpus.execute("ATTACH ? AS side", (str(side_path),))
    corpus.execute("BEGIN IMMEDIATE")
    corpus.execute(
        "UPDATE main.vectors SET vector = (SELECT s.vector FROM side.vectors s WHERE s.content = "
        f"(SELECT {_CONTENT} FROM {_PANELS} WHERE p.key = main.vectors.panel))"
    )
    corpus.execute(
        "UPDATE main.panels SET vector_crc = "
        "(SELECT blob_crc(v.vector) FROM main.vectors v WHERE v.panel = main.panels.key)"
    )
    facts = {"extractor": extractor.name, "extractor_version": extractor.version, "dims": str(extractor.dims)}
    schema.write_meta(corpus, **facts)
    generation = schema.record_commit(corpus, removed=False)
    # A file with old vectors must not be extended. Without past commits, the database recognizes no such file.
    corpus.execute("DELETE FROM main.commits WHERE generation < ?", (generation,))
    corpus.execute("COMMIT")
    corpus.execute("DETACH side")


def _renew_files(location: str, corpus: sqlite3.Connection, dims: int) -> None:
    """Update the files that queries scan, so that the next query need not do it."""
    corpus.execute("BEGIN")
    Matrix(Path(location), dims).update_files(corpus)
    Postings(Path(location)).update_file(corpus)
    corpus.execute("ROLLBACK")
