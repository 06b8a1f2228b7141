"""Clients take turns at what the server does only so much of at once."""

from __future__ import annotations

import dataclasses
import threading

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

import anyio

from mirsearch.web import queues
from mirsearch.web.problems import ProblemError
from mirsearch.web.queues import CLIENT, WorkQueue


def test_who_asks_for_much_does_not_keep_others_waiting() -> None:
    done: list[str] = []
    started, go_on = threading.Event(), threading.Event()

    def first() -> None:
        started.set()
        go_on.wait(60)

    async def ask(queue: WorkQueue, client: str) -> None:
        CLIENT.set(client)
        await queue.run(done.append, client)

    async def all_ask() -> None:
        queue = WorkQueue(1, "searches")
        async with anyio.create_task_group() as group:
            group.start_soon(queue.run, first)
            while not started.is_set():
                await anyio.sleep(0.001)
            for client in ("greedy",) * 5 + ("one", "other", "one"):
                group.start_soon(ask, queue, client)
                await anyio.sleep(0)
            await anyio.sleep(0.01)
            go_on.set()
        assert await queue.run(lambda: "free again") == "free again"

    anyio.run(all_ask)
    assert done == ["greedy", "one", "other", "greedy", "one", "greedy", "greedy", "greedy"]


def test_who_waits_too_long_or_leaves_gives_the_place_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "SERVE_LIMITS", dataclasses.replace(queues.SERVE_LIMITS, waiting_seconds=0.05))
    go_on = threading.Event()

    async def ask() -> None:
        queue = WorkQueue(1, "searches")
        async with anyio.create_task_group() as group:
            group.start_soon(queue.run, go_on.wait, 60)
            await anyio.sleep(0.01)
            with anyio.move_on_after(0.01):
                await queue.run(lambda: None)
            with pytest.raises(ProblemError, match="too many searches"):
                await queue.run(lambda: None)
            go_on.set()
        assert [await queue.run(lambda number=number: number) for number in range(3)] == [0, 1, 2]

    anyio.run(ask)


def test_what_a_thread_raises_reaches_who_waits_and_frees_the_place() -> None:
    async def ask() -> None:
        queue = WorkQueue(1, "searches")
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                await queue.run(divmod, 1, 0)
        assert await queue.run(divmod, 7, 2) == (3, 1)

    anyio.run(ask)
