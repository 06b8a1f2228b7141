"""Allow one writer at a time on an index: a lock document names the writer, and the writer renews it regularly.

A new writer takes over a lock that was not renewed for `STALE_SECONDS`, or whose process has ended on this machine.
It then restores the index settings that the lock stores.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import elastic_transport
from elasticsearch import ApiError, ConflictError, Elasticsearch, NotFoundError

from mirsearch.errors import IndexBusyError
from mirsearch.indexes.elasticsearch.client import Address
from mirsearch.indexes.elasticsearch.documents import utc_timestamp

LOCK_ID = "mirsearch-writer"
STALE_SECONDS = 90.0
RENEWAL_SECONDS = 15.0
_ended_tokens: set[str] = set()
"""Tokens of this process's sessions that ended but could not release their lock."""


@dataclass(slots=True)
class WriterLock:
    """The lock of one writing session. `acquire` and `ensure_held` raise IndexBusyError."""

    client: Elasticsearch
    address: Address
    index: str
    settings: dict[str, Any] = field(default_factory=dict)
    _token: str = field(default_factory=lambda: uuid.uuid4().hex)
    _version: dict[str, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _renewed_at: float = 0.0
    _lost: bool = False
    _renewal: threading.Lock = field(default_factory=threading.Lock)

    def acquire(self) -> dict[str, Any]:
        """Take the lock. Return the settings to restore that a dead writer left; empty where there are none."""
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
        if not self._lost and time.monotonic() - self._renewed_at > STALE_SECONDS:
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
        _ended_tokens.add(self._token)

    def release(self) -> None:
        """Release the lock, if it is still ours."""
        self.abandon()
        if not self._lost:
            try:
                version = self._expected_version()
                self.client.delete(
                    index=self.index,
                    id=LOCK_ID,
                    if_seq_no=version["if_seq_no"],
                    if_primary_term=version["if_primary_term"],
                )
            except (NotFoundError, ConflictError):
                pass
        _ended_tokens.discard(self._token)

    def _expected_version(self) -> dict[str, int]:
        return {"if_seq_no": self._version["_seq_no"], "if_primary_term": self._version["_primary_term"]}

    def _write(self, client: Elasticsearch, **options: Any) -> None:
        owner = {**_this_machine(), "pid": os.getpid(), "token": self._token, "since": utc_timestamp()}
        lock = {"owner": owner, "beat": time.time(), "settings": self.settings}
        answer = client.index(index=self.index, id=LOCK_ID, document={"doc_type": "lock", "lock": lock}, **options)
        self._version = {"_seq_no": answer["_seq_no"], "_primary_term": answer["_primary_term"]}
        self._renewed_at = time.monotonic()

    def _take_over(self) -> dict[str, Any]:
        try:
            document = self.client.get(index=self.index, id=LOCK_ID)
        except NotFoundError:
            raise self._busy_error({}) from None
        lock = document["_source"]["lock"]
        # the lock is ours if the cluster carried out our first attempt but its answer did not arrive
        if lock.get("owner", {}).get("token") != self._token and not is_dead(lock):
            raise self._busy_error(lock)
        try:
            self._write(self.client, if_seq_no=document["_seq_no"], if_primary_term=document["_primary_term"])
        except ConflictError:
            raise self._busy_error({}) from None
        settings: dict[str, Any] = lock.get("settings") or {}
        return settings

    def _busy_error(self, lock: dict[str, Any]) -> IndexBusyError:
        owner = lock.get("owner", {})
        who = f" (process {owner['pid']} on {owner['host']}, since {owner['since']})" if owner else ""
        return IndexBusyError(
            f"another process is writing to {self.address}{who}",
            f"wait until it ends; if it crashed, its lock expires {STALE_SECONDS:.0f} s after its last renewal",
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
            self._write(client, **self._expected_version())
        except ConflictError:
            self._lost = not self._is_ours(client)
            if not self._lost:
                self._write(client, **self._expected_version())

    def _is_ours(self, client: Elasticsearch) -> bool:
        """Return whether the lock is ours: a renewal whose answer got lost leaves our document at another version."""
        try:
            document = client.get(index=self.index, id=LOCK_ID)
        except NotFoundError:
            return False
        self._version = {"_seq_no": document["_seq_no"], "_primary_term": document["_primary_term"]}
        return bool(document["_source"]["lock"].get("owner", {}).get("token") == self._token)


def _this_machine() -> dict[str, str]:
    """Name this machine and its process-id namespace: a container may share a host's name but not its processes."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return {"host": socket.gethostname(), "space": space}


def is_dead(lock: dict[str, Any]) -> bool:
    """Return whether the writer of a lock has ended, or has not renewed it for long."""
    owner = lock.get("owner", {})
    if owner.get("token") in _ended_tokens or time.time() - float(lock.get("beat", 0)) > STALE_SECONDS:
        return True
    if {name: owner.get(name) for name in ("host", "space")} != _this_machine() or os.name != "posix":
        return False
    try:
        os.kill(int(owner["pid"]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
