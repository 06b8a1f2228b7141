"""Waiting for a cluster that restarts or is busy: a writer's requests are sent again until its patience is over."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from elastic_transport import ConnectionError as NoConnection
from elastic_transport import ConnectionTimeout, TlsError, Transport, TransportApiResponse
from elastic_transport.client_utils import DEFAULT
from elasticsearch import Elasticsearch

log = logging.getLogger(__name__)

BUSY = (429, 502, 503, 504)
"""Statuses that pass by themselves."""
UNKNOWN = 401
FIRST_WAIT, LONGEST_WAIT = 0.5, 20.0


class PatientTransport(Transport):
    """Sends again what failed in passing, for `patience` seconds (0: once); a request that names `max_retries` is not.

    A cluster that never answered is not waited for, as its address may be wrong. One that knew us once may for a while
    after its restart refuse who we are (401), until it can read its own users and keys.
    """

    patience = 0.0
    _answered = _accepted = False

    def perform_request(self, method: str, target: str, **how: Any) -> TransportApiResponse:
        """The first answer that is not one of a busy cluster, or the last one."""
        pause = Pause(self if how.get("max_retries", DEFAULT) is DEFAULT else None)
        how |= {"max_retries": 0, "retry_on_timeout": False}
        while True:
            try:
                answer = super().perform_request(method, target, **how)
            except (NoConnection, ConnectionTimeout) as error:
                if isinstance(error, TlsError) or not self._answered or pause.over:
                    raise
                reason = type(error).__name__
            else:
                status = answer.meta.status
                self._answered, self._accepted = True, self._accepted or status < 300
                forgotten = status == UNKNOWN and self._accepted
                if not (forgotten or (status in BUSY and passing(status, str(answer.body)))) or pause.over:
                    return answer
                reason = f"status {status}"
            pause.rest(reason)


def passing(status: int, words: str) -> bool:
    """Whether what a cluster refuses now it may take later; a full disk is no passing thing."""
    return status in BUSY and "disk usage" not in words


def _patience(transport: Transport | None) -> float:
    """Seconds that requests through a transport wait for the cluster."""
    return float(getattr(transport, "patience", 0.0))


@contextmanager
def waiting(client: Elasticsearch, seconds: float) -> Iterator[None]:
    """Let a client, and all made of it, wait so long inside."""
    before = _patience(client.transport)
    client.transport.patience = seconds  # type: ignore[attr-defined]
    try:
        yield
    finally:
        client.transport.patience = before  # type: ignore[attr-defined]


class Pause:
    """Waits between attempts, each twice as long as the one before; patience that is lost meanwhile counts."""

    def __init__(self, transport: Transport | None) -> None:
        self._transport, self._began, self._wait = transport, time.monotonic(), FIRST_WAIT

    @property
    def over(self) -> bool:
        """Whether there is nothing to wait for any longer."""
        return time.monotonic() - self._began >= _patience(self._transport)

    def rest(self, reason: str) -> None:
        """One wait; the first is told of."""
        if self._wait == FIRST_WAIT:
            seconds = _patience(self._transport)
            log.warning("the cluster does not take requests (%s); waiting up to %.0f s for it", reason, seconds)
        time.sleep(self._wait * random.uniform(0.7, 1.3))  # noqa: S311 - spreads retries, guards nothing
        self._wait = min(2 * self._wait, LONGEST_WAIT)


class ShardError(Exception):
    """A document that could not be looked up, as its shard is not there."""


def fetch(client: Elasticsearch, index: str, ids: Sequence[str], **how: Any) -> list[dict[str, Any]]:
    """Documents by id, with or without `found`, in the order asked; ShardError where one could not be looked up.

    The answer of a restarting cluster has status 200, and an error in place of the document.
    """
    pause = Pause(client.transport)
    while True:
        found: list[dict[str, Any]] = client.mget(index=index, ids=ids, **how)["docs"]
        error = next((each["error"] for each in found if "error" in each), None)
        if error is None:
            return found
        reason = str(error.get("reason") or error.get("type"))
        if pause.over:
            raise ShardError(reason)
        pause.rest(reason)
