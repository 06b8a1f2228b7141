"""BM25, term by term: k1 = 1.2, b = 0.75, with the inverse document frequency log(1 + (N - n + ½)/(n + ½)), N panels, n
of them with the term (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009; that form
of the frequency, which is always positive, is Lucene's).

Words come from the file of words beside the database. Where it can't be used, SQLite's FTS5 gives the same: its own
inverse document frequency, which makes next to nothing of a word that most panels hold, is divided out.
"""

from __future__ import annotations

import math
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mirsearch.indexes.embedded.vectors.matrix import Snapshot
from mirsearch.indexes.embedded.words.postings import Corpus, Postings
from mirsearch.indexes.embedded.words.words_file import DamagedWordsError
from mirsearch.settings import TEXT_BOOSTS
from mirsearch.text.tokens import Term

CACHE_ROWS = 4_000_000
_FTS5_LEAST_IDF = 1e-6
_K1, _B = 1.2, 0.75
_BOOSTS = np.array([TEXT_BOOSTS[column] for column in ("caption", "text", "title")], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Found:
    """Where a term is: row numbers, and BM25 of the term in each."""

    rows: NDArray[np.intp]
    scores: NDArray[np.float32]

    def add_to(self, total: NDArray[np.float32]) -> None:
        """Add the scores to those of all rows, (rows,)."""
        total[self.rows] += self.scores  # a row is there once

    def at(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """The scores of some rows, 0 where the term is not there."""
        if not len(self.rows):
            return np.zeros(len(rows), dtype=np.float32)
        place = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        found: NDArray[np.float32] = np.where(self.rows[place] == rows, self.scores[place], np.float32(0))
        return found


class Bm25:
    """Scores of all rows for the terms of a query; what was found is kept until the next commit."""

    def __init__(self, postings: Postings) -> None:
        self._postings = postings
        self._kept: OrderedDict[Term, Found] = OrderedDict()
        self._of: tuple[int, str] = (0, "")
        self._lock = threading.Lock()

    def find(self, connection: sqlite3.Connection, now: Snapshot, terms: Sequence[Term]) -> list[Found]:
        """Where each of the terms is; BM25 of a panel is the sum over them."""
        return [self._found(connection, now, term) for term in terms]

    def _found(self, connection: sqlite3.Connection, now: Snapshot, term: Term) -> Found:
        commit = (now.rows.generation, now.rows.token)
        with self._lock:
            if self._of == commit and term in self._kept:
                self._kept.move_to_end(term)
                return self._kept[term]
        found = self._looked_up(connection, now, term)
        with self._lock:
            if self._of != commit:
                self._of = commit
                self._kept.clear()
            self._kept[term] = found
            while len(self._kept) > 1 and sum(len(each.rows) for each in self._kept.values()) > CACHE_ROWS:
                self._kept.popitem(last=False)
        return found

    def _looked_up(self, connection: sqlite3.Connection, now: Snapshot, term: Term) -> Found:
        corpus = self._postings.at(connection, now)
        if corpus is not None:
            try:
                return scored(corpus, term)
            except DamagedWordsError:
                self._postings.damaged()
        return by_fts5(connection, now, term)


def scored(corpus: Corpus, term: Term) -> Found:
    """A term's rows by the file of words; DamagedWordsError."""
    rows, often = corpus.having(term, _BOOSTS)
    if not len(rows):
        return Found(rows, often)
    norm = corpus.length[rows]
    norm *= np.float32(_K1 * _B)
    norm += np.float32(_K1 * (1 - _B))
    norm += often
    often *= np.float32(_idf(corpus.panels, len(rows)) * (_K1 + 1))
    often /= norm
    return Found(rows, often)


def by_fts5(connection: sqlite3.Connection, now: Snapshot, term: Term) -> Found:
    """A term's rows by FTS5."""
    boosts = ", ".join(str(float(boost)) for boost in _BOOSTS)
    cursor = connection.execute(f"SELECT rowid, bm25(words, {boosts}) FROM words WHERE words MATCH ?", (phrase(term),))
    found = np.fromiter(cursor, dtype=[("key", np.int64), ("bm25", np.float64)])
    everything, matching = int(np.count_nonzero(now.rows.alive)), len(found)
    if not matching:
        return Found(np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.float32))
    ratio = math.log((everything - matching + 0.5) / (matching + 0.5))
    theirs = ratio if ratio > 0 else _FTS5_LEAST_IDF
    scores = (found["bm25"] * (-_idf(everything, matching) / theirs)).astype(np.float32)
    return Found(now.positions(found["key"]), scores)


def _idf(everything: int, matching: int) -> float:
    return math.log1p((everything - matching + 0.5) / (matching + 0.5))


def phrase(term: Term) -> str:
    """A term as a string of FTS5: tokens hold neither quotes nor operators."""
    return '"' + " ".join(term).replace('"', '""') + '"'
