"""Turn a search request into the JSON body of an Elasticsearch search, which any client can send as well."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mirsearch import settings
from mirsearch.corpus import KINDS, TECHNIQUES
from mirsearch.errors import UsageError
from mirsearch.indexes.comparison import article_keys, fold_name
from mirsearch.indexes.elasticsearch.fields import field_clause
from mirsearch.indexes.elasticsearch.mapping import SCRIPT_ID, script_body
from mirsearch.indexes.elasticsearch.words import PAIR_SEPARATOR, WORD_REPEATS
from mirsearch.licenses import canonical_license
from mirsearch.query import Filters, SearchRequest, Vector
from mirsearch.text.tokens import Term, query_terms, tokens

Json = dict[str, Any]

CANDIDATES_PER_LIST = 200
"""Panels in each list of candidates: 200 by looks and 200 inside the scale window contained the whole exact top 10."""
MAX_EXACT_DOCUMENTS = 16_000
"""Largest index, in documents, of which every panel is scored: about as fast as gathering candidates, and exact."""
GRAPH_CANDIDATES = 800
"""Least `num_candidates` of a graph search; with more candidates it misses fewer panels."""
WINDOW_DECADES = 1.0
"""Half-width of the field-of-view window of the second list, in σ of the scale term."""
NEAREST_BOOST = 1000.0
"""Boost that ranks every nearest vector above any text match among the candidates."""
WORDS_BOOST = (1.2 + 1) / (1.2 * WORD_REPEATS + 1)
"""Boost of single words. It corrects BM25's factor k1 + 1: in `words.all` k1 is 1.2 times the number of repetitions."""
FOV_FIELD = "scale.log10_field_of_view"
COSINE_QUERY_NAME = "cosine_with_words"
PANEL_ID_FIELD = "panel.id"
"""Read instead of `_id`: that is stored with the thumbnails, and unpacking them took most of a query's time."""
_CANONICAL_NAMES = {name.lower(): name for name in (*KINDS, *TECHNIQUES)}
_IS_PANEL: Json = {"term": {"doc_type": "panel"}}
_WORD_FIELDS = {"caption": "words.caption", "text": "words.text", "title": "words.title"}


def filter_clauses(filters: Filters) -> list[Json]:
    """Return the clauses of the filters; a panel must match all of them."""
    clauses: list[Json] = [_IS_PANEL]
    clauses += _keyword_clauses("panel.kind", filters.kinds) + _keyword_clauses("panel.technique", filters.techniques)
    if filters.journals:
        clauses.append({"terms": {"article.journal_folded": [fold_name(journal) for journal in filters.journals]}})
    if filters.licenses:
        clauses.append(_any_of([_license_clause(license_name) for license_name in filters.licenses]))
    if filters.articles:
        clauses.append(_any_of([article_clause(article) for article in filters.articles]))
    if filters.label_text is not None:
        words = dict.fromkeys(tokens(filters.label_text))
        clauses += [{"term": {"words.text": word}} for word in words] or [{"match_none": {}}]
    if filters.has_scale is not None:
        clauses.append({"term": {"scale.known": filters.has_scale}})
    if filters.retracted is not None:
        retracted: Json = {"term": {"article.retracted": True}}
        clauses.append(retracted if filters.retracted else {"bool": {"must_not": [retracted]}})
    clauses += _range_clauses("article.year", filters.year_from, filters.year_to)
    clauses += _range_clauses("scale.field_of_view_nm", filters.fov_min_nm, filters.fov_max_nm)
    clauses += [field_clause(field) for field in filters.fields]
    return clauses


def _keyword_clauses(field: str, values: tuple[str, ...]) -> list[Json]:
    if not values:
        return []
    if all(
        value.lower() in _CANONICAL_NAMES for value in values
    ):  # exact terms are looked up; the other way scans all terms
        return [{"terms": {field: [_CANONICAL_NAMES[value.lower()] for value in values]}}]
    return [_any_of([{"term": {field: {"value": value, "case_insensitive": True}}} for value in values])]


def _any_of(clauses: list[Json]) -> Json:
    return clauses[0] if len(clauses) == 1 else {"bool": {"should": clauses, "minimum_should_match": 1}}


def _license_clause(value: str) -> Json:
    known = canonical_license(value)
    if known:
        return {"term": {"article.license_code": known}}
    return {"prefix": {"article.license_code": fold_name(value)}}


def article_clause(some_id: str) -> Json:
    """Return the clause for an article by its id, DOI (also as a web address) or PMC id."""
    ids, doi, pmcid = article_keys(some_id)
    return _any_of(
        [
            {"terms": {"article.id": list(dict.fromkeys(ids))}},
            {"term": {"article.doi": {"value": doi, "case_insensitive": True}}},
            {"term": {"article.pmcid": {"value": pmcid, "case_insensitive": True}}},
        ]
    )


def _range_clauses(field: str, low: float | None, high: float | None) -> list[Json]:
    bounds = {name: bound for name, bound in (("gte", low), ("lte", high)) if bound is not None}
    return [{"range": {field: bounds}}] if bounds else []


