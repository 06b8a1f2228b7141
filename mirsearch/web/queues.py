"""Work in threads, so much of each kind at once. Clients take turns; who waits too long is told to come again."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import partial
from typing import ParamSpec, TypeVar

import anyio

from mirsearch.settings import SERVE_LIMITS
from mirsearch.web.problems import Problem, ProblemError

_RETRY_SECONDS = 10

CLIENT: ContextVar[str] = ContextVar("client", default="")
"""Whose request is being answered."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class WorkQueue:
    """Runs functions in threads, at most `workers` at once.

    Where several clients wait, each has one turn after the other: who asks for much waits for it, not all others.
    """

    def __init__(self, workers: int, what: str) -> None:
        self._what = what
        self._free = workers
        self._waiting: OrderedDict[str, deque[anyio.Event]] = OrderedDict()
        # Threads of its own: anyio's cost a short search twice the time of the change from one thread to the other.
        self._threads = ThreadPoolExecutor(workers, what.replace(" ", "-"))

    async def run(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **options: Arguments.kwargs
    ) -> Result:
        """Return what the function returns. ProblemError if no worker is free in time."""
        await self._take_turn()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()

        def end(done: Future[Result]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits
                loop.call_soon_threadsafe(self._hand_over, done, answer)

        try:
            done = self._threads.submit(copy_context().run, partial(function, *args, **options))
        except BaseException:
            self._end_turn()
            raise
        done.add_done_callback(end)
        return await answer  # a request that is cancelled keeps its turn until its thread is free

    def _hand_over(self, done: Future[Result], answer: asyncio.Future[Result]) -> None:
        """End a turn. asyncio's own way to wait for a thread takes more of its loop's rounds."""
        self._end_turn()
        if answer.cancelled():  # nobody waits any more
            return
        if (error := done.exception()) is not None:
            answer.set_exception(error)
        else:
            answer.set_result(done.result())

    async def _take_turn(self) -> None:
        if self._free:
            self._free -= 1
            return
        client, turn = CLIENT.get(), anyio.Event()
        self._waiting.setdefault(client, deque()).append(turn)
        try:
            with anyio.fail_after(SERVE_LIMITS.waiting_seconds):
                await turn.wait()
        except BaseException as error:  # also where the request is cancelled
            if turn.is_set():
                self._end_turn()
            else:
                self._leave(client, turn)
            if not isinstance(error, TimeoutError):
                raise
            detail = f"the server has too many {self._what} in hand"
            raise ProblemError(Problem(503, detail, "try again in a while", _RETRY_SECONDS)) from error

    def _leave(self, client: str, turn: anyio.Event) -> None:
        self._waiting[client].remove(turn)
        if not self._waiting[client]:
            del self._waiting[client]

    def _end_turn(self) -> None:
        """Give the place to the client that waits for its turn."""
        if not self._waiting:
            self._free += 1
            return
        client, turns = self._waiting.popitem(last=False)
        turn = turns.popleft()
        if turns:
            self._waiting[client] = turns
        turn.set()
