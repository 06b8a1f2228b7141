"""Count the contents of an index on Elasticsearch with aggregations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from elasticsearch import AuthorizationException, Elasticsearch

from mirsearch.indexes.elasticsearch.fields import IS_TECHNIQUE_KNOWN, TECHNIQUE_FIELD
from mirsearch.settings import NEWEST_FIGURES

EXACT_ARTICLE_COUNT = 40_000
"""Largest number of distinct articles that is counted exactly; larger numbers are right to about 1 %."""
GROUP_FIELDS = {
    "kinds": "panel.kind",
    "techniques": "panel.technique",
    "licenses": "article.license_code",
    "years": "article.year",
    "scale_sources": "scale.source",
    "journals": "article.journal",
}
_DECADES = {"histogram": {"field": "scale.log10_field_of_view", "interval": 1, "min_doc_count": 1}}
_IS_PANEL = {"term": {"doc_type": "panel"}}
_IS_COMPLETE_FIGURE = {"bool": {"filter": [{"term": {"doc_type": "figure"}}, {"term": {"figure_state": "complete"}}]}}


def read_counts(client: Elasticsearch, name: str) -> dict[str, Any]:
    """Return totals, panels by kind, technique, license, year, scale source, journal, decade, and figures by source."""
    panels = {
        **{key: _group(field) for key, field in GROUP_FIELDS.items()},
        "decades": _DECADES,
        "with_scale": {"filter": {"term": {"scale.known": True}}},
        "with_doubtful_scale": {"filter": {"term": {"scale.doubtful": True}}},
        "with_lone_bar": {"filter": {"term": {"scale.lone_bar": True}}},
        "with_text": {"filter": {"exists": {"field": "words.text"}}},
        "with_caption": {"filter": {"exists": {"field": "words.caption"}}},
    }
    figures = {
        "sources": {"terms": {"field": "source", "size": 1_000}},
        "articles": {"cardinality": {"field": "article.id", "precision_threshold": EXACT_ARTICLE_COUNT}},
    }
    parts: dict[str, Any] = {
        "panels": {"filter": _IS_PANEL, "aggs": panels},
        "figures": {"filter": _IS_COMPLETE_FIGURE, "aggs": figures},
        "failures": {"filter": {"term": {"doc_type": "failure"}}},
    }
    found = client.search(  # the hits are the newest figures, by any panel of each
        index=name, size=NEWEST_FIGURES, aggs=parts, post_filter=_IS_PANEL, sort=[{"ingested_at": {"order": "desc"}}],
        collapse={"field": "figure.id"}, source=False,
    )  # fmt: skip
    answer = found["aggregations"]
    of_panels, of_figures = answer["panels"], answer["figures"]
    counts: dict[str, Any] = {
        "articles": of_figures["articles"]["value"],
        "figures": of_figures["doc_count"],
        "panels": of_panels["doc_count"],
        "failures": answer["failures"]["doc_count"],
        **{key: of_panels[key]["doc_count"] for key in panels if key.startswith("with_")},
    }
    counts |= _read_groups(of_panels, GROUP_FIELDS)
    counts["sources"] = {bucket["key"]: bucket["doc_count"] for bucket in of_figures["sources"]["buckets"]}
    counts["newest_figures"] = [hit["fields"]["figure.id"][0] for hit in found["hits"]["hits"]]
    return counts


def count_values(client: Elasticsearch, name: str, clauses: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Count the panels that match the clauses by their values. See `Index.count_values`."""
    groups = {key: field for key, field in GROUP_FIELDS.items() if key != "scale_sources"}
    figures = {"cardinality": {"field": "figure.id", "precision_threshold": EXACT_ARTICLE_COUNT}}
    aggregations: dict[str, Any] = {
        **{key: _group(field) for key, field in groups.items()},
        "decades": _DECADES,
        "sources": {"terms": {"field": "source", "size": 1_000}, "aggs": {"figures": figures}},
    }
    panels = {"panels": {"filter": {"bool": {"filter": clauses}}, "aggs": aggregations}}
    found = client.search(index=name, size=0, aggs=panels)["aggregations"]["panels"]
    sources = {bucket["key"]: bucket["figures"]["value"] for bucket in found["sources"]["buckets"]}
    return _read_groups(found, groups) | {"sources": sources}


def _read_groups(found: Mapping[str, Any], groups: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return the panels by the values of each group, and by decade of the field of view."""
    counts = {}
    for key in groups:
        by_value = {str(bucket["key"]): bucket["doc_count"] for bucket in found[key]["values"]["buckets"]}
        without = found["doc_count"] - found[key]["doc_count"]
        counts[key] = by_value | ({"unknown": without} if without else {})
    decades = found["decades"]["buckets"]
    counts["fields_of_view"] = {str(math.floor(bucket["key"])): bucket["doc_count"] for bucket in decades}
    return counts


def _group(field: str) -> dict[str, Any]:
    """Return the aggregation that counts the panels with a field by its values. A guessed technique is none."""
    conditions: list[dict[str, Any]] = [{"exists": {"field": field}}]
    if field == TECHNIQUE_FIELD:
        conditions.append(IS_TECHNIQUE_KNOWN)
    values = {"terms": {"field": field, "size": 10_000}}
    return {"filter": {"bool": {"filter": conditions}}, "aggs": {"values": values}}


def stored_bytes(client: Elasticsearch, index: str) -> int | None:
    """Return the bytes on disk with replicas; None where the key lacks the privilege to read them."""
    try:
        stats = client.indices.stats(index=index, metric="store")
    except AuthorizationException:
        return None
    return int(stats["_all"]["total"]["store"]["size_in_bytes"])
