"""HTTP/1.1 for connections that must make progress, with bounds on heads, trailers and pipelines."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, NoReturn, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from mirsearch.settings import SERVE_LIMITS
from mirsearch.web.joined_writes import JoinedWrites
from mirsearch.web.problems import PROBLEM_TYPE, Problem

KEEP_ALIVE_SECONDS = 15
_HEAD_BYTES = 32 << 10
_PIPELINED = 16
"""Requests of one connection that may wait while one is answered. Browsers and proxies send none; each takes memory."""
_LARGE_HEAD = Problem(431, f"a head has at most {_HEAD_BYTES:,} bytes")


class ServeConfig(uvicorn.Config):
    """uvicorn's configuration, and how many connections may be open."""

    most_connections: int = SERVE_LIMITS.connections


class _RefusedError(Exception):
    """Ends the parsing of a request that is refused."""


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, with llhttp as its parser, which itself bounds nothing.

    There is a time to send a request's head, to send more of its body, to take more of its answer, and for all of it.
    Where too many connections are open, the one that has idled longest makes room. Heads and trailers have a size, and
    what waits in a pipeline a number; trailers are dropped: a header that comes after the guard has looked is none.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.changed = self.began = time.monotonic()
        self._head_bytes = self._told_nothing = 0
        self._is_in_head = True
        self._refusal = Problem(400, "this is no HTTP request")

    @property
    def is_busy(self) -> bool:
        """Return whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or refuse it where all others are busy."""
        super().connection_made(transport)
        self.transport = cast("asyncio.Transport", JoinedWrites(transport, self.loop))
        most = self.config.most_connections if isinstance(self.config, ServeConfig) else SERVE_LIMITS.connections
        if len(self.connections) <= most:
            return
        idle = [other for other in self.connections if isinstance(other, BoundedProtocol) and not other.is_busy]
        min(idle or [self], key=lambda other: other.changed).transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request."""
        was_busy = self.is_busy
        self._told_nothing += len(data)
        super().data_received(data)
        if self._told_nothing > _HEAD_BYTES and not self.transport.is_closing():  # a head or trailers without end
            self._refusal = _LARGE_HEAD
            self.send_400_response("")
        now = time.monotonic()
        if was_busy or self.is_busy:
            self.changed = now
        if self.is_busy and not was_busy:
            self.began = now

    def on_message_begin(self) -> None:
        """Begin the head of a request."""
        super().on_message_begin()
        self._head_bytes, self._is_in_head = 0, True

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or drop a trailer."""
        self._count(len(name) + len(value) + 4)
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Answer the request, or refuse its head."""
        self._check_head()
        self._told_nothing, self._is_in_head = 0, False
        super().on_headers_complete()
        if self.parser.should_upgrade():  # to nothing that is spoken here; what follows on the connection is not read
            self.cycle.keep_alive = False

    def _check_head(self) -> None:
        names, version = [name for name, _ in self.headers], self.parser.get_http_version()
        hosts = names.count(b"host")
        if version not in ("1.0", "1.1"):
            self._refuse(Problem(505, "this server speaks HTTP/1.1"))
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            self._refuse(Problem(400, "a request has one Host header"))
        if self.parser.should_upgrade() and (b"content-length" in names or b"transfer-encoding" in names):
            self._refuse(Problem(400, "a request that asks for an upgrade has no body"))  # llhttp would not read it
        if len(self.pipeline) >= _PIPELINED:
            self._refuse(Problem(429, "too many requests wait on this connection", "wait for their answers"))

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._told_nothing = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request's body."""
        self._told_nothing = 0
        super().on_message_complete()

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > _HEAD_BYTES:
            self._refuse(_LARGE_HEAD)

    def _refuse(self, problem: Problem) -> NoReturn:
        self._refusal = problem
        raise _RefusedError(problem.detail)

    def send_400_response(self, msg: str) -> None:
        """Refuse what was sent, and end the connection; an answer to a request that came whole is finished first."""
        if not self.is_busy:
            body = json.dumps(self._refusal.json).encode()
            head = f"content-type: {PROBLEM_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[self._refusal.status] + head.encode() + body)
            self.transport.close()
        elif self.cycle.more_body:
            self.transport.abort()
        else:
            self.cycle.keep_alive = False
            self.flow.pause_reading()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self.changed = time.monotonic()

    def pause_writing(self) -> None:
        """Note that the client does not take the answer as fast as it comes."""
        super().pause_writing()
        self.changed = time.monotonic()

    def resume_writing(self) -> None:
        """Note that the client takes more of the answer."""
        super().resume_writing()
        self.changed = time.monotonic()

    def end_if_stalled(self, now: float) -> None:
        """End the connection if it has made no progress for too long."""
        waited = now - self.changed
        if not self.is_busy:
            limit = KEEP_ALIVE_SECONDS if self.cycle is not None else SERVE_LIMITS.header_seconds
            if waited > limit:
                self.transport.abort()
        elif now - self.began > SERVE_LIMITS.request_seconds or (
            (self.cycle.more_body or self.flow.write_paused) and waited > SERVE_LIMITS.stalled_seconds
        ):
            self.transport.abort()
