"""Inputs that an ingest could not take, noted in the index so that a dashboard can show them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from elasticsearch import Elasticsearch

from mirsearch.indexes.elasticsearch_bulk import Bulk, index_action
from mirsearch.indexes.elasticsearch_client import Address
from mirsearch.indexes.elasticsearch_documents import now


@dataclass(frozen=True, slots=True)
class Failure:
    """An input (a path or address), the stage it failed at, and why, in one line."""

    input: str
    stage: str
    reason: str


def note(client: Elasticsearch, address: Address, index: str, failures: Iterable[Failure]) -> int:
    """Write failures, one document an input: the same input failing again renews its document. How many there were."""
    bulk = Bulk(client, address)
    count = 0
    try:
        for failure in failures:
            name = "failure:" + hashlib.sha256(failure.input.encode("utf-8", "replace")).hexdigest()[:32]
            told = {"input": failure.input[:2_000], "stage": failure.stage, "reason": failure.reason[:1_000]}
            bulk.add([index_action(index, name, {"doc_type": "failure", "ingested_at": now(), "failure": told})])
            count += 1
        bulk.flush()
    finally:
        bulk.close()
    client.indices.refresh(index=index)
    return count
