"""The guard in front of all pages: who asks, how much it sends and asks at once, and headers of every answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mirsearch.settings import SERVE_LIMITS, ServeLimits
from mirsearch.web.access import SESSION_COOKIE, Access, header_values, is_same_origin
from mirsearch.web.clients import ClientTable
from mirsearch.web.problems import PROBLEM_TYPE, Problem, ProblemError, wants_json
from mirsearch.web.queues import CLIENT

POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content security policy of every answer: nothing inline, nothing from another host, in no frame."""
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_RAW_HEADERS = {name.lower().encode(): (name.encode(), value.encode()) for name, value in _HEADERS.items()}
UPLOAD_PATHS = ("/search", "/api/v1/search")
JOB_PATHS = ("/jobs", "/api/v1/jobs")
_PART_BYTES = 1 << 10
"""Room for the name of each file of a form."""
METRICS_PATH = "/metrics"
_PUBLIC_PATHS = ("/healthz", METRICS_PATH, "/login")
"""Paths that need no token; the numbers have a rule of their own."""
_MINUTE = 60


class Guard:
    """ASGI middleware that refuses what the rules don't allow, before anything of it is read.

    What it lets through has the address of the client in `request.state.client`.
    """

    def __init__(self, app: ASGIApp, access: Access, clients: ClientTable, limits: ServeLimits = SERVE_LIMITS) -> None:
        self.app, self.access, self.clients, self.limits = app, access, clients, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = header_values(scope["headers"])
        peer = scope["client"][0] if scope.get("client") else None
        scope["scheme"] = self.access.scheme(scope["scheme"], peer, headers)
        client = self.access.client(peer, headers)
        scope.setdefault("state", {})["client"] = client
        problem = self._refusal(scope, headers, peer, client)
        if problem is not None:
            await _send_problem(problem, scope, headers, send)
            return
        self.clients.begin(client)
        CLIENT.set(client)
        try:
            await self.app(scope, self._bounded(scope, receive), _with_headers(send))
        finally:
            self.clients.end(client)

    def _refusal(self, scope: Scope, headers: Mapping[str, str], peer: str | None, client: str) -> Problem | None:
        """Return why a request is refused, or None."""
        path, cookies = scope["path"], _cookies(headers)
        if not self.access.knows_host(headers.get("host")):
            return Problem(421, "this server is not known by that name", "start it with --allowed-host NAME")
        if not is_same_origin(scope["method"], scope["scheme"], headers, SESSION_COOKIE in cookies):
            return Problem(403, "the request comes from a page of another site", "open the server's own page")
        if path == METRICS_PATH and not self.access.admits_operator(peer, headers, cookies):
            return Problem(401, "this is for who runs the server", "ask from its own machine, or with a token")
        is_public = path in _PUBLIC_PATHS or path.startswith("/static/")
        if not is_public and not self.access.admits(peer, headers, cookies):
            return Problem(401, "this server needs a token", "send Authorization: Bearer TOKEN, or log in at /login")
        return self._excess(scope, headers, client)

    def _excess(self, scope: Scope, headers: Mapping[str, str], client: str) -> Problem | None:
        """Return what is too much of a request, or None."""
        path = scope["path"]
        if path == "/login" and scope["method"] == "POST" and not self.clients.may_log_in(client):
            return Problem(429, "too many attempts to log in", "wait a minute", retry_after=_MINUTE)
        if self.clients.in_hand(client) >= self.limits.client_requests:
            return Problem(
                429, f"{self.limits.client_requests} requests of yours are in hand", "wait for answers", retry_after=1
            )
        length = headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length) > self._body_limit(path):
            return self._too_large(path)
        return None

    def _body_limit(self, path: str) -> int:
        if path in JOB_PATHS:
            return self.limits.form_bytes + self.limits.job_bytes + self.limits.job_files * _PART_BYTES
        return self.limits.form_bytes + (self.limits.upload_bytes if path in UPLOAD_PATHS else 0)

    def _too_large(self, path: str) -> Problem:
        limit = self._body_limit(path)
        remedy = "add the files in several parts" if path in JOB_PATHS else "send a smaller image, or a part of it"
        return Problem(413, f"the request has more than {limit:,} bytes", remedy)

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """Return a `receive` that counts the bytes of the body, and raises ProblemError at the limit."""
        left = self._body_limit(scope["path"])

        async def receive_bounded() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise ProblemError(self._too_large(scope["path"]))
            return message

        return receive_bounded


def _with_headers(send: Send) -> Send:
    """Return a `send` that adds the headers of every answer, where the answer has none of its own."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            added = [header for name, header in _RAW_HEADERS.items() if name not in given]
            message["headers"] = [*message["headers"], *added]
        await send(message)

    return send_with_headers


async def _send_problem(problem: Problem, scope: Scope, headers: Mapping[str, str], send: Send) -> None:
    """Send a refusal: problem details for a program, a page for a person; who must log in is led to where that is."""
    added: dict[str, str] = dict(problem.headers)
    if wants_json(scope["path"], headers.get("accept", "")):
        body, added["Content-Type"] = json.dumps(problem.json).encode(), PROBLEM_TYPE
        if problem.status == 401:
            added["WWW-Authenticate"] = "Bearer"
    else:
        from mirsearch.web.rendering import problem_page

        body, added["Content-Type"] = problem_page(problem).encode(), "text/html; charset=utf-8"
        if problem.status == 401 and scope["method"] == "GET":
            problem, added["Location"] = Problem(303), "/login"
    # What was not read of the request stays unread, so the connection can't serve another one.
    added |= {"Content-Length": str(len(body)), "Connection": "close"}
    raw: list[tuple[bytes, bytes]] = [(name.lower().encode(), value.encode()) for name, value in added.items()]
    start: dict[str, Any] = {"type": "http.response.start", "status": problem.status, "headers": raw}
    await _with_headers(send)(start)
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _cookies(headers: Mapping[str, str]) -> dict[str, str]:
    if "cookie" not in headers:
        return {}
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(headers["cookie"])
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in cookies.items()}
