"""The sentence vectors of panels in the database: made when a figure is written, or for all panels at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from mirsearch.errors import MirsearchError
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.embedded.database import schema
from mirsearch.indexes.embedded.database.access import DATABASE, connect, translate_errors, write_lock
from mirsearch.indexes.embedded.database.checksums import DamagedRowError, placeholders, row_crc
from mirsearch.indexes.embedded.database.meaning_facts import read_meaning, write_meaning
from mirsearch.indexes.embedded.database.words import read_figure_texts
from mirsearch.indexes.meanings import MeaningMaker, Meanings, Progress, said_text, text_key

_FIGURES_AT_ONCE = 16


def add_figure(connection: sqlite3.Connection, figure: int, known: Meanings, maker: MeaningMaker) -> None:
    """Write the sentence vectors of a figure's panels. `known` vectors are not made again."""
    texts = dict(_panel_texts(connection, figure))
    vectors = maker.vectors(list(texts.values()), known).astype("<f2")
    rows = [
        (key, text_key(maker.model, text), row.tobytes())
        for (key, text), row in zip(texts.items(), vectors, strict=True)
    ]
    statement = "INSERT OR REPLACE INTO meanings VALUES (?, ?, ?, ?)"
    connection.executemany(statement, [(key, text, blob, row_crc(text, blob)) for key, text, blob in rows])


def maker_of(connection: sqlite3.Connection) -> MeaningMaker | None:
    """Return what makes the sentence vectors of an index; None if it has none."""
    model = read_meaning(connection)
    return None if model is None else MeaningMaker(model)


def read_meanings(connection: sqlite3.Connection, figures: Sequence[int], dims: int) -> dict[int, Meanings]:
    """Return the sentence vectors of figures, by the figure's key and the key of the text. Raises DamagedRowError."""
    found: dict[int, dict[str, np.ndarray]] = {key: {} for key in figures}
    query = (
        "SELECT p.figure, p.id, m.text, m.vector, m.crc, row_crc(m.text, m.vector) FROM panels p "
        f"LEFT JOIN meanings m ON m.panel = p.key WHERE p.figure IN ({placeholders(figures)})"
    )
    for figure, panel_id, text, vector, crc, computed in connection.execute(query, tuple(figures)):
        if crc != computed or not isinstance(vector, bytes) or len(vector) != 2 * dims:
            raise DamagedRowError(f"the sentence vector of panel {panel_id} does not match its checksum")
        found[figure][text] = np.frombuffer(vector, dtype="<f2").astype(np.float32)
    return dict(found)


def add_meaning(location: str, model: ExtractorIdentity, progress: Progress | None) -> int:
    """Give every panel a sentence vector of a model. They are used from the end on. Returns the number of panels."""
    maker = MeaningMaker(model)
    with translate_errors(location):
        lock = write_lock(location)
    with lock, closing(connect(Path(location) / DATABASE, "rw")) as connection:
        with translate_errors(location):
            if read_meaning(connection) not in (None, model):
                _remove(connection)
            total = connection.execute("SELECT count(*) FROM panels").fetchone()[0]
            missing = _figures_without(connection)
        for start in range(0, len(missing), _FIGURES_AT_ONCE):
            if progress is not None:
                done = connection.execute("SELECT count(*) FROM meanings").fetchone()[0]
                progress(done, total)
            with translate_errors(location):
                _add_figures(connection, missing[start : start + _FIGURES_AT_ONCE], maker)
        with translate_errors(location):
            connection.execute("BEGIN IMMEDIATE")
            write_meaning(connection, model)
            _forget_commits(connection)
            connection.execute("COMMIT")
        if progress is not None:
            progress(total, total)
    return int(total)


def remove_meaning(location: str) -> None:
    """Take all sentence vectors out of an index."""
    with translate_errors(location):
        lock = write_lock(location)
    with lock, closing(connect(Path(location) / DATABASE, "rw")) as connection, translate_errors(location):
        _remove(connection)


def repair(connection: sqlite3.Connection) -> list[str]:
    """Make damaged and missing sentence vectors again, inside a transaction. Returns what was done, one line each.

    Where the model is not installed, all of them are taken out.
    """
    try:
        maker = maker_of(connection)
        if maker is None:
            return []
        size = 2 * maker.model.dims
        whole = "crc IS row_crc(text, vector) AND length(vector) = ?"
        connection.execute(f"DELETE FROM meanings WHERE NOT ({whole})", (size,))
        figures = _figures_without(connection)
        for figure in figures:
            add_figure(connection, figure, _kept(connection, figure), maker)
        return [f"the sentence vectors of {len(figures)} figures were made again"] if figures else []
    except (MirsearchError, KeyError, ValueError) as error:
        connection.execute("DELETE FROM meanings")
        write_meaning(connection, None)
        return [f"the sentence vectors were taken out ({error}); add them again: mirsearch reembed --meaning"]


def _kept(connection: sqlite3.Connection, figure: int) -> Meanings:
    query = "SELECT m.text, m.vector FROM meanings m JOIN panels p ON p.key = m.panel WHERE p.figure = ?"
    return {
        text: np.frombuffer(vector, dtype="<f2").astype(np.float32)
        for text, vector in connection.execute(query, (figure,))
    }


def _add_figures(connection: sqlite3.Connection, figures: Iterable[int], maker: MeaningMaker) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for figure in figures:
            add_figure(connection, figure, {}, maker)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _remove(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM meanings")
    write_meaning(connection, None)
    _forget_commits(connection)
    connection.execute("COMMIT")


def _forget_commits(connection: sqlite3.Connection) -> None:
    """Record a commit and forget earlier ones, so that no file with other vectors is ever extended."""
    generation = schema.record_commit(connection, removed=False)
    connection.execute("DELETE FROM commits WHERE generation < ?", (generation,))


def _figures_without(connection: sqlite3.Connection) -> list[int]:
    """Return the keys of the figures that have a panel without a sentence vector."""
    query = "SELECT DISTINCT figure FROM panels WHERE key NOT IN (SELECT panel FROM meanings) ORDER BY figure"
    return [row[0] for row in connection.execute(query)]


def _panel_texts(connection: sqlite3.Connection, figure: int) -> Iterable[tuple[int, str]]:
    """Yield the keys of a figure's panels, in reading order, and what is said of each."""
    texts = read_figure_texts(connection, figure)
    query = (
        "SELECT p.key, t.caption, p.heading, p.label FROM panels p JOIN panel_texts t ON t.panel = p.key "
        "WHERE p.figure = ? ORDER BY p.position"
    )
    for key, caption, heading, label in connection.execute(query, (figure,)):
        yield key, said_text(caption, heading or "", texts.mentions, texts.label, label)
