"""Writes articles to the database."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from typing import Any

from mirsearch.corpus import Article
from mirsearch.indexes.comparison import fold_name, license_key
from mirsearch.indexes.embedded.database import checksums
from mirsearch.indexes.embedded.database import words as sqlite_words
from mirsearch.indexes.embedded.database.checksums import placeholders
from mirsearch.indexes.embedded.database.rows import storable_text

_ARTICLE_TEXTS = ("title", "doi", "pmcid", "journal", "license", "url")


def put_article(connection: sqlite3.Connection, article: Article | None, changes: Counter[str]) -> int | None:
    """Add an article, or update the existing one with all fields that are not empty. Returns its key.

    `changes` counts the rows that are added. The caller holds a transaction.
    """
    if article is None:
        return None
    new: dict[str, Any] = {name: storable_text(getattr(article, name)) or None for name in _ARTICLE_TEXTS}
    year = article.year if article.year is not None and abs(article.year) < 10_000 else None
    new |= {"year": year, "authors": None, "retracted": int(article.retracted)}
    if article.authors:
        new["authors"] = json.dumps([storable_text(author) for author in article.authors], ensure_ascii=False)
    query = f"SELECT key, {', '.join(new)} FROM articles WHERE id = ?"
    row = connection.execute(query, (storable_text(article.id),)).fetchone()
    old = dict(zip(new, row[1:], strict=True)) if row else {"authors": "[]", "retracted": 0}
    values = {name: old.get(name) if value is None else value for name, value in new.items()}
    values["retracted"] = int(bool(new["retracted"]) or bool(old["retracted"]))
    values["journal_folded"] = fold_name(str(values["journal"])) if values["journal"] else None
    values["license_short"] = license_key(str(values["license"])) if values["license"] else None
    if row is None:
        columns = ["id", *values]
        cursor = connection.execute(
            f"INSERT INTO articles ({', '.join(columns)}) VALUES ({placeholders(columns)})",
            (storable_text(article.id), *values.values()),
        )
        changes["articles"] += 1
        checksums.seal_articles(connection, "key = ?", (cursor.lastrowid,))
        return cursor.lastrowid
    key = int(row[0])
    checksums.check_article(connection, key)
    if all(values[name] == old[name] for name in new):
        return key
    changed = ", ".join(f"{name} = ?" for name in values)
    connection.execute(f"UPDATE articles SET {changed} WHERE key = ?", (*values.values(), key))
    checksums.seal_articles(connection, "key = ?", (key,))
    if values["title"] != old["title"]:
        sqlite_words.update_title(connection, key, str(values["title"]))
    return key
