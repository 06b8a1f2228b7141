"""Allow one writer at a time on an index: a lock document names the writer, and the writer renews it regularly.

A new writer takes over a lock whose process has ended on this machine. Of a process elsewhere it watches the sequence
number of the lock document, which each renewal raises: if it does not change for `STALE_SECONDS` of the own clock, the
lock is taken over. Clocks of two machines are never compared. Each write names the version that it replaces, so that
the cluster refuses all but one of several new owners. The settings that the lock stores are then restored.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import elastic_transport
from elasticsearch import ApiError, ConflictError, Elasticsearch, NotFoundError

from mirsearch.errors import IndexBusyError
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.documents import utc_timestamp
from mirsearch.indexes.elasticsearch.lock_owner import ended_tokens, has_ended, this_process

log = logging.getLogger(__name__)

LOCK_ID = "mirsearch-writer"
STALE_SECONDS = 90.0
RENEWAL_SECONDS = 3.0
SURE_SECONDS = 30.0
"""Age of a renewal up to which the owner need not ask whether it still has the lock: well below STALE_SECONDS."""
POLL_SECONDS = 0.5
_TOLD_AFTER = 10.0
"""How long a lock that does not change is watched before a line tells what is waited for."""


def _clock() -> float:
    """Return seconds that go on while this machine sleeps, where the system has such a clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@dataclass(frozen=True, slots=True)
class LockDocument:
    """The lock as it was read: its version, and what is in it."""

    version: dict[str, int]
    content: dict[str, Any]

    @property
    def owner(self) -> dict[str, Any]:
        """Names of the process that holds the lock."""
        owner: dict[str, Any] = self.content.get("owner") or {}
        return owner


def read_lock(client: Elasticsearch, index: str) -> LockDocument | None:
    """Return the lock of an index, None if nobody holds it."""
    try:
        document = client.get(index=index, id=LOCK_ID)
    except NotFoundError:
        return None
    return LockDocument(_version_of(document), document["_source"]["lock"])


def _version_of(document: Any) -> dict[str, int]:
    return {"if_seq_no": document["_seq_no"], "if_primary_term": document["_primary_term"]}


def is_left(client: Elasticsearch, index: str, seconds: float) -> bool:
    """Return whether an index has a lock whose owner has ended, or did not renew it for `seconds` from now on."""
    seen = read_lock(client, index)
    return seen is not None and (has_ended(seen.owner) or _watch(client, index, seen, seconds))


def _watch(client: Elasticsearch, index: str, seen: LockDocument, seconds: float) -> bool:
    """Return whether a lock stays as it is for `seconds` of our clock; False as soon as it changes or is gone.

    Only time in which the cluster answers counts: while it does not, its owner can't renew the lock either.
    """
    unchanged, told, last = 0.0, False, time.monotonic()
    while unchanged < seconds:
        time.sleep(POLL_SECONDS)
        now = read_lock(client, index)
        if now is None or now.version != seen.version:
            return False
        unchanged += min(time.monotonic() - last, 2 * POLL_SECONDS)
        last = time.monotonic()
        if unchanged > _TOLD_AFTER and not told:
            told = True
            log.warning("%s gives no sign; its lock is taken over after %.0f s without one", _who(seen), seconds)
    return True


def _who(lock: LockDocument | None) -> str:
    owner = lock.owner if lock else {}
    return f"process {owner['pid']} on {owner['host']}, since {owner['since']}" if owner else "another process"


