"""The searchable words of panels: what text.tokens makes of captions, texts and titles, kept in FTS5."""

from __future__ import annotations

import secrets
import sqlite3
from functools import lru_cache

from mirsearch.indexes.embedded.database import schema
from mirsearch.text.tokens import ANALYSIS, tokens


@lru_cache(maxsize=64)
def searchable(text: str) -> str:
    """A text as it is searched; panels of a figure often share theirs."""
    return " ".join(tokens(text))


def add(connection: sqlite3.Connection, panel: int, caption: str, text: str, title: str) -> None:
    """The words of one panel, by its key."""
    connection.execute(
        "INSERT INTO words (rowid, caption, text, title) VALUES (?, ?, ?, ?)",
        (panel, searchable(caption), searchable(text), searchable(title)),
    )


def retitle(connection: sqlite3.Connection, article: int, title: str) -> None:
    """Another title for all panels of an article."""
    connection.execute(
        "UPDATE words SET title = ? WHERE rowid IN "
        "(SELECT p.key FROM panels p JOIN figures f ON f.key = p.figure WHERE f.article = ?)",
        (searchable(title), article),
    )
    _mark(connection)


def marker(connection: sqlite3.Connection) -> str:
    """Another one whenever words of a panel that is there already were changed."""
    return schema.facts(connection).get("words", "")


def _mark(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('words', ?)", (secrets.token_hex(8),))


def are_current(connection: sqlite3.Connection) -> bool:
    """True where the words were made by this version's text.tokens."""
    return schema.facts(connection).get("analysis") == ANALYSIS


def renew(connection: sqlite3.Connection) -> None:
    """Make all words again from the texts; the caller holds a transaction."""
    connection.execute("DELETE FROM words")
    rows = connection.execute(
        "SELECT p.key, t.caption, t.text, coalesce(a.title, '') FROM panels p JOIN panel_texts t ON t.panel = p.key "
        "JOIN figures f ON f.key = p.figure LEFT JOIN articles a ON a.key = f.article ORDER BY p.key"
    )
    for row in rows:
        add(connection, *row)
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('analysis', ?)", (ANALYSIS,))
    _mark(connection)
    schema.note_commit(connection, removed=False)
