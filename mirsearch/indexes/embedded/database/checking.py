"""Checks the database of an embedded index: its structure, the checksums of all rows, and their numbers."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from mirsearch.indexes.embedded.database import core_pages, schema
from mirsearch.indexes.embedded.database.checksums import (
    ARTICLES,
    ENTRIES,
    FAILURES,
    PANELS,
    WORDS_CRC,
    DamagedRowError,
    check_figures,
    read_checked_figures,
)
from mirsearch.indexes.faults import COPYING, Fault, Part
from mirsearch.query import Filters

MAX_STRUCTURE_FAULTS = 20
_CORE_TABLES = ("articles", "figures", "origins", "corrections", "panels")
_PARTS_OF_PANELS: tuple[Part, ...] = ("texts", "vector", "thumbnail", "words")
_LISTS: tuple[Part, ...] = ("failures", "entry")
_MISMATCH = "does not match its checksum"
_MISMATCHES: dict[Part, str] = {
    "article": f"SELECT id FROM articles WHERE crc IS NOT row_crc({', '.join(ARTICLES)})",
    "panel": f"SELECT id FROM panels WHERE crc IS NOT row_crc({', '.join(PANELS)})",
    "failures": f"SELECT input FROM failures WHERE crc IS NOT row_crc({', '.join(FAILURES)})",
    "entry": f"SELECT list || ' ' || name FROM entries WHERE crc IS NOT row_crc({', '.join(ENTRIES)})",
    "texts": "SELECT p.id FROM panels p LEFT JOIN panel_texts t ON t.panel = p.key "
    "WHERE p.text_crc IS NOT row_crc(t.caption, t.text)",
    "vector": "SELECT p.id FROM panels p LEFT JOIN vectors v ON v.panel = p.key "
    "WHERE coalesce(p.vector_crc, -1) IS NOT blob_crc(v.vector)",
    "thumbnail": "SELECT p.id FROM panels p LEFT JOIN thumbnails t ON t.panel = p.key "
    "WHERE p.thumbnail_crc IS NOT blob_crc(t.jpeg)",
    "words": f"SELECT p.id FROM panels p LEFT JOIN words w ON w.rowid = p.key WHERE p.words_crc IS NOT {WORDS_CRC}",
    "meaning": "SELECT p.id FROM panels p LEFT JOIN meanings m ON m.panel = p.key "
    "WHERE m.crc IS NOT row_crc(m.text, m.vector)",
}
"""What has another checksum than is stored with it, by the part of the index. Figures are compared one by one."""


def find_faults(connection: sqlite3.Connection) -> Iterator[Fault]:
    """Yield all faults of a database. Reads every row."""
    yield from find_structure_faults(connection)
    yield from _tell_errors(find_fact_faults(connection))
    yield from _tell_errors(find_core_faults(connection))
    for part in _PARTS_OF_PANELS:
        yield from _tell_errors(_find_mismatches(connection, part))
    for part in _LISTS:
        yield from _tell_errors(_find_mismatches(connection, part))
    yield from _tell_errors(_find_meaning_faults(connection))
    yield from _tell_errors(_find_strays(connection))
    yield from _tell_errors(_find_interrupted_copies(connection))


def _find_interrupted_copies(connection: sqlite3.Connection) -> Iterator[Fault]:
    for (name,) in connection.execute("SELECT name FROM entries WHERE list = ?", (COPYING,)):
        yield Fault.of_copy(str(name))


def _tell_errors(faults: Iterator[Fault]) -> Iterator[Fault]:
    """Yield faults; an error of SQLite, such as a page that makes no sense, is one too."""
    try:
        yield from faults
    except (sqlite3.Error, DamagedRowError) as error:
        yield Fault("database", "", str(error))


def find_structure_faults(connection: sqlite3.Connection) -> Iterator[Fault]:
    """Yield what SQLite finds wrong with its file, its indexes and the full-text index."""
    try:
        rows = connection.execute(f"PRAGMA integrity_check({MAX_STRUCTURE_FAULTS})").fetchall()
        yield from (Fault("database", "", str(text)) for (text,) in rows if text != "ok")
        for table, _, parent, _ in connection.execute("PRAGMA foreign_key_check").fetchall()[:MAX_STRUCTURE_FAULTS]:
            yield Fault("database", "", f"a row of {table} belongs to a missing row of {parent}")
    except sqlite3.Error as error:
        yield Fault("database", "", str(error))


def find_fact_faults(connection: sqlite3.Connection) -> Iterator[Fault]:
    """Yield faults of the facts about the index."""
    try:
        schema.read_extractor(connection)
    except (KeyError, ValueError) as error:
        yield Fault("facts", "", f"no valid {error}")
    except DamagedRowError as error:
        yield Fault("facts", "", str(error))


def find_core_faults(connection: sqlite3.Connection) -> Iterator[Fault]:
    """Yield faults of articles, figures and panels, without the texts, vectors and thumbnails of panels."""
    yield from _find_mismatches(connection, "article")
    yield from _find_mismatches(connection, "panel")
    yield from _find_figure_faults(connection)
    counts = dict(connection.execute("SELECT figure, count(*) FROM panels NOT INDEXED GROUP BY figure"))
    for key, figure_id, wanted in connection.execute("SELECT key, id, panels FROM figures NOT INDEXED"):
        if (found := counts.pop(key, 0)) != wanted:
            yield Fault("figure", figure_id, f"it has {found} of {wanted} panels")
    if counts:
        yield Fault("database", "", f"{sum(counts.values())} panels belong to no figure")
    totals = schema.read_totals(connection)
    for table, wanted in totals.items():
        found = connection.execute(f"SELECT count(*) FROM {table} NOT INDEXED").fetchone()[0]
        if found != wanted:
            yield Fault("counts", table, f"{found} of {wanted} rows are there")


def check_core(connection: sqlite3.Connection) -> None:
    """Raise DamagedRowError if a search with filters, a list or a count could go wrong for damage of the database."""
    for table in _CORE_TABLES:
        for (text,) in connection.execute(f"PRAGMA integrity_check({table})"):
            if text != "ok":
                raise DamagedRowError(str(text))
    for fault in find_core_faults(connection):
        raise DamagedRowError(str(fault))


def check_newer(connection: sqlite3.Connection, last_key: int) -> None:
    """As check_core, if all panels up to a key were checked before: looks at newer ones, their figures and articles."""
    columns = f"key > ? AND crc IS NOT row_crc({', '.join(PANELS)})"
    for (panel_id,) in connection.execute(f"SELECT id FROM panels WHERE {columns}", (last_key,)):
        raise DamagedRowError(f"the data of panel {panel_id} {_MISMATCH}")
    figures = connection.execute("SELECT DISTINCT figure FROM panels WHERE key > ?", (last_key,)).fetchall()
    check_figures(connection, [row[0] for row in figures])
    check_articles(connection)
    for table, wanted in schema.read_totals(connection).items():
        if (found := connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) != wanted:
            raise DamagedRowError(f"{found} of {wanted} {table} are there")


def check_articles(connection: sqlite3.Connection) -> None:
    """Raise DamagedRowError if one of the articles does not match its checksum, or if one is missing."""
    for fault in _find_mismatches(connection, "article"):
        raise DamagedRowError(f"the data of article {fault.subject} {fault.message}")
    found = connection.execute("SELECT count(*) FROM articles NOT INDEXED").fetchone()[0]
    wanted = schema.read_totals(connection)["articles"]
    if found != wanted:
        raise DamagedRowError(f"{found} of {wanted} articles are there")


def check_texts(connection: sqlite3.Connection) -> None:
    """Raise DamagedRowError if the texts of a panel or a recorded failure do not match their checksums."""
    for fault in chain(_find_mismatches(connection, "texts"), _find_mismatches(connection, "failures")):
        raise DamagedRowError(str(fault))


def _find_mismatches(connection: sqlite3.Connection, part: Part) -> Iterator[Fault]:
    verb = "do not match their checksum" if part in ("texts", "words") else _MISMATCH
    for (subject,) in connection.execute(_MISMATCHES[part]):
        yield Fault(part, str(subject), verb)


def _find_meaning_faults(connection: sqlite3.Connection) -> Iterator[Fault]:
    if schema.read_meta(connection).get("meaning"):
        yield from _find_mismatches(connection, "meaning")


def _find_figure_faults(connection: sqlite3.Connection) -> Iterator[Fault]:
    keys = [row[0] for row in connection.execute("SELECT key FROM figures NOT INDEXED ORDER BY key")]
    for figure in read_checked_figures(connection, keys):
        if not figure.is_whole:
            yield Fault("figure", str(figure.values[1]), _MISMATCH)


def _find_strays(connection: sqlite3.Connection) -> Iterator[Fault]:
    """Yield rows of panels that are not there."""
    for table, column in schema.PANEL_TABLES:
        query = f"SELECT count(*) FROM {table} WHERE {column} NOT IN (SELECT key FROM panels)"
        count = connection.execute(query).fetchone()[0]
        if count:
            yield Fault("database", "", f"{count} rows of {table} belong to no panel")


class CheckedCommits:
    """Checks a database once for each commit that a process sees. Safe to use from several threads."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._checked: dict[str, tuple[int, str]] = {}
        self._last_key: int | None = None

    def check_core(self, connection: sqlite3.Connection) -> None:
        """Raise DamagedRowError if a list, a count or a search with filters could go wrong for damage."""
        self._check_once(connection, "core", self._check_core)

    def check_counts(self, connection: sqlite3.Connection) -> None:
        """Raise DamagedRowError if a count of the contents could go wrong for damage: the texts are checked, too."""
        self.check_core(connection)
        self._check_once(connection, "texts", check_texts)

    def check_filters(self, connection: sqlite3.Connection, filters: Filters) -> None:
        """Raise DamagedRowError if these filters could leave out the wrong panels for damage."""
        if filters == Filters():
            return
        if filters == Filters(retracted=False):
            self._check_once(connection, "articles", check_articles)
        else:
            self.check_core(connection)

    def _check_core(self, connection: sqlite3.Connection) -> None:
        """Check all rows, or compare the sums of their pages; later, for a newer commit, check what it added."""
        commit = schema.last_commit(connection)[:2]
        if self._last_key is not None:
            check_newer(connection, self._last_key)
        elif not core_pages.match_sums(self._database, connection, commit):
            check_core(connection)
            core_pages.keep_sums(self._database, connection, commit, _CORE_TABLES)
        self._last_key = connection.execute("SELECT max(key) FROM panels").fetchone()[0] or 0

    def _check_once(
        self, connection: sqlite3.Connection, name: str, check: Callable[[sqlite3.Connection], None]
    ) -> None:
        commit = schema.last_commit(connection)[:2]
        if self._checked.get(name) != commit:
            check(connection)
            self._checked[name] = commit
