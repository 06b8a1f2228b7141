"""Reads an answer's body into a file: bounded in bytes and seconds, unpacked within the same bounds, hashed."""

from __future__ import annotations

import hashlib
import http.client
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3

from mirsearch.acquisition.http.kinds import HEAD, Kind, is_page, page_title
from mirsearch.errors import FetchError

_CHUNK = 1 << 16
_PACKED = ("gzip", "x-gzip", "deflate")


@dataclass(frozen=True, slots=True)
class Body:
    """What was read: size, hashes in hex, and the first bytes."""

    size: int
    sha256: str
    md5: str
    head: bytes


def read_body(response: requests.Response, target: Path, kind: Kind, host: str, deadline: float) -> Body:
    """The body into `target`. FetchError where it is too large, too slow, cut off or not of its kind.

    `deadline` is on the clock of time.monotonic.
    """
    size, sha256, md5, head = 0, hashlib.sha256(), hashlib.md5(usedforsecurity=False), b""
    announced = _announced(response)
    if announced is not None and announced > kind.max_bytes:
        raise _too_large(kind, host)
    with target.open("wb") as file:
        for chunk in _unpacked(_raw(response, host, announced, deadline, kind), response, kind, host):
            size += len(chunk)
            if size > kind.max_bytes:
                raise _too_large(kind, host)
            if len(head) < HEAD:
                head += chunk[: HEAD - len(head)]
                if is_page(head):
                    raise wall(host, response.status_code, head)
            sha256.update(chunk)
            md5.update(chunk)
            file.write(chunk)
    if not kind.fits(head):
        told = response.headers.get("Content-Type", "no type").partition(";")[0][:60]
        what = f"{size} bytes of {told}" if size else "nothing"
        raise FetchError(f"{host} answered {what} instead of a {kind.name}", host=host, cause="content", passing=True)
    return Body(size, sha256.hexdigest(), md5.hexdigest(), head)


def wall(host: str, status: int, head: bytes) -> FetchError:
    """The error for a refusal, or for a web page where data were asked for: a wall against robots, or a log-in page."""
    title = page_title(head)
    page = f"a web page titled {title!r}" if title else "a web page"
    told = f"it answered {page} (status {status}) instead of data" if is_page(head) else f"it refused (status {status})"
    return FetchError(
        f"{host} blocks access: {told}",
        "try later or from another network; set MIRSEARCH_CONTACT so that its operators can write to you",
        host=host,
        cause="blocked",
    )


def _too_large(kind: Kind, host: str) -> FetchError:
    return FetchError(
        f"{host} answered more than {kind.max_bytes:,} bytes of {kind.name}", host=host, cause="too large"
    )


def _announced(response: requests.Response) -> int | None:
    told = response.headers.get("Content-Length", "")
    return int(told) if told.isdecimal() and len(told) < 16 else None


def _raw(response: requests.Response, host: str, announced: int | None, deadline: float, kind: Kind) -> Iterator[bytes]:
    """The bytes as they come, never waiting for a full buffer, so that a slow drip meets the deadline."""
    count = 0
    while True:
        try:
            chunk = response.raw.read1(_CHUNK, decode_content=False)
        except (urllib3.exceptions.TimeoutError, TimeoutError) as error:
            raise FetchError(f"{host} stopped answering", host=host, cause="timeout", passing=True) from error
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            raise FetchError(f"{host} broke off its answer", host=host, passing=True) from error
        if not chunk:
            break
        count += len(chunk)
        if time.monotonic() > deadline:
            raise FetchError(
                f"{host} is too slow: its answer was not whole in time", host=host, cause="timeout", passing=True
            )
        if count > kind.max_bytes:
            raise _too_large(kind, host)
        yield chunk
    if announced is not None and count != announced:
        told = f"{count:,} of {announced:,} bytes"
        raise FetchError(f"{host} broke off its answer after {told}", host=host, passing=True)


def _unpacked(chunks: Iterator[bytes], response: requests.Response, kind: Kind, host: str) -> Iterator[bytes]:
    """Content-Encoding undone a bounded piece at a time: a few bytes may stand for very many."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if kind.packed or encoding in ("", "identity"):
        yield from chunks
        return
    if encoding not in _PACKED:
        raise FetchError(
            f"{host} packed its answer in a way not asked for ({encoding[:40]!r})", host=host, cause="content"
        )
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        for chunk in chunks:
            rest = chunk
            while rest and not unpacker.eof:
                yield unpacker.decompress(rest, _CHUNK)
                rest = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error as error:
        raise FetchError(f"{host} sent a damaged answer", host=host, cause="content", passing=True) from error
    if not unpacker.eof:
        raise FetchError(f"{host} broke off its packed answer", host=host, passing=True)
