"""Turn a search request into the JSON body of an Elasticsearch search, which any client can send as well."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np

from mirsearch import settings
from mirsearch.errors import UsageError
from mirsearch.indexes.elasticsearch.extent import ONE_SHARD, Extent
from mirsearch.indexes.elasticsearch.filters import IS_PANEL, Json, filter_clauses
from mirsearch.indexes.elasticsearch.mapping import SCRIPT_ID, script_body
from mirsearch.indexes.elasticsearch.scales import (
    DOUBTFUL_LOG10_FOV_FIELD,
    LOG10_FOV_FIELD,
    exists_clauses,
    range_clauses,
)
from mirsearch.indexes.elasticsearch.word_clauses import Headings, text_clause, unnamed_clause
from mirsearch.indexes.meanings import rounded
from mirsearch.query import SearchRequest, Vector
from mirsearch.text.word_ranking import rank_terms

CANDIDATES_PER_LIST = 200
"""Panels in each list of candidates: 200 by looks and 200 inside the scale window contained the whole exact top 10."""
CANDIDATES_SUFFICE = 80_000
"""Documents of a shard up to which lists of that length suffice. In a larger one, they grow with the root of its size.

Recall of the exact top 10 by looks, scale and words in lists of made panels (a panel is 1.25 documents): 64,000 panels
1.000 in lists of 200; 256,000: .975 in lists of 200, 1.000 of 300; a million: .900 of 200, .979 of 400, .989 of 600,
1.000 of 800 (75 questions).
"""
MAX_EXACT_DOCUMENTS = 16_000
"""Largest index, in documents, of which every panel is scored: about as fast as gathering candidates, and exact.

With vectors of at most `FEW_DIMS`, twice as many. Processor time of node and client for a question by looks, scale and
words, gathered and all scored: 2,048 dims, 10,000 documents 19 and 19 ms, 20,000 documents 23 and 31 ms, of which the
scoring spreads over the cores; 282 dims, 20,000 documents 15 and 13 ms, 40,000 documents 19 and 21 ms.
"""
FEW_DIMS = 512
MAX_RESULT_WINDOW = 10_000
"""Most hits of one search: the setting of that name in mappings/panels.json."""
GRAPH_CANDIDATES = 800
"""Least `num_candidates` of a graph search; with more candidates it misses fewer panels."""
WINDOW_DECADES = 1.0
"""Half-width of the field-of-view window of the second list, in σ of the scale term."""
NEAREST_BOOST = 1000.0
"""Boost that ranks every nearest vector above any text match among the candidates."""
COSINE_QUERY_NAME = "cosine_with_words"
MEANING_QUERY_NAME = "cosine_of_meaning"
_MEANING_SOURCE = (
    "doc.containsKey('meaning') && doc['meaning'].size() > 0 "
    "? 1.0 + cosineSimilarity(params.meaning_vector, 'meaning') : 1.0"
)
PANEL_ID_FIELD = "panel.id"
"""Read instead of `_id`: that is stored with the thumbnails, and unpacking them took most of a query's time."""


def _vector_numbers(vector: Vector) -> list[float]:
    """Return a unit vector as numbers of 9 decimals: as precise as float32, in half the characters."""
    numbers: list[float] = np.round(np.asarray(vector, dtype=np.float64), 9).tolist()
    return numbers


def _report(name: str, source: str, parameter: str, vector: Vector) -> Json:
    """Return a clause that all panels pass, and whose score is that of a script with a vector."""
    script = {"source": source, "params": {parameter: _vector_numbers(vector)}}
    return {"script_score": {"query": {"match_all": {}}, "script": script, "_name": name}}


def exact_documents(dims: int) -> int:
    """Return the largest index, in documents, of which every panel is scored."""
    return MAX_EXACT_DOCUMENTS * (2 if dims <= FEW_DIMS else 1)


