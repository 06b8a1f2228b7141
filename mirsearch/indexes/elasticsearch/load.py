"""Change an index's settings for a large load, and restore them afterwards."""

from __future__ import annotations

from typing import Any

from elasticsearch import AuthorizationException, Elasticsearch

from mirsearch.indexes.elasticsearch.lock import WriterLock

LOAD_REFRESH_INTERVAL = "1s"
"""How often the cluster shows new documents during a large load, in the background: the load does not wait for it."""


def tune_for_load(client: Elasticsearch, index: str, lock: WriterLock) -> bool:
    """Set background refreshes instead of one at each commit. Replicas stay: what is committed must survive a node.

    The lock stores the settings as they were. Returns False where the key lacks the privilege to change settings.
    """
    try:
        before = client.indices.get_settings(index=index)[index]["settings"]["index"]
        wanted: dict[str, Any] = {"refresh_interval": LOAD_REFRESH_INTERVAL}
        lock.store_settings({name: before.get(name) for name in wanted})
        client.indices.put_settings(index=index, settings=wanted)
    except AuthorizationException:
        return False  # without the privilege `manage` the load works, but slower
    return True


def restore_settings(client: Elasticsearch, index: str, settings: dict[str, Any]) -> None:
    """Set again the settings that the lock stored, if any."""
    if settings:
        client.indices.put_settings(index=index, settings=settings)
