"""A bounded, ordered map over threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Input = TypeVar("Input")
Output = TypeVar("Output")


def map_in_order(
    action: Callable[[Input], Output], items: Iterable[Input], workers: int, ahead: int
) -> Iterator[Output]:
    """Return results in the order of the items. Threads compute at most `ahead` items in advance."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="mirsearch-map")
    waiting: deque[Future[Output]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(action, item))
            while len(waiting) > ahead or (waiting and waiting[0].done()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
