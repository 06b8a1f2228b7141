"""Near spellings of words that an embedded index lacks, from the words of its captions."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from mirsearch.indexes.embedded.database.word_conditions import fts5_term
from mirsearch.text.spelling import MAX_CANDIDATES, as_written, most_edits, nearest_words


def near_words(connection: sqlite3.Connection, words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return, for each of the tokens that no panel has, near spellings from the captions, as they are written there."""
    missing = [word for word in words if not _has_match(connection, fts5_term((word,)))]
    return {word: tuple(_as_written(connection, near) for near in _near(connection, word)) for word in missing}


def _has_match(connection: sqlite3.Connection, expression: str) -> bool:
    query = "SELECT 1 FROM words WHERE words MATCH ? LIMIT 1"
    return connection.execute(query, (expression,)).fetchone() is not None


def _near(connection: sqlite3.Connection, word: str) -> list[str]:
    edits = most_edits(word)
    if not edits:
        return []
    connection.execute("CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab(main, words, col)")
    rows = connection.execute(
        "SELECT term, doc FROM temp.vocabulary WHERE term >= ? AND term < ? AND col = 'caption' "
        "AND length(term) BETWEEN ? AND ? LIMIT ?",
        (word[0], chr(ord(word[0]) + 1), len(word) - edits, len(word) + edits, MAX_CANDIDATES),
    )
    return nearest_words(word, rows.fetchall())


def _as_written(connection: sqlite3.Connection, token: str) -> str:
    row = connection.execute(
        "SELECT t.caption FROM words w JOIN panel_texts t ON t.panel = w.rowid WHERE words MATCH ? LIMIT 1",
        (f"caption : {fts5_term((token,))}",),
    ).fetchone()
    return as_written(token, row[0]) if row else token
