"""Read an answer's body into a file: limited in bytes and seconds, also after decompression, and hashed."""

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

from mirsearch.acquisition.http.kinds import HEAD_BYTES, AnswerKind, is_web_page, page_title
from mirsearch.errors import FetchError

_CHUNK_BYTES = 1 << 16
_COMPRESSED_ENCODINGS = ("gzip", "x-gzip", "deflate")


@dataclass(frozen=True, slots=True)
class Body:
    """The body of an answer: size, hashes in hex, and the first bytes."""

    size: int
    sha256: str
    md5: str
    head: bytes


def read_body(response: requests.Response, target: Path, kind: AnswerKind, host: str, deadline: float) -> Body:
    """Write the body into `target`. Raises FetchError if it is too large, too slow, truncated or of the wrong kind.

    `deadline` is on the clock of time.monotonic.
    """
    size, sha256, md5, head = 0, hashlib.sha256(), hashlib.md5(usedforsecurity=False), b""
    content_length = _content_length(response)
    if content_length is not None and content_length > kind.max_bytes:
        raise _too_large_error(kind, host)
    with target.open("wb") as file:
        for chunk in _decompressed_chunks(
            _raw_chunks(response, host, content_length, deadline, kind), response, kind, host
        ):
            size += len(chunk)
            if size > kind.max_bytes:
                raise _too_large_error(kind, host)
            if len(head) < HEAD_BYTES:
                head += chunk[: HEAD_BYTES - len(head)]
                if is_web_page(head):
                    raise blocked_error(host, response.status_code, head)
            sha256.update(chunk)
            md5.update(chunk)
            file.write(chunk)
    if not kind.matches(head):
        content_type = response.headers.get("Content-Type", "no type").partition(";")[0][:60]
        received = f"{size} bytes of {content_type}" if size else "nothing"
        raise FetchError(
            f"{host} answered {received} instead of a {kind.name}", host=host, cause="content", transient=True
        )
    return Body(size, sha256.hexdigest(), md5.hexdigest(), head)


def blocked_error(host: str, status: int, head: bytes) -> FetchError:
    """Return the error for a refusal, or for a web page instead of data (a block against programs, or a login page)."""
    title = page_title(head)
    page = f"a web page titled {title!r}" if title else "a web page"
    reason = (
        f"it answered {page} (status {status}) instead of data"
        if is_web_page(head)
        else f"it refused (status {status})"
    )
    return FetchError(
        f"{host} blocks access: {reason}",
        "try later or from another network; set MIRSEARCH_CONTACT so that its operators can write to you",
        host=host,
        cause="blocked",
    )


def _too_large_error(kind: AnswerKind, host: str) -> FetchError:
    return FetchError(
        f"{host} answered more than {kind.max_bytes:,} bytes of {kind.name}", host=host, cause="too large"
    )


def _content_length(response: requests.Response) -> int | None:
    header = response.headers.get("Content-Length", "")
    return int(header) if header.isdecimal() and len(header) < 16 else None


def _raw_chunks(
    response: requests.Response, host: str, content_length: int | None, deadline: float, kind: AnswerKind
) -> Iterator[bytes]:
    """Yield the bytes as they come, without waiting for a full buffer, so that a slow answer meets the deadline."""
    count = 0
    while True:
        try:
            chunk = response.raw.read1(_CHUNK_BYTES, decode_content=False)
        except (urllib3.exceptions.TimeoutError, TimeoutError) as error:
            raise FetchError(f"{host} stopped answering", host=host, cause="timeout", transient=True) from error
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            raise FetchError(f"{host} broke off its answer", host=host, transient=True) from error
        if not chunk:
            break
        count += len(chunk)
        if time.monotonic() > deadline:
            raise FetchError(
                f"{host} is too slow: its answer was not complete in time", host=host, cause="timeout", transient=True
            )
        if count > kind.max_bytes:
            raise _too_large_error(kind, host)
        yield chunk
    if content_length is not None and count != content_length:
        received = f"{count:,} of {content_length:,} bytes"
        raise FetchError(f"{host} broke off its answer after {received}", host=host, transient=True)


def _decompressed_chunks(
    chunks: Iterator[bytes], response: requests.Response, kind: AnswerKind, host: str
) -> Iterator[bytes]:
    """Undo Content-Encoding in pieces of limited size: a few bytes may expand to very many."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if kind.is_compressed or encoding in ("", "identity"):
        yield from chunks
        return
    if encoding not in _COMPRESSED_ENCODINGS:
        raise FetchError(
            f"{host} compressed its answer in an unsupported way ({encoding[:40]!r})", host=host, cause="content"
        )
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        for chunk in chunks:
            rest = chunk
            while rest and not unpacker.eof:
                yield unpacker.decompress(rest, _CHUNK_BYTES)
                rest = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error as error:
        raise FetchError(f"{host} sent a damaged answer", host=host, cause="content", transient=True) from error
    if not unpacker.eof:
        raise FetchError(f"{host} broke off its compressed answer", host=host, transient=True)
