"""Answering a request from the embedded index: every panel that the filters leave is scored."""

from __future__ import annotations

import functools
import math
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import UsageError
from mirsearch.indexes.embedded.buffers import Buffers, Lent, Single
from mirsearch.indexes.embedded.database.filters import where
from mirsearch.indexes.embedded.database.rows import batches, marks
from mirsearch.indexes.embedded.first_pass import Columns, FirstPass
from mirsearch.indexes.embedded.scores import Terms, terms_of
from mirsearch.indexes.embedded.vectors import scans as vector_scans
from mirsearch.indexes.embedded.vectors.matrix import Snapshot
from mirsearch.indexes.embedded.vectors.rounded import CANDIDATE_SHARE, FEW, NARROWED_SHARE, Worth
from mirsearch.indexes.embedded.vectors.scan import Scanner
from mirsearch.indexes.embedded.vectors.scans import NONE, Dots, Places, Query, Scan
from mirsearch.indexes.embedded.words.bm25 import Bm25, Found
from mirsearch.indexes.embedded.words.postings import Postings
from mirsearch.query import Filters, ScoredPanel, SearchRequest, SearchResult
from mirsearch.ranking import Floats
from mirsearch.text.tokens import query_terms

KEPT_SELECTIONS = 16
GATHER_SHARE = 0.125
"""Below this share of rows, those that the filters leave are copied out and scanned alone."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows to be scored, `count` of them: those `kept` alone, in order, or all (None) but those of the `veto`."""

    count: int
    kept: Places | None
    veto: NDArray[np.bool_] | None
    columns: Columns

    def rows(self, at: Places) -> Places:
        """Row numbers of places among the rows scored."""
        return at if self.kept is None else self.kept[at]

    def places(self, rows: Places) -> Places:
        """Where rows are among those scored; rows that are not there are left out."""
        if self.kept is None:
            return rows if self.veto is None else rows[~self.veto[rows]]
        return np.flatnonzero(np.isin(self.kept, rows)) if len(rows) else rows


