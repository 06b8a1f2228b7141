"""The searchable words of panels: tokens of captions, texts and titles, in an FTS5 table."""

from __future__ import annotations

import secrets
import sqlite3
from functools import lru_cache

from mirsearch.indexes.embedded.database import schema
from mirsearch.text.tokens import ANALYSIS, tokens


@lru_cache(maxsize=64)
def searchable_text(text: str) -> str:
    """Return the tokens of a text, joined by spaces. Cached, because panels of a figure often share a text."""
    return " ".join(tokens(text))


def add_panel(
    connection: sqlite3.Connection, panel: int, caption: str, text: str, title: str, heading: str | None
) -> None:
    """Add the words of a panel with this key. The heading counts as text that was read in the panel."""
    text = f"{text} {heading}" if heading else text
    connection.execute(
        "INSERT INTO words (rowid, caption, text, title) VALUES (?, ?, ?, ?)",
        (panel, searchable_text(caption), searchable_text(text), searchable_text(title)),
    )


def update_title(connection: sqlite3.Connection, article: int, title: str) -> None:
    """Change the title for all panels of an article."""
    connection.execute(
        "UPDATE words SET title = ? WHERE rowid IN "
        "(SELECT p.key FROM panels p JOIN figures f ON f.key = p.figure WHERE f.article = ?)",
        (searchable_text(title), article),
    )
    _renew_marker(connection)


def read_marker(connection: sqlite3.Connection) -> str:
    """Return a marker that changes whenever words of an existing panel change."""
    return schema.read_meta(connection).get("words", "")


def _renew_marker(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('words', ?)", (secrets.token_hex(8),))


def are_current(connection: sqlite3.Connection) -> bool:
    """Return whether the words come from this version of text.tokens."""
    return schema.read_meta(connection).get("analysis") == ANALYSIS


def rebuild(connection: sqlite3.Connection) -> None:
    """Rebuild all words from the texts. The caller holds a transaction."""
    connection.execute("DELETE FROM words")
    rows = connection.execute(
        "SELECT p.key, t.caption, t.text, coalesce(a.title, ''), p.heading FROM panels p "
        "JOIN panel_texts t ON t.panel = p.key JOIN figures f ON f.key = p.figure "
        "LEFT JOIN articles a ON a.key = f.article ORDER BY p.key"
    )
    for row in rows:
        add_panel(connection, *row)
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('analysis', ?)", (ANALYSIS,))
    _renew_marker(connection)
    schema.record_commit(connection, removed=False)
