"""The ledger of acquisitions: queries, articles and figures, each with its progress (SQLite)."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from mirsearch.acquisition.ledger_states import ArticleState, Failure, FigureState, QueryState, paper_keys, parse_plan
from mirsearch.acquisition.services.base import ArticlePlan, FetchedFigure, Hit, KeywordQuery, PlannedFigure, Terms
from mirsearch.errors import IndexBusyError, MirsearchError
from mirsearch.files.sqlite_errors import Database
from mirsearch.text.foreign import parse_json

Value = TypeVar("Value")

__all__ = ["MAX_ATTEMPTS", "ArticleState", "Failure", "FigureState", "Ledger", "QueryState"]

MAX_ATTEMPTS = 3
"""Runs that try a failing article or figure; after that it is skipped until `mirsearch failures --retry`."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS queries (key TEXT PRIMARY KEY, service TEXT NOT NULL, told TEXT NOT NULL,
  state TEXT NOT NULL, cursor TEXT, total INTEGER NOT NULL DEFAULT 0, started REAL NOT NULL, finished REAL);
CREATE TABLE IF NOT EXISTS hits (query TEXT NOT NULL, position INTEGER NOT NULL, id TEXT NOT NULL, told TEXT NOT NULL,
  PRIMARY KEY (query, id));
CREATE TABLE IF NOT EXISTS articles (id TEXT PRIMARY KEY, state TEXT NOT NULL, cause TEXT, reason TEXT,
  attempts INTEGER NOT NULL, revision TEXT, told TEXT, updated REAL NOT NULL);
CREATE TABLE IF NOT EXISTS figures (article TEXT NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL,
  told TEXT NOT NULL, state TEXT NOT NULL, cause TEXT, reason TEXT, attempts INTEGER NOT NULL, sha256 TEXT,
  size INTEGER, retrieved TEXT, updated REAL NOT NULL, PRIMARY KEY (article, position));
