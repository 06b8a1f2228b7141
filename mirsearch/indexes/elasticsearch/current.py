"""The physical index behind an alias, now: a migration may move the alias while a writer waits for the lock."""

from __future__ import annotations

from elasticsearch import Elasticsearch

from mirsearch.errors import IndexAccessError, IndexBusyError, IndexMissingError
from mirsearch.indexes.elasticsearch.admin import current_physical_index
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.lock import WriterLock

_ATTEMPTS = 5


def existing_index(client: Elasticsearch, address: Address) -> str:
    """Return the physical index behind the alias; IndexMissingError if there is none."""
    index = current_physical_index(client, address)
    if index is None:
        raise IndexMissingError(
            f"there is no index {address.name} at {address.cluster}",
            "create it with: mirsearch ingest or mirsearch index create",
        )
    return index


def lock_current_index(client: Elasticsearch, address: Address) -> WriterLock:
    """Take the write lock of the index that the alias points to while the lock is held.

    Restores the settings that a dead writer left. Raises IndexBusyError if another process writes.
    """
    for _ in range(_ATTEMPTS):
        index = existing_index(client, address)
        lock = take_lock(client, address, index)
        try:
            if existing_index(client, address) == index:
                return lock
        except BaseException:
            lock.release()
            raise
        lock.release()
    raise IndexBusyError(f"the alias {address} is being moved again and again", "try again later")


def take_lock(client: Elasticsearch, address: Address, index: str) -> WriterLock:
    """Take the write lock of a physical index, and restore the settings that a dead writer left."""
    lock = WriterLock(client, address, index)
    leftover = lock.acquire()
    if leftover:
        try:
            client.indices.put_settings(index=index, settings=leftover)
        except BaseException:
            lock.abandon()
            raise
    return lock


def ensure_current(client: Elasticsearch, address: Address, index: str) -> None:
    """Raise IndexAccessError if the alias no longer points to the index: what is written there would not be found."""
    now = existing_index(client, address)
    if now != index:
        raise IndexAccessError(
            f"{address} was moved from {index} to {now} during the command",
            "run the same command again: it writes to the index that answers now",
        )
