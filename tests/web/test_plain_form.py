"""A form that is read at once holds what Starlette reads of it, byte for byte, whatever was sent."""

from __future__ import annotations

import asyncio
import random

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message

from mirsearch.web.plain_form import read_plain, search_form

BOUNDARY = b"--x-1"
PIECES = (
    b"--" + BOUNDARY, b"--", b"\r\n", b"\r\n\r\n", b"\n", b" ", b'Content-Disposition: form-data; name="text"',
    b'content-disposition: form-data; name="top"; filename="a.png"', b"Content-Type: text/plain", b"gold",
    b"\xc3\xa9", b"\xff", b'name="', b'"', b";", b":", b"\x00", BOUNDARY,
    b"\r\n--" + BOUNDARY + b"\r\n", b"\r\n--" + BOUNDARY + b"--\r\n",
)  # fmt: skip


def form(*fields: tuple[str, bytes]) -> bytes:
    parts = (b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (BOUNDARY, name.encode(), value)
             for name, value in fields)  # fmt: skip
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


def asking(body: bytes, told: int | None = None) -> Request:
    headers = [(b"content-type", b"multipart/form-data; boundary=" + BOUNDARY)]
    if told is not None:
        headers.append((b"content-length", b"%d" % told))

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def read(body: bytes, told: int | None = None) -> list[tuple[str, str | UploadFile]]:
    """What Starlette reads where no length is told, else what is read of a search."""

    async def fields() -> list[tuple[str, str | UploadFile]]:
        async with search_form(asking(body, told)) as found:
            return found.multi_items()

    return asyncio.run(fields())


def mutated(rng: random.Random, body: bytes) -> bytes:
    """A body with some pieces put in, taken out or said twice."""
    for _ in range(rng.randint(1, 3)):
        at, until = rng.randrange(len(body) + 1), rng.randrange(len(body) + 1)
        body = rng.choice((body[:at] + rng.choice(PIECES) + body[at:], body[:at] + body[max(at, until) :],
                           body[:until] + body[min(at, until) :]))  # fmt: skip
    return body


def test_words_are_read_at_once_as_starlette_reads_them() -> None:
    body = form(("text", "gold «é» 😀".encode()), ("weight", b"visual=1"), ("weight", b""), ("top", b"a\r\n--\r\n\nb"))
    plain = read_plain(body, BOUNDARY)
    assert plain == read(body) == read(body, len(body))
    assert plain is not None
    assert [name for name, _ in plain] == ["text", "weight", "weight", "top"]


def test_what_is_read_at_once_is_what_starlette_reads() -> None:
    rng, plain = random.Random(4), 0
    for _ in range(3_000):
        fields = [(rng.choice(("text", "top")), rng.choice(PIECES) + rng.choice(PIECES)) for _ in range(2)]
        body = mutated(rng, form(*fields))
        found = read_plain(body, BOUNDARY)
        if found is not None:
            plain += 1
            assert read(body) == found, body
    assert plain > 100  # else nothing was compared


@pytest.mark.parametrize(
    "body",
    [
        form(("text", b"\xff")),
        form(("text", b"a")).replace(b'"text"', b'"image"; filename="a.png"'),
        form(("text", b"a")).replace(b"\r\n\r\na", b"\r\nContent-Type: text/plain\r\n\r\na"),
        form(*[("text", b"")] * 1_001),
        b"no form",
        b"",
    ],
)
def test_all_else_is_left_to_starlette(body: bytes) -> None:
    assert read_plain(body, BOUNDARY) is None
    try:
        expected = [(name, getattr(value, "filename", value)) for name, value in read(body)]
    except MultiPartException as error:
        with pytest.raises(MultiPartException, match=error.message.split(".")[0]):
            read(body, len(body))
    else:
        assert [(name, getattr(value, "filename", value)) for name, value in read(body, len(body))] == expected
