"""HTTP as the server speaks it on a real socket: what is broken or without end is refused, the rest answered."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from mirsearch.web.protocol import BoundedProtocol, ServeConfig
from mirsearch.web.server import Server, open_socket

HOST = b"Host: a\r\n"
LARGE = 40_000
PATIENCE = 60


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what was received; `/slow` takes a moment first, `/early` answers before the body has come."""
    body, more = b"", scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    if scope["path"] == "/slow":
        await asyncio.sleep(0.2)
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    told = json.dumps({"path": scope["path"], "headers": headers, "body": len(body)}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(told))]})
    await send({"type": "http.response.body", "body": told})


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """Where a server that echoes listens."""
    config = ServeConfig(echo, http=BoundedProtocol, ws="none", lifespan="off", log_config=None, server_header=False)
    server = Server(config, lambda _: None, lambda: None)
    with open_socket("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield listening.getsockname()[:2]
        server.should_exit = True
        thread.join()


def answers(address: tuple[str, int], *pieces: bytes, ends: bool = True) -> list[tuple[int, dict[str, Any]]]:
    """The status and the JSON of each answer to bytes sent piece by piece, until the server or the client ends."""
    received = b""
    with socket.create_connection(address, timeout=PATIENCE) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                client.sendall(piece)
            if ends:
                client.shutdown(socket.SHUT_WR)
            while got := client.recv(65536):
                received += got
        except ConnectionError:  # refused while more was sent
            pass
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields.get(b"content-length", 0))
        found.append((int(head.split()[1]), json.loads(rest[:length]) if length else {}))
        received = rest[length:]
    return found


def get(path: str, *lines: bytes) -> bytes:
    return b"GET %s HTTP/1.1\r\n%s%s\r\n" % (path.encode(), HOST, b"".join(line + b"\r\n" for line in lines))


def chunked(path: str, *parts: bytes) -> bytes:
    head = b"POST %s HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\n\r\n" % (path.encode(), HOST)
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


CLOSE = b"Connection: close"


def test_requests_of_one_connection_are_answered_in_turn(address: tuple[str, int]) -> None:
    found = answers(
        address, get("/slow") + get("/b%20c?d") + chunked("/e", b"12345") + b"0\r\n\r\n" + get("/f", CLOSE), ends=False
    )
    assert [(status, told["path"], told["body"]) for status, told in found] == [
        (200, "/slow", 0), (200, "/b c", 0), (200, "/e", 5), (200, "/f", 0),
    ]  # fmt: skip


def test_a_body_is_asked_for_and_read_in_pieces(address: tuple[str, int]) -> None:
    head = b"POST /a HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 300000\r\n" + CLOSE + b"\r\n\r\n"
    found = answers(address, head, *[b"x" * 100_000] * 3)
    assert [status for status, _ in found] == [100, 200]
    assert found[1][1]["body"] == 300_000


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"GET /\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400),
        (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"CONNECT a:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET http://a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: \x00\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Upgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 3\r\n\r\nabc", 400),
    ],
)
def test_what_is_no_request_is_refused_with_a_word(address: tuple[str, int], data: bytes, status: int) -> None:
    found = answers(address, data + get("/smuggled"))
    assert [answer for answer, _ in found] == [status]
    assert found[0][1]["status"] == status
    assert found[0][1]["detail"]


@pytest.mark.parametrize(
    "pieces",
    [
        [b"GET / HTTP/1.1\r\n" + HOST + b"a: b\r\n" * (LARGE // 6) + b"\r\n"],
        [b"GET /" + b"a" * LARGE + b" HTTP/1.1\r\n" + HOST + b"\r\n"],
        [b"GET / HTTP/1.1\r\n" + HOST + b"a: ", *[b"b" * 1000] * 60],
        [b"GET / HTTP/1.1\r\n" + HOST, *[b"a" * 1000] * 60],
        [b"\r\n" * 1000] * 30,
        [get("/"), *[b"\r\n" * 1000] * 400],
    ],
    ids=["many headers", "a long address", "a value without end", "a name without end", "empty lines", "later ones"],
)
def test_a_head_without_end_is_refused(address: tuple[str, int], pieces: list[bytes]) -> None:
    found = answers(address, *pieces, ends=False)  # the server ends, or this waits for ever
    assert [status for status, _ in found if status != 200] in ([431], [])  # [] where the refusal was lost on its way


def test_trailers_are_no_headers_and_have_an_end(address: tuple[str, int]) -> None:
    late = chunked("/slow", b"12345") + b"0\r\nX-User: ada\r\nHost: evil\r\n\r\n" + get("/b", CLOSE)
    for pieces in ([late], [late[: late.index(b"X-User")], late[late.index(b"X-User") :]]):
        found = answers(address, *pieces, ends=False)
        assert [sorted(told["headers"]) for _, told in found] == [["host", "transfer-encoding"], ["connection", "host"]]
    endless = answers(address, chunked("/", b"12345") + b"0\r\n", b"a: ", *[b"b" * 1000] * 600, ends=False)
    assert endless == []


def test_what_follows_a_refused_upgrade_is_never_a_request(address: tuple[str, int]) -> None:
    asking = get("/slow", b"Upgrade: h2c", b"Connection: Upgrade")
    assert [told["path"] for _, told in answers(address, asking + get("/b"), ends=False)] == ["/slow"]
    assert [told["path"] for _, told in answers(address, asking, get("/b"), ends=False)] == ["/slow"]


def test_an_answer_is_finished_before_what_follows_is_refused(address: tuple[str, int]) -> None:
    assert [told["path"] for _, told in answers(address, get("/slow") + b"\x00rubbish", ends=False)] == ["/slow"]
    assert answers(address, chunked("/slow", b"12345") + b"zz\r\n", ends=False) == []  # a body that never came whole


def test_few_requests_wait_on_one_connection(address: tuple[str, int]) -> None:
    found = answers(address, get("/slow") + get("/b") * 5000, ends=False)
    assert [told["path"] for _, told in found] == ["/slow"] + ["/b"] * 16


def test_a_body_that_comes_after_its_answer_is_dropped(address: tuple[str, int]) -> None:
    head = b"POST /early HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n"
    found = answers(address, head, b"x" * 50_000, b"x" * 50_000 + get("/b", CLOSE))
    assert [told["path"] for _, told in found] == ["/early", "/b"]
