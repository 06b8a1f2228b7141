"""Run functions that read foreign data in processes that are bounded, and used again for the next task."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple

from mirsearch.errors import ImageError, MirsearchError, MissingDependencyError, SourceError, UsageError
from mirsearch.isolation.plain_data import decode, encode, function_types
from mirsearch.isolation.worker import Worker, WorkerLostError
from mirsearch.settings import LIMITS, thread_count

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

_MOST_WORKERS = 4
_ERRORS: dict[str, type[MirsearchError]] = {
    kind.__name__: kind for kind in (MirsearchError, SourceError, ImageError, MissingDependencyError, UsageError)
}
"""Errors that an answer may name. All others are the input's failure."""


def run_isolated(
    function: Callable[[*Arguments], Result], *arguments: *Arguments, name: str, seconds: float | None = None,
    remedy: str = "get it again",
) -> Result:  # fmt: skip
    """Return what a function returns that runs in a bounded process. Messages call its input `name`.

    The function stands in a module, and its arguments and result are plain data or dataclasses (see plain_data). It may
    take `seconds`, by default LIMITS.worker_seconds.
    Raises the MirsearchError or OSError that the function raises, and SourceError, with `remedy`, if it takes too long
    or too much memory, crashes, or raises anything else.
    """
    blobs: list[bytes] = []
    task = {
        "module": function.__module__, "function": function.__qualname__,
        "arguments": [encode(argument, blobs) for argument in arguments],
    }  # fmt: skip
    worker = _POOL.take()
    try:
        answer, pieces = worker.ask(task, blobs, seconds or LIMITS.worker_seconds)
    except WorkerLostError as error:
        raise SourceError(f"{name}: {error}", remedy) from error
    finally:
        _POOL.give_back(worker)
    if "error" in answer:
        raise _error(answer, name, remedy)
    try:
        result: Result = decode(function_types(function)[1], answer["value"], pieces)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{name}: its reader gave no usable answer ({error})", remedy) from error
    return result


def _error(answer: dict[str, Any], name: str, remedy: str) -> MirsearchError | OSError:
    kind, message = str(answer["error"]), str(answer.get("message", ""))
    if kind == "OSError":
        number = answer.get("number")
        return OSError(number, message) if isinstance(number, int) and number in _OS_ERRORS else OSError(message)
    if kind == "MemoryError":
        gigabytes = LIMITS.worker_memory_bytes / (1 << 30)
        return SourceError(f"{name}: reading it takes more than {gigabytes:g} GB of memory", remedy)
    if kind in _ERRORS:
        return _ERRORS[kind](message, str(answer.get("remedy", "")))
    return SourceError(f"{name}: its contents can't be used ({message[:160]})", "report it")


_OS_ERRORS = frozenset(range(1, 200))


class _Pool:
    """Workers that wait for tasks, and how many there may be."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin without workers, as in a forked process, where they are the parent's."""
        self._idle: list[Worker] = []
        self._lock = threading.Lock()
        self._places = threading.Semaphore(max(1, min(_MOST_WORKERS, thread_count())))

    def take(self) -> Worker:
        """Return a worker for one task, after a wait if all are at work."""
        self._places.acquire()
        try:
            while worker := self._pop():
                if not worker.has_ended():
                    return worker
                worker.close()
            return Worker()
        except BaseException:
            self._places.release()
            raise

    def give_back(self, worker: Worker) -> None:
        """Take a worker back after its task."""
        if worker.is_usable:
            with self._lock:
                self._idle.append(worker)
        self._places.release()

    def close(self) -> None:
        """End the workers that wait."""
        while worker := self._pop():
            worker.close()

    def _pop(self) -> Worker | None:
        with self._lock:
            return self._idle.pop() if self._idle else None


_POOL = _Pool()


def close_workers() -> None:
    """End the processes that wait for tasks. The next task starts a new one."""
    _POOL.close()


atexit.register(close_workers)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOL.forget)
