"""Sending documents in bulk: chunks bounded in bytes, a few in flight, what is refused for now sent again."""

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
from mirsearch.indexes.elasticsearch.errors import blocked, translated
from mirsearch.indexes.elasticsearch.patience import UNKNOWN, Pause, passing

CHUNK_BYTES = 8 << 20
IN_FLIGHT = 3
BULK_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Action:
    """Lines of a bulk request that belong together; `about` names the panel or figure for error messages."""

    about: str
    lines: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes of the lines."""
        return sum(map(len, self.lines))


def index_action(index: str, doc_id: str, document: dict[str, Any]) -> Action:
    """Write a document, in place of one of that id; its values of bytes are base64."""
    return Action(doc_id, (_json({"index": {"_index": index, "_id": doc_id}}), _body(document)))


def update_action(index: str, doc_id: str, part: dict[str, Any]) -> Action:
    """Change some fields of a document that is there."""
    return Action(doc_id, (_json({"update": {"_index": index, "_id": doc_id}}), _json({"doc": part})))


def delete_action(index: str, doc_id: str) -> Action:
    """Remove a document; none of that id is no error."""
    return Action(doc_id, (_json({"delete": {"_index": index, "_id": doc_id}}),))


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _body(document: dict[str, Any]) -> bytes:
    """A document as JSON. Base64 goes in as it is: it has nothing to escape, and is most of a panel's document."""
    words = {name: value for name, value in document.items() if not isinstance(value, bytes)}
    parts = [_json(words)[1:-1]] if words else []
    parts += [b'"%b": "%b"' % (name.encode(), value) for name, value in document.items() if isinstance(value, bytes)]
    return b"{%b}" % b", ".join(parts)


@dataclass(slots=True)
class Bulk:
    """Collects actions and sends them; `flush` returns when all of them were accepted, or raises.

    What is refused in passing is sent again for as long as the client waits for its cluster.
    """

    client: Elasticsearch
    address: Address
    check: Callable[[], None] = lambda: None
    chunk_bytes: int = CHUNK_BYTES
    sent_bytes: int = 0
    _held: list[Action] = field(default_factory=list)
    _held_bytes: int = 0
    _waiting: deque[Future[None]] = field(default_factory=deque)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(IN_FLIGHT, "mirsearch-bulk"))

    def add(self, actions: list[Action]) -> None:
        """Take actions that belong together; sends a chunk when enough are held."""
        size = sum(action.size for action in actions)
        if self._held and self._held_bytes + size > self.chunk_bytes:
            self._send()
        self._held += actions
        self._held_bytes += size
        if self._held_bytes >= self.chunk_bytes:
            self._send()

    @property
    def untouched(self) -> bool:
        """Whether nothing was sent yet."""
        return self.sent_bytes == 0

    def drop(self) -> None:
        """Forget what was not sent, and wait for what was."""
        self._held, self._held_bytes = [], 0
        while self._waiting:
            self._waiting.popleft().exception()

    def flush(self) -> None:
        """Send all that is held and wait until everything was accepted."""
        self._send()
        while self._waiting:
            self._waiting.popleft().result()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _send(self) -> None:
        if not self._held:
            return
        self.check()
        chunk, self._held = self._held, []
        self.sent_bytes += self._held_bytes
        self._held_bytes = 0
        while len(self._waiting) >= IN_FLIGHT:
            self._waiting.popleft().result()
        self._waiting.append(self._pool.submit(self._deliver, chunk))

    def _deliver(self, chunk: list[Action]) -> None:
        """Send a chunk until all of it is accepted; what was accepted is not sent again."""
        pause = Pause(self.client.transport)
        while chunk:
            chunk, reason = self._attempt(chunk, final=pause.over)
            if chunk:
                if pause.over:
                    raise reason
                pause.rest(str(reason))
                self.check()

    def _attempt(self, chunk: list[Action], *, final: bool) -> tuple[list[Action], Exception]:
        """One request; what must be sent again, with the reason. Raises what no retry would mend."""
        body: Any = [line for action in chunk for line in action.lines]
        try:
            answer = self.client.options(request_timeout=BULK_SECONDS, max_retries=0).bulk(operations=body)
        except (ApiError, elastic_transport.TransportError) as error:
            if _passing(error) and not final:
                return chunk, translated(error, self.address)
            if isinstance(error, ApiError) and error.meta.status == 413 and len(chunk) > 1:
                return self._halves(chunk)
            raise self._named(chunk, translated(error, self.address)) from None
        again, reason = [], Exception("")
        for action, item in zip(chunk, answer["items"], strict=True):
            told = next(iter(item.values()))
            status = told["status"]
            if passing(status, _cause(told)):
                again.append(action)
                reason = IndexAccessError(
                    f"{self.address} is too busy to take {action.about}: {_cause(told)}",
                    "run the same command again later",
                )
            elif status >= 300 and not (status == 404 and "error" not in told):
                raise self._refused(action, told)
        return again, reason

    def _halves(self, chunk: list[Action]) -> tuple[list[Action], Exception]:
        middle = len(chunk) // 2
        for half in (chunk[:middle], chunk[middle:]):
            self._deliver(half)
        return [], Exception("")

    def _named(self, chunk: list[Action], error: Exception) -> Exception:
        if isinstance(error, IndexAccessError) and len(chunk) == 1:
            return IndexAccessError(f"{chunk[0].about}: {error.message}", error.remedy)
        return error

    def _refused(self, action: Action, told: dict[str, Any]) -> IndexAccessError:
        cause = _cause(told)
        if "blocked by" in cause or "read-only" in cause:
            return blocked(self.address, cause)
        return IndexAccessError(
            f"{self.address} refuses {action.about}: {cause}", "what came before it is kept; run the same command again"
        )


def _passing(error: Exception) -> bool:
    if isinstance(error, ApiError):
        # a session's first requests were accepted: who is unknown now was known, and will be after a restart
        return error.meta.status == UNKNOWN or passing(error.meta.status, str(error))
    return isinstance(
        error, elastic_transport.ConnectionError | elastic_transport.ConnectionTimeout
    ) and not isinstance(error, elastic_transport.TlsError)


def _cause(told: dict[str, Any]) -> str:
    error = told.get("error") or {}
    deeper = error.get("caused_by") or {}
    words = f"{error.get('reason', told['status'])}" + (f": {deeper['reason']}" if deeper.get("reason") else "")
    return " ".join(words.split())[:300]
