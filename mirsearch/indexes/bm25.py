"""BM25 from SQLite's FTS5, word by word.

FTS5's own bm25() gives a word that most panels hold next to nothing, however often it is there. One word alone is
asked at a time, FTS5's inverse document frequency is divided out, and Lucene's, which is always positive, put in its
place: log(1 + (N - n + ½)/(n + ½)), N panels, n of them with the word; k1 = 1.2, b = 0.75 (Robertson and Zaragoza, "The
Probabilistic Relevance Framework: BM25 and Beyond", 2009).
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

from mirsearch.indexes.matrix import Snapshot
from mirsearch.settings import TEXT_BOOSTS
from mirsearch.text import Term

CACHE_ROWS = 4_000_000
_FTS5_LEAST_IDF = 1e-6


@dataclass(frozen=True, slots=True)
class Postings:
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

    def __init__(self) -> None:
        self._kept: OrderedDict[Term, Postings] = OrderedDict()
        self._of: tuple[int, str] = (0, "")
        self._lock = threading.Lock()

    def find(self, connection: sqlite3.Connection, now: Snapshot, terms: Sequence[Term]) -> list[Postings]:
        """Where each of the terms is; BM25 of a panel is the sum over them."""
        return [self._postings(connection, now, term) for term in terms]

    def _postings(self, connection: sqlite3.Connection, now: Snapshot, term: Term) -> Postings:
        commit = (now.rows.generation, now.rows.token)
        with self._lock:
            if self._of == commit and term in self._kept:
                self._kept.move_to_end(term)
                return self._kept[term]
        found = postings(connection, now, term)
        with self._lock:
            if self._of != commit:
                self._of = commit
                self._kept.clear()
            self._kept[term] = found
            while len(self._kept) > 1 and sum(len(each.rows) for each in self._kept.values()) > CACHE_ROWS:
                self._kept.popitem(last=False)
        return found


def postings(connection: sqlite3.Connection, now: Snapshot, term: Term) -> Postings:
    """Ask FTS5 for one term."""
    boosts = ", ".join(str(float(TEXT_BOOSTS[column])) for column in ("caption", "text", "title"))
    cursor = connection.execute(f"SELECT rowid, bm25(words, {boosts}) FROM words WHERE words MATCH ?", (phrase(term),))
    found = np.fromiter(cursor, dtype=[("key", np.int64), ("bm25", np.float64)])
    everything, matching = int(np.count_nonzero(now.rows.alive)), len(found)
    if not matching:
        return Postings(np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.float32))
    ratio = math.log((everything - matching + 0.5) / (matching + 0.5))
    theirs = ratio if ratio > 0 else _FTS5_LEAST_IDF
    ours = math.log1p((everything - matching + 0.5) / (matching + 0.5))
    scores = (found["bm25"] * (-ours / theirs)).astype(np.float32)
    return Postings(now.positions(found["key"]), scores)


def phrase(term: Term) -> str:
    """A term as a string of FTS5: tokens hold neither quotes nor operators."""
    return '"' + " ".join(term).replace('"', '""') + '"'
