"""Inputs that an ingest could not take, noted in the index so that a dashboard can show them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from elasticsearch import Elasticsearch

from mirsearch.indexes.base import Failure
from mirsearch.indexes.elasticsearch.bulk import Action, delete_action, index_action
from mirsearch.indexes.elasticsearch.documents import now

MOST = 10_000
"""Failures read back at once; what is more than that is counted, and shown by dashboards."""
INPUT_CHARS, REASON_CHARS = 2_000, 1_000


def failure_actions(index: str, failed: Iterable[Failure], settled: Iterable[str]) -> Iterator[Action]:
    """One document an input: the same failing again renews its own, what is settled loses it."""
    for each in settled:
        yield delete_action(index, _id(each))
    for failure in failed:
        told = {
            "input": failure.input[:INPUT_CHARS],
            "stage": failure.stage,
            "reason": failure.reason[:REASON_CHARS],
        }
        document = {"doc_type": "failure", "ingested_at": failure.noted_at or now(), "failure": told}
        yield index_action(index, _id(failure.input), document)


def noted(client: Elasticsearch, index: str) -> list[Failure]:
    """The failures of an index, by input; at most MOST."""
    answer = client.search(
        index=index,
        size=MOST,
        query={"bool": {"filter": [{"term": {"doc_type": "failure"}}]}},
        sort=[{"failure.input": "asc"}],
        source_includes=["failure", "ingested_at"],
        track_total_hits=False,
        allow_partial_search_results=False,
    )
    documents = [hit["_source"] for hit in answer["hits"]["hits"]]
    return [Failure(**each["failure"], noted_at=each["ingested_at"]) for each in documents]


def _id(where: str) -> str:
    """The document of an input; two of the same first 2,000 characters are one, as they look."""
    return "failure:" + hashlib.sha256(where[:INPUT_CHARS].encode("utf-8", "replace")).hexdigest()[:32]
