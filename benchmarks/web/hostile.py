"""Attacks a running `mirsearch serve` and tells whether others are served on meanwhile.

    python -m benchmarks.web.hostile --index FOLDER [--workers 2] [--connections 1000] [--uploads FOLDER …]

Each attack runs while a friendly client asks for the page and for words. The table has what was answered to the
attackers, and how the friend fared: answers, the slowest, errors. At the end the server must live, stop with exit code
0 when asked to, and have left the index as it was. Uploads are drawn, and all files of the folders that are named.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import resource
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from io import BytesIO
from pathlib import Path

from PIL import Image

from benchmarks.web.client import Client
from benchmarks.web.serving import memory_mb

HOST = b"Host: 127.0.0.1\r\n"
PATHS = (
    "/../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/static/..%2f..%2fapp.py",
    "/static/../app.py",
    "/pictures/..%2f..%2fx.jpg",
    "/queries/../../../etc/passwd.jpg",
    "/iiif/..%2f..%2fetc/full/max/0/default.jpg",
    "/figures/%00",
    "/figures/" + "a" * 5000,
    "/search?image=../../../etc/passwd",
    "/search.json?like=" + "%27%20OR%201=1--",
    "/iiif/x/0,0,1,1/99999999,/0/default.jpg",
    "//evil.example/",
    "/search?" + "a=b&" * 4000,
    "/search?start=99999999999999999999",
    "/api/v1/panels/%F0%9F",
    "/%",
)
HOSTS = ("evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "[::1", "127.0.0.1:99999999")


def drawn_uploads() -> dict[str, bytes]:
    """Return files that are no pictures, lie about what they are, or are too much."""
    huge, noise = BytesIO(), BytesIO()
    Image.new("1", (60_000, 60_000)).save(huge, "PNG")
    Image.effect_noise((2_000, 2_000), 99).save(noise, "PNG")
    whole = noise.getvalue()
    return {
        "empty": b"", "text": b"not a picture", "3.6 gigapixels": huge.getvalue(),
        "cut short": whole[: len(whole) // 2],
        "flipped": whole[:5000] + bytes(255 - byte for byte in whole[5000:5200]) + whole[5200:],
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "tiff loop": b"II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00", "zip": b"PK\x03\x04" + b"\x00" * 400,
        "pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj", "long": b"\x89PNG\r\n\x1a\n" + b"\x00" * (20 << 20),
    }  # fmt: skip


class Friend:
    """Asks for the page and for words all the time, each on a new connection, and from an address of its own."""

    def __init__(self, port: int) -> None:
        self.times: list[float] = []
        self.errors: Counter[str] = Counter()
        self._port, self._end = port, threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        while not self._end.is_set():
            began = time.perf_counter()
            for path in ("/", "/search?text=image"):
                try:
                    connection = HTTPConnection("127.0.0.1", self._port, timeout=60, source_address=("127.0.0.2", 0))
                    connection.request("GET", path)
                    answer = connection.getresponse()
                    answer.read()
                    connection.close()
                    if answer.status != 200:
                        self.errors[str(answer.status)] += 1
                except (OSError, HTTPException) as error:
                    self.errors[type(error).__name__] += 1
            self.times.append(time.perf_counter() - began)
            time.sleep(0.05)

    def end(self) -> str:
        """Stop; tell how it fared."""
        self._end.set()
        self._thread.join()
        slowest = max(self.times, default=0.0)
        return f"{2 * len(self.times)} asked, slowest pair {slowest:.2f} s, errors {dict(self.errors) or 'none'}"


def many_connections(port: int, count: int) -> Counter[str]:
    """Open connections and leave them; half say nothing, half begin a request."""
    opened, told = [], Counter[str]()
    for number in range(count):
        with suppress(OSError):
            one = socket.create_connection(("127.0.0.1", port), timeout=10)
            if number % 2:
                one.sendall(b"GET / HTTP/1.1\r\n" + HOST)
            opened.append(one)
    told["opened"] = len(opened)
    time.sleep(15)
    for one in opened:
        one.setblocking(False)
        try:
            told["closed by the server" if one.recv(1) == b"" else "answered"] += 1
        except BlockingIOError:
            told["still open"] += 1
        except OSError:
            told["closed by the server"] += 1
        one.close()
    return told


def slow_clients(port: int, count: int) -> Counter[str]:
    """Send a body one byte a second, or read nothing of a large answer, for 40 s."""
    told = Counter[str]()
    clients = []
    for number in range(count):
        one = socket.create_connection(("127.0.0.1", port), timeout=5)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        if number % 2:
            one.sendall(
                b"POST /search HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\nContent-Type: text/plain\r\n\r\n"
            )
        else:
            one.sendall((b"GET /search.json?text=image&top=1000 HTTP/1.1\r\n" + HOST + b"\r\n") * 20)
        clients.append(one)
    end = time.monotonic() + 40
    while time.monotonic() < end:
        for one in clients[1::2]:
            with suppress(OSError):
                one.send(b"a")
        time.sleep(1)
    for one in clients:
        told["client"] += 1
        one.close()
    return told


def post_uploads(port: int, folders: list[Path]) -> Counter[str]:
    """Post hostile files to the API, one after another."""
    files = drawn_uploads()
    for folder in folders:
        files |= {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    told = Counter[str]()
    for data in files.values():
        try:
            told[str(Client(port).search(image=data))] += 1
        except (OSError, HTTPException) as error:
            told[type(error).__name__] += 1
    return told


def ask_raw(port: int, requests: list[tuple[str, str, dict[str, str]]]) -> Counter[str]:
    """Send requests (method, path, headers); count the statuses."""
    told = Counter[str]()
    for method, path, headers in requests:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as one:
            lines = "".join(f"{name}: {value}\r\n" for name, value in ({"Host": "127.0.0.1"} | headers).items())
            one.sendall(f"{method} {path} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())
            head = b""
            with suppress(OSError):
                head = one.recv(12)
            told[head[9:12].decode() or "closed"] += 1
    return told


@contextmanager
def serving(index: str, workers: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Yield a running server and its port."""
    command = (sys.executable, "-m", "mirsearch", "serve", "--index", index, "--port", "0", "--workers", str(workers))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        found = re.search(r":(\d+)/", process.stdout.readline() if process.stdout else "")
        if found is None:
            raise SystemExit("the server did not start")
        Client(int(found[1])).get("/search?text=image")
        yield process, int(found[1])
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def hashes(index: str) -> dict[str, str]:
    """Return the hash of each file of the index but the ones that readers touch."""
    files = (path for path in Path(index).rglob("*") if path.is_file() and not path.name.endswith(("-shm", ".lock")))
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--uploads", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, options.connections + 500), hard), hard))
    before = hashes(options.index)
    crossed = [("POST", path, {"Origin": "https://evil.example", "Content-Length": "0"}) for path in
               ("/search", "/api/v1/search", "/login", "/review/x", "/api/v1/jobs")]  # fmt: skip
    with serving(options.index, options.workers) as (process, port):
        attacks: dict[str, Callable[[], Counter[str]]] = {
            "paths": lambda: ask_raw(port, [("GET", path, {}) for path in PATHS]),
            "hosts": lambda: ask_raw(port, [("GET", "/corpus", {"Host": host}) for host in HOSTS]),
            "cross-site": lambda: ask_raw(port, crossed),
            f"{options.connections} connections": lambda: many_connections(port, options.connections),
            "200 slow clients": lambda: slow_clients(port, 200),
            "uploads": lambda: post_uploads(port, options.uploads),
        }
        for name, attack in attacks.items():
            friend = Friend(port)
            told = dict(attack())
            print(f"{name:18} {told}\n{'':18} friend: {friend.end()}; {memory_mb(process.pid):.0f} MB", flush=True)
        process.terminate()
        print(f"exit code {process.wait(60)}; index {'unchanged' if hashes(options.index) == before else 'CHANGED'}")


if __name__ == "__main__":
    main()
