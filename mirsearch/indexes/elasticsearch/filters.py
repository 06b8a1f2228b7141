"""Filters as clauses of an Elasticsearch query. Searching and listing both use these clauses."""

from __future__ import annotations

from typing import Any

from mirsearch.corpus import KINDS, TECHNIQUES
from mirsearch.indexes.comparison import article_keys, fold_name
from mirsearch.indexes.elasticsearch.fields import IS_TECHNIQUE_KNOWN, TECHNIQUE_FIELD, field_clause
from mirsearch.indexes.elasticsearch.scales import known_clauses, range_clauses
from mirsearch.indexes.elasticsearch.word_clauses import Headings, word_clause
from mirsearch.licenses import canonical_license
from mirsearch.query import Filters
from mirsearch.text.word_query import Node, parse_condition

Json = dict[str, Any]

IS_PANEL: Json = {"term": {"doc_type": "panel"}}
_CANONICAL_NAMES = {name.lower(): name for name in (*KINDS, *TECHNIQUES)}


def filter_clauses(filters: Filters, headings: Headings) -> list[Json]:
    """Return the clauses of the filters; a panel must match all of them. `headings` gives those that have a word."""
    clauses: list[Json] = [IS_PANEL]
    clauses += _keyword_clauses("panel.kind", filters.kinds)
    if filters.techniques:
        clauses += [*_keyword_clauses(TECHNIQUE_FIELD, filters.techniques), IS_TECHNIQUE_KNOWN]
    if filters.journals:
        clauses.append({"terms": {"article.journal_folded": [fold_name(journal) for journal in filters.journals]}})
    if filters.licenses:
        clauses.append(_any_of([_license_clause(license_name) for license_name in filters.licenses]))
    if filters.articles:
        clauses.append(_any_of([article_clause(article) for article in filters.articles]))
    if filters.label_text is not None:
        clauses.append(_words_clause(parse_condition(filters.label_text, "--label-text", "text"), headings))
    if filters.text is not None:
        clauses.append(_words_clause(parse_condition(filters.text), headings))
    clauses += known_clauses(filters.has_scale, doubtful=filters.doubtful)
    if filters.retracted is not None:
        retracted: Json = {"term": {"article.retracted": True}}
        clauses.append(retracted if filters.retracted else {"bool": {"must_not": [retracted]}})
    clauses += range_clauses("article.year", filters.year_from, filters.year_to)
    clauses += range_clauses(
        "scale.field_of_view_nm", filters.fov_min_nm, filters.fov_max_nm, doubtful=filters.doubtful
    )
    clauses += [field_clause(field) for field in filters.fields]
    return clauses


def _words_clause(tree: Node | None, headings: Headings) -> Json:
    return {"match_none": {}} if tree is None else word_clause(tree, headings)


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
