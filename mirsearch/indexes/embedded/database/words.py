"""The searchable words of panels: tokens of captions, texts and titles, in an FTS5 table."""

from __future__ import annotations

import secrets
import sqlite3
from functools import lru_cache

from mirsearch.indexes.embedded.database import schema
from mirsearch.indexes.embedded.database.checksums import DamagedRowError
from mirsearch.text.tokens import ANALYSIS, tokens


@lru_cache(maxsize=64)
def searchable_text(text: str) -> str:
    """Return the tokens of a text, joined by spaces. Cached, because panels of a figure often share a text."""
    return " ".join(tokens(text))


def panel_words(caption: str, text: str, title: str, heading: str | None) -> tuple[str, str, str]:
    """Return the words of a panel. The heading counts as text that was read in the panel."""
    text = f"{text} {heading}" if heading else text
    return searchable_text(caption), searchable_text(text), searchable_text(title)


def add_panel(connection: sqlite3.Connection, panel: int, words: tuple[str, str, str]) -> None:
    """Add the words of a panel with this key."""
    connection.execute("INSERT INTO words (rowid, caption, text, title) VALUES (?, ?, ?, ?)", (panel, *words))


def update_title(connection: sqlite3.Connection, article: int, title: str) -> None:
    """Change the title for all panels of an article."""
    panels = "SELECT p.key FROM panels p JOIN figures f ON f.key = p.figure WHERE f.article = ?"
    damaged = connection.execute(
        f"SELECT id FROM panels p JOIN words w ON w.rowid = p.key WHERE p.key IN ({panels}) "
        "AND p.words_crc IS NOT row_crc(w.caption, w.text, w.title)",
        (article,),
    ).fetchone()
    if damaged:
        raise DamagedRowError(f"the words of panel {damaged[0]} do not match their checksum")
    connection.execute(f"UPDATE words SET title = ? WHERE rowid IN ({panels})", (searchable_text(title), article))
    _seal(connection, f"key IN ({panels})", article)
    _renew_marker(connection)


def _seal(connection: sqlite3.Connection, condition: str, *values: int) -> None:
    connection.execute(
        "UPDATE panels SET words_crc = (SELECT row_crc(w.caption, w.text, w.title) FROM words w "
        f"WHERE w.rowid = panels.key) WHERE {condition}",
        values,
    )


def read_marker(connection: sqlite3.Connection) -> str:
    """Return a marker that changes whenever words of an existing panel change."""
    return schema.read_meta(connection).get("words", "")


def _renew_marker(connection: sqlite3.Connection) -> None:
    schema.write_meta(connection, words=secrets.token_hex(8))


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
    for key, *texts in rows:
        add_panel(connection, key, panel_words(*texts))
    _seal(connection, "1")
    schema.write_meta(connection, analysis=ANALYSIS)
    _renew_marker(connection)
    schema.record_commit(connection, removed=False)
