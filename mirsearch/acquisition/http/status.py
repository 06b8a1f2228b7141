"""Interpret the status of an answer: success, gone, busy, blocked, or another failure."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime

import requests
import urllib3

from mirsearch.acquisition.http.kinds import HEAD_BYTES
from mirsearch.acquisition.http.reading import blocked_error
from mirsearch.errors import FetchError

_TRANSIENT_STATUSES = (408, 425, 500, 502, 504, 520, 521, 522, 523, 524)
_BLOCKING_STATUSES = (401, 403, 406, 407, 451)
_BUSY_STATUSES = (429, 503)


def check_status(response: requests.Response, host: str) -> None:
    """Return if the status is 200; raise FetchError otherwise."""
    status = response.status_code
    if status == 200:
        return
    if status in (404, 410):
        raise FetchError(f"{host} does not have it (status {status})", host=host, cause="gone")
    if status in _BLOCKING_STATUSES:
        raise blocked_error(host, status, _read_head(response) if _is_html(response) else b"")
    if status in _BUSY_STATUSES:
        wait = _retry_after(response)
        request = "" if wait is None else f" and asks to wait {wait:.0f} s"
        raise FetchError(
            f"{host} is busy (status {status}){request}",
            "run it again later",
            host=host,
            cause="busy",
            retry_after=wait,
            transient=True,
        )
    passing = status in _TRANSIENT_STATUSES
    raise FetchError(f"{host} answered with status {status}", host=host, cause="status", transient=passing)


def _read_head(response: requests.Response) -> bytes:
    try:
        return bytes(response.raw.read1(HEAD_BYTES, decode_content=True))
    except (urllib3.exceptions.HTTPError, OSError):
        return b""


def _is_html(response: requests.Response) -> bool:
    return "html" in response.headers.get("Content-Type", "").lower()


def _retry_after(response: requests.Response) -> float | None:
    """Return the requested pause in seconds, from a number or a date; None if there is no valid one."""
    header = response.headers.get("Retry-After", "").strip()
    if header.isdecimal() and len(header) < 10:
        return float(header)
    try:
        date = email.utils.parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
