"""A search request as the JSON Elasticsearch takes: plain, so that any client may send the same."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mirsearch import settings
from mirsearch.corpus import KINDS, TECHNIQUES
from mirsearch.errors import UsageError
from mirsearch.indexes.elasticsearch.fields import clause as field_clause
from mirsearch.indexes.elasticsearch.mapping import SCRIPT_ID, script
from mirsearch.indexes.elasticsearch.words import PAIR, WEIGHT
from mirsearch.indexes.embedded.database.filters import article_keys, folded
from mirsearch.licenses import canonical
from mirsearch.query import Filters, SearchRequest, Vector
from mirsearch.text.tokens import Term, query_terms, tokens

Json = dict[str, Any]

NEAREST = 200
"""Panels taken from each list of candidates; 200 by looks and 200 inside the window found all of the exact top 10."""
EXACT_DOCUMENTS = 16_000
"""An index of up to so many documents is scored as a whole: about as fast as gathering candidates, and exact."""
SEARCHED = 800
"""Candidates the graph search keeps at least (`num_candidates`), the longer the fewer it misses."""
WINDOW_DECADES = 1.0
"""Half-width, in σ, of the field-of-view window of the second list."""
FIRST = 1000.0
"""Boost that puts every nearest vector before any text match in the list of candidates."""
WORDS = (1.2 + 1) / (1.2 * WEIGHT + 1)
"""Boost of single words: there k1 is 1.2 times the number of repetitions, and the factor k1 + 1 is too large."""
FOV = "scale.log10_field_of_view"
COSINE = "cosine_with_words"
PANEL = "panel.id"
"""Read instead of `_id`, which lies with the thumbnails: unpacking these took most of a query's time."""
_KNOWN = {each.lower(): each for each in (*KINDS, *TECHNIQUES)}
_PANELS: Json = {"term": {"doc_type": "panel"}}
_FIELDS = {"caption": "words.caption", "text": "words.text", "title": "words.title"}


def filter_clauses(filters: Filters) -> list[Json]:
    """Clauses, all of which a panel must meet."""
    clauses: list[Json] = [_PANELS]
    clauses += _words_of("panel.kind", filters.kinds) + _words_of("panel.technique", filters.techniques)
    if filters.journals:
        clauses.append({"terms": {"article.journal_folded": [folded(each) for each in filters.journals]}})
    if filters.licenses:
        clauses.append(_any([_license(each) for each in filters.licenses]))
    if filters.articles:
        clauses.append(_any([article_clause(each) for each in filters.articles]))
    if filters.label_text is not None:
        asked = dict.fromkeys(tokens(filters.label_text))
        clauses += [{"term": {"words.text": word}} for word in asked] or [{"match_none": {}}]
    if filters.has_scale is not None:
        clauses.append({"term": {"scale.known": filters.has_scale}})
    if filters.retracted is not None:
        told: Json = {"term": {"article.retracted": True}}
        clauses.append(told if filters.retracted else {"bool": {"must_not": [told]}})
    clauses += _range("article.year", filters.year_from, filters.year_to)
    clauses += _range("scale.field_of_view_nm", filters.fov_min_nm, filters.fov_max_nm)
    clauses += [field_clause(each) for each in filters.fields]
    return clauses


def _words_of(field: str, values: tuple[str, ...]) -> list[Json]:
    if not values:
        return []
    if all(value.lower() in _KNOWN for value in values):  # looked up, where the other way walks through all terms
        return [{"terms": {field: [_KNOWN[value.lower()] for value in values]}}]
    return [_any([{"term": {field: {"value": value, "case_insensitive": True}}} for value in values])]


def _any(clauses: list[Json]) -> Json:
    return clauses[0] if len(clauses) == 1 else {"bool": {"should": clauses, "minimum_should_match": 1}}


def _license(value: str) -> Json:
    known = canonical(value)
    return {"term": {"article.license_code": known}} if known else {"prefix": {"article.license_code": folded(value)}}


