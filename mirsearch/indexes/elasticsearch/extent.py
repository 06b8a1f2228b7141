"""What a query must know of an index: how many documents and shards it has, and how its vectors are rounded."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from elasticsearch import Elasticsearch

from mirsearch.indexes.elasticsearch.quantization import DEFAULT_KIND, largest_error

CACHE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Extent:
    """Documents of all kinds, shards, and the largest error of the visual term by which the graph orders panels."""

    documents: int
    shards: int
    vector_error: float


ONE_SHARD = Extent(0, 1, largest_error(DEFAULT_KIND, 1))
"""An index on one shard, as mirsearch makes it unless told otherwise."""


@dataclass(slots=True)
class ExtentReader:
    """Reads the extent of an index; an answer is reused for `CACHE_SECONDS`. Several threads may share it."""

    client: Elasticsearch
    name: str
    dims: int
    _extent: Extent = ONE_SHARD
    _valid_until: float = -math.inf

    def read(self) -> Extent:
        """Return the extent now. An alias may have been moved to an index with other shards and vectors."""
        if time.monotonic() > self._valid_until:
            counted = self.client.count(index=self.name)
            mapped = self.client.indices.get_field_mapping(index=self.name, fields="vector").body
            (of_index,) = mapped.values()
            options = (of_index["mappings"].get("vector") or {}).get("mapping", {}).get("vector", {})
            kind = (options.get("index_options") or {}).get("type")
            shards = int(counted["_shards"]["total"])
            self._extent = Extent(int(counted["count"]), shards, largest_error(kind, self.dims))
            self._valid_until = time.monotonic() + CACHE_SECONDS
        return self._extent
