"""BM25 scores of single terms, with k1 = 1.2 and b = 0.75.

The inverse document frequency is log(1 + (N - n + ½)/(n + ½)) for N panels, of which n have the term (Robertson and
Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009). This form, which is always positive, is that
of Lucene.

Words come from the words file beside the database, or from its rows. FTS5 of SQLite would give the same scores, but
nothing tells when its index is damaged.
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
from mirsearch.indexes.embedded.words.postings import Postings, WordIndex
from mirsearch.indexes.embedded.words.words_file import WORD_COLUMNS, DamagedWordsError
from mirsearch.settings import TEXT_BOOSTS
from mirsearch.text.terms import Term

MAX_KEPT_ROWS = 4_000_000
_TERM_ROWS = 50
"""What a kept term takes by itself, counted as rows: a term that no panel has needs memory, too."""
_K1, _B = 1.2, 0.75
_BOOSTS = np.array([TEXT_BOOSTS[column] for column in WORD_COLUMNS], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class TermScores:
    """The rows that have a term, ascending, with the BM25 score of the term in each."""

    rows: NDArray[np.intp]
    scores: NDArray[np.float32]

    def add_to(self, total: NDArray[np.float32]) -> None:
        """Add the scores to `total`, which has one value for each row of the matrix."""
        total[self.rows] += self.scores  # a row occurs only once

    def scores_of(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the scores of some rows, 0 for rows without the term."""
        if not len(self.rows):
            return np.zeros(len(rows), dtype=np.float32)
        position = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        scores: NDArray[np.float32] = np.where(self.rows[position] == rows, self.scores[position], np.float32(0))
        return scores


class Bm25:
    """Computes the BM25 scores of all rows for the terms of a query. Keeps scores until the next commit."""

    def __init__(self, postings: Postings) -> None:
        self._postings = postings
        self._kept: OrderedDict[Term, TermScores] = OrderedDict()
        self._kept_rows = 0
        self._commit: tuple[int, str] = (0, "")
        self._lock = threading.Lock()

    def score_terms(
        self, connection: sqlite3.Connection, snapshot: Snapshot, terms: Sequence[Term]
    ) -> list[TermScores]:
        """Return the scores for each term. The BM25 score of a panel is the sum over the terms."""
        return [self._cached_scores(connection, snapshot, term) for term in terms]

    def _cached_scores(self, connection: sqlite3.Connection, snapshot: Snapshot, term: Term) -> TermScores:
        commit = (snapshot.table.generation, snapshot.table.token)
        with self._lock:
            if self._commit == commit and term in self._kept:
                self._kept.move_to_end(term)
                return self._kept[term]
        scores = self._compute_scores(connection, snapshot, term)
        with self._lock:
            if self._commit != commit:
                self._commit = commit
                self._kept.clear()
                self._kept_rows = 0
            if term not in self._kept:  # no other thread was quicker
                self._kept[term] = scores
                self._kept_rows += len(scores.rows) + _TERM_ROWS
            while len(self._kept) > 1 and self._kept_rows > MAX_KEPT_ROWS:
                self._kept_rows -= len(self._kept.popitem(last=False)[1].rows) + _TERM_ROWS
        return scores

    def _compute_scores(self, connection: sqlite3.Connection, snapshot: Snapshot, term: Term) -> TermScores:
        try:
            return score_by_postings(self._postings.word_index(connection, snapshot), term)
        except DamagedWordsError:
            self._postings.discard_file()
            return score_by_postings(self._postings.word_index(connection, snapshot), term)


def score_by_postings(word_index: WordIndex, term: Term) -> TermScores:
    """Return the scores of a term from the words file. Raises DamagedWordsError."""
    rows, frequency = word_index.find_term(term, _BOOSTS)
    if not len(rows):
        return TermScores(rows, frequency)
    norm = word_index.relative_length[rows]
    norm *= np.float32(_K1 * _B)
    norm += np.float32(_K1 * (1 - _B))
    norm += frequency
    frequency *= np.float32(_idf(word_index.panels, len(rows)) * (_K1 + 1))
    frequency /= norm
    return TermScores(rows, frequency)


def _idf(panel_count: int, match_count: int) -> float:
    return math.log1p((panel_count - match_count + 0.5) / (match_count + 0.5))