def article_clause(some_id: str) -> Json:
    """A clause for an article by its id, DOI (as an address too) or PMC id."""
    ids, doi, pmcid = article_keys(some_id)
    return _any(
        [
            {"terms": {"article.id": list(dict.fromkeys(ids))}},
            {"term": {"article.doi": {"value": doi, "case_insensitive": True}}},
            {"term": {"article.pmcid": {"value": pmcid, "case_insensitive": True}}},
        ]
    )


def _range(field: str, low: float | None, high: float | None) -> list[Json]:
    bounds = {name: bound for name, bound in (("gte", low), ("lte", high)) if bound is not None}
    return [{"range": {field: bounds}}] if bounds else []


def text_clause(terms: list[Term]) -> Json | None:
    """BM25 over caption, OCR text and title together, any of the terms; None without terms."""
    fields = [f"{_FIELDS[name]}^{boost:g}" for name, boost in settings.TEXT_BOOSTS.items()]
    words = [PAIR.join(term) for term in terms if len(term) <= 2]
    found: list[Json] = []
    if words:
        found.append({"match": {"words.all": {"query": " ".join(words), "boost": round(WORDS, 6)}}})
    phrases = [" ".join(term) for term in terms if len(term) > 2]
    found += [{"multi_match": {"query": phrase, "type": "phrase", "fields": fields}} for phrase in phrases]
    if not found:
        return None
    return {"bool": {"should": found, "minimum_should_match": 1, "_name": "text"}}


def without_name(clause: Json) -> Json:
    """A clause of bool whose own score nobody asks for."""
    return {"bool": {name: value for name, value in clause["bool"].items() if name != "_name"}}


def _numbers(vector: Vector) -> list[float]:
    """A unit vector as numbers of 9 decimals: what float32 holds, in half the letters."""
    numbers: list[float] = np.round(np.asarray(vector, dtype=np.float64), 9).tolist()
    return numbers