@dataclass(slots=True)
class WriterLock:
    """The lock of one writing session. `acquire` and `ensure_held` raise IndexBusyError."""

    client: Elasticsearch
    address: Address
    index: str
    settings: dict[str, Any] = field(default_factory=dict)
    _token: str = field(default_factory=lambda: uuid.uuid4().hex)
    _since: str = field(default_factory=utc_timestamp)
    _version: dict[str, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _renewed_at: float = 0.0
    _lost: bool = False
    _renewal: threading.Lock = field(default_factory=threading.Lock)

    def acquire(self) -> dict[str, Any]:
        """Take the lock. Return the settings to restore that a dead writer left; empty where there are none.

        Returns or raises at once, or after the next renewal, unless the lock's owner gives no sign of life.
        """
        leftover: dict[str, Any] = {}
        try:
            self._write(self.client, op_type="create")
        except ConflictError:
            leftover = self._take_over()
        self._thread = threading.Thread(target=self._renew_regularly, name="mirsearch-lock", daemon=True)
        self._thread.start()
        return leftover

    def store_settings(self, settings: dict[str, Any]) -> None:
        """Store the settings to restore, so that the next writer can restore them after a crash."""
        self.settings = settings
        with self._renewal:
            self._renew(self.client)
        self.ensure_held()

    def ensure_held(self) -> None:
        """Raise IndexBusyError if another writer took the lock over, which it may when the lock was not renewed."""
        if not self._lost and _clock() - self._renewed_at > SURE_SECONDS:
            with self._renewal:
                self._renew(self.client)
        if self._lost:
            raise IndexBusyError(
                f"the write lock of {self.address} was lost: it could not be renewed for {STALE_SECONDS:.0f} s",
                "run the same command again; committed figures are kept",
            )

    def abandon(self) -> None:
        """End the session, and leave the lock with its settings to the next writer."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        ended_tokens.add(self._token)

    def release(self) -> None:
        """Release the lock, if it is still ours."""
        self.abandon()
        if not self._lost:
            with contextlib.suppress(NotFoundError, ConflictError):
                self.client.delete(
                    index=self.index,
                    id=LOCK_ID,
                    if_seq_no=self._version["if_seq_no"],
                    if_primary_term=self._version["if_primary_term"],
                )
        ended_tokens.discard(self._token)

    def renew_session(self) -> None:
        """Let `acquire` be called again after `release`, by the same owner."""
        self._stop, self._thread, self._lost, self.settings = threading.Event(), None, False, {}

    def _write(self, client: Elasticsearch, **options: Any) -> None:
        owner = {**this_process(), "token": self._token, "since": self._since}
        # `beat` is for earlier versions of mirsearch, which compare it with their clock
        lock = {"owner": owner, "beat": time.time(), "settings": self.settings}
        began = _clock()
        answer = client.index(index=self.index, id=LOCK_ID, document={"doc_type": "lock", "lock": lock}, **options)
        self._version, self._renewed_at = _version_of(answer), began

    def _take_over(self) -> dict[str, Any]:
        """Replace the lock of a writer that has ended. Return its settings; raise IndexBusyError if it is alive."""
        found = read_lock(self.client, self.index)
        # the lock is ours if the cluster carried out our first attempt but its answer did not arrive
        if found is not None and found.owner.get("token") != self._token and not has_ended(found.owner):
            is_dead = _watch(self.client, self.index, found, STALE_SECONDS)
            if not is_dead and read_lock(self.client, self.index) is not None:
                raise self._busy_error(found)
            found = found if is_dead else None
        self.settings = (found.content.get("settings") or {}) if found else {}  # kept, should we crash as well
        try:
            if found is None:  # it was released meanwhile
                self._write(self.client, op_type="create")
            else:
                self._write(self.client, **found.version)
        except ConflictError:
            raise self._busy_error(None) from None
        return self.settings

    def _busy_error(self, lock: LockDocument | None) -> IndexBusyError:
        who = f" ({_who(lock)})" if lock and lock.owner else ""
        return IndexBusyError(
            f"another process is writing to {self.address}{who}",
            f"wait until it ends; if it crashed, its lock is taken over after {STALE_SECONDS:.0f} s without a renewal",
        )

    def _renew_regularly(self) -> None:
        without_retries = self.client.options(max_retries=0)
        while not self._stop.wait(RENEWAL_SECONDS) and not self._lost:
            with self._renewal:
                try:
                    self._renew(without_retries)
                except (ApiError, elastic_transport.TransportError):
                    continue  # `ensure_held` raises once this has gone on for too long

    def _renew(self, client: Elasticsearch) -> None:
        """Write the lock again. It is lost if its document is another writer's, or is gone."""
        try:
            self._write(client, **self._version)
        except ConflictError:
            self._lost = not self._is_ours(client)
            if not self._lost:
                self._write(client, **self._version)

    def _is_ours(self, client: Elasticsearch) -> bool:
        """Return whether the lock is ours: a renewal whose answer got lost leaves our document at another version."""
        found = read_lock(client, self.index)
        if found is None or found.owner.get("token") != self._token:
            return False
        self._version = found.version
        return True