def text_clause(terms: list[Term]) -> Json | None:
    """Return BM25 of any of the terms, over caption, OCR text and title together; None without terms."""
    fields = [f"{_WORD_FIELDS[name]}^{boost:g}" for name, boost in settings.TEXT_BOOSTS.items()]
    words = [PAIR_SEPARATOR.join(term) for term in terms if len(term) <= 2]
    clauses: list[Json] = []
    if words:
        clauses.append({"match": {"words.all": {"query": " ".join(words), "boost": round(WORDS_BOOST, 6)}}})
    phrases = [" ".join(term) for term in terms if len(term) > 2]
    clauses += [{"multi_match": {"query": phrase, "type": "phrase", "fields": fields}} for phrase in phrases]
    if not clauses:
        return None
    return {"bool": {"should": clauses, "minimum_should_match": 1, "_name": "text"}}


def unnamed_clause(clause: Json) -> Json:
    """Return a bool clause without its `_name`, so that the answer does not report its score."""
    return {"bool": {name: value for name, value in clause["bool"].items() if name != "_name"}}


def _vector_numbers(vector: Vector) -> list[float]:
    """Return a unit vector as numbers of 9 decimals: as precise as float32, in half the characters."""
    numbers: list[float] = np.round(np.asarray(vector, dtype=np.float64), 9).tolist()
    return numbers


class QueryPlan:
    """How a request is searched: the terms that count, its clauses, and the body of the search."""

    def __init__(self, request: SearchRequest) -> None:
        if not 1 <= request.top <= settings.LIMITS.query_top:
            raise UsageError(f"--top {request.top} is out of range", f"give 1 to {settings.LIMITS.query_top}")
        self.request = request
        self.weights = request.formula.weights
        self.has_vector = request.vector is not None
        self.has_scale = request.field_of_view_nm is not None
        self.terms = query_terms(request.text) if request.text else []
        self.has_text_vector = request.text_vector is not None
        self.log10_fov = math.log10(request.field_of_view_nm) if request.field_of_view_nm else None
        self.text_clause = text_clause(self.terms)
        self.filters = filter_clauses(request.filters)
        if self.has_scale and self._needs_scale():
            self.filters.append({"exists": {"field": FOV_FIELD}})
        self.must_not: list[Json] = [{"ids": {"values": sorted(request.exclude)}}] if request.exclude else []

    @property
    def only_term(self) -> str | None:
        """The name of the query's term if it has just one; panels without that term are then left out."""
        terms = {
            "visual": self.has_vector,
            "scale": self.has_scale,
            "text": bool(self.terms),
            "image_text": self.has_text_vector,
        }
        names = [name for name, present in terms.items() if present]
        return names[0] if len(names) == 1 else None

    def _needs_scale(self) -> bool:
        """Return whether a panel without a scale can't be an answer."""
        formula = self.request.formula
        terms = {"visual": self.has_vector, "text": bool(self.terms), "image_text": self.has_text_vector}
        others = any(present and self.weights.of(name) > 0 for name, present in terms.items())
        return formula.missing == "exclude" or (formula.missing == "neutral" and not others)

    @property
    def is_exhaustive(self) -> bool:
        """Whether every panel that matches the filters is scored.

        This is so on request, without a vector to gather candidates by, and when words are searched in pictures: no
        list of candidates bounds that term.
        """
        can_gather = self.has_vector and self.weights.visual > 0 and not self.has_text_vector
        return self.request.exact or not can_gather or 4 * self.request.top > 2_000

    @property
    def list_length(self) -> int:
        """Length of each list of candidates."""
        return max(CANDIDATES_PER_LIST, 4 * self.request.top)

    @property
    def max_candidates(self) -> int:
        """Most candidates in all: two lists of nearest vectors, and two lists' lengths of text matches for a text."""
        return (4 if self.text_clause else 2) * self.list_length

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
        if self.request.text_vector is None:
            return {"id": SCRIPT_ID, "params": params}
        params["words_vector"] = _vector_numbers(self.request.text_vector)
        params["image_text"] = self.weights.of("image_text")
        params["slope"], params["bias"] = formula.response
        # the source itself, as a cluster may still store an earlier version of the script under this id
        return {**script_body()["script"], "params": params}

    @property
    def cosine_clauses(self) -> list[Json]:
        """For a query with a picture and a text vector: a filter that all panels pass and that reports 1 + cosine.

        One unknown term can be computed from a panel's score. Here two are unknown, so this filter reports the text's.
        """
        if self.request.text_vector is None or self.request.vector is None:
            return []
        source = "1.0 + cosineSimilarity(params.words_vector, 'vector')"
        cosine = {"source": source, "params": {"words_vector": _vector_numbers(self.request.text_vector)}}
        return [{"script_score": {"query": {"match_all": {}}, "script": cosine, "_name": COSINE_QUERY_NAME}}]

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
            "docvalue_fields": [PANEL_ID_FIELD, FOV_FIELD],
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
            "size": window,
            **common,
        }

    def candidates_query(self) -> Json:
        """Return the union of the lists: nearest vectors, nearest ones inside the scale window, best text matches."""
        lists = [self._knn_clause(self.filters)]
        if self.log10_fov is not None and self.weights.scale > 0:
            half = WINDOW_DECADES * self.request.formula.sigma
            window = _range_clauses(FOV_FIELD, self.log10_fov - half, self.log10_fov + half)
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
                "filter": [clause for clause in filters if clause is not _IS_PANEL] + excluded,
                "boost": NEAREST_BOOST,
            }
        }
