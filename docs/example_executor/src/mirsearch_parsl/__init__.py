"""`mirsearch ingest --workers parsl:CONFIG.py`: figures are analyzed by the workers of Parsl.

The file is Python, and its `config` is a `parsl.config.Config`: Parsl's own documentation has one for each large
cluster. Without a file, two processes of this machine work.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class ParslWorkers:
    """Hands tasks on to Parsl. `count` tells how many are sent at once: no more than can begin at once."""

    def __init__(self, argument: str = "") -> None:
        from parsl.concurrent import ParslPoolExecutor

        config = runpy.run_path(argument)["config"] if argument else _local_config()
        config.retries = 0  # mirsearch itself tries a figure once more
        self._pool = ParslPoolExecutor(config=config)
        self.count = sum(map(_most_workers, config.executors))

    def submit(self, function: Callable[[bytes], bytes], task: bytes, /) -> Future[bytes]:
        """Call a function of mirsearch in a worker."""
        future: Future[bytes] = self._pool.submit(function, task)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers."""
        self._pool.shutdown(wait=wait)


def _most_workers(executor: Any) -> int:
    blocks = getattr(getattr(executor, "provider", None), "max_blocks", 1)
    return int(blocks) * int(getattr(executor, "max_workers_per_node", None) or getattr(executor, "max_threads", 1))


def _local_config() -> Any:
    from parsl.config import Config
    from parsl.executors import HighThroughputExecutor
    from parsl.providers import LocalProvider

    provider = LocalProvider(init_blocks=1, max_blocks=1)
    return Config(executors=[HighThroughputExecutor(max_workers_per_node=2, address="127.0.0.1", provider=provider)])