class Asked:
    """A request, understood: which terms count, and the clauses and body that follow."""

    def __init__(self, request: SearchRequest) -> None:
        if not 1 <= request.top <= settings.LIMITS.query_top:
            raise UsageError(f"--top {request.top} is out of range", f"give 1 to {settings.LIMITS.query_top}")
        self.request = request
        self.weights = request.formula.weights
        self.vector = request.vector is not None
        self.scale = request.field_of_view_nm is not None
        self.words = query_terms(request.text) if request.text else []
        self.said = request.text_vector is not None
        self.log10_fov = math.log10(request.field_of_view_nm) if request.field_of_view_nm else None
        self.text = text_clause(self.words)
        self.filter = filter_clauses(request.filters)
        if self.scale and self._needs_scale():
            self.filter.append({"exists": {"field": FOV}})
        self.must_not: list[Json] = [{"ids": {"values": sorted(request.exclude)}}] if request.exclude else []

    @property
    def alone(self) -> str | None:
        """The name of the only term, where there is but one: panels that it gives nothing are no answer then."""
        there = {"visual": self.vector, "scale": self.scale, "text": bool(self.words), "image_text": self.said}
        names = [name for name, present in there.items() if present]
        return names[0] if len(names) == 1 else None

    def _needs_scale(self) -> bool:
        """Whether a panel without a scale has nothing that counts."""
        formula = self.request.formula
        there = {"visual": self.vector, "text": bool(self.words), "image_text": self.said}
        others = any(present and self.weights.of(name) > 0 for name, present in there.items())
        return formula.missing == "exclude" or (formula.missing == "neutral" and not others)

    @property
    def exhaustive(self) -> bool:
        """Whether every panel the filters leave is scored: asked for, or without a vector to gather candidates by.

        So it is too where words are looked for in pictures, as no list bounds that term.
        """
        listed = self.vector and self.weights.visual > 0 and not self.said
        return self.request.exact or not listed or 4 * self.request.top > 2_000

    @property
    def nearest(self) -> int:
        """Length of each list of candidates."""
        return max(NEAREST, 4 * self.request.top)

    @property
    def gathered(self) -> int:
        """Candidates in all: two lists of nearest vectors, and twice as many text matches where words are asked."""
        return (4 if self.text else 2) * self.nearest

    @property
    def script(self) -> Json:
        """The stored script with this request's parameters."""
        formula = self.request.formula
        params: Json = {
            "visual": self.weights.visual,
            "scale": self.weights.scale,
            "text": self.weights.text,
            "sigma": formula.sigma,
            "text_k": formula.text_k,
            "missing": formula.missing,
            "words": bool(self.words),
        }
        if self.request.vector is not None:
            params["vector"] = _numbers(self.request.vector)
        if self.log10_fov is not None:
            params["log10_fov"] = self.log10_fov
        if self.request.text_vector is None:
            return {"id": SCRIPT_ID, "params": params}
        params["words_vector"] = _numbers(self.request.text_vector)
        params["image_text"] = self.weights.of("image_text")
        params["slope"], params["bias"] = formula.response
        # In full, as a cluster may still hold the script of an earlier version under this name.
        return {**script()["script"], "params": params}

    @property
    def told_cosine(self) -> list[Json]:
        """A filter that lets all pass, whose score tells 1 + cosine with the words, where a picture is asked with too.

        Terms follow from the score as long as one of them is unknown; this is for the second.
        """
        if self.request.text_vector is None or self.request.vector is None:
            return []
        source = "1.0 + cosineSimilarity(params.words_vector, 'vector')"
        asked = {"source": source, "params": {"words_vector": _numbers(self.request.text_vector)}}
        return [{"script_score": {"query": {"match_all": {}}, "script": asked, "_name": COSINE}}]

    def scored(self, filters: list[Json]) -> Json:
        """`script_score` over what `filters` leave; inside the script `_score` is BM25 alone."""
        inner: Json = {"filter": filters, "must_not": self.must_not}
        if self.text:
            inner |= {"should": [self.text], "minimum_should_match": int(self.alone == "text")}
        return {"script_score": {"query": {"bool": inner}, "script": self.script}}

    def body(self) -> Json:
        """The whole request body."""
        common: Json = {"stored_fields": "_none_", "docvalue_fields": [PANEL, FOV], "track_total_hits": False}
        if self.exhaustive:
            size = min(self.request.top + 1, settings.LIMITS.query_top)
            order = [{"_score": "desc"}, {PANEL: "asc"}]
            counted = common | {"track_total_hits": True}
            return {"query": self.scored(self.filter + self.told_cosine), "size": size, "sort": order, **counted}
        window = self.gathered
        return {
            "query": self.candidates(),
            "rescore": {
                "window_size": window,
                "query": {
                    "rescore_query": self.scored([{"match_all": {}}]),
                    "query_weight": 0,
                    "rescore_query_weight": 1,
                },
            },
            "size": window,
            **common,
        }

    def candidates(self) -> Json:
        """The union of the lists: nearest vectors, nearest vectors inside the window, best text matches."""
        lists = [self._knn(self.filter)]
        if self.log10_fov is not None and self.weights.scale > 0:
            half = WINDOW_DECADES * self.request.formula.sigma
            window = _range(FOV, self.log10_fov - half, self.log10_fov + half)
            lists.append(self._knn(self.filter + window))
            if self.text:  # matches inside the window count twice, and so come first
                lists.append({"bool": {"must": [without_name(self.text)], "filter": window}})
        if self.text:
            lists.append(self.text)
        return {"bool": {"filter": self.filter, "must_not": self.must_not, "should": lists, "minimum_should_match": 1}}

    def _knn(self, filters: list[Json]) -> Json:
        assert self.request.vector is not None
        left_out = [{"bool": {"must_not": self.must_not}}] if self.must_not else []
        k = self.nearest
        return {
            "knn": {
                "field": "vector",
                "query_vector": _numbers(self.request.vector),
                "k": k,
                "num_candidates": max(SEARCHED, k),
                "filter": [each for each in filters if each is not _PANELS] + left_out,  # only panels have vectors
                "boost": FIRST,
            }
        }
