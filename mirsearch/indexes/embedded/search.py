"""Answers search requests from the embedded index. It scores every panel that passes the filters."""

from __future__ import annotations

import functools
import math
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mirsearch.indexes.embedded.buffers import ArrayPool, BorrowedArrays, Float32Array
from mirsearch.indexes.embedded.conditions import find_where
from mirsearch.indexes.embedded.database.rows import read_ids, read_numbers
from mirsearch.indexes.embedded.first_pass import FirstPass, ScoreColumns
from mirsearch.indexes.embedded.requests import panel_rows, prepare, query_vectors, term_names
from mirsearch.indexes.embedded.scores import best_panels, exact_terms
from mirsearch.indexes.embedded.vectors import scans as vector_scans
from mirsearch.indexes.embedded.vectors.matrix import Snapshot
from mirsearch.indexes.embedded.vectors.rounded import (
    MAX_CANDIDATE_SHARE,
    MAX_NARROWED_SHARE,
    MIN_NARROWED_ROWS,
    PassBackoff,
)
from mirsearch.indexes.embedded.vectors.scan import Scanner
from mirsearch.indexes.embedded.vectors.scans import NO_ROWS, DotProducts, Indices, QueryVector, Scan
from mirsearch.indexes.embedded.words.bm25 import Bm25, TermScores
from mirsearch.indexes.embedded.words.postings import Postings
from mirsearch.query import Filters, ScoredPanel, SearchRequest, SearchResult

_Adder = Callable[[Float32Array, float, float], None]
MAX_KEPT_SELECTIONS = 16
GATHER_SHARE = 0.125
"""If the filters select a smaller share of the rows than this, the selected rows are copied and scanned alone."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The `count` rows that a query scores, those that pass the filters.

    If they are few, `rows` has their row numbers, ascending, and arrays of the first pass have one value for each of
    them. Else `rows` is None, arrays have one value for each row of the matrix, and `filtered_out` marks the rows that
    are not selected (None: all are selected). A position is an index into these arrays.
    """

    count: int
    rows: Indices | None
    filtered_out: NDArray[np.bool_] | None
    columns: ScoreColumns

    def to_rows(self, positions: Indices) -> Indices:
        """Return the row numbers for some positions."""
        return positions if self.rows is None else self.rows[positions]

    def to_positions(self, rows: Indices) -> Indices:
        """Return the positions of some rows. Rows that are not selected are left out."""
        if self.rows is None:
            return rows if self.filtered_out is None else rows[~self.filtered_out[rows]]
        return np.flatnonzero(np.isin(self.rows, rows)) if len(rows) else rows