class QueryPlan:
    """How a request is searched: the terms that count, its clauses, and the body of the search."""

    def __init__(self, request: SearchRequest, headings: Headings = lambda _: (), extent: Extent = ONE_SHARD) -> None:
        if not 1 <= request.top <= settings.LIMITS.query_top:
            raise UsageError(f"--top {request.top} is out of range", f"give 1 to {settings.LIMITS.query_top}")
        self.request, self.extent = request, extent
        self.weights = request.formula.weights
        self.doubtful = request.filters.doubtful
        self.has_vector = request.vector is not None
        self.has_scale = request.field_of_view_nm is not None
        self.terms = rank_terms(request.text)
        self.has_text_vector = request.text_vector is not None
        self.has_meaning = request.meaning_vector is not None
        self.log10_fov = math.log10(request.field_of_view_nm) if request.field_of_view_nm else None
        self.text_clause = text_clause(self.terms)
        self.filters = filter_clauses(request.filters, headings)
        if self.has_scale and self._needs_scale():
            self.filters += exists_clauses(LOG10_FOV_FIELD, doubtful=self.doubtful)
        self.must_not: list[Json] = [{"ids": {"values": sorted(request.exclude)}}] if request.exclude else []

    @property
    def fov_fields(self) -> list[str]:
        """The fields of a panel's log10 of the field of view; the first one that the panel has counts."""
        return [LOG10_FOV_FIELD, DOUBTFUL_LOG10_FOV_FIELD] if self.doubtful else [LOG10_FOV_FIELD]

    @property
    def only_term(self) -> str | None:
        """The name of the query's term if it has just one; panels without that term are then left out."""
        terms = {
            "visual": self.has_vector,
            "scale": self.has_scale,
            "text": bool(self.terms),
            "image_text": self.has_text_vector,
            "meaning": self.has_meaning,
        }
        names = [name for name, present in terms.items() if present]
        return names[0] if len(names) == 1 else None

    def _needs_scale(self) -> bool:
        """Return whether a panel without a scale can't be an answer."""
        formula = self.request.formula
        terms = {"visual": self.has_vector, "text": bool(self.terms), "image_text": self.has_text_vector,
                 "meaning": self.has_meaning}  # fmt: skip
        others = any(present and self.weights.of(name) > 0 for name, present in terms.items())
        return formula.missing == "exclude" or (formula.missing == "neutral" and not others)

    @property
    def is_exhaustive(self) -> bool:
        """Whether every panel that matches the filters is scored.

        This is so on request, without a vector to gather candidates by, and when words are searched in pictures or by
        their meaning: no list of candidates bounds these terms.
        """
        unbounded = self.has_text_vector or self.has_meaning
        can_gather = self.has_vector and self.weights.visual > 0 and not unbounded
        too_many = 4 * self.request.top > 2_000 or self.extent.shards * self.max_candidates > MAX_RESULT_WINDOW
        return self.request.exact or not can_gather or too_many

    @property
    def list_length(self) -> int:
        """Length of each list of candidates of a shard."""
        shards = max(1, self.extent.shards)
        growth = math.sqrt(max(1.0, self.extent.documents / shards / CANDIDATES_SUFFICE))
        most = MAX_RESULT_WINDOW // (4 * shards)  # all lists of all shards come in one answer
        return max(CANDIDATES_PER_LIST, 4 * self.request.top, min(round(growth * CANDIDATES_PER_LIST), most))

    @property
    def max_candidates(self) -> int:
        """Most candidates of a shard: two lists of nearest vectors, and twice the length of a list of text matches."""
        return (4 if self.text_clause else 2) * self.list_length

    @property
    def has_unscored(self) -> bool:
        """Whether hits may be panels that their shard did not rescore: it gives as many as all shards together may."""
        return self.extent.shards > 1 and not self.is_exhaustive

    @property
    def options(self) -> dict[str, Any]:
        """The parameters of the search besides its body.

        Words count by their frequency on all shards, not on one. And the same question goes to the same copies of the
        shards: copies count deleted documents differently. Different questions spread over the copies.
        """
        request = self.request
        given = (request.vector, request.text_vector, request.meaning_vector)
        vectors = [b"" if vector is None else vector.tobytes() for vector in given]
        asked = hashlib.sha256(b"|".join([*vectors, repr((request.text, request.field_of_view_nm)).encode()]))
        return {"search_type": "dfs_query_then_fetch", "preference": f"mirsearch-{asked.hexdigest()[:12]}"}

    @property
    def script(self) -> Json:
        """The stored script with the parameters of this request."""
        formula = self.request.formula
        params: Json = {
            "visual": self.weights.visual,
            "scale": self.weights.scale,
            "text": self.weights.text,
            "sigma": formula.sigma,
            "text_k": formula.text_k,
            "missing": formula.missing,
            "words": bool(self.terms),
        }
        if self.request.vector is not None:
            params["vector"] = _vector_numbers(self.request.vector)
        if self.log10_fov is not None:
            params["log10_fov"] = self.log10_fov
        if self.request.text_vector is None and self.request.meaning_vector is None and not self.doubtful:
            return {"id": SCRIPT_ID, "params": params}
        params["doubtful"] = self.doubtful
        if self.request.text_vector is not None:
            params["words_vector"] = _vector_numbers(self.request.text_vector)
            params["image_text"] = self.weights.of("image_text")
            params["slope"], params["bias"] = formula.response
        if self.request.meaning_vector is not None:
            params["meaning_vector"] = _vector_numbers(rounded(self.request.meaning_vector))
            params["meaning"] = self.weights.of("meaning")
            params["meaning_slope"], params["meaning_bias"] = formula.meaning_response
        # the source itself, as a cluster may still store an earlier version of the script under this id
        return {**script_body()["script"], "params": params}

    @property
    def cosine_clauses(self) -> list[Json]:
        """Filters that all panels pass and that report 1 + cosine, where a term can't be computed from the score.

        One unknown term can be: that of the picture, or of a text vector without one. That of the meaning is reported.
        """
        clauses = []
        if self.request.text_vector is not None and self.request.vector is not None:
            source = "1.0 + cosineSimilarity(params.words_vector, 'vector')"
            clauses.append(_report(COSINE_QUERY_NAME, source, "words_vector", self.request.text_vector))
        if self.request.meaning_vector is not None:
            clauses.append(
                _report(MEANING_QUERY_NAME, _MEANING_SOURCE, "meaning_vector", rounded(self.request.meaning_vector))
            )
        return clauses

    def script_score(self, filters: list[Json]) -> Json:
        """Return a `script_score` over the panels that match `filters`; in the script `_score` is BM25 alone."""
        inner: Json = {"filter": filters, "must_not": self.must_not}
        if self.text_clause:
            inner |= {"should": [self.text_clause], "minimum_should_match": int(self.only_term == "text")}
        return {"script_score": {"query": {"bool": inner}, "script": self.script}}

    def body(self) -> Json:
        """Return the body of the search."""
        common: Json = {
            "stored_fields": "_none_",
            "docvalue_fields": [PANEL_ID_FIELD, *self.fov_fields],
            "track_total_hits": False,
        }
        if self.is_exhaustive:
            size = min(self.request.top + 1, settings.LIMITS.query_top)
            order = [{"_score": "desc"}, {PANEL_ID_FIELD: "asc"}]
            counted = common | {"track_total_hits": True}
            query = self.script_score(self.filters + self.cosine_clauses)
            return {"query": query, "size": size, "sort": order, **counted}
        window = self.max_candidates
        return {
            "query": self.candidates_query(),
            "rescore": {
                "window_size": window,
                "query": {
                    "rescore_query": self.script_score([{"match_all": {}}]),
                    "query_weight": 0,
                    "rescore_query_weight": 1,
                },
            },
            "size": self.extent.shards * window,
            **common,
        }

    def candidates_query(self) -> Json:
        """Return the union of the lists: nearest vectors, nearest ones inside the scale window, best text matches."""
        lists = [self._knn_clause(self.filters)]
        if self.log10_fov is not None and self.weights.scale > 0:
            half = WINDOW_DECADES * self.request.formula.sigma
            low, high = self.log10_fov - half, self.log10_fov + half
            window = range_clauses(LOG10_FOV_FIELD, low, high, doubtful=self.doubtful)
            lists.append(self._knn_clause(self.filters + window))
            if self.text_clause:  # matches inside the window count twice, and so rank first
                lists.append({"bool": {"must": [unnamed_clause(self.text_clause)], "filter": window}})
        if self.text_clause:
            lists.append(self.text_clause)
        return {"bool": {"filter": self.filters, "must_not": self.must_not, "should": lists, "minimum_should_match": 1}}

    def _knn_clause(self, filters: list[Json]) -> Json:
        assert self.request.vector is not None
        excluded = [{"bool": {"must_not": self.must_not}}] if self.must_not else []
        k = self.list_length
        return {
            "knn": {
                "field": "vector",
                "query_vector": _vector_numbers(self.request.vector),
                "k": k,
                "num_candidates": max(GRAPH_CANDIDATES, k),
                # only panels have vectors
                "filter": [clause for clause in filters if clause is not IS_PANEL] + excluded,
                "boost": NEAREST_BOOST,
            }
        }
