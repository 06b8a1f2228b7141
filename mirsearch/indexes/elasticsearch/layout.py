"""How an index is laid out on a cluster, as far as somebody chose it: shards, copies, and the kind of vectors.

What nobody chose comes from the templates: one shard, a copy where there is a second node, a byte for each number of a
vector. A component template `mirsearch@custom` changes that for all indexes. A choice stays with the index: a migration
hands it on.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from elasticsearch import Elasticsearch

from mirsearch.errors import UsageError
from mirsearch.indexes.elasticsearch import mapping
from mirsearch.indexes.elasticsearch.quantization import check_kind

MAX_SHARDS = 1_024
"""Most shards that Elasticsearch gives an index."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What was chosen for an index; None: not chosen. `vectors` is one of quantization.KINDS."""

    shards: int | None = None
    replicas: int | None = None
    vectors: str | None = None

    def check(self, dims: int, version: tuple[int, int]) -> None:
        """Raise UsageError if a server of `version` can't lay out an index so."""
        if self.shards is not None and not 1 <= self.shards <= MAX_SHARDS:
            raise UsageError(f"--shards {self.shards} is out of range", f"give 1 to {MAX_SHARDS}")
        if self.replicas is not None and self.replicas < 0:
            raise UsageError(f"--replicas {self.replicas} is out of range", "give 0 or more")
        if self.vectors is not None:
            check_kind(self.vectors, dims, version)

    def to_json(self) -> dict[str, Any]:
        """Return what was chosen, by name."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}

    def or_else(self, earlier: Layout) -> Layout:
        """Return these choices, and the earlier ones where there is none here."""
        return Layout(**{**earlier.to_json(), **self.to_json()})

    def index_body(self, dims: int, version: tuple[int, int]) -> dict[str, Any]:
        """Return the settings and mappings of a new index that its template does not have."""
        settings: dict[str, Any] = {}
        if self.shards is not None:
            settings["number_of_shards"] = self.shards
        if self.replicas is not None:
            settings |= {"number_of_replicas": self.replicas, "auto_expand_replicas": False}
        body: dict[str, Any] = {"settings": settings} if settings else {}
        if self.vectors is not None:
            body["mappings"] = {"properties": {"vector": mapping.vector_field(dims, version, self.vectors)}}
        return body


def read_layout(client: Elasticsearch, index: str) -> Layout:
    """Return what was chosen for a physical index."""
    mappings = client.indices.get_mapping(index=index)[index]["mappings"]
    chosen = ((mappings.get("_meta") or {}).get("mirsearch") or {}).get("layout") or {}
    return Layout(chosen.get("shards"), chosen.get("replicas"), chosen.get("vectors"))