class Searcher:
    """Scores the panels of one index. Keeps arrays and selections between queries. Safe to use from several threads."""

    def __init__(self, scanner: Scanner, postings: Postings) -> None:
        self._scanner = scanner
        self._postings, self._bm25 = postings, Bm25(postings)
        self._pool = ArrayPool()
        self._backoffs = {False: PassBackoff(), True: PassBackoff()}  # True: queries with vectors of the text
        self._meaning_backoff = PassBackoff()
        self._selections: OrderedDict[tuple[int, str, Filters], Selection] = OrderedDict()
        self._lock = threading.Lock()

    def search(self, connection: sqlite3.Connection, snapshot: Snapshot, request: SearchRequest) -> SearchResult:
        """Return the best panels. `snapshot` must be of the connection's transaction."""
        words, snapshot = prepare(connection, snapshot, request)
        selection = self._selection(connection, snapshot, request.filters)
        excluded = selection.to_positions(panel_rows(connection, snapshot, request.exclude))
        detail = {"words": [" ".join(term) for term in words]}
        count = selection.count - len(excluded)
        vectors = query_vectors(snapshot, request)
        if not any(vectors) and request.field_of_view_nm is None and not words:
            return SearchResult([], exact=True, considered=count, detail=detail)
        with self._pool.borrow() as arrays:
            context = _QueryContext(snapshot, request, selection, excluded, arrays)
            rows, dots, word_scores = self._find_candidates(connection, context, vectors, words)
        terms = exact_terms(snapshot, request, rows, dots, word_scores)
        panels = best_panels(snapshot, rows, request, terms, functools.partial(read_ids, connection))
        return SearchResult(panels, exact=True, considered=count, detail=detail)

    def search_among(
        self, connection: sqlite3.Connection, snapshot: Snapshot, request: SearchRequest, ids: Mapping[int, str]
    ) -> list[ScoredPanel]:
        """Return the best of a few panels, given as ids by key: as :meth:`search` if it had no others to score."""
        words, snapshot = prepare(connection, snapshot, request)
        vectors = query_vectors(snapshot, request)
        if not any(vectors) and request.field_of_view_nm is None and not words:
            return []
        selection = self._selection(connection, snapshot, request.filters)
        rows = selection.to_rows(selection.to_positions(snapshot.row_numbers(np.array(sorted(ids), dtype=np.int64))))
        rows = np.setdiff1d(rows, panel_rows(connection, snapshot, request.exclude), assume_unique=True)
        with self._pool.borrow() as arrays:
            dots = _wait_for(self._start_exact_scans(snapshot, vectors, rows, arrays))
            word_scores = self._bm25.score_terms(connection, snapshot, words) if words else None
            terms = exact_terms(snapshot, request, rows, dots, word_scores)
        return best_panels(snapshot, rows, request, terms, lambda keys: ids)

    def _start_exact_scans(
        self, snapshot: Snapshot, vectors: Sequence[QueryVector | None], rows: Indices | None, arrays: BorrowedArrays
    ) -> list[Scan | None]:
        start = functools.partial(vector_scans.start_exact_scan, self._scanner, snapshot, rows=rows, arrays=arrays)
        scans = [None if vector is None else start(vector) for vector in vectors[:2]]
        if vectors[2] is None or snapshot.meaning is None:
            return [*scans, None]
        return [*scans, vector_scans.start_meaning_scan(self._scanner, snapshot.meaning, vectors[2], rows, arrays)]

    def _find_candidates(
        self,
        connection: sqlite3.Connection,
        context: _QueryContext,
        vectors: Sequence[QueryVector | None],
        words: Sequence[tuple[str, ...]],
    ) -> tuple[Indices, Sequence[DotProducts | None], Sequence[TermScores] | None]:
        """Return rows that include the best ones, their exact dot products with each vector, and the word scores."""
        snapshot, request, selection = context.snapshot, context.request, context.selection
        if vectors[2] is not None and (found := self._bound_meaning(connection, context, vectors, words)) is not None:
            return found

        def start_exact(rows: Indices | None) -> list[Scan | None]:
            return self._start_exact_scans(snapshot, vectors, rows, context.arrays)

        rounded_scans, backoff = self._start_rounded_scans(context, vectors)
        scans = rounded_scans or start_exact(selection.rows)
        word_scores = self._bm25.score_terms(connection, snapshot, words) if words else None
        first, positions = _run_first_pass(context, word_scores, scans)
        if rounded_scans is not None and snapshot.rounded is not None:  # here positions are row numbers
            if max(MIN_NARROWED_ROWS, request.top) < len(positions) <= MAX_NARROWED_SHARE * selection.count:
                best = first.best_rows(positions, request.top)
                terms = exact_terms(snapshot, request, best, _wait_for(start_exact(best)), word_scores)
                positions = first.rows_reaching(positions, terms.score(request).min())
            useful = len(positions) <= MAX_CANDIDATE_SHARE * selection.count
            backoff.record(useful)
            if useful:
                outliers = np.setdiff1d(selection.to_positions(_outliers(rounded_scans)), context.excluded)
                rows = np.union1d(positions, outliers)
                return rows, _wait_for(start_exact(rows)), word_scores
            scans = start_exact(None)
            _, positions = _run_first_pass(context, word_scores, scans)
        dots = [products and products.select(positions) for products in _wait_for(scans)]
        return selection.to_rows(positions), dots, word_scores

    def _bound_meaning(
        self,
        connection: sqlite3.Connection,
        context: _QueryContext,
        vectors: Sequence[QueryVector | None],
        words: Sequence[tuple[str, ...]],
    ) -> tuple[Indices, Sequence[DotProducts | None], Sequence[TermScores] | None] | None:
        """Return rows that include the best ones whatever the panels' meaning, and their products with each vector.

        So no scan of all sentence vectors is needed. Returns None where too many rows are left, as for a heavy weight.
        """
        snapshot, request, selection = context.snapshot, context.request, context.selection
        if (not words and vectors[0] is None and vectors[1] is None) or not self._meaning_backoff.should_try():
            return None
        looks = [*vectors[:2], None]
        rounded_scans, _ = self._start_rounded_scans(context, looks)
        scans = rounded_scans or self._start_exact_scans(snapshot, looks, selection.rows, context.arrays)
        word_scores = self._bm25.score_terms(connection, snapshot, words) if words else None
        first, positions = _run_first_pass(context, word_scores, scans, without_meaning=True)
        most = max(MAX_CANDIDATE_SHARE * selection.count, MIN_NARROWED_ROWS)
        if request.top < len(positions) and most < len(positions) <= MAX_NARROWED_SHARE * selection.count:
            best = selection.to_rows(first.best_rows(positions, request.top))
            dots = _wait_for(self._start_exact_scans(snapshot, vectors, best, context.arrays))
            reached = exact_terms(snapshot, request, best, dots, word_scores).score(request).min()
            positions = first.rows_reaching(positions, reached)
        self._meaning_backoff.record(len(positions) <= most)
        if len(positions) > most:
            return None
        outliers = np.setdiff1d(selection.to_positions(_outliers(scans)), context.excluded)
        rows = selection.to_rows(np.union1d(positions, outliers))
        return rows, _wait_for(self._start_exact_scans(snapshot, vectors, rows, context.arrays)), word_scores

    def _start_rounded_scans(
        self, context: _QueryContext, vectors: Sequence[QueryVector | None]
    ) -> tuple[list[Scan | None] | None, PassBackoff]:
        """Start scans of the rounded rows if they are likely to leave few candidates, else return None."""
        rounded, selection = context.snapshot.rounded, context.selection
        backoff = self._backoffs[vectors[1] is not None or vectors[2] is not None]
        present = [vector for vector in vectors if vector is not None]
        if rounded is None or selection.rows is not None or not present:
            return None, backoff
        if any(vector.inverse_norm == 0 for vector in present):
            return None, backoff
        if context.request.top > MAX_CANDIDATE_SHARE / 2 * selection.count or not backoff.should_try():
            return None, backoff
        start = functools.partial(vector_scans.start_rounded_scan, self._scanner, rounded, arrays=context.arrays)
        scans = [None if vector is None else start(vector) for vector in vectors[:2]]
        meaning, vector = context.snapshot.meaning, vectors[2]
        if meaning is None or vector is None:
            return [*scans, None], backoff
        return [
            *scans,
            vector_scans.start_rounded_meaning_scan(self._scanner, meaning, vector, context.arrays),
        ], backoff

    def _selection(self, connection: sqlite3.Connection, snapshot: Snapshot, filters: Filters) -> Selection:
        key = (snapshot.table.generation, snapshot.table.token, filters)
        with self._lock:
            if key in self._selections:
                self._selections.move_to_end(key)
                return self._selections[key]
        selection = _select_rows(connection, self._postings, snapshot, filters)
        with self._lock:
            self._selections[key] = selection
            while len(self._selections) > MAX_KEPT_SELECTIONS:
                self._selections.popitem(last=False)
        return selection


