"""BM25 scores by FTS5 of SQLite, whose index is whole here: the reference for those from the words file."""

from __future__ import annotations

import math
import sqlite3

import numpy as np

from mirsearch.indexes.embedded.vectors.matrix import Snapshot
from mirsearch.indexes.embedded.words.bm25 import _BOOSTS as BOOSTS
from mirsearch.indexes.embedded.words.bm25 import TermScores
from mirsearch.indexes.embedded.words.bm25 import _idf as idf
from mirsearch.text.terms import PREFIX_SIGN, Term

FTS5_MIN_IDF = 1e-6
"""FTS5 has this for a word that most panels have."""


def score_by_fts5(connection: sqlite3.Connection, snapshot: Snapshot, term: Term) -> TermScores:
    """Return the scores of a term from FTS5, whose own inverse document frequency is divided out."""
    boosts = ", ".join(str(float(boost)) for boost in BOOSTS)
    cursor = connection.execute(
        f"SELECT rowid, bm25(words, {boosts}) FROM words WHERE words MATCH ?", (_fts5_term(term),)
    )
    matches = np.fromiter(cursor, dtype=[("key", np.int64), ("bm25", np.float64)])
    panel_count, match_count = int(np.count_nonzero(snapshot.table.alive)), len(matches)
    if not match_count:
        return TermScores(np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.float32))
    ratio = math.log((panel_count - match_count + 0.5) / (match_count + 0.5))
    fts5_idf = ratio if ratio > 0 else FTS5_MIN_IDF
    scores = (matches["bm25"] * (-idf(panel_count, match_count) / fts5_idf)).astype(np.float32)
    return TermScores(snapshot.row_numbers(matches["key"]), scores)


def _fts5_term(term: Term) -> str:
    """Return a term as an FTS5 string, with a star for a beginning. Tokens contain neither quotes nor operators."""
    beginning = term[-1].endswith(PREFIX_SIGN)
    text = " ".join(term).removesuffix(PREFIX_SIGN if beginning else "").replace('"', '""')
    return f'"{text}"' + " *" * beginning
