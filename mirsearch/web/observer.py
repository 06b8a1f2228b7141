"""ASGI middleware that counts each request and writes it into the access log, whatever answered it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mirsearch.web.access_log import AccessLog, Answered
from mirsearch.web.guard import UPLOAD_PATHS
from mirsearch.web.metrics import Metrics

_CLIENT_LEFT = 499
"""The status that is told of a request whose client went away before it was answered, as nginx tells it."""
_NO_ROUTE = "none"


class Observer:
    """Stands in front of the guard. `routes` are those of the application that FastAPI does not know as its own."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, access_log: AccessLog | None = None, routes: Sequence[BaseRoute] = ()
    ) -> None:
        self.app, self.metrics, self.access_log = app, metrics, access_log
        self._routes: defaultdict[object, list[Route]] = defaultdict(list)
        for route in routes:
            if isinstance(route, Route):
                self._routes[route.endpoint].append(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request be answered, and note it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, size = time.perf_counter(), 0, 0

        async def send_counted(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                size += len(message.get("body", b""))
            await send(message)

        path = scope["path"]
        try:
            await self.app(scope, receive, send_counted)
        finally:
            self._note(scope, path, status or _CLIENT_LEFT, size, time.perf_counter() - began)

    def _note(self, scope: Scope, path: str, status: int, size: int, seconds: float) -> None:
        self.metrics.note_request(self._route(scope, path), scope["method"], status, seconds)
        if status == 413 and path in UPLOAD_PATHS:
            self.metrics.note_refused_upload("too large")
        if self.access_log is not None:
            state = scope.get("state", {})
            client, words = state.get("client", "-"), state.get("words")
            self.access_log.write(Answered(client, scope["method"], path, status, size, seconds, words))

    def _route(self, scope: Scope, path: str) -> str:
        """Return the form of the address that was answered: there are few, whatever is asked for."""
        if "route" in scope:
            return str(getattr(scope["route"], "path", _NO_ROUTE))
        routes = self._routes.get(scope.get("endpoint"), ())
        return next((route.path for route in routes if route.path_regex.match(path)), _NO_ROUTE)
