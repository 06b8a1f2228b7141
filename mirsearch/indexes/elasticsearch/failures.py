"""Inputs that failed to ingest, stored in the index so that a dashboard can show them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from elasticsearch import Elasticsearch

from mirsearch.indexes.base import Failure
from mirsearch.indexes.elasticsearch.bulk import Action, delete_action, index_action
from mirsearch.indexes.elasticsearch.documents import utc_timestamp
from mirsearch.indexes.own_files import OwnFiles

MAX_FAILURES = 10_000
"""Most failures that are read back. Counts and dashboards cover all of them."""
MAX_INPUT_CHARS, MAX_REASON_CHARS = 2_000, 1_000


def failure_actions(index: str, failed: Iterable[Failure], resolved: Iterable[str]) -> Iterator[Action]:
    """Write one document for each failed input, in place of an earlier one; delete those of resolved inputs."""
    for name in resolved:
        yield delete_action(index, _document_id(name))
    for failure in failed:
        fields = {
            "input": failure.input[:MAX_INPUT_CHARS],
            "stage": failure.stage,
            "reason": failure.reason[:MAX_REASON_CHARS],
        }
        document = {"doc_type": "failure", "ingested_at": failure.noted_at or utc_timestamp(), "failure": fields}
        yield index_action(index, _document_id(failure.input), document)


def read_failures(client: Elasticsearch, index: str, own: OwnFiles) -> list[Failure]:
    """Return the failures of an index, ordered by input; at most MAX_FAILURES."""
    answer = client.search(
        index=index,
        size=MAX_FAILURES,
        query={"bool": {"filter": [{"term": {"doc_type": "failure"}}]}},
        sort=[{"failure.input": "asc"}],
        source_includes=["failure", "ingested_at"],
        track_total_hits=False,
        allow_partial_search_results=False,
    )
    return [read_failure(hit["_source"], own) for hit in answer["hits"]["hits"]]


def read_failure(document: dict[str, Any], own: OwnFiles) -> Failure:
    """Return the failure of a document."""
    fields = document["failure"]
    return Failure(own.to_path(fields["input"]), fields["stage"], fields["reason"], document["ingested_at"])


def _document_id(name: str) -> str:
    """Return the document id of an input. Inputs with the same first 2,000 characters share a document."""
    return "failure:" + hashlib.sha256(name[:MAX_INPUT_CHARS].encode("utf-8", "replace")).hexdigest()[:32]
