"""Send documents in bulk: in chunks of limited size, a few at once; repeat what the cluster refuses temporarily."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import elastic_transport
from elasticsearch import ApiError, Elasticsearch

from mirsearch.errors import IndexAccessError
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.errors import read_only_error, translate_error
from mirsearch.indexes.elasticsearch.patience import UNAUTHORIZED, Backoff, is_temporary
from mirsearch.text.masking import mask

CHUNK_BYTES = 8 << 20
MAX_IN_FLIGHT = 3
BULK_TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Action:
    """The lines of one action of a bulk request. Error messages name its document by `doc_id`."""

    doc_id: str
    lines: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Size of the lines in bytes."""
        return sum(map(len, self.lines))


def index_action(index: str, doc_id: str, document: dict[str, Any]) -> Action:
    """Return the action that writes a document, in place of one with that id; values of type bytes are base64."""
    return Action(doc_id, (_to_json({"index": {"_index": index, "_id": doc_id}}), _document_json(document)))


def update_action(index: str, doc_id: str, part: dict[str, Any]) -> Action:
    """Return the action that changes some fields of an existing document."""
    return Action(doc_id, (_to_json({"update": {"_index": index, "_id": doc_id}}), _to_json({"doc": part})))


def delete_action(index: str, doc_id: str) -> Action:
    """Return the action that deletes a document; a missing document is no error."""
    return Action(doc_id, (_to_json({"delete": {"_index": index, "_id": doc_id}}),))


def _to_json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _document_json(document: dict[str, Any]) -> bytes:
    """Return a document as JSON. Base64, most of a panel's document, is inserted as it is: it needs no escapes."""
    plain = {name: value for name, value in document.items() if not isinstance(value, bytes)}
    parts = [_to_json(plain)[1:-1]] if plain else []
    parts += [b'"%b": "%b"' % (name.encode(), value) for name, value in document.items() if isinstance(value, bytes)]
    return b"{%b}" % b", ".join(parts)


@dataclass(slots=True)
class BulkSender:
    """Collects actions and sends them. `flush` returns when the cluster has accepted all of them, or raises.

    What the cluster refuses temporarily is sent again, for as long as the client's patience allows.
    `check_lock` is called before each request; it raises when the write lock is lost.
    """

    client: Elasticsearch
    address: Address
    check_lock: Callable[[], None] = lambda: None
    chunk_bytes: int = CHUNK_BYTES
    sent_bytes: int = 0
    _collected: list[Action] = field(default_factory=list)
    _collected_bytes: int = 0
    _in_flight: deque[Future[None]] = field(default_factory=deque)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(MAX_IN_FLIGHT, "mirsearch-bulk"))

    def add(self, actions: list[Action]) -> None:
        """Add actions that go into one chunk; send a chunk when enough bytes are collected."""
        size = sum(action.size for action in actions)
        if self._collected and self._collected_bytes + size > self.chunk_bytes:
            self._send()
        self._collected += actions
        self._collected_bytes += size
        if self._collected_bytes >= self.chunk_bytes:
            self._send()

    @property
    def has_sent(self) -> bool:
        """Whether anything was sent yet."""
        return self.sent_bytes != 0

    def discard(self) -> None:
        """Discard what was not sent, and wait until the requests in flight have ended."""
        self._collected, self._collected_bytes = [], 0
        while self._in_flight:
            self._in_flight.popleft().exception()

    def flush(self) -> None:
        """Send all collected actions, and wait until the cluster has accepted everything."""
        self._send()
        while self._in_flight:
            self._in_flight.popleft().result()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _send(self) -> None:
        if not self._collected:
            return
        self.check_lock()
        chunk, self._collected = self._collected, []
        self.sent_bytes += self._collected_bytes
        self._collected_bytes = 0
        while len(self._in_flight) >= MAX_IN_FLIGHT:
            self._in_flight.popleft().result()
        self._in_flight.append(self._pool.submit(self._deliver, chunk))

    def _deliver(self, chunk: list[Action]) -> None:
        """Send a chunk until the cluster has accepted all of it; accepted actions are not sent again."""
        backoff = Backoff(self.client.transport)
        while chunk:
            chunk, reason = self._try_send(chunk, final=backoff.is_over)
            if chunk:
                if backoff.is_over:
                    raise reason
                backoff.wait(str(reason))
                self.check_lock()

    def _try_send(self, chunk: list[Action], *, final: bool) -> tuple[list[Action], Exception]:
        """Send one request. Return the actions to repeat, and the reason; raise errors that a retry would not cure."""
        body: Any = [line for action in chunk for line in action.lines]
        try:
            answer = self.client.options(request_timeout=BULK_TIMEOUT_SECONDS, max_retries=0).bulk(operations=body)
        except (ApiError, elastic_transport.TransportError) as error:
            if _is_temporary_error(error) and not final:
                return chunk, translate_error(error, self.address)
            if isinstance(error, ApiError) and error.meta.status == 413 and len(chunk) > 1:
                return self._deliver_halves(chunk)
            raise self._name_document(chunk, translate_error(error, self.address)) from None
        repeat, reason = [], Exception("")
        for action, item in zip(chunk, answer["items"], strict=True):
            result: dict[str, Any] = next(iter(item.values()), {})
            status = result["status"]
            if is_temporary(status, _cause(result)):
                repeat.append(action)
                reason = IndexAccessError(
                    f"{self.address} is too busy to accept {action.doc_id}: {_cause(result)}",
                    "run the same command again later",
                )
            elif status >= 300 and not (status == 404 and "error" not in result):
                raise self._refusal(action, result)
        return repeat, reason

    def _deliver_halves(self, chunk: list[Action]) -> tuple[list[Action], Exception]:
        middle = len(chunk) // 2
        for half in (chunk[:middle], chunk[middle:]):
            self._deliver(half)
        return [], Exception("")

    def _name_document(self, chunk: list[Action], error: Exception) -> Exception:
        if isinstance(error, IndexAccessError) and len(chunk) == 1:
            return IndexAccessError(f"{chunk[0].doc_id}: {error.message}", error.remedy)
        return error

    def _refusal(self, action: Action, result: dict[str, Any]) -> IndexAccessError:
        cause = _cause(result)
        if "blocked by" in cause or "read-only" in cause:
            return read_only_error(self.address, cause)
        return IndexAccessError(
            f"{self.address} refuses {action.doc_id}: {cause}", "earlier figures are kept; run the same command again"
        )


def _is_temporary_error(error: Exception) -> bool:
    if isinstance(error, ApiError):
        # the session's first requests were accepted, so a 401 only means that the restarting node has no users yet
        return error.meta.status == UNAUTHORIZED or is_temporary(error.meta.status, str(error))
    return isinstance(
        error, elastic_transport.ConnectionError | elastic_transport.ConnectionTimeout
    ) and not isinstance(error, elastic_transport.TlsError)


def _cause(result: dict[str, Any]) -> str:
    error = result.get("error") or {}
    caused_by = error.get("caused_by") or {}
    text = f"{error.get('reason', result['status'])}" + (f": {caused_by['reason']}" if caused_by.get("reason") else "")
    return " ".join(mask(text).split())[:300]
