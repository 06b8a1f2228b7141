"""The head of an answer goes out with its body, and nothing that was written is lost or late."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from mirsearch.web.joined_writes import JoinedWrites


class Sent(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes | None] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.pieces.append(None)

    def is_closing(self) -> bool:
        return None in self.pieces


def written(*pieces: bytes, pause: bool = False, close: bool = False) -> list[bytes | None]:
    """What reaches the connection of pieces that are written one after the other."""

    async def write() -> list[bytes | None]:
        sent = Sent()
        joined = JoinedWrites(sent, asyncio.get_running_loop())
        for piece in pieces:
            joined.write(piece)
            if pause:
                await asyncio.sleep(0)
        if close:
            joined.close()
            assert joined.is_closing()
        await asyncio.sleep(0)
        return sent.pieces

    return asyncio.run(write())


LONG = b"b" * 100_000


def test_head_and_body_go_together() -> None:
    assert written(b"head", b"body", b"") == [b"headbody"]
    assert written(b"head", LONG, b"") == [b"head" + LONG]


def test_what_nothing_follows_goes_by_itself() -> None:
    assert written(b"head") == [b"head"]
    assert written(b"head", b"event", b"event", pause=True) == [b"head", b"event", b"event"]
    assert written(LONG, b"more", LONG) == [LONG, b"more" + LONG]
    assert written(b"") == []


def test_the_rest_goes_before_the_connection_closes() -> None:
    assert written(b"head", close=True) == [b"head", None]
    assert written(b"head", b"body", b"", close=True) == [b"headbody", None]
