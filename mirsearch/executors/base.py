"""The protocol of an executor, and the errors by which it tells that a worker or all of them are lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

BytesFunction = Callable[[bytes], bytes]


class WorkerLostError(Exception):
    """The worker that had a task ended before it answered. The text says why, as the end of a sentence."""


class WorkerExecutor(Protocol):
    """What an entry point of the group `mirsearch.executors` returns: a `concurrent.futures.Executor` will do.

    It is called with what follows the colon in `--workers NAME:ARGUMENT`, or without an argument. It may have, besides:
    `count`, how many tasks run at the same time now (else the number of workers that it was made with); and `check()`,
    which raises WorkersError as soon as no task can end any more.
    """

    def submit(self, function: BytesFunction, task: bytes, /) -> Future[bytes]:
        """Call a function of a module in a worker. Any exception of the future means that the worker was lost."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers, or leave them to others."""
