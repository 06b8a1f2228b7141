"""The vectors of an embedded index made anew by another extractor: kept in a file beside it, then put in place at once.

The index answers with its old vectors until then. What was begun and cut short is gone on with by the same call.
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
from mirsearch.indexes.embedded.database.access import DATABASE, connect, ensure, told, write_lock
from mirsearch.indexes.embedded.vectors.matrix import Matrix
from mirsearch.indexes.embedded.words.postings import Postings
from mirsearch.query import StoredPanel

SIDE = "corpus.sqlite3-reembedding"
"""The new vectors' file, in the index's folder while they are made."""
PAGE = 64
Embed = Callable[[Sequence[StoredPanel]], NDArray[np.float32]]
Progress = Callable[[int, int], None]


def reembed(location: str, extractor: ExtractorIdentity, embed: Embed, progress: Progress | None = None) -> int:
    """Give every panel the vector that `embed` makes of it, float32 (n, dims); how many panels there are.

    What `embed` raises ends the call; the next one goes on where it was. Raises what opening an index raises, and
    IndexBusyError where another process writes to it.
    """
    ensure(location, None)
    side = Path(location) / SIDE
    with ExitStack() as held:
        with told(location):
            held.enter_context(write_lock(location))
            corpus = held.enter_context(closing(connect(Path(location) / DATABASE, "rw")))
            made = held.enter_context(closing(_opened(side, extractor)))
        panels = _fill(location, corpus, made, embed, progress or (lambda _done, _all: None))
        with told(location):
            _switch(corpus, side, extractor)
            made.close()
            side.unlink()
            _renew_files(location, corpus, extractor.dims)
    return panels


def _opened(side: Path, extractor: ExtractorIdentity) -> sqlite3.Connection:
    """The file of new vectors: what an interrupted call for the same extractor left, else an empty one."""
    for attempt in (1, 2):
        connection = connect(side, "rwc")
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
            side.unlink()
            continue
        break
    return connection


def _fill(location: str, corpus: sqlite3.Connection, made: sqlite3.Connection, embed: Embed, progress: Progress) -> int:
    """New vectors of all panels that have none yet, durable page by page; how many panels there are."""
    with told(location):
        there = {row[0] for row in made.execute("SELECT panel FROM vectors")}
        wanted = corpus.execute("SELECT key, id FROM panels ORDER BY figure, position").fetchall()
    missing = [each for each in wanted if each[0] not in there]
    done = len(wanted) - len(missing)
    for page in _pages(missing):
        progress(done, len(wanted))
        with told(location):
            panels = sqlite_rows.by_ids(corpus, [panel_id for _, panel_id in page])
        vectors = np.asarray(embed([panels[panel_id] for _, panel_id in page])).astype("<f2")
        rows = [(key, vector.tobytes()) for (key, _), vector in zip(page, vectors, strict=True)]
        with told(location):
            made.execute("BEGIN")
            made.executemany("INSERT INTO vectors VALUES (?, ?)", rows)
            made.execute("COMMIT")
        done += len(page)
    progress(done, len(wanted))
    return len(wanted)


def _pages(rows: list[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    for start in range(0, len(rows), PAGE):
        yield rows[start : start + PAGE]


def _switch(corpus: sqlite3.Connection, side: Path, extractor: ExtractorIdentity) -> None:
    """All new vectors in place of the old ones, in one transaction."""
    corpus.execute("ATTACH ? AS side", (str(side),))
    corpus.execute("BEGIN IMMEDIATE")
    corpus.execute(
        "UPDATE main.vectors SET vector = (SELECT s.vector FROM side.vectors s WHERE s.panel = main.vectors.panel)"
    )
    facts = {"extractor": extractor.name, "extractor_version": extractor.version, "dims": str(extractor.dims)}
    corpus.executemany(
        "UPDATE main.meta SET value = ? WHERE name = ?", [(value, name) for name, value in facts.items()]
    )
    generation = schema.note_commit(corpus, removed=False)
    # No file of the old vectors may be caught up from: the database has no past any more that such a file is of.
    corpus.execute("DELETE FROM main.commits WHERE generation < ?", (generation,))
    corpus.execute("COMMIT")
    corpus.execute("DETACH side")


def _renew_files(location: str, corpus: sqlite3.Connection, dims: int) -> None:
    """The files that queries scan, made here so that the next query needn't."""
    corpus.execute("BEGIN")
    Matrix(Path(location), dims).follow(corpus)
    Postings(Path(location)).follow(corpus)
    corpus.execute("ROLLBACK")
