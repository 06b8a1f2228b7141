"""Answering a request from the embedded index: every panel that the filters leave is scored."""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import IndexMismatchError, UsageError
from mirsearch.indexes.bm25 import Bm25
from mirsearch.indexes.matrix import Snapshot
from mirsearch.indexes.scan import Half, Scanner
from mirsearch.indexes.sqlite_filters import where
from mirsearch.indexes.sqlite_rows import batches, marks
from mirsearch.query import Filters, ScoredPanel, SearchRequest, SearchResult, Vector
from mirsearch.ranking import Floats, combine, scale_term, text_term, visual_term
from mirsearch.text import query_terms

KEPT_MASKS = 16
GATHER_SHARE = 0.125
"""Below this share of rows, those that the filters leave are copied out and scanned alone."""

Mask = NDArray[np.bool_]
Number = TypeVar("Number", np.float32, np.float64)


@dataclass(frozen=True, slots=True)
class Terms:
    """The distance and the terms of the panels kept, each (n,), None where the query lacks it."""

    distance: Floats | None
    visual: Floats | None
    scale: Floats | None
    text: Floats | None


class Searcher:
    """Scores panels of one index; holds what is worth keeping between queries. Safe to use from several threads."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._bm25 = Bm25()
        self._masks: OrderedDict[tuple[int, str, Filters], Mask] = OrderedDict()
        self._lock = threading.Lock()

    def search(self, connection: sqlite3.Connection, now: Snapshot, request: SearchRequest) -> SearchResult:
        """The best panels; inside the transaction that `now` is of."""
        words = query_terms(request.text) if request.text else []
        if request.vector is None and request.field_of_view_nm is None and not request.text:
            raise UsageError("nothing to look for", "give an image, words or a field of view")
        kept = np.flatnonzero(self._mask(connection, now, request))
        if request.vector is None and request.field_of_view_nm is None and not words:
            return SearchResult([], exact=True, considered=len(kept), detail={"words": []})
        terms = self._terms(connection, now, request, kept, words)
        score = combine(request.formula, terms.visual, terms.scale, terms.text)
        if [terms.visual is None, terms.scale is None, terms.text is None].count(False) == 1:
            score[score <= 0] = -np.inf
        best = _best(connection, now, kept, score, request.top)
        panels = [_scored(panel_id, at, score, terms) for panel_id, at in best]
        return SearchResult(
            panels, exact=True, considered=len(kept), detail={"words": [" ".join(each) for each in words]}
        )

    def _mask(self, connection: sqlite3.Connection, now: Snapshot, request: SearchRequest) -> Mask:
        """Rows to be scored, bool (rows,)."""
        mask = now.rows.alive
        if not request.filters.empty:
            mask = self._filtered(connection, now, request.filters)
        if request.exclude:
            mask = mask.copy()
            for part in batches(request.exclude):
                rows = connection.execute(f"SELECT key FROM panels WHERE id IN ({marks(part)})", part)
                mask[now.positions(np.fromiter((row[0] for row in rows), dtype=np.int64))] = False
        return mask

    def _filtered(self, connection: sqlite3.Connection, now: Snapshot, filters: Filters) -> Mask:
        name = (now.rows.generation, now.rows.token, filters)
        with self._lock:
            if name in self._masks:
                self._masks.move_to_end(name)
                return self._masks[name]
        built = where(filters)
        rows = connection.execute(f"SELECT p.key FROM panels p {built.clause}", built.values)
        mask = np.zeros(len(now.rows), dtype=bool)
        mask[now.positions(np.fromiter((row[0] for row in rows), dtype=np.int64))] = True
        with self._lock:
            self._masks[name] = mask
            while len(self._masks) > KEPT_MASKS:
                self._masks.popitem(last=False)
        return mask

    def _terms(
        self, connection: sqlite3.Connection, now: Snapshot, request: SearchRequest, kept: NDArray[np.intp],
        words: list[tuple[str, ...]],
    ) -> Terms:  # fmt: skip
        distance = visual = scale = text = None
        waiting = None if request.vector is None else self._distances(now, request.vector, kept)
        if request.field_of_view_nm is not None:
            scale = scale_term(request.field_of_view_nm, _of(now.rows.log10_fov, kept), request.formula.sigma)
        if words:
            text = text_term(_of(self._bm25.scores(connection, now, words), kept), request.formula.text_k)
        if waiting is not None:
            distance = waiting()
            visual = visual_term(distance)
        return Terms(distance, visual, scale, text)

    def _distances(self, now: Snapshot, vector: Vector, kept: NDArray[np.intp]) -> Callable[[], Floats]:
        """Begin a scan; what comes back waits for the cosine distances of the rows kept, float64 (n,), in [0, 2].

        The distance to a vector of length 0 is 1. Scanning threads run while the caller asks SQLite.
        """
        dims = now.blocks[0].shape[1] if now.blocks else len(vector)
        if vector.shape != (dims,):
            raise IndexMismatchError(
                f"a query vector of shape {vector.shape}, where the index holds {dims} dims",
                "embed the query with the extractor of the index",
            )
        half = np.ascontiguousarray(vector, dtype="<f2")
        norm = float(np.linalg.norm(half.astype(np.float64)))
        waiting = self._dots(now, half, kept)

        def distances() -> Floats:
            dots = np.concatenate([each() for each in waiting] or [np.zeros(0, dtype=np.float32)])
            cosine = dots.astype(np.float64) * _of(now.rows.inverse_norm, kept) * (1 / norm if norm > 0 else 0.0)
            found: Floats = np.clip(1.0 - cosine, 0.0, 2.0)
            return found

        return distances

    def _dots(self, now: Snapshot, half: Half, kept: NDArray[np.intp]) -> list[Callable[[], NDArray[np.float32]]]:
        """Scans begun, one a block of the snapshot, each giving the dot products of the rows kept."""
        waiting, start = [], 0
        for block in now.blocks:
            stop = start + len(block)
            low, high = np.searchsorted(kept, (start, stop))
            wanted = kept[low:high] - start
            if len(wanted) < GATHER_SHARE * len(block):
                waiting.append(self._scanner.start(block[wanted], half))
            else:
                waiting.append(partial(_taken, self._scanner.start(block, half), wanted))
            start = stop
        return waiting


def _taken(scan: Callable[[], NDArray[np.float32]], wanted: NDArray[np.intp]) -> NDArray[np.float32]:
    return _of(scan(), wanted)


def _of(column: NDArray[Number], kept: NDArray[np.intp]) -> NDArray[Number]:
    """The rows kept of a column; the column itself where that is all of it."""
    return column if len(kept) == len(column) else column[kept]


def _best(
    connection: sqlite3.Connection, now: Snapshot, kept: NDArray[np.intp], score: Floats, top: int
) -> list[tuple[str, int]]:
    """Ids and places in `score` of the best `top`, best first, ties by id."""
    count = min(top, int(np.count_nonzero(score > -np.inf)))
    if count <= 0:
        return []
    least = score[np.argpartition(score, -count)[-count:]].min()
    at = np.flatnonzero(score >= least)  # with everything that ties for the last place
    keys = now.rows.key[kept[at]]
    ids: dict[int, str] = {}
    for part in batches(keys.tolist()):
        ids.update(connection.execute(f"SELECT key, id FROM panels WHERE key IN ({marks(part)})", part))
    named = [(ids[key], place) for key, place in zip(keys.tolist(), at.tolist(), strict=True)]
    return sorted(named, key=lambda each: (-score[each[1]], each[0]))[:count]


def _scored(panel_id: str, at: int, score: Floats, terms: Terms) -> ScoredPanel:
    def value(column: Floats | None) -> float | None:
        return None if column is None or np.isnan(column[at]) else float(column[at])

    return ScoredPanel(
        panel_id, float(score[at]), value(terms.distance), value(terms.visual), value(terms.scale), value(terms.text)
    )
