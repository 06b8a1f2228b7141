"""What `--workers` and `--shared` say, in the command and in Python."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mirsearch.errors import UsageError
from mirsearch.executors.choice import check_executor, parse_thread_count

if TYPE_CHECKING:
    from mirsearch.ingest.remote.client import RemoteWorkers


def choose_workers(asked: str | int | None, parts: RemoteWorkers) -> int | RemoteWorkers | None:
    """Return a number of threads, or `parts` with the executor that is asked for; None if nothing is.

    Raises UsageError for what is neither, and for shared folders where nothing is sent.
    """
    if asked is None or isinstance(asked, int) or asked.isdecimal():
        if parts.shared:
            raise UsageError("--shared is for workers elsewhere", "add --workers dask://HOST:8786, or leave it out")
        return None if asked is None else parse_thread_count(str(asked))
    return replace(parts, executor=check_executor(asked))
