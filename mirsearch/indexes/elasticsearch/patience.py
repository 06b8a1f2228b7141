"""Repeat a writer's requests while the cluster restarts or is busy, for as many seconds as the client allows.

The backoff is our own, not a retry library's: an answer of the cluster, an error and a document inside an answer can
all ask for another attempt, and the time allowed changes while an attempt waits.
"""

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

BUSY_STATUSES = (429, 502, 503, 504)
"""HTTP statuses of a cluster that may accept the same request later."""
UNAUTHORIZED, NOT_FOUND = 401, 404
MAX_REPEATS = 2
"""How often a search is sent again whose node went away between finding the panels and reading them."""
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 20.0


class PatientTransport(Transport):
    """Repeats a request that failed for a temporary reason, for `patience` seconds; 0 means a single attempt.

    Each attempt goes to the `other_nodes` as well, if a node does not answer or is busy: at once, and whatever the
    patience. A request with its own `max_retries` is not repeated after that. Nor is any before the cluster has
    answered once: its address may be wrong. A cluster that accepted our credentials may answer 401 for a while after a
    restart, until it can read its own users and keys; then the request is repeated.
    """

    patience = 0.0
    other_nodes = 0
    _has_answered = _has_accepted = False

    def perform_request(self, method: str, target: str, **options: Any) -> TransportApiResponse:
        """Return the first answer of a cluster that is not busy, or the last answer when the time is over."""
        repeats = 0
        is_repeated = options.get("max_retries", DEFAULT) is DEFAULT
        backoff = Backoff(self if is_repeated else None)
        options |= {"max_retries": self.other_nodes, "retry_on_timeout": is_repeated and self.other_nodes > 0}
        while True:
            try:
                answer = super().perform_request(method, target, **options)
            except (NoConnection, ConnectionTimeout) as error:
                if isinstance(error, TlsError) or not self._has_answered or backoff.is_over:
                    raise
                reason = type(error).__name__
            else:
                status = answer.meta.status
                self._has_answered, self._has_accepted = True, self._has_accepted or status < 300
                if _has_lost_place(target, answer) and repeats < MAX_REPEATS:
                    repeats += 1
                    continue
                users_not_loaded = status == UNAUTHORIZED and self._has_accepted
                if not (users_not_loaded or is_temporary(status, answer.body)) or backoff.is_over:
                    return answer
                reason = f"status {status}"
            backoff.wait(reason)


def _has_lost_place(target: str, answer: TransportApiResponse) -> bool:
    """Return whether a search of an index lost a node half way. Pages of a point in time can't be asked for again."""
    is_search = target.partition("?")[0].endswith("/_search") and not target.startswith("/_search")
    return is_search and answer.meta.status == NOT_FOUND and "search_context_missing" in str(answer.body)


def is_temporary(status: int, message: object) -> bool:
    """Return whether the cluster may accept later what it refuses now. A full disk is not temporary.

    The message is read only with such a status: the text of thousands of hits takes longer to make than their answer.
    """
    return status in BUSY_STATUSES and "disk usage" not in str(message)


def _patience_seconds(transport: Transport | None) -> float:
    return float(getattr(transport, "patience", 0.0))


@contextmanager
def retry_for(client: Elasticsearch, seconds: float) -> Iterator[None]:
    """Let a client, and all clients derived from it, repeat their requests for `seconds` inside the block."""
    before = _patience_seconds(client.transport)
    client.transport.patience = seconds  # type: ignore[attr-defined]
    try:
        yield
    finally:
        client.transport.patience = before  # type: ignore[attr-defined]


class Backoff:
    """Waits between attempts; each wait is twice as long as the one before.

    The transport's patience is read anew each time, so that it can be shortened while a request waits.
    """

    def __init__(self, transport: Transport | None) -> None:
        self._transport, self._started, self._wait_seconds = transport, time.monotonic(), FIRST_WAIT_SECONDS

    @property
    def is_over(self) -> bool:
        """Whether the time for attempts is over."""
        return time.monotonic() - self._started >= _patience_seconds(self._transport)

    def wait(self, reason: str) -> None:
        """Wait once. The first wait logs a warning with the reason."""
        if self._wait_seconds == FIRST_WAIT_SECONDS:
            seconds = _patience_seconds(self._transport)
            log.warning("the cluster does not accept requests (%s); waiting up to %.0f s for it", reason, seconds)
        time.sleep(self._wait_seconds * random.uniform(0.7, 1.3))  # noqa: S311 - spreads retries, guards nothing
        self._wait_seconds = min(2 * self._wait_seconds, LONGEST_WAIT_SECONDS)


class ShardUnavailableError(Exception):
    """A document can't be read because its shard is not available."""


def fetch_documents(client: Elasticsearch, index: str, ids: Sequence[str], **options: Any) -> list[dict[str, Any]]:
    """Return documents by id, in the order of `ids`; the field `found` of each tells whether it exists.

    Raises ShardUnavailableError where a document can't be read. A restarting cluster answers with status 200 and an
    error in place of the document.
    """
    backoff = Backoff(client.transport)
    while True:
        documents: list[dict[str, Any]] = client.mget(index=index, ids=ids, **options)["docs"]
        error = next((document["error"] for document in documents if "error" in document), None)
        if error is None:
            return documents
        reason = str(error.get("reason") or error.get("type"))
        if backoff.is_over:
            raise ShardUnavailableError(reason)
        backoff.wait(reason)
