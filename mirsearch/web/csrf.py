"""Tokens of forms that write: a page of another site can't know them."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from starlette.requests import Request
from starlette.responses import Response

from mirsearch.web.problems import Problem, ProblemError

COOKIE = "mirsearch_form"
FIELD = "form_token"
HEADER = "x-form-token"


class FormTokens:
    """Gives each browser a cookie, and its forms the token that belongs to it (a signed double submit).

    Processes with one secret know each other's tokens.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, request: Request) -> tuple[str, str]:
        """Return the browser's cookie, a new one where it has none, and the token of its forms."""
        cookie = request.cookies.get(COOKIE, "")
        if not 16 <= len(cookie) <= 64 or not cookie.isascii():
            cookie = secrets.token_urlsafe(24)
        return cookie, self._token(cookie)

    def keep(self, request: Request, answer: Response, cookie: str) -> None:
        """Send the cookie with an answer, unless the browser has it."""
        if request.cookies.get(COOKIE) != cookie:
            secure = request.url.scheme == "https"
            answer.set_cookie(COOKIE, cookie, path="/", httponly=True, samesite="strict", secure=secure)

    def check(self, request: Request, token: str) -> None:
        """Raise ProblemError (403) unless the token is that of the browser's cookie."""
        if not hmac.compare_digest(self._token(request.cookies.get(COOKIE, "")).encode(), token.encode()):
            raise ProblemError(Problem(403, "the form is too old, or of another page", "open the page again"))

    def check_program(self, request: Request) -> None:
        """Raise ProblemError (403) for a request with cookies, as a browser sends, but without the token."""
        if request.cookies:
            self.check(request, request.headers.get(HEADER, ""))

    def _token(self, cookie: str) -> str:
        return hmac.new(self._secret, cookie.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
