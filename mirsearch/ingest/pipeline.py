"""Bounded work in the background: a queue between producer and consumer."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Generic, TypeVar

Output = TypeVar("Output")

_POLL_SECONDS = 0.1
"""How often a waiting reader looks whether it is to stop."""


class BackgroundIterator(Generic[Output]):
    """Runs an iterator in a thread, at most `ahead` items before the reader. The reader gets its exceptions."""

    def __init__(self, items: Iterable[Output], ahead: int) -> None:
        self._items = items
        self._queue: queue.Queue[tuple[str, Output | BaseException | None]] = queue.Queue(ahead)
        self._stop = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="acquire", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for item in self._items:
                if not self._put(("item", item)):
                    return
            self._put(("end", None))
        except BaseException as error:  # noqa: BLE001  the reader's thread raises it
            self._put(("error", error))

    def _put(self, message: tuple[str, Output | BaseException | None]) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(message, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def take_ready(self, limit: int, is_stopped: Callable[[], bool] = lambda: False) -> list[Output]:
        """Return the items that are ready, at most `limit`. Wait for the first one; return none at the end.

        Return none, too, as soon as `is_stopped` returns True.
        """
        found: list[Output] = []
        while not self._ended and len(found) < limit and not is_stopped():
            try:
                kind, value = self._queue.get(block=not found, timeout=_POLL_SECONDS)
            except queue.Empty:
                if found:
                    break
                continue
            if kind == "item":
                found.append(value)  # type: ignore[arg-type]
                continue
            self._ended = True
            if isinstance(value, BaseException):
                raise value
        return found

    def __iter__(self) -> Iterator[Output]:
        while found := self.take_ready(1):
            yield found[0]

    def stop(self, seconds: float = 1.0) -> None:
        """Stop the thread after its current item, and wait at most so many seconds for that."""
        self._stop.set()
        self._thread.join(seconds)


def split_into_chunks(
    items: Iterable[Output], size: int, is_stopped: Callable[[], bool] = lambda: False
) -> Iterator[list[Output]]:
    """Return the items in lists of `size`, until `is_stopped` returns True.

    Items of a BackgroundIterator come as soon as they are ready.
    """
    if isinstance(items, BackgroundIterator):
        while ready := items.take_ready(size, is_stopped):
            yield ready
        return
    stream = iter(items)
    while not is_stopped() and (chunk := list(islice(stream, size))):
        yield chunk
