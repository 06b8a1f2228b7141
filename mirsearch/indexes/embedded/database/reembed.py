"""Replaces the vectors of an embedded index by those of another extractor.

The new vectors are collected in a side file, then put in place in one transaction. Until then, the index answers with
its old vectors. After an interruption, the same call continues.
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
from mirsearch.indexes.embedded.vectors.matrix import Matrix
from mirsearch.indexes.embedded.words.postings import Postings
from mirsearch.query import StoredPanel

SIDE_FILE = "corpus.sqlite3-reembedding"
"""The file of the new vectors, in the folder of the index until they are in place."""
PAGE_PANELS = 64
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
            side_path.unlink()
            _renew_files(location, corpus, extractor.dims)
    return panel_count


def _open_side_file(side_path: Path, extractor: ExtractorIdentity) -> sqlite3.Connection:
    """Open the side file: the one that an interrupted call for the same extractor left, else an empty one."""
    for attempt in (1, 2):
        connection = connect(side_path, "rwc")
        try:
            connection.execute("CREATE TABLE IF NOT EXISTS extractor (name TEXT, version TEXT, dims INTEGER)")
            connection.execute("CREATE TABLE IF NOT EXISTS vectors (panel INTEGER PRIMARY KEY, vector BLOB NOT NULL)")
            row = connection.execute("SELECT name, version, dims FROM extractor").fetchone()
        except sqlite3.DatabaseError:
            if attempt == 2:
                raise
            row = ()
        if row is None:
            values = (extractor.name, extractor.version, extractor.dims)
            connection.execute("INSERT INTO extractor VALUES (?, ?, ?)", values)
        elif not row or ExtractorIdentity(*row) != extractor:
            connection.close()
            side_path.unlink()
            continue
        break
    return connection


def _embed_missing(
    location: str, corpus: sqlite3.Connection, side_file: sqlite3.Connection, embed: Embed, progress: Progress
) -> int:
    """Embed all panels without a new vector and store their vectors page by page. Returns the number of panels."""
    with translate_errors(location):
        finished = {row[0] for row in side_file.execute("SELECT panel FROM vectors")}
        all_panels = corpus.execute("SELECT key, id FROM panels ORDER BY figure, position").fetchall()
    missing = [panel for panel in all_panels if panel[0] not in finished]
    done = len(all_panels) - len(missing)
    for page in _pages(missing):
        progress(done, len(all_panels))
        with translate_errors(location):
            panels = sqlite_rows.panels_by_id(corpus, [panel_id for _, panel_id in page])
        vectors = np.asarray(embed([panels[panel_id] for _, panel_id in page])).astype("<f2")
        rows = [(key, vector.tobytes()) for (key, _), vector in zip(page, vectors, strict=True)]
        with translate_errors(location):
            side_file.execute("BEGIN")
            side_file.executemany("INSERT INTO vectors VALUES (?, ?)", rows)
            side_file.execute("COMMIT")
        done += len(page)
    progress(done, len(all_panels))
    return len(all_panels)


def _pages(rows: list[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    for start in range(0, len(rows), PAGE_PANELS):
        yield rows[start : start + PAGE_PANELS]


def _replace_vectors(corpus: sqlite3.Connection, side_path: Path, extractor: ExtractorIdentity) -> None:
    """Replace the old vectors by the new ones in one transaction."""
    corpus.execute("ATTACH ? AS side", (str(side_path),))
    corpus.execute("BEGIN IMMEDIATE")
    corpus.execute(
        "UPDATE main.vectors SET vector = (SELECT s.vector FROM side.vectors s WHERE s.panel = main.vectors.panel)"
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