@dataclass(frozen=True, slots=True)
class _QueryContext:
    """A request, the snapshot and rows that it searches, and arrays for the computation."""

    snapshot: Snapshot
    request: SearchRequest
    selection: Selection
    excluded: Indices
    arrays: BorrowedArrays


def _wait_for(scans: Sequence[Scan | None]) -> list[DotProducts | None]:
    return [None if scan is None else scan() for scan in scans]


def _outliers(scans: Sequence[Scan | None]) -> Indices:
    """Return the rows whose products some scan of rounded rows does not know."""
    return np.concatenate([NO_ROWS, *(dots.outliers for dots in _wait_for(scans) if dots is not None)])


def _run_first_pass(
    context: _QueryContext,
    word_scores: Sequence[TermScores] | None,
    scans: Sequence[Scan | None],
    *,
    without_meaning: bool = False,
) -> tuple[FirstPass, Indices]:
    """Return the first pass, and ascending positions that include the best ones. Outliers of scans are left out."""
    request, selection, arrays = context.request, context.selection, context.arrays
    first = FirstPass(request.formula, selection.columns, term_names(request, word_scores), arrays)
    if request.field_of_view_nm is not None:
        first.add_scale(math.log10(request.field_of_view_nm))
    if word_scores is not None:
        first.add_text(_sum_bm25(word_scores, arrays.take(len(context.snapshot.table)), selection.rows))
    if without_meaning:
        first.leave_out("meaning")
    excluded = context.excluded
    adders: list[_Adder] = [first.add_visual, first.add_image_text, first.add_image_text]
    if context.snapshot.meaning is not None:
        norms = context.snapshot.meaning.inverse_norm
        adders[2] = functools.partial(first.add_meaning, norms if selection.rows is None else norms[selection.rows])
    for dots, add in zip(_wait_for(scans), adders, strict=True):
        if dots is not None:
            excluded = np.union1d(excluded, dots.outliers) if len(dots.outliers) else excluded
            add(dots.values, dots.inverse_norm, dots.error)
    return first, first.candidates(request.top, selection.filtered_out, excluded)


def _select_rows(connection: sqlite3.Connection, postings: Postings, snapshot: Snapshot, filters: Filters) -> Selection:
    mask = snapshot.table.alive
    if not filters.is_empty and not _keeps_all_panels(connection, filters):
        where = find_where(connection, postings, filters)
        keys = read_numbers(connection, "p.key", f"FROM panels p {where.clause}", where.values)
        mask = np.zeros(len(snapshot.table), dtype=bool)
        mask[snapshot.row_numbers(keys)] = True
    count = int(np.count_nonzero(mask))
    if count < GATHER_SHARE * len(mask):
        selected = np.flatnonzero(mask)
        return Selection(count, selected, None, ScoreColumns.from_table(snapshot.table, selected))
    return Selection(count, None, None if count == len(mask) else ~mask, ScoreColumns.from_table(snapshot.table))


def _keeps_all_panels(connection: sqlite3.Connection, filters: Filters) -> bool:
    """Return whether the only condition leaves retracted articles out, and no article is retracted."""
    if filters != Filters(retracted=False, doubtful=filters.doubtful):
        return False
    return connection.execute("SELECT 1 FROM articles WHERE retracted LIMIT 1").fetchone() is None


def _sum_bm25(word_scores: Sequence[TermScores], total: Float32Array, rows: Indices | None) -> Float32Array:
    """Return BM25, summed over terms, for each position. Overwrites `total` (one value per row of the matrix)."""
    total[:] = 0
    for term_scores in word_scores:
        term_scores.add_to(total)
    return total if rows is None else total[rows]
