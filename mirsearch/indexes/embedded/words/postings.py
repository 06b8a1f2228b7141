"""The words of all panels as of one commit: a file of words as far as it goes, and what SQLite has beyond it.

Where there is no file that can be used, and none can be written, FTS5 is asked instead (bm25.py).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mirsearch.files.locks import FileLock, LockHeldError
from mirsearch.indexes.embedded.database import words as sqlite_words
from mirsearch.indexes.embedded.vectors.matrix import Snapshot, is_past, last_commit
from mirsearch.indexes.embedded.words import words_file
from mirsearch.indexes.embedded.words.words_file import Single, Words
from mirsearch.text.tokens import Term

LOCK = "words.lock"
BEHIND_SHARE = 1 / 16
"""Share of panels that may lie beyond the file before it is written anew."""
BEHIND_ROWS = 1_024
"""As many may always do so where one who only reads would have to write."""


_NOWHERE = (np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class Part:
    """Words with the row of the matrix that each of their panels has, -1 where it is gone; None: the panel's number."""

    words: Words
    rows: NDArray[np.intp] | None


@dataclass(frozen=True, slots=True)
class Corpus:
    """All words at one commit, in parts whose rows ascend: how many panels there are, and how many words each row has,
    in multiples of the mean."""

    parts: tuple[Part, ...]
    panels: int
    length: Single

    def having(self, term: Term, boosts: Single) -> tuple[NDArray[np.intp], Single]:
        """Rows that have a term, ascending, and how often, each time counted as its text's boost (caption, text,
        title); DamagedWordsError."""
        found = [_having(part, term, boosts) for part in self.parts] or [_NOWHERE]
        if len(found) == 1:
            return found[0]
        return np.concatenate([rows for rows, _ in found]), np.concatenate([often for _, often in found])


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    words: Words
    generation: int
    token: str
    marker: str


class Postings:
    """Keeps the words of one index at SQLite's last commit. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._file: _File | None = None
        self._of: tuple[int, str] = (0, "")
        self._now: Corpus | None = None
        self._tried = False

    def at(self, connection: sqlite3.Connection, now: Snapshot) -> Corpus | None:
        """The words at the commit of `now`, which the connection's transaction is of; None where FTS5 must be asked."""
        commit = (now.rows.generation, now.rows.token)
        with self._lock:
            if self._of != commit:
                self._now, self._of = self._found(connection, now), commit
            return self._now

    def follow(self, connection: sqlite3.Connection) -> None:
        """Write the file anew where more than a few panels lie beyond it and it may be written."""
        with self._lock:
            file = self._usable(connection)
            total, behind = _beyond(connection, 0), _beyond(connection, file.words.last_key if file else 0)
            if behind > BEHIND_SHARE * total or (file is None and total):
                self._write(connection)

    def damaged(self) -> None:
        """What the file has of a word is not what was written: it is given up, for FTS5 until the next commit."""
        with self._lock:
            self._file = self._now = None
            for path in self.folder.glob("words-*.postings"):
                with suppress(OSError):
                    path.unlink()

    def _found(self, connection: sqlite3.Connection, now: Snapshot) -> Corpus | None:
        file = self._usable(connection)
        behind = _beyond(connection, file.words.last_key if file else 0)
        if behind > max(BEHIND_ROWS, BEHIND_SHARE * len(now.rows)):
            # once, so that a reader beside one who renames articles by the thousand doesn't write it at each commit
            file = None if self._tried else self._write(connection)
            self._tried = True
            if file is None:
                return None
        parts = [file.words] if file else []
        if behind and (newer := _read(connection, parts[0].last_key if parts else 0)):
            parts.append(newer)
        return _corpus(parts, now)

    def _usable(self, connection: sqlite3.Connection) -> _File | None:
        """The newest file, where it is of a past of this database since which no word of its panels was changed."""
        marker = sqlite_words.marker(connection)
        paths = sorted(self.folder.glob("words-*.postings"), reverse=True)
        mine = self._file
        for file in chain((mine if mine and path == mine.path else _opened(path) for path in paths), (mine,)):
            if file and file.marker == marker and is_past(connection, file.generation, file.token):
                self._file = file
                return file
        return None

    def _write(self, connection: sqlite3.Connection) -> _File | None:
        """Make the file from SQLite; None where it can't be written."""
        commit, marker = last_commit(connection), sqlite_words.marker(connection)
        facts = {"generation": commit.generation, "token": commit.token, "marker": marker}
        path = self.folder / f"words-{commit.generation:012d}-{commit.token}.postings"
        try:
            with FileLock(self.folder / LOCK):
                words_file.save(_read(connection, 0), path, facts)
                for other in (*self.folder.glob("words-*.postings"), *self.folder.glob("words-*.new")):
                    if other != path:
                        with suppress(OSError):  # Windows keeps what is mapped; the next file removes it
                            other.unlink()
        except (OSError, OverflowError, LockHeldError):
            return None
        self._file = _opened(path)
        return self._file


def _opened(path: Path) -> _File | None:
    found = words_file.load(path)
    if found is None:
        return None
    words, facts = found
    return _File(path, words, int(facts["generation"]), str(facts["token"]), str(facts["marker"]))


def _beyond(connection: sqlite3.Connection, key: int) -> int:
    return int(connection.execute("SELECT count(*) FROM panels WHERE key > ?", (key,)).fetchone()[0])


def _read(connection: sqlite3.Connection, key: int) -> Words:
    """The words of panels beyond a key."""
    query = "SELECT rowid, caption, text, title FROM words WHERE rowid > ? ORDER BY rowid"
    return words_file.build(connection.execute(query, (key,)))


def _corpus(parts: Sequence[Words], now: Snapshot) -> Corpus:
    lengths, placed = np.zeros(len(now.rows), dtype=np.float32), []
    for words in parts:
        rows = _rows(words.key, now)
        lengths[rows[rows >= 0]] = words.lengths()[rows >= 0]
        same = np.array_equal(rows, np.arange(len(rows)))
        placed.append(Part(words, None if same else rows))
    panels = int(np.count_nonzero(now.rows.alive))
    mean = float(lengths.sum(dtype=np.float64)) / max(panels, 1)
    return Corpus(tuple(placed), panels, lengths / np.float32(mean or 1.0))


def _rows(key: NDArray[np.int64], now: Snapshot) -> NDArray[np.intp]:
    """Rows of panels by their keys, -1 for those that are gone."""
    if not len(now.rows):
        return np.full(len(key), -1, dtype=np.intp)
    at = np.minimum(np.searchsorted(now.rows.key, key), len(now.rows) - 1)
    found: NDArray[np.intp] = np.where((now.rows.key[at] == key) & now.rows.alive[at], at, -1)
    return found


def _having(part: Part, term: Term, boosts: Single) -> tuple[NDArray[np.intp], Single]:
    panel, often = part.words.having(term, boosts)
    if part.rows is None:
        return panel, often
    rows = part.rows[panel]
    there = rows >= 0
    return (rows, often) if there.all() else (rows[there], often[there])
