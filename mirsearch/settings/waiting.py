"""How long a command waits while another process writes to its index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from mirsearch.configuration import value_of

_asked: ContextVar[float | None] = ContextVar("lock_wait", default=None)


def lock_wait_seconds() -> float:
    """Return how long to wait for a busy index: what `wait_for_busy_index` said, else MIRSEARCH_WAIT, else 0 s."""
    asked = _asked.get()
    if asked is not None:
        return asked
    try:
        seconds = float(value_of("MIRSEARCH_WAIT"))
    except ValueError:
        return 0.0
    return seconds if 0 <= seconds < float("inf") else 0.0


def ask_to_wait(seconds: float | None, default: float = 0.0) -> Callable[[], None]:
    """Wait so long for a busy index from now on. None: as MIRSEARCH_WAIT says, or `default`. Returns what undoes it."""
    token = _asked.set(seconds if seconds is not None or value_of("MIRSEARCH_WAIT") else default)
    return lambda: _asked.reset(token)


@contextmanager
def waiting(default: float) -> Iterator[None]:
    """Wait so long for a busy index in this block, unless MIRSEARCH_WAIT or the command says something else."""
    if _asked.get() is not None:
        yield
        return
    undo = ask_to_wait(None, default)
    try:
        yield
    finally:
        undo()
