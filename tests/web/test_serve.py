"""`mirsearch serve` as a process: it starts, stops in peace, and bounds slow clients."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from mirsearch.web.server import open_socket
from tests.support.cli_runner import run
from tests.support.web_site import Served

MIRSEARCH = (sys.executable, "-m", "mirsearch")
STARTED = 60
"""Seconds for the start on a busy machine."""


@contextmanager
def serving(location: str, *words: str, code: str = "") -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A running server and its port. `code` runs in its process before the command."""
    command = MIRSEARCH if not code else (sys.executable, "-c", f"{code}\nfrom mirsearch.cli import main\nmain()")
    started = (*command, "serve", "--index", location, "--port", "0", *words)
    folder = tempfile.TemporaryDirectory()  # what a server that is killed leaves goes with it
    environment = os.environ | {"TMPDIR": folder.name}
    process = subprocess.Popen(started, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        assert found, (line, process.stderr and process.stderr.read())
        yield process, int(found[1])
    finally:
        process.kill()
        process.communicate()
        folder.cleanup()


def get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=STARTED) as answer:
        return answer.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_tells_its_address_and_stops_in_peace(served: Served, number: signal.Signals) -> None:
    with serving(served.location) as (process, port):
        assert json.loads(get(port, "/healthz"))["status"] == "ok"
        assert b"panels of" in get(port, "/")
        kept_alive = HTTPConnection("127.0.0.1", port, timeout=STARTED)
        kept_alive.request("GET", "/healthz")
        kept_alive.getresponse().read()
        process.send_signal(number)
        out, err = process.communicate(timeout=STARTED)
        kept_alive.close()
    assert process.returncode == 0, err
    assert err == "mirsearch: stopped\n"
    assert out == ""


def test_small_answers_are_sent_at_once() -> None:
    """Nagle's algorithm would hold back the second packet of an answer until the first is acknowledged, 40 ms."""
    with open_socket("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()[:2]):
        accepted, _ = listening.accept()
        accepted.close()
        assert accepted.proto == socket.IPPROTO_TCP


def test_a_taken_port_is_one_clear_line(served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", "--index", served.location, "--port", port, code=1)
    assert result.err.startswith(f"mirsearch: port {port} of 127.0.0.1 is in use (give another one")
    assert result.out == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--host", "0.0.0.0"), "--token-file"),
        (("--host", "no-such-host.invalid"), "--token-file"),
        (("--port", "70000"), "is no port"),
        (("--index", "nowhere"), "no index at nowhere"),
    ],
)
def test_what_is_wrong_is_one_line(served: Served, words: tuple[str, ...], told: str) -> None:
    result = run("serve", "--index", served.location, *words, code=None)
    assert result.code in (1, 2)
    assert told in result.err
    assert result.err.count("\n") == 1


def test_a_missing_extra_is_named(served: Served) -> None:
    code = "import sys; sys.modules['fastapi'] = None\nfrom mirsearch.cli import main\nmain()"
    command = (sys.executable, "-c", code, "serve", "--index", served.location)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'mirsearch[web]'" in done.stderr
    assert done.stderr.count("\n") == 1


QUICK = """
import dataclasses, mirsearch.settings as settings
settings.SERVE_LIMITS = dataclasses.replace(
    settings.SERVE_LIMITS, connections=20, header_seconds=1, stalled_seconds=1)
"""


def is_closed(client: socket.socket) -> bool:
    """Whether the server ends the connection within its limits."""
    client.settimeout(60)
    try:
        while client.recv(65536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def test_slow_and_idle_clients_are_let_go_and_others_served_on(served: Served) -> None:
    host = b"Host: 127.0.0.1\r\n"
    starts = {
        "silent": b"",
        "half a head": b"GET / HTTP/1.1\r\n" + host,
        "half a body": b"POST /search HTTP/1.1\r\n" + host + b"Content-Type: multipart/form-data; boundary=b\r\n"
        b"Content-Length: 100000\r\n\r\n--b\r\n",
    }
    with serving(served.location, code=QUICK) as (_, port):
        clients = {}
        for name, start in starts.items():
            clients[name] = socket.create_connection(("127.0.0.1", port))
            clients[name].sendall(start)
        assert json.loads(get(port, "/healthz"))["status"] == "ok"
        for name, client in clients.items():
            assert is_closed(client), name
            client.close()
        crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
        assert json.loads(get(port, "/healthz"))["status"] == "ok"
        assert b"panels of" in get(port, "/")
        for client in crowd:
            client.close()


def test_no_rubbish_ends_the_server(served: Served) -> None:
    rubbish = (
        b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 5000,
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"a: b\r\n" * 20000 + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST /search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /search HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET ws://127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
        b"POST /api/v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        b"Content-Length: 13\r\n\r\n--b\r\nA b: c\r\n",
    )  # fmt: skip
    with serving(served.location) as (process, port):
        for data in rubbish:
            with socket.create_connection(("127.0.0.1", port), timeout=STARTED) as client:
                try:
                    client.sendall(data)
                    client.shutdown(socket.SHUT_WR)
                    answer = client.recv(65536)
                except ConnectionError:
                    continue
                assert b" 500 " not in answer.split(b"\r\n")[0], data[:60]
                assert not answer.startswith(b"HTTP/1.1 200") or b"evil" not in data, data[:60]
        assert json.loads(get(port, "/healthz"))["status"] == "ok"
        process.terminate()
        assert process.communicate(timeout=STARTED) == ("", "mirsearch: stopped\n")
