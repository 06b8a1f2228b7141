"""Errors as answers: RFC 9457 problem details for programs, a page for people, with the words of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from starlette.exceptions import HTTPException

from mirsearch.errors import (
    ImageError,
    IndexAccessError,
    IndexBusyError,
    MirsearchError,
    MissingDependencyError,
    NotFoundError,
    UsageError,
)

PROBLEM_TYPE = "application/problem+json"
_STATUS: tuple[tuple[type[MirsearchError], int], ...] = (
    (NotFoundError, 404),
    (UsageError, 400),
    (ImageError, 422),
    (IndexBusyError, 503),
    (IndexAccessError, 503),
    (MissingDependencyError, 501),
)
_RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong. `detail` names the input, `remedy` says what to do; both may be empty."""

    status: int
    detail: str = ""
    remedy: str = ""
    retry_after: int | None = None

    @property
    def title(self) -> str:
        """The standard words of the status."""
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return "Error"

    @property
    def json(self) -> dict[str, str | int]:
        """The problem details of RFC 9457, with `remedy` as an extension."""
        told: dict[str, str | int] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.remedy:
            told["remedy"] = self.remedy
        return told

    @property
    def headers(self) -> dict[str, str]:
        """The headers that belong to it."""
        return {"Retry-After": str(self.retry_after)} if self.retry_after is not None else {}


class ProblemError(HTTPException):
    """A request that can't be answered, with the problem to tell."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.status, problem.detail)
        self.problem = problem


def error_problem(error: MirsearchError) -> Problem:
    """Return the problem of one of our own errors."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    return Problem(status, error.message, error.remedy, _RETRY_SECONDS if status == 503 else None)


def wants_json(path: str, accept: str) -> bool:
    """Return whether an answer is for a program: by its address, or because the client accepts no page."""
    is_data = path.startswith(("/api/", "/iiif/", "/healthz")) or path.endswith(
        (".json", ".csv", ".bib", ".ris", ".jpg")
    )
    return is_data or "text/html" not in accept
