"""One writer at a time on an index of a cluster: a document that says who writes, renewed while it does.

A lock that was not renewed for `STALE_SECONDS`, or whose process is gone from this machine, is taken over, and the
settings it notes are put back.
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
from mirsearch.indexes.elasticsearch.documents import now

LOCK_ID = "mirsearch-writer"
STALE_SECONDS = 90.0
BEAT_SECONDS = 15.0
_ended: set[str] = set()
"""Sessions of this process that are over, but could not give their lock back."""


@dataclass(slots=True)
class WriterLock:
    """The lock of one session. `acquire` raises IndexBusyError; `check` raises it when the lock was lost."""

    client: Elasticsearch
    address: Address
    index: str
    settings: dict[str, Any] = field(default_factory=dict)
    _token: str = field(default_factory=lambda: uuid.uuid4().hex)
    _place: dict[str, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _last: float = 0.0
    _lost: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def acquire(self) -> dict[str, Any]:
        """Take the lock; the settings that a dead writer left to be put back (empty: none)."""
        left: dict[str, Any] = {}
        try:
            self._write(self.client, op_type="create")
        except ConflictError:
            left = self._take_over()
        self._thread = threading.Thread(target=self._beat, name="mirsearch-lock", daemon=True)
        self._thread.start()
        return left

    def note(self, settings: dict[str, Any]) -> None:
        """Remember what must be put back, for whoever comes after a crash."""
        self.settings = settings
        with self._turn:
            self._renew(self.client)
        self.check()

    def check(self) -> None:
        """IndexBusyError where another writer took the lock over, as it may where the lock was long not renewed."""
        if not self._lost and time.monotonic() - self._last > STALE_SECONDS:
            with self._turn:
                self._renew(self.client)
        if self._lost:
            raise IndexBusyError(
                f"the write lock of {self.address} was lost: it could not be renewed for {STALE_SECONDS:.0f} s",
                "run the same command again; what was committed is kept",
            )

    def abandon(self) -> None:
        """End the session and leave the lock with its notes to whoever comes next."""
        self._stop.set()
        if self._thread:
            self._thread.join()
        _ended.add(self._token)

    def release(self) -> None:
        """Give the lock back, if it is still ours."""
        self.abandon()
        if not self._lost:
            try:
                place = self._expected()
                self.client.delete(
                    index=self.index,
                    id=LOCK_ID,
                    if_seq_no=place["if_seq_no"],
                    if_primary_term=place["if_primary_term"],
                )
            except (NotFoundError, ConflictError):
                pass
        _ended.discard(self._token)

    def _expected(self) -> dict[str, int]:
        return {"if_seq_no": self._place["_seq_no"], "if_primary_term": self._place["_primary_term"]}

    def _write(self, client: Elasticsearch, **how: Any) -> None:
        owner = {**_here(), "pid": os.getpid(), "token": self._token, "since": now()}
        beat = {"owner": owner, "beat": time.time(), "settings": self.settings}
        answer = client.index(index=self.index, id=LOCK_ID, document={"doc_type": "lock", "lock": beat}, **how)
        self._place = {"_seq_no": answer["_seq_no"], "_primary_term": answer["_primary_term"]}
        self._last = time.monotonic()

    def _take_over(self) -> dict[str, Any]:
        try:
            there = self.client.get(index=self.index, id=LOCK_ID)
        except NotFoundError:
            raise self._busy({}) from None
        told = there["_source"]["lock"]
        # ours where the first attempt was carried out, but not answered
        if told.get("owner", {}).get("token") != self._token and not _dead(told):
            raise self._busy(told)
        try:
            self._write(self.client, if_seq_no=there["_seq_no"], if_primary_term=there["_primary_term"])
        except ConflictError:
            raise self._busy({}) from None
        settings: dict[str, Any] = told.get("settings") or {}
        return settings

    def _busy(self, told: dict[str, Any]) -> IndexBusyError:
        owner = told.get("owner", {})
        who = f" (process {owner['pid']} on {owner['host']}, since {owner['since']})" if owner else ""
        return IndexBusyError(
            f"another process is writing to {self.address}{who}",
            f"wait until it is done; if it died, its lock ends {STALE_SECONDS:.0f} s after its last sign of life",
        )

    def _beat(self) -> None:
        hurried = self.client.options(max_retries=0)
        while not self._stop.wait(BEAT_SECONDS) and not self._lost:
            with self._turn:
                try:
                    self._renew(hurried)
                except (ApiError, elastic_transport.TransportError):
                    continue  # `check` sees to it when this has gone on for too long

    def _renew(self, client: Elasticsearch) -> None:
        """Write the lock again; it is lost where the document is another's or none."""
        try:
            self._write(client, **self._expected())
        except ConflictError:
            self._lost = not self._is_ours(client)
            if not self._lost:
                self._write(client, **self._expected())

    def _is_ours(self, client: Elasticsearch) -> bool:
        """After a renewal that was carried out but not answered, the document is ours at another version."""
        try:
            there = client.get(index=self.index, id=LOCK_ID)
        except NotFoundError:
            return False
        self._place = {"_seq_no": there["_seq_no"], "_primary_term": there["_primary_term"]}
        return bool(there["_source"]["lock"].get("owner", {}).get("token") == self._token)


def _here() -> dict[str, str]:
    """This machine, and the space its process ids are of: a container may share a name but not the processes."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return {"host": socket.gethostname(), "space": space}


def _dead(told: dict[str, Any]) -> bool:
    owner = told.get("owner", {})
    if owner.get("token") in _ended or time.time() - float(told.get("beat", 0)) > STALE_SECONDS:
        return True
    if {name: owner.get(name) for name in ("host", "space")} != _here() or os.name != "posix":
        return False
    try:
        os.kill(int(owner["pid"]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