CREATE TABLE IF NOT EXISTS papers (key TEXT NOT NULL, article TEXT NOT NULL, since REAL NOT NULL,
  PRIMARY KEY (key, article)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS figures_sha256 ON figures (sha256);
"""
_VERSION = 1
_BUSY_SECONDS = 30.0


class Ledger:
    """The ledger in a file, or in memory if `path` is None. Threads may share it."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()
        self._path = path
        with self._translate_errors():
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                path or ":memory:", timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None
            )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            if self._db.execute("PRAGMA user_version").fetchone()[0] > _VERSION:
                raise MirsearchError(f"{path} was written by a newer mirsearch", "update mirsearch")
            self._db.executescript(_SCHEMA)
            self._db.execute(f"PRAGMA user_version={_VERSION}")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Turn errors of SQLite and of the file system into MirsearchError with a remedy."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise self._explain(error) from error

    def _explain(self, error: OSError | sqlite3.Error) -> MirsearchError:
        path = self._path or Path()
        elsewhere, mend = "set MIRSEARCH_WORKSPACE", f"move {path} away to start with an empty ledger"
        told = Database(f"the ledger {path}", path.parent, elsewhere, mend).explain(error)
        return (IndexBusyError if told.kind == "busy" else MirsearchError)(told.message, told.remedy)

    def _parse(self, parse: Callable[[Any], Value], text: str | bytes) -> Value:
        """Return what a row's JSON means. Raises MirsearchError if the row is damaged."""
        try:
            return parse(parse_json(text))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            damage = sqlite3.DatabaseError(f"a row that can't be read ({type(error).__name__}: {error})"[:200])
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise self._explain(damage) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translate_errors():
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite has rolled back by itself after most errors
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                raise

    def _fetch_rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock, self._translate_errors():
            return self._db.execute(statement, values).fetchall()

    # queries

    def begin_query(self, key: str, service: str, query: KeywordQuery) -> None:
        """Start a query, or restart it: its old hits are removed."""
        row = (key, service, json.dumps(query.as_json()), "searching", None, 0, time.time(), None)
        with self._transaction() as db:
            db.execute("DELETE FROM hits WHERE query = ?", (key,))
            db.execute("INSERT OR REPLACE INTO queries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def query_state(self, key: str) -> QueryState | None:
        """Return the progress of a query; None if it is unknown."""
        rows = self._fetch_rows("SELECT state, cursor, total, started FROM queries WHERE key = ?", key)
        return QueryState(*rows[0]) if rows else None

    def queries(self) -> list[tuple[str, KeywordQuery]]:
        """Return every query with its service's name, oldest first."""
        rows = self._fetch_rows("SELECT service, told FROM queries ORDER BY started")
        return [(service, self._parse(KeywordQuery.from_json, data)) for service, data in rows]

    def add_page(self, key: str, hits: Iterable[Hit], cursor: str | None, total: int) -> list[Hit]:
        """Record a page of hits and the cursor of the next page. Return the new hits."""
        new_hits: list[Hit] = []
        with self._transaction() as db:
            position = db.execute("SELECT count(*) FROM hits WHERE query = ?", (key,)).fetchone()[0]
            for hit in hits:
                row = (key, position, hit.id, json.dumps(hit.as_json()))
                if db.execute("INSERT OR IGNORE INTO hits VALUES (?, ?, ?, ?)", row).rowcount:
                    position += 1
                    new_hits.append(hit)
            state = "searched" if cursor is None else "searching"
            db.execute("UPDATE queries SET state = ?, cursor = ?, total = ? WHERE key = ?", (state, cursor, total, key))
        return new_hits

    def hits(self, key: str) -> list[Hit]:
        """Return a query's hits so far, in order."""
        rows = self._fetch_rows("SELECT told FROM hits WHERE query = ? ORDER BY position", key)
        return [self._parse(Hit.from_json, row[0]) for row in rows]

    def complete_query(self, key: str) -> None:
        """Record that a query is complete."""
        with self._transaction() as db:
            db.execute("UPDATE queries SET state = 'complete', finished = ? WHERE key = ?", (time.time(), key))

    # articles and figures

    def article_state(self, article_id: str) -> ArticleState | None:
        """Return the progress of an article; None if it is unknown."""
        rows = self._fetch_rows(
            "SELECT state, told, revision, attempts, cause, reason FROM articles WHERE id = ?", article_id
        )
        if not rows:
            return None
        state, data, *rest = rows[0]
        plan = ArticlePlan(Terms()) if data is None else self._parse(parse_plan, data)
        return ArticleState(state, plan, *rest)

    def save_plan(self, hit: Hit, plan: ArticlePlan) -> None:
        """Record an article's plan. Downloaded figures with the same address and MD5 stay downloaded."""
        state = "refused" if plan.figures is None else "planned"
        data = json.dumps(asdict(replace(plan, figures=None)))
        with self._transaction() as db:
            row = (hit.id, state, None, None, 0, hit.revision, data, time.time())
            db.execute("INSERT OR REPLACE INTO articles VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            names = [(key, hit.id, time.time()) for key in paper_keys(plan.article)]
            db.executemany("INSERT OR IGNORE INTO papers VALUES (?, ?, ?)", names)
            if plan.figures is None:
                return
            old_figures = {(old.figure.url, old.figure.md5): old for old in self.figure_states(hit.id)}
            db.execute("DELETE FROM figures WHERE article = ?", (hit.id,))
            for position, figure in enumerate(plan.figures):
                old = old_figures.get((figure.url, figure.md5))
                fetched = old.fetched if old is not None and old.state == "done" else None
                self._insert_figure(db, FigureState(hit.id, position, figure, "done" if fetched else "seen", fetched))

    def _insert_figure(self, db: sqlite3.Connection, state: FigureState) -> None:
        fetched = state.fetched
        row = (
            state.article, state.position, state.figure.name, json.dumps(asdict(state.figure)), state.state,
            state.cause, state.reason, state.attempts, fetched and fetched.sha256, fetched and fetched.size,
            fetched and fetched.retrieved, time.time(),
        )  # fmt: skip
        db.execute("INSERT OR REPLACE INTO figures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def mark_retracted(self, article_id: str) -> None:
        """Record that an article was retracted, if the ledger has it."""
        state = self.article_state(article_id)
        if state is None or state.state == "failed" or state.plan.terms.retracted:
            return
        article = state.plan.article and replace(state.plan.article, retracted=True)
        plan = replace(state.plan, terms=replace(state.plan.terms, retracted=True), article=article)
        with self._transaction() as db:
            db.execute("UPDATE articles SET told = ? WHERE id = ?", (json.dumps(asdict(plan)), article_id))

    def fail_article(self, hit: Hit, cause: str, reason: str) -> None:
        """Record another failure of an article."""
        row = (hit.id, cause, reason, hit.revision, time.time())
        with self._transaction() as db:
            db.execute(
                "INSERT INTO articles VALUES (?1, 'failed', ?2, ?3, 1, ?4, NULL, ?5) ON CONFLICT (id) DO UPDATE SET "
                "state = 'failed', cause = ?2, reason = ?3, attempts = attempts + 1, updated = ?5", row
            )  # fmt: skip

    def figure_states(self, article: str) -> list[FigureState]:
        """Return an article's figures in order."""
        rows = self._fetch_rows(
            "SELECT position, told, state, sha256, size, retrieved, attempts, cause, reason FROM figures "
            "WHERE article = ? ORDER BY position", article
        )  # fmt: skip
        states = []
        for position, data, state, sha256, size, retrieved, *rest in rows:
            fetched = FetchedFigure(sha256, size, retrieved) if sha256 else None
            states.append(
                FigureState(article, position, self._parse(PlannedFigure.from_json, data), state, fetched, *rest)
            )
        return states

    def save_figure(self, state: FigureState) -> None:
        """Record the progress of a figure."""
        with self._transaction() as db:
            self._insert_figure(db, state)

    def fail_figure(self, article: str, name: str, cause: str, reason: str) -> None:
        """Record that a downloaded figure, named by its file, failed later."""
        with self._transaction() as db:
            db.execute(
                "UPDATE figures SET cause = ?, reason = ?, attempts = attempts + 1, updated = ? "
                "WHERE article = ? AND name = ?", (cause, reason, time.time(), article, name)
            )  # fmt: skip

    def failures(self) -> list[Failure]:
        """Return every failed article and figure, the latest first."""
        rows = self._fetch_rows(
            "SELECT id, cause, reason, attempts, updated FROM articles WHERE state = 'failed' UNION ALL "
            "SELECT article || '/' || name, cause, reason, attempts, updated FROM figures WHERE attempts > 0 "
            "ORDER BY updated DESC"
        )
        return [
            Failure(item, cause or "", reason or "", attempts, failed_at)
            for item, cause, reason, attempts, failed_at in rows
        ]

    def reset_attempts(self) -> int:
        """Let the next run try all failures again. Return their number."""
        with self._transaction() as db:
            articles = db.execute("UPDATE articles SET attempts = 0 WHERE state = 'failed' AND attempts > 0").rowcount
            return articles + db.execute("UPDATE figures SET attempts = 0 WHERE attempts > 0").rowcount

    def add_from(self, path: Path) -> None:
        """Add what another ledger knows: its queries, and the articles that this one lacks, with their figures."""
        with self._lock, self._translate_errors():
            self._db.execute("ATTACH ? AS other", (str(path),))
            try:
                with self._transaction() as db:
                    for table, of_new in (
                        ("figures", "article NOT IN (SELECT id FROM main.articles)"),
                        ("articles", "1"),
                        ("hits", "query NOT IN (SELECT key FROM main.queries)"),
                        ("queries", "1"),
                        ("papers", "1"),
                    ):
                        db.execute(f"INSERT OR IGNORE INTO {table} SELECT * FROM other.{table} WHERE {of_new}")  # noqa: S608
            finally:
                self._db.execute("DETACH other")

    def earlier_twins(self, article: str) -> list[str]:
        """Return other ids of the same article, by DOI or title, that were recorded earlier."""
        rows = self._fetch_rows(
            "SELECT DISTINCT b.article FROM papers a JOIN papers b ON a.key = b.key "
            "WHERE a.article = ? AND b.article != a.article AND b.since < a.since ORDER BY b.article", article
        )  # fmt: skip
        return [row[0] for row in rows]

    def provenance(self, sha256_prefix: str) -> list[tuple[FigureState, ArticlePlan]]:
        """Return the figures whose content has a hash with this prefix, with the plans of their articles."""
        rows = self._fetch_rows(
            "SELECT article, position FROM figures WHERE sha256 >= ? AND sha256 < ? ORDER BY article, position",
            sha256_prefix, sha256_prefix + "g",
        )  # fmt: skip
        sources = []
        for article, position in rows:
            state = self.article_state(article)
            figure = next((item for item in self.figure_states(article) if item.position == position), None)
            if state is not None and figure is not None:  # another run may have planned the article anew meanwhile
                sources.append((figure, state.plan))
        return sources
