"""Read stored vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from elasticsearch import Elasticsearch
from numpy.typing import NDArray

from mirsearch.errors import NotFoundError
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.errors import read_answers
from mirsearch.indexes.elasticsearch.filters import IS_PANEL, filter_clauses
from mirsearch.indexes.elasticsearch.query import PANEL_ID_FIELD
from mirsearch.indexes.elasticsearch.vocabulary import IndexVocabulary
from mirsearch.query import Filters


class VectorReads(IndexVocabulary):
    """The part of an index that reads vectors."""

    location: str
    _address: Address
    _client: Elasticsearch
    _extractor: ExtractorIdentity

    def vector(self, panel_id: str) -> NDArray[np.float32]:
        """Return the stored vector of a panel, float32 (dims,); NotFoundError if there is no such panel."""
        clauses = [IS_PANEL, {"ids": {"values": [panel_id]}}]
        found = read_vectors(self._client, self._address, clauses, 1, self._extractor.dims)
        if not len(found):
            raise self._not_found(panel_id)
        vector: NDArray[np.float32] = found[0]
        return vector

    def first_vectors(self, filters: Filters, count: int) -> NDArray[np.float32]:
        """Return the vectors of the first panels by id that pass the filters. See `Index.first_vectors`."""
        clauses = filter_clauses(filters, self._headings)
        return read_vectors(self._client, self._address, clauses, count, self._extractor.dims)

    def _not_found(self, panel_id: str) -> NotFoundError:
        return NotFoundError(
            f"no panel {panel_id!r} in the index at {self.location}",
            "find panel ids with: mirsearch export or mirsearch query",
        )


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
