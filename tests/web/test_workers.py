"""Several worker processes behave as one server; a dead one is replaced, and all stop in peace."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from mirsearch.errors import MirsearchError
from mirsearch.web.clients import ClientTable
from mirsearch.web.csrf import FormTokens
from mirsearch.web.shared import Shared, make_place, remove_place
from mirsearch.web.workers import open_sockets
from tests.support.web_site import Served
from tests.web.test_serve import STARTED, get, serving


def children(pid: int) -> list[int]:
    """The worker processes of a server: its children that run its code, not multiprocessing's tracker."""
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(one) for one in told if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


def post_image(port: int, image: bytes) -> str:
    """Give the page an image on a new connection; return the address of its search."""
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=STARTED)
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    connection.request("POST", "/search", head + image + b"\r\n--b--\r\n", kind)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 303
    return answer.headers["Location"]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes as Linux shows them")
def test_workers_are_one_server(served: Served) -> None:
    with serving(served.location, "--workers", "2") as (process, port):
        address = post_image(port, served.query.read_bytes()).replace("/search?", "/search.json?")
        picture = f"/queries/{address.partition('image=')[2]}.jpg"
        # Each new connection may meet the other worker: both know the image.
        assert len({get(port, picture) for _ in range(8)}) == 1
        first = children(process.pid)
        assert len(first) == 2
        os.kill(first[0], signal.SIGKILL)
        for _ in range(20):  # the port is served on, and what waits at the dead worker's socket is answered by the next
            assert b"panels of" in get(port, "/")
        deadline = time.monotonic() + STARTED
        while len(alive := children(process.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(alive) == 2
        assert first[0] not in alive
        counted = b'{method="GET",route="/",status="200"} 20.0'
        while counted not in get(port, "/metrics") and time.monotonic() < deadline:
            time.sleep(0.1)  # a request is counted after its answer is sent
        for _ in range(4):  # whichever worker is asked tells what all have answered, the dead one too
            assert get(port, "/metrics").count(counted) == 1

        asking = [begin_search(port) for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        while is_open(port):
            time.sleep(0.01)
        statuses = [finish_search(connection) for connection in asking]
        _, err = process.communicate(timeout=STARTED)
    assert process.returncode == 0, err
    assert err.splitlines()[-1] == "mirsearch: stopped"
    assert statuses == [200] * 2, "an answer in hand was not finished"
    assert children_are_gone(alive)


FORM = b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nparticles\r\n--b--\r\n'


def begin_search(port: int) -> socket.socket:
    """Send the head of a search, and return its connection when a worker has it in hand and asks for the rest."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=STARTED)
    connection.sendall(
        b"POST /api/v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n" % len(FORM)
    )
    assert connection.recv(4096).startswith(b"HTTP/1.1 100")
    return connection


def finish_search(connection: socket.socket) -> int:
    with connection, connection.makefile("rb") as answer:
        connection.sendall(FORM)
        line = answer.readline()
        while line == b"\r\n":  # the end of what asked for the rest
            line = answer.readline()
        return int(line.split()[1])


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=STARTED).close()
    except ConnectionError:
        return False
    return True


def children_are_gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + STARTED
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes as Linux shows them")
def test_workers_end_with_the_main_process(served: Served) -> None:
    with serving(served.location, "--workers", "2") as (process, port):
        assert b"panels of" in get(port, "/")
        workers = children(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert children_are_gone(workers)


def test_a_client_is_counted_over_all_processes(tmp_path: Path) -> None:
    tables = [ClientTable(tmp_path, b"secret", 3, number) for number in range(3)]
    for table in tables:
        table.begin("10.0.0.1")
    assert [table.in_hand("10.0.0.1") for table in tables] == [3, 3, 3]
    assert tables[0].in_hand("10.0.0.2") == 0
    tables[1].end("10.0.0.1")
    assert tables[2].in_hand("10.0.0.1") == 2
    # The process with number 2 dies with a request in hand; who takes its place begins with none.
    replaced = ClientTable(tmp_path, b"secret", 3, 2)
    assert replaced.in_hand("10.0.0.1") == tables[0].in_hand("10.0.0.1") == 1
    allowed = [tables[n % 2].may_log_in("10.0.0.1") for n in range(12)]
    assert allowed == [True] * 10 + [False] * 2
    assert tables[2].may_log_in("10.0.0.2")


def test_processes_know_each_others_forms_and_changes() -> None:
    from starlette.requests import Request

    place = make_place(2)
    try:
        one, other = Shared(place, 0), Shared(place, 1)
        request = Request({"type": "http", "headers": []})
        cookie, token = FormTokens(one.secret).issue(request)
        asked = Request({"type": "http", "headers": [(b"cookie", f"mirsearch_form={cookie}".encode())]})
        FormTokens(other.secret).check(asked, token)
        before = other.last_change()
        one.tell_change()
        assert other.last_change() > before
        assert place.folder.stat().st_mode & 0o077 == 0
    finally:
        remove_place(place)


def test_a_taken_port_is_not_shared_with_another_program() -> None:
    sockets = open_sockets("127.0.0.1", 0, 3)
    port = sockets[0].getsockname()[1]
    try:
        with pytest.raises(MirsearchError, match="is in use"):
            open_sockets("127.0.0.1", port, 3)
        with pytest.raises(MirsearchError, match="is in use"):
            open_sockets("127.0.0.1", port, 1)
    finally:
        for one in sockets:
            one.close()
