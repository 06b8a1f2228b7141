"""Work in the background within bounds: ordered maps over threads, and a queue between two speeds."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Generic, TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def ordered_map(action: Callable[[Given], Made], items: Iterable[Given], workers: int, ahead: int) -> Iterator[Made]:
    """Results in the order of the items, made by threads, at most `ahead` items before the one asked for."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="acquire")
    waiting: deque[Future[Made]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(action, item))
            while len(waiting) > ahead or (waiting and waiting[0].done()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class Background(Generic[Made]):
    """Runs an iterator in a thread, at most `ahead` items before the reader; its exceptions reach the reader."""

    def __init__(self, items: Iterable[Made], ahead: int) -> None:
        self._items = items
        self._queue: queue.Queue[tuple[str, Made | BaseException | None]] = queue.Queue(ahead)
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

    def _put(self, told: tuple[str, Made | BaseException | None]) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(told, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def ready(self, limit: int) -> list[Made]:
        """Items that are there, at least one (it is waited for) and at most `limit`; none at the end."""
        found: list[Made] = []
        while not self._ended and len(found) < limit:
            try:
                kind, value = self._queue.get(block=not found)
            except queue.Empty:
                break
            if kind == "item":
                found.append(value)  # type: ignore[arg-type]
                continue
            self._ended = True
            if isinstance(value, BaseException):
                raise value
        return found

    def __iter__(self) -> Iterator[Made]:
        while found := self.ready(1):
            yield found[0]

    def stop(self, seconds: float = 10.0) -> None:
        """End the thread after the item it is at; wait for it."""
        self._stop.set()
        self._thread.join(seconds)


def in_chunks(items: Iterable[Made], size: int) -> Iterator[list[Made]]:
    """Items, `size` at a time; of those made in the background what is ready, so that nobody waits for more."""
    if isinstance(items, Background):
        while ready := items.ready(size):
            yield ready
        return
    stream = iter(items)
    while chunk := list(islice(stream, size)):
        yield chunk
