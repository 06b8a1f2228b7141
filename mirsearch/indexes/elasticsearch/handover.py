"""Hand the write lock to those who wait, between the commits of a long load, and wait for it in turn.

Who waits says so in a document beside the lock. A holder that sees it frees the lock, and takes it again after that.
The document says nothing else, and who waits writes it again and again: one that died is forgotten after a moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from elasticsearch import ApiError, Elasticsearch, NotFoundError

from mirsearch.errors import IndexBusyError
from mirsearch.indexes.elasticsearch.load import restore_settings
from mirsearch.indexes.elasticsearch.lock import WriterLock, read_lock
from mirsearch.indexes.elasticsearch.lock_owner import this_process
from mirsearch.settings.waiting import lock_wait_seconds

WAITER_ID = "mirsearch-writer-next"
_POLL_SECONDS = 0.2
_TAKING_SECONDS = 5.0
"""How long a freed lock is left to who waits. If nobody takes it, who waited has died."""
_LONGEST_TURN_SECONDS = 86_400.0
"""How long a load waits for those to whom it gave way."""
Result = TypeVar("Result")


def wait_for_turn(
    client: Elasticsearch, index: str, take: Callable[[], Result], seconds: float | None = None
) -> Result:
    """Return what `take` gives as soon as it does not raise IndexBusyError; that after so many seconds.

    None: after as many as `--wait` says. `index` is where the lock is, or its alias.
    """
    deadline = time.monotonic() + (lock_wait_seconds() if seconds is None else seconds)
    has_announced = False
    try:
        while True:
            try:
                return take()
            except IndexBusyError:
                if time.monotonic() >= deadline:
                    raise
            waiter = {"owner": this_process(), "beat": time.time()}
            client.index(index=index, id=WAITER_ID, document={"doc_type": "lock", "lock": waiter})
            has_announced = True
            time.sleep(_POLL_SECONDS)
    finally:
        if has_announced:
            forget_waiter(client, index)


def is_awaited(client: Elasticsearch, index: str) -> bool:
    """Return whether somebody waits for the lock of an index."""
    return bool(client.exists(index=index, id=WAITER_ID, source=False))


def forget_waiter(client: Elasticsearch, index: str) -> None:
    """Remove what who waits has written; others who wait write it again."""
    with suppress(NotFoundError, ApiError):
        client.delete(index=index, id=WAITER_ID)


def hand_over(client: Elasticsearch, lock: WriterLock) -> bool:
    """Free a lock for who waits, and take it again after that; return whether anybody took it.

    The settings of a load are restored meanwhile.
    """
    restore_settings(client, lock.index, lock.settings)
    lock.release()
    has_given = _is_taken(client, lock.index)
    lock.renew_session()
    wait_for_turn(client, lock.index, lock.acquire, _LONGEST_TURN_SECONDS)
    return has_given


def _is_taken(client: Elasticsearch, index: str) -> bool:
    """Wait until somebody has taken the lock that was just freed; forget who waited if nobody does."""
    deadline = time.monotonic() + _TAKING_SECONDS
    while time.monotonic() < deadline:
        if read_lock(client, index) is not None:
            return True
        time.sleep(_POLL_SECONDS / 4)
    forget_waiter(client, index)
    return False
