"""Which address a connection goes to, with a resolver of the test's own, and that TLS checks the name all the same."""

from __future__ import annotations

import errno
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mirsearch.acquisition.http import kinds
from mirsearch.acquisition.http.cache import HttpCache
from mirsearch.acquisition.http.client import HttpClient
from mirsearch.errors import FetchError
from mirsearch.settings import PMC, RetryLimits
from tests.support.serving import random_png

URL = "https://pmc-oa-opendata.s3.amazonaws.com/x.png"
PUBLIC, PUBLIC_6 = "151.101.1.1", "2620:0:2d0:200::7"
ONCE = RetryLimits(connect=5, read=4, total=5, attempts=1, backoff=0.01, max_wait=2)
TWICE = RetryLimits(connect=5, read=4, total=5, attempts=2, backoff=0.01, max_wait=2)


class Resolver:
    """Answers each look-up of a name with the next of its answers. Numbers are left to the system."""

    def __init__(self) -> None:
        self.answers: list[list[str]] = []
        self.names: list[str] = []
        self.system = socket.getaddrinfo

    def look_up(self, host: str, port: int, *more: Any, **options: Any) -> list[Any]:
        try:
            return self.system(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:
            self.names.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [found for address in answer for found in self.system(address, port, type=socket.SOCK_STREAM)]


@pytest.fixture
def resolver(monkeypatch) -> Resolver:
    made = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", made.look_up)
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", PMC.variable):
        monkeypatch.delenv(name, raising=False)
    return made


@pytest.fixture
def connected(monkeypatch) -> list[str]:
    """The addresses that were connected to. None can be reached."""
    addresses: list[str] = []

    def connect(_self: socket.socket, address: Any) -> None:
        addresses.append(address[0])
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", connect)
    return addresses


def fetch(folder, limits: RetryLimits = ONCE, url: str = URL) -> Any:
    client = HttpClient([PMC], HttpCache(folder, 1 << 20), limits)
    try:
        return client.fetch(url, kinds.IMAGE)
    finally:
        client.close()


@pytest.mark.parametrize(
    "inside", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fec0::1", "64:ff9b:1::a00:1", "::7f00:1", "3fff::1"]
)
def test_a_name_that_leads_inside_is_never_connected_to(resolver, connected, tmp_path, inside):
    resolver.answers = [[inside]]
    with pytest.raises(FetchError, match="not a public address") as caught:
        fetch(tmp_path)
    assert caught.value.cause == "refused"
    assert connected == []


def test_the_address_that_was_checked_is_the_one_connected_to(resolver, connected, tmp_path):
    """The name leads to a public address when it is checked, and inside at each later look-up."""
    resolver.answers = [[PUBLIC], ["127.0.0.1"]]
    with pytest.raises(FetchError) as caught:
        fetch(tmp_path)
    assert caught.value.cause == "unreached"
    assert connected == [PUBLIC]
    assert len(resolver.names) == 1


def test_each_new_connection_checks_its_own_look_up(resolver, connected, tmp_path):
    resolver.answers = [[PUBLIC], ["127.0.0.1"]]
    with pytest.raises(FetchError, match="not a public address"):
        fetch(tmp_path, TWICE)
    assert connected == [PUBLIC]


def test_of_several_addresses_only_the_public_ones_are_tried(resolver, connected, tmp_path):
    resolver.answers = [["10.0.0.1", PUBLIC, "::1", PUBLIC_6, "127.0.0.1"]]
    with pytest.raises(FetchError) as caught:
        fetch(tmp_path)
    assert caught.value.cause == "unreached"
    assert [address for address in connected if address in (PUBLIC, PUBLIC_6)] == connected
    assert connected[0] == PUBLIC


def test_a_name_that_can_be_none_is_unreached(resolver, tmp_path, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", resolver.system)
    name = "a" * 70 + ".example"
    monkeypatch.setenv(PMC.variable, f"https://{name}")
    with pytest.raises(FetchError, match=name) as caught:
        fetch(tmp_path, url=f"https://{name}/x.png")
    assert caught.value.cause in ("unreached", "network")


@contextmanager
def https_server(name: str, monkeypatch, tmp_path) -> Iterator[tuple[int, list[str | None]]]:
    """A server on 127.0.0.1 whose certificate is for `name`: its port, and the names that clients asked it for."""
    trustme = pytest.importorskip("trustme")
    authority, asked = trustme.CA(), []
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Host"])
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.send_header("Content-Length", str(len(random_png(1))))
            self.end_headers()
            self.wfile.write(random_png(1))

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:  # clients that do not trust it go away
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    context.sni_callback = lambda _socket, asked_name, _context: asked.append(asked_name)
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1], asked
        finally:
            server.shutdown()


@pytest.mark.parametrize("certified", ["mirror.example", "other.example", "127.0.0.1"])
def test_the_certificate_is_checked_against_the_name(resolver, monkeypatch, tmp_path, certified):
    resolver.answers = [["127.0.0.1"]]
    with https_server(certified, monkeypatch, tmp_path) as (port, asked):
        monkeypatch.setenv(PMC.variable, f"https://mirror.example:{port}")
        url = f"https://mirror.example:{port}/x.png"
        if certified == "mirror.example":
            assert fetch(tmp_path / "cache", url=url).data == random_png(1)
            assert asked == ["mirror.example", f"mirror.example:{port}"]
        else:
            with pytest.raises(FetchError, match="certificate"):
                fetch(tmp_path / "cache", url=url)
            assert asked == ["mirror.example"]  # the TLS handshake only
