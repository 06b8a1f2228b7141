"""Answers with tags, so that a browser asks again only for what has changed, and JSON as the command line writes it."""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import Any

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from mirsearch.errors import UsageError
from mirsearch.search.answer import Answer, answer_json
from mirsearch.web.corpus import public_name

REVALIDATE = "private, no-cache"
KEEP_HOUR = "private, max-age=3600"


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False)
"""Writes what pydantic's serializer can't: it takes more than twice the time."""


def json_bytes(value: Any) -> bytes:
    """Return JSON in UTF-8. UsageError where a number is not finite, as after a scale that is out of all range."""
    with contextlib.suppress(ValueError):  # half of a character has no bytes
        data = to_json(value, inf_nan_mode="constants")
        if b"NaN" not in data and b"Infinity" not in data:  # numbers, or words of a caption
            return data
    try:
        text = _ENCODER.encode(value)
    except ValueError as error:
        raise UsageError("a number of the answer is out of range", "give smaller weights and lengths") from error
    return text.encode("utf-8", "backslashreplace")


def public_answer_json(answer: Answer) -> bytes:
    """Return an answer as `mirsearch query` prints it, with names in place of the paths of files."""
    told = answer_json(answer)
    query = told["query"]
    # Only these have a place. To look for one in all that is told takes as long as to write it.
    for pictured in (query, *query["images"], *told["hits"]):
        pictured["image"] = public_name(pictured["image"])
    return json_bytes(told)


def content_tag(body: bytes) -> str:
    """Return the ETag of a content."""
    return f'"{hashlib.sha256(body).hexdigest()[:24]}"'


def tagged(
    request: Request, body: bytes, kind: str, cache: str = REVALIDATE, etag: str | None = None, **headers: str
) -> Response:
    """Return an answer with its ETag, or 304 if the client has it."""
    tag = etag or content_tag(body)
    told = {"ETag": tag, "Cache-Control": cache, **{name.replace("_", "-"): value for name, value in headers.items()}}
    wanted = [item.strip().removeprefix("W/") for item in request.headers.get("if-none-match", "").split(",")]
    if tag in wanted or "*" in wanted:
        return Response(status_code=304, headers=told)
    return Response(body, headers=told, media_type=kind)


def json_answer(request: Request, value: Any, kind: str = "application/json", **headers: str) -> Response:
    """Return JSON with its tag."""
    return tagged(request, json_bytes(value), kind, **headers)
