"""The words of all panels at one commit: those in the words file, plus newer ones from SQLite.

If there is no usable file and none can be written, all words are read from SQLite, and kept until the next commit.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mirsearch.files.locks import FileLock, LockHeldError
from mirsearch.indexes.embedded.database import words as sqlite_words
from mirsearch.indexes.embedded.database.checksums import DamagedRowError, row_crc
from mirsearch.indexes.embedded.vectors.matrix import Snapshot, is_past_commit, last_commit
from mirsearch.indexes.embedded.words import words_file
from mirsearch.indexes.embedded.words.words_file import DamagedWordsError, Float32Array, Words
from mirsearch.text.terms import Term

LOCK = "words.lock"
T = TypeVar("T")
MAX_BEHIND_SHARE = 1 / 16
"""Largest share of panels that may be missing in the file. Above it, the file is written again."""
MAX_BEHIND_PANELS = 1_024
"""A reader writes the file only if more panels than this are missing in it."""
PART_PANELS = 1 << 17
"""Panels whose words are kept together in memory where no file can be used."""


_NO_MATCH = (np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class Part:
    """Words of some panels, with the matrix row of each panel: -1 if it was deleted. None: row n is panel n."""

    words: Words
    rows: NDArray[np.intp] | None


@dataclass(frozen=True, slots=True)
class WordIndex:
    """All words at one commit, in parts with ascending rows, and the number of panels.

    `relative_length` has the number of words of each row, divided by the mean.
    """

    parts: tuple[Part, ...]
    panels: int
    relative_length: Float32Array

    def find_term(self, term: Term, boosts: Float32Array) -> tuple[NDArray[np.intp], Float32Array]:
        """Return the rows that have a term, ascending, and its frequency in each.

        Each occurrence counts as the boost of its text (WORD_COLUMNS). Raises DamagedWordsError.
        """
        matches = [_find_term(part, term, boosts) for part in self.parts] or [_NO_MATCH]
        if len(matches) == 1:
            return matches[0]
        return np.concatenate([rows for rows, _ in matches]), np.concatenate([frequency for _, frequency in matches])


@dataclass(frozen=True, slots=True)
class _WordsFile:
    path: Path
    words: Words
    generation: int
    token: str
    marker: str


class Postings:
    """Keeps the words of one index up to date with the last commit of SQLite. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._file: _WordsFile | None = None
        self._commit: tuple[int, str] = (0, "")
        self._word_index: WordIndex | None = None
        self._loaded: tuple[tuple[int, str], tuple[Words, ...]] | None = None
        self._tried_writing = self._is_file_damaged = False

    def word_index(self, connection: sqlite3.Connection, snapshot: Snapshot) -> WordIndex:
        """Return the words at the commit of `snapshot` and of the connection. Raises DamagedRowError."""
        commit = (snapshot.table.generation, snapshot.table.token)
        with self._lock:
            if self._word_index is None or self._commit != commit:
                self._word_index, self._commit = _build_word_index(self._all_words(connection), snapshot), commit
            return self._word_index

    def ask(self, connection: sqlite3.Connection, question: Callable[[Sequence[Words]], T]) -> T:
        """Return what a function finds in the words of all panels at the commit of the connection. It can be repeated.

        Raises DamagedRowError.
        """
        try:
            with self._lock:
                words = self._all_words(connection)
            return question(words)
        except DamagedWordsError:
            self.discard_file()
            with self._lock:
                words = self._all_words(connection)
            return question(words)

    def _all_words(self, connection: sqlite3.Connection) -> Sequence[Words]:
        """Return the words of all panels: of the file, and of newer rows, or of all rows if no file can be used."""
        last = last_commit(connection)
        commit = (last.generation, last.token)
        if self._loaded is None or self._loaded[0] != commit:
            parts = None if self._is_file_damaged else self._load_parts(connection)
            self._loaded = commit, tuple(_read_in_parts(connection)) if parts is None else parts
            self._is_file_damaged = False
        return self._loaded[1]

    def update_file(self, connection: sqlite3.Connection) -> None:
        """Write the file again if too many panels are missing in it and it can be written."""
        with self._lock:
            file = self._find_usable_file(connection)
            panel_count = _count_panels_after(connection, 0)
            behind = _count_panels_after(connection, file.words.last_key if file else 0)
            if behind > MAX_BEHIND_SHARE * panel_count or (file is None and panel_count):
                self._write(connection)

    def discard_file(self) -> None:
        """Discard a damaged words file. Until the next commit, words are those of the rows."""
        with self._lock:
            self._file = self._word_index = self._loaded = None
            self._is_file_damaged = True
            for path in self.folder.glob("words-*.postings"):
                with suppress(OSError):
                    path.unlink()

    def _load_parts(self, connection: sqlite3.Connection) -> tuple[Words, ...] | None:
        """Return the words of the file and of newer rows. None if there is no usable file and none can be written."""
        file = self._find_usable_file(connection)
        behind = _count_panels_after(connection, file.words.last_key if file else 0)
        if behind > max(MAX_BEHIND_PANELS, MAX_BEHIND_SHARE * _count_panels_after(connection, 0)):
            # only once: a reader must not write it at each commit while another process renames many articles
            file = None if self._tried_writing else self._write(connection)
            self._tried_writing = True
            if file is None:
                return None
        parts = [file.words] if file else []
        if behind and (newer := _read_words(connection, parts[0].last_key if parts else 0)):
            parts.append(newer)
        return tuple(parts)

    def _find_usable_file(self, connection: sqlite3.Connection) -> _WordsFile | None:
        """Return the newest file of a past commit of this database, if no words of its panels have changed since."""
        marker = sqlite_words.read_marker(connection)
        paths = sorted(self.folder.glob("words-*.postings"), reverse=True)
        current = self._file
        for file in chain(
            (current if current and path == current.path else _open_file(path) for path in paths), (current,)
        ):
            if file and file.marker == marker and is_past_commit(connection, file.generation, file.token):
                self._file = file
                return file
        return None

    def _write(self, connection: sqlite3.Connection) -> _WordsFile | None:
        """Write the words file from SQLite. Returns None if it can't be written."""
        commit, marker = last_commit(connection), sqlite_words.read_marker(connection)
        facts = {"generation": commit.generation, "token": commit.token, "marker": marker}
        path = self.folder / f"words-{commit.generation:012d}-{commit.token}.postings"
        try:
            with FileLock(self.folder / LOCK):
                words_file.save(_read_words(connection, 0), path, facts)
                for other in (*self.folder.glob("words-*.postings"), *self.folder.glob("words-*.new")):
                    if other != path:
                        with suppress(OSError):  # Windows can't remove a mapped file; the next write removes it
                            other.unlink()
        except (OSError, OverflowError, LockHeldError):
            return None
        self._file = _open_file(path)
        return self._file


