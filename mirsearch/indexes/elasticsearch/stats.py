"""What an index on Elasticsearch holds, counted by aggregations."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

from elasticsearch import AuthorizationException, Elasticsearch

PRECISE = 40_000
"""Up to so many distinct articles are counted exactly, more of them to about 1 %."""
COUNTED_SECONDS = 30.0
GROUPS = {
    "kinds": "panel.kind",
    "techniques": "panel.technique",
    "licenses": "article.license_code",
    "years": "article.year",
    "scale_sources": "scale.source",
    "journals": "article.journal",
}
_PANEL = {"term": {"doc_type": "panel"}}
_FIGURE = {"bool": {"filter": [{"term": {"doc_type": "figure"}}, {"term": {"figure_state": "complete"}}]}}


def counts(client: Elasticsearch, name: str) -> dict[str, Any]:
    """Totals, panels by kind, technique, license, year, scale source, journal and decade, and figures by source."""
    groups = {key: {"terms": {"field": field, "size": 10_000}} for key, field in GROUPS.items()}
    unknown = {f"no_{key}": {"missing": {"field": field}} for key, field in GROUPS.items()}
    panels = {
        **groups,
        **unknown,
        "decades": {"histogram": {"field": "scale.log10_field_of_view", "interval": 1, "min_doc_count": 1}},
        "with_scale": {"filter": {"term": {"scale.known": True}}},
        "with_text": {"filter": {"exists": {"field": "words.text"}}},
        "with_caption": {"filter": {"exists": {"field": "words.caption"}}},
    }
    figures = {
        "sources": {"terms": {"field": "source", "size": 1_000}},
        "articles": {"cardinality": {"field": "article.id", "precision_threshold": PRECISE}},
    }
    parts: dict[str, Any] = {
        "panels": {"filter": _PANEL, "aggs": panels},
        "figures": {"filter": _FIGURE, "aggs": figures},
        "failures": {"filter": {"term": {"doc_type": "failure"}}},
    }
    answer = client.search(index=name, size=0, aggs=parts)["aggregations"]
    of_panels, of_figures = answer["panels"], answer["figures"]
    found: dict[str, Any] = {
        "articles": of_figures["articles"]["value"],
        "figures": of_figures["doc_count"],
        "panels": of_panels["doc_count"],
        "failures": answer["failures"]["doc_count"],
        **{key: of_panels[key]["doc_count"] for key in ("with_scale", "with_text", "with_caption")},
    }
    for key in GROUPS:
        by = {str(each["key"]): each["doc_count"] for each in of_panels[key]["buckets"]}
        without = of_panels[f"no_{key}"]["doc_count"]
        found[key] = by | ({"unknown": without} if without else {})
    decades = of_panels["decades"]["buckets"]
    found["fields_of_view"] = {str(math.floor(each["key"])): each["doc_count"] for each in decades}
    found["sources"] = {each["key"]: each["doc_count"] for each in of_figures["sources"]["buckets"]}
    return found


@dataclass(slots=True)
class Size:
    """How many documents an index has, asked again when the answer is `COUNTED_SECONDS` old."""

    client: Elasticsearch
    name: str
    _count: int = 0
    _until: float = -math.inf

    def documents(self) -> int:
        """All documents: panels, figures and what else there is."""
        if time.monotonic() > self._until:
            self._count = int(self.client.count(index=self.name)["count"])
            self._until = time.monotonic() + COUNTED_SECONDS
        return self._count


def stored_bytes(client: Elasticsearch, index: str) -> int | None:
    """Bytes on disk with replicas; None where the key may not ask for them."""
    try:
        told = client.indices.stats(index=index, metric="store")
    except AuthorizationException:
        return None
    return int(told["_all"]["total"]["store"]["size_in_bytes"])
