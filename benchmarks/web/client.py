"""A client of the HTTP API that takes little time of its own, so that what is timed is the server."""

from __future__ import annotations

import re
import socket

_BOUNDARY = "mirsearchboundary"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


class Client:
    """A user with a connection that stays open. A request is one write, as a browser makes it."""

    def __init__(self, port: int) -> None:
        self._host = f"127.0.0.1:{port}"
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str) -> int:
        """Ask for a page; return the status."""
        return self._ask(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())

    def search(self, image: bytes | None = None, **fields: str) -> int:
        """Search with the API; return the status."""
        parts = [_part(f'name="{name}"', value.encode()) for name, value in fields.items()]
        if image is not None:
            parts.append(_part('name="image"; filename="a.png"', image))
        body = b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()
        head = (
            f"POST /api/v1/search HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n"
            f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n\r\n"
        )
        return self._ask(head.encode() + body)

    def _ask(self, request: bytes) -> int:
        self._connection.sendall(request)
        answer = self._receive()
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self._receive()
        length = _LENGTH.search(answer, 0, end + 2)
        if length is None:
            raise OSError("an answer does not tell its length")
        left = end + 4 + int(length[1]) - len(answer)
        while left > 0:
            left -= len(self._receive())
        return int(answer[9:12])

    def _receive(self) -> bytes:
        if not (data := self._connection.recv(1 << 18)):
            raise OSError("the server closed the connection")
        return data


def _part(name: str, value: bytes) -> bytes:
    return f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {name}\r\n\r\n".encode() + value + b"\r\n"
