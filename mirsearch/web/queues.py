"""Work in threads, so much of each kind at once. Who waits too long is told to come again."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import anyio

from mirsearch.settings import SERVE_LIMITS
from mirsearch.web.problems import Problem, ProblemError

_RETRY_SECONDS = 10
_MAX_THREADS = 40

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class WorkQueue:
    """Runs functions in threads, at most `workers` at once, in the order in which they came."""

    def __init__(self, workers: int, what: str) -> None:
        self._what = what
        self._free = anyio.Semaphore(workers)
        self._threads = anyio.CapacityLimiter(_MAX_THREADS)

    async def run(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **options: Arguments.kwargs
    ) -> Result:
        """Return what the function returns. ProblemError if no worker is free in time."""
        try:
            with anyio.fail_after(SERVE_LIMITS.waiting_seconds):
                await self._free.acquire()
        except TimeoutError as error:
            detail = f"the server has too many {self._what} in hand"
            raise ProblemError(Problem(503, detail, "try again in a while", _RETRY_SECONDS)) from error
        try:
            return await anyio.to_thread.run_sync(lambda: function(*args, **options), limiter=self._threads)
        finally:
            self._free.release()
