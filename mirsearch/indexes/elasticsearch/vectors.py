"""Read stored vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from elasticsearch import Elasticsearch
from numpy.typing import NDArray

from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.errors import read_answers
from mirsearch.indexes.elasticsearch.query import PANEL_ID_FIELD


def read_vectors(
    client: Elasticsearch, address: Address, clauses: list[dict[str, Any]], count: int, dims: int
) -> NDArray[np.float32]:
    """Return the vectors, float32 (n, dims), of the first `count` panels by id that match the clauses."""
    with read_answers(address):
        answer = client.search(
            index=address.name,
            size=count,
            source=False,
            fields=[{"field": "vector"}],
            query={"bool": {"filter": clauses}},
            sort=[{PANEL_ID_FIELD: "asc"}],
            allow_partial_search_results=False,
        )
        vectors = [hit["fields"]["vector"] for hit in answer["hits"]["hits"]]
        return np.asarray(vectors, dtype=np.float32).reshape(len(vectors), dims)