class Searcher:
    """Scores panels of one index; holds what is worth keeping between queries. Safe to use from several threads."""

    def __init__(self, scanner: Scanner, postings: Postings) -> None:
        self._scanner = scanner
        self._bm25 = Bm25(postings)
        self._buffers = Buffers()
        self._worth = {False: Worth(), True: Worth()}  # without and with words compared with pictures
        self._selections: OrderedDict[tuple[int, str, Filters], Selection] = OrderedDict()
        self._lock = threading.Lock()

    def search(self, connection: sqlite3.Connection, now: Snapshot, request: SearchRequest) -> SearchResult:
        """The best panels; inside the transaction that `now` is of."""
        words = query_terms(request.text) if request.text else []
        _check(request)
        selection = self._selection(connection, now, request.filters)
        excluded = selection.places(_rows_of(connection, now, request.exclude))
        detail = {"words": [" ".join(each) for each in words]}
        count = selection.count - len(excluded)
        vectors = [each if each is None else Query.of(now, each) for each in (request.vector, request.text_vector)]
        if not any(vectors) and request.field_of_view_nm is None and not words:
            return SearchResult([], exact=True, considered=count, detail=detail)
        with self._buffers.lent() as lent:
            asked = _Asked(now, request, selection, excluded, lent)
            rows, dots, found = self._ranked(connection, asked, vectors, words)
        terms = terms_of(now, request, rows, dots, found)
        panels = _best(connection, now, rows, request, terms)
        return SearchResult(panels, exact=True, considered=count, detail=detail)

    def _ranked(
        self,
        connection: sqlite3.Connection,
        asked: _Asked,
        vectors: Sequence[Query | None],
        words: Sequence[tuple[str, ...]],
    ) -> tuple[Places, Sequence[Dots | None], Sequence[Found] | None]:
        """Rows among which the best are, their dot products with each of the vectors, and the words found."""
        now, request, selection = asked.now, asked.request, asked.selection

        def exact(rows: Places | None) -> list[Scan | None]:
            scan = functools.partial(vector_scans.exact, self._scanner, now, kept=rows, lent=asked.lent)
            return [None if each is None else scan(each) for each in vectors]

        rough, worth = self._rough(asked, vectors)
        scans = rough or exact(selection.kept)
        found = self._bm25.find(connection, now, words) if words else None
        first, at = _candidates(asked, found, scans)
        if rough is not None and now.coarse is not None:
            if max(FEW, request.top) < len(at) <= NARROWED_SHARE * selection.count:
                best = first.nearest(at, request.top)
                terms = terms_of(now, request, best, _waited(exact(best)), found)
                at = first.reaching(at, terms.score(request).min())
            useful = len(at) <= CANDIDATE_SHARE * selection.count
            worth.note(useful)
            if useful:
                at = np.union1d(at, np.setdiff1d(selection.places(now.coarse.outliers), asked.excluded))
                return at, _waited(exact(at)), found
            scans = exact(None)
            _, at = _candidates(asked, found, scans)
        return selection.rows(at), [each and each.at(at) for each in _waited(scans)], found

    def _rough(self, asked: _Asked, vectors: Sequence[Query | None]) -> tuple[list[Scan | None] | None, Worth]:
        """Begin scans of the rounded rows, where they promise to leave few of those that are asked for."""
        coarse, selection = asked.now.coarse, asked.selection
        worth = self._worth[vectors[1] is not None]
        given = [each for each in vectors if each is not None]
        if coarse is None or selection.kept is not None or not given or any(each.per_norm == 0 for each in given):
            return None, worth
        if asked.request.top > CANDIDATE_SHARE / 2 * selection.count or not worth.tried():
            return None, worth
        scan = functools.partial(vector_scans.rough, self._scanner, coarse, lent=asked.lent)
        return [None if each is None else scan(each) for each in vectors], worth

    def _selection(self, connection: sqlite3.Connection, now: Snapshot, filters: Filters) -> Selection:
        name = (now.rows.generation, now.rows.token, filters)
        with self._lock:
            if name in self._selections:
                self._selections.move_to_end(name)
                return self._selections[name]
        found = _selected(connection, now, filters)
        with self._lock:
            self._selections[name] = found
            while len(self._selections) > KEPT_SELECTIONS:
                self._selections.popitem(last=False)
        return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question, what it is asked of, and arrays for the answer."""

    now: Snapshot
    request: SearchRequest
    selection: Selection
    excluded: Places
    lent: Lent


def _waited(scans: Sequence[Scan | None]) -> list[Dots | None]:
    return [None if scan is None else scan() for scan in scans]


def _candidates(asked: _Asked, found: Sequence[Found] | None, scans: Sequence[Scan | None]) -> tuple[FirstPass, Places]:
    """Places, in order, among which the best are, but for those of which the dot products tell nothing."""
    request, selection, lent = asked.request, asked.selection, asked.lent
    first = FirstPass(request.formula, selection.columns, _given(request, found), lent)
    if request.field_of_view_nm is not None:
        first.add_scale(math.log10(request.field_of_view_nm))
    if found is not None:
        first.add_text(_summed(found, lent.take(len(asked.now.rows)), selection.kept))
    excluded = asked.excluded
    for dots, add in zip(_waited(scans), (first.add_visual, first.add_image_text), strict=True):
        if dots is not None:
            excluded = np.union1d(excluded, dots.outliers) if len(dots.outliers) else excluded
            add(dots.values, dots.per_norm, dots.error)
    return first, first.candidates(request.top, selection.veto, excluded)


def _check(request: SearchRequest) -> None:
    nothing = request.vector is None and request.text_vector is None and not request.text
    if nothing and request.field_of_view_nm is None:
        raise UsageError("nothing to look for", "give an image, words or a field of view")
    view = request.field_of_view_nm
    if view is not None and not (view > 0 and math.isfinite(view)):
        raise UsageError(f"a field of view of {view} nm", "give one above 0")


def _given(request: SearchRequest, found: Sequence[Found] | None) -> frozenset[str]:
    scale = request.field_of_view_nm is not None
    given = {"visual": request.vector is not None, "scale": scale, "text": found is not None}
    given["image_text"] = request.text_vector is not None
    return frozenset(name for name, there in given.items() if there)


def _selected(connection: sqlite3.Connection, now: Snapshot, filters: Filters) -> Selection:
    mask, columns = now.rows.alive, Columns.of(now.rows)
    if not filters.empty and not _leaves_all(connection, filters):
        built = where(filters)
        rows = connection.execute(f"SELECT p.key FROM panels p {built.clause}", built.values)
        mask = np.zeros(len(now.rows), dtype=bool)
        mask[now.positions(np.fromiter((row[0] for row in rows), dtype=np.int64))] = True
    count = int(np.count_nonzero(mask))
    if count < GATHER_SHARE * len(mask):
        kept = np.flatnonzero(mask)
        return Selection(count, kept, None, columns.take(kept))
    return Selection(count, None, None if count == len(mask) else ~mask, columns)


def _leaves_all(connection: sqlite3.Connection, filters: Filters) -> bool:
    """Whether the only condition is that nothing be retracted, and nothing is."""
    if filters != Filters(retracted=False):
        return False
    return connection.execute("SELECT 1 FROM articles WHERE retracted LIMIT 1").fetchone() is None


def _rows_of(connection: sqlite3.Connection, now: Snapshot, panel_ids: frozenset[str]) -> Places:
    keys: list[int] = []
    if not panel_ids:
        return NONE
    for part in batches(panel_ids):
        keys.extend(row[0] for row in connection.execute(f"SELECT key FROM panels WHERE id IN ({marks(part)})", part))
    return now.positions(np.array(keys, dtype=np.int64))


def _summed(found: Sequence[Found], total: Single, kept: Places | None) -> Single:
    """BM25 summed over terms, of every row scored; `total`, one a row of the matrix, is used up."""
    total[:] = 0
    for each in found:
        each.add_to(total)
    return total if kept is None else total[kept]


def _best(
    connection: sqlite3.Connection, now: Snapshot, rows: Places, request: SearchRequest, terms: Terms
) -> list[ScoredPanel]:
    """The best of some rows, best first, ties by id."""
    score = terms.score(request)
    count = min(request.top, int(np.count_nonzero(score > -np.inf)))
    if count <= 0:
        return []
    least = np.partition(score, -count)[-count]
    at = np.flatnonzero(score >= least)  # with everything that ties for the last place
    keys = now.rows.key[rows[at]].tolist()
    ids: dict[int, str] = {}
    for part in batches(keys):
        ids.update(connection.execute(f"SELECT key, id FROM panels WHERE key IN ({marks(part)})", part))
    named = [(-value, ids[key], place) for value, key, place in zip(score[at].tolist(), keys, at.tolist(), strict=True)]
    best = sorted(named)[:count]
    return _scored([panel_id for _, panel_id, _ in best], np.array([place for *_, place in best]), score, terms)


def _scored(ids: Sequence[str], at: Places, score: Floats, terms: Terms) -> list[ScoredPanel]:
    columns = (terms.distance, terms.visual, terms.scale, terms.text, terms.image_text)
    given = [[None] * len(at) if each is None else each[at].tolist() for each in columns]
    scale = [None if value is None or math.isnan(value) else value for value in given[2]]
    rows = zip(ids, score[at].tolist(), given[0], given[1], scale, given[3], given[4], strict=True)
    return [ScoredPanel(*row) for row in rows]