def _open_file(path: Path) -> _WordsFile | None:
    contents = words_file.load(path)
    if contents is None:
        return None
    words, facts = contents
    return _WordsFile(path, words, int(facts["generation"]), str(facts["token"]), str(facts["marker"]))


def _count_panels_after(connection: sqlite3.Connection, key: int) -> int:
    return int(connection.execute("SELECT count(*) FROM panels WHERE key > ?", (key,)).fetchone()[0])


def _read_words(connection: sqlite3.Connection, key: int) -> Words:
    """Return the words of panels whose key is greater than `key`. Raises DamagedRowError."""
    return _invert(_checked_words(connection, key))


def _read_in_parts(connection: sqlite3.Connection) -> Iterator[Words]:
    """Yield the words of all panels, in parts that are below the limits of a words file. Raises DamagedRowError."""
    rows = _checked_words(connection, 0)
    while words := _invert(islice(rows, PART_PANELS)):
        yield words


def _invert(rows: Iterable[tuple[int, str, str, str, str]]) -> Words:
    """Return the words of rows of panels. Most questions need no new words file, so its builder is loaded here."""
    from mirsearch.indexes.embedded.words import inverting

    return inverting.build(rows)


def _checked_words(connection: sqlite3.Connection, key: int) -> Iterator[tuple[int, str, str, str, str]]:
    crcs = dict(connection.execute("SELECT key, words_crc FROM panels WHERE key > ?", (key,)))
    query = f"SELECT rowid, {', '.join(words_file.WORD_COLUMNS)} FROM words WHERE rowid > ? ORDER BY rowid"
    for row in connection.execute(query, (key,)):
        if crcs.pop(row[0], None) != row_crc(*row[1:]):
            raise DamagedRowError("the words of a panel do not match their checksum")
        yield row
    if crcs:
        raise DamagedRowError(f"{len(crcs)} panels have no words")


def _build_word_index(parts: Sequence[Words], snapshot: Snapshot) -> WordIndex:
    lengths, index_parts = np.zeros(len(snapshot.table), dtype=np.float32), []
    for words in parts:
        rows = _row_numbers(words.key, snapshot)
        lengths[rows[rows >= 0]] = words.panel_lengths()[rows >= 0]
        rows_are_numbers = np.array_equal(rows, np.arange(len(rows)))
        index_parts.append(Part(words, None if rows_are_numbers else rows))
    panels = int(np.count_nonzero(snapshot.table.alive))
    mean_length = float(lengths.sum(dtype=np.float64)) / max(panels, 1)
    return WordIndex(tuple(index_parts), panels, lengths / np.float32(mean_length or 1.0))


def _row_numbers(key: NDArray[np.int64], snapshot: Snapshot) -> NDArray[np.intp]:
    """Return the matrix rows of panels by their keys, -1 for deleted panels."""
    if not len(snapshot.table):
        return np.full(len(key), -1, dtype=np.intp)
    nearest = np.minimum(np.searchsorted(snapshot.table.key, key), len(snapshot.table) - 1)
    rows: NDArray[np.intp] = np.where((snapshot.table.key[nearest] == key) & snapshot.table.alive[nearest], nearest, -1)
    return rows


def _find_term(part: Part, term: Term, boosts: Float32Array) -> tuple[NDArray[np.intp], Float32Array]:
    panel, frequency = part.words.find_term(term, boosts)
    if part.rows is None:
        return panel, frequency
    rows = part.rows[panel]
    exists = rows >= 0
    return (rows, frequency) if exists.all() else (rows[exists], frequency[exists])
