"""The searchable words of panels: tokens of captions, texts, titles and mentions, in an FTS5 table."""

from __future__ import annotations

import json
import secrets
import sqlite3
from dataclasses import dataclass
from functools import lru_cache

from mirsearch.indexes.embedded.database import checksums, schema
from mirsearch.indexes.embedded.database.checksums import DamagedRowError
from mirsearch.indexes.embedded.words.words_file import WORD_COLUMNS
from mirsearch.text.terms import ANALYSIS

COLUMNS = ", ".join(WORD_COLUMNS)


@dataclass(frozen=True, slots=True)
class FigureTexts:
    """What a panel's words have from its figure: the article's title, the figure's label and the mentions of it."""

    title: str = ""
    label: str | None = None
    mentions: tuple[str, ...] = ()


def read_figure_texts(connection: sqlite3.Connection, figure: int) -> FigureTexts:
    """Return the texts of the figure with this key."""
    row = connection.execute(
        "SELECT coalesce(a.title, ''), f.label, f.mentions FROM figures f LEFT JOIN articles a ON a.key = f.article "
        "WHERE f.key = ?",
        (figure,),
    ).fetchone()
    return _figure_texts(*row) if row else FigureTexts()


def _figure_texts(title: str, label: str | None, mentions: str | None) -> FigureTexts:
    return FigureTexts(title, label, tuple(json.loads(mentions)) if mentions else ())


@lru_cache(maxsize=64)
def searchable_text(text: str) -> str:
    """Return the tokens of a text, joined by spaces. Cached, because panels of a figure often share a text."""
    from mirsearch.text.tokens import tokens  # a question about a picture starts without it

    return " ".join(tokens(text))


def panel_words(
    caption: str, text: str, heading: str | None, label: str | None, surroundings: FigureTexts
) -> tuple[str, str, str, str]:
    """Return the words of a panel. The heading counts as text that was read in the panel."""
    from mirsearch.text.figure_references import part_mentions

    text = f"{text} {heading}" if heading else text
    mentions = part_mentions(surroundings.mentions, surroundings.label, label)
    texts = caption, text, surroundings.title, "\n".join(mentions)
    first, second, third, fourth = map(searchable_text, texts)
    return first, second, third, fourth


def add_panel(connection: sqlite3.Connection, panel: int, words: tuple[str, str, str, str]) -> None:
    """Add the words of a panel with this key."""
    connection.execute(f"INSERT INTO words (rowid, {COLUMNS}) VALUES (?, ?, ?, ?, ?)", (panel, *words))


def update_title(connection: sqlite3.Connection, article: int, title: str) -> None:
    """Change the title for all panels of an article."""
    panels = "SELECT p.key FROM panels p JOIN figures f ON f.key = p.figure WHERE f.article = ?"
    damaged = connection.execute(
        f"SELECT id FROM panels p JOIN words w ON w.rowid = p.key WHERE p.key IN ({panels}) "
        f"AND p.words_crc IS NOT {checksums.WORDS_CRC}",
        (article,),
    ).fetchone()
    if damaged:
        raise DamagedRowError(f"the words of panel {damaged[0]} do not match their checksum")
    connection.execute(f"UPDATE words SET title = ? WHERE rowid IN ({panels})", (searchable_text(title), article))
    _seal(connection, f"key IN ({panels})", article)
    _renew_marker(connection)


def _seal(connection: sqlite3.Connection, condition: str, *values: int) -> None:
    connection.execute(
        f"UPDATE panels SET words_crc = (SELECT {checksums.WORDS_CRC} FROM words w "
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
        "SELECT p.key, t.caption, t.text, p.heading, p.label, coalesce(a.title, ''), f.label, f.mentions FROM panels p "
        "JOIN panel_texts t ON t.panel = p.key JOIN figures f ON f.key = p.figure "
        "LEFT JOIN articles a ON a.key = f.article ORDER BY p.key"
    )
    for key, caption, text, heading, label, *surroundings in rows:
        add_panel(connection, key, panel_words(caption, text, heading, label, _figure_texts(*surroundings)))
    _seal(connection, "1")
    schema.write_meta(connection, analysis=ANALYSIS)
    _renew_marker(connection)
    schema.record_commit(connection, removed=False)
