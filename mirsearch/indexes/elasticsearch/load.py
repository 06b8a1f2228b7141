"""Settings of an index while a large load goes into it, and as they were before."""

from __future__ import annotations

from typing import Any

from elasticsearch import AuthorizationException, Elasticsearch

from mirsearch.indexes.elasticsearch.lock import WriterLock

LOAD_REFRESH = "1s"
"""How often a cluster shows what a large load has written: it does so beside the load, which need not wait."""


def tuned(client: Elasticsearch, index: str, lock: WriterLock) -> bool:
    """Refresh beside the load instead of at commits, no replicas while nothing else is in the index; False where a key
    may not set that. What was set before is noted in the lock.
    """
    try:
        told_of = client.indices.get_settings(index=index)[index]["settings"]["index"]
        wanted: dict[str, Any] = {"refresh_interval": LOAD_REFRESH}
        if not client.count(index=index)["count"]:
            wanted |= {"auto_expand_replicas": False, "number_of_replicas": 0}
        lock.note({name: told_of.get(name) for name in wanted})
        client.indices.put_settings(index=index, settings=wanted)
    except AuthorizationException:
        return False  # a key without `manage` loads too, only slower
    return True


def put_back(client: Elasticsearch, index: str, settings: dict[str, Any]) -> None:
    """Set what the lock noted; nothing where it noted nothing."""
    if settings:
        client.indices.put_settings(index=index, settings=settings)
