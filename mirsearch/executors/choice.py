"""What `--workers` says: a number of threads, or an executor."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mirsearch import plugins
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.executors.base import WorkerExecutor

_SCHEMES = {"dask": "dask", "dask+tls": "dask", "tcp": "dask", "tls": "dask"}
"""Addresses of a Dask scheduler, and what opens them. Dask itself prints tcp:// and tls://."""
_MOST_THREADS = 1_024
REMEDY = "give a number, processes:N, dask://HOST:8786, or an executor that `mirsearch plugins` lists"


def parse_thread_count(text: str) -> int:
    """Return the number of threads that `--workers` says. Raises UsageError for one out of range."""
    if not 1 <= int(text) <= _MOST_THREADS:
        raise UsageError(f"--workers {text} is not in the range 1 to {_MOST_THREADS}", REMEDY)
    return int(text)


def check_executor(text: str) -> str:
    """Return the executor that `--workers` says, as it was given. Raises UsageError if there is none of this name."""
    if _split(text)[0] not in plugins.names("executors"):
        raise UsageError(f"--workers {text!r} is neither a number nor a known executor", REMEDY)
    return text


def open_executor(spec: str) -> WorkerExecutor:
    """Start or reach the executor NAME, NAME:ARGUMENT or SCHEME://ADDRESS. Raises WorkersError, UsageError."""
    name, argument = _split(spec)
    factory = plugins.load("executors", name)
    executor: WorkerExecutor = factory(argument) if argument else factory()
    return executor


def _split(spec: str) -> tuple[str, str]:
    """Return the name of an executor and its argument; the argument of an address is all of it."""
    scheme, found, _ = spec.partition("://")
    if found and scheme in _SCHEMES:
        return _SCHEMES[scheme], spec
    name, _, argument = spec.partition(":")
    return name, argument


def worker_count(executor: WorkerExecutor) -> int:
    """Return how many tasks an executor runs at the same time now."""
    told = getattr(executor, "count", None) or getattr(executor, "_max_workers", None)
    return told if isinstance(told, int) and told > 0 else os.cpu_count() or 1
