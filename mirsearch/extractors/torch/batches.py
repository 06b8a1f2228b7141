"""Keeps a device busy: runs images prepared by several threads in batches as large as the device's memory allows.

Each thread prepares its own images, while the device computes, and puts them into one shared queue. A thread that finds
the device free runs all waiting images of one size, including those of other threads. The batch size grows as long as
memory suffices and is halved when memory runs out.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import MirsearchError

_LOG = logging.getLogger(__name__)
FIRST_SIZE = 8
MAX_SIZE = 256

Pixels = NDArray[np.uint8]
Rows = NDArray[np.float32]


class OutOfMemoryError(MirsearchError):
    """The device's memory is too small for a single image."""


class BatchQueue:
    """Runs prepared images in batches of one size. `run` takes uint8 (n, h, w, 3) and gives float32 (n, dims).

    `is_out_of_memory` returns whether an error of `run` means that memory ran out; `release` frees unused memory.
    """

    def __init__(
        self,
        run: Callable[[Pixels], Rows],
        is_out_of_memory: Callable[[BaseException], bool],
        release: Callable[[], None] = lambda: None,
        first: int = FIRST_SIZE,
        largest: int = MAX_SIZE,
    ) -> None:
        self._run, self._is_out_of_memory, self._release = run, is_out_of_memory, release
        self.size, self._largest = min(first, largest), largest
        self._waiting: deque[tuple[Pixels, Future[Rows]]] = deque()
        self._queue, self._device = Lock(), Lock()

    def embed(self, prepared: Sequence[Pixels]) -> Rows:
        """Return the vectors of prepared images, each uint8 (h, w, 3), in their order: float32 (n, dims)."""
        futures: list[Future[Rows]] = []
        for image in prepared:
            future: Future[Rows] = Future()
            futures.append(future)
            with self._queue:
                self._waiting.append((image, future))
        for future in futures:
            while not future.done():
                with self._device:
                    if not future.done():
                        self._run_next_batch()
        return np.stack([future.result() for future in futures])

    def _run_next_batch(self) -> None:
        """Run one batch: the image that has waited longest, together with others of its size."""
        taken = self._take_batch()
        try:
            rows = self._run_parts([image for image, _ in taken])
        except BaseException as error:
            for _, future in taken:
                future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, future), row in zip(taken, rows, strict=True):
            future.set_result(row)

    def _take_batch(self) -> list[tuple[Pixels, Future[Rows]]]:
        with self._queue:
            shape = self._waiting[0][0].shape
            taken: list[tuple[Pixels, Future[Rows]]] = []
            left: deque[tuple[Pixels, Future[Rows]]] = deque()
            for item in self._waiting:
                fits = item[0].shape == shape and len(taken) < self.size
                (taken if fits else left).append(item)
            self._waiting = left
        return taken

    def _run_parts(self, images: list[Pixels]) -> list[Rows]:
        """Return the rows of images of one size, in as many runs as the memory requires."""
        done: list[Rows] = []
        while len(done) < len(images):
            part = images[len(done) : len(done) + self.size]
            try:
                done.extend(self._run(np.stack(part)))
            except Exception as error:
                if not self._is_out_of_memory(error):
                    raise
                self._shrink(len(part), error)
                continue
            if len(part) == self.size:
                self.size = min(2 * self.size, self._largest)
        return done

    def _shrink(self, tried: int, error: BaseException) -> None:
        self._release()
        if tried <= 1:
            raise OutOfMemoryError(
                "one image does not fit into the device's memory", "give --device cpu, or a smaller side or model"
            ) from error
        self.size = self._largest = tried // 2
        _LOG.info("out of memory with %d images in a batch: continuing with %d", tried, self.size)


def out_of_memory_test(torch: Any) -> Callable[[BaseException], bool]:
    """Return a function that recognizes torch's out-of-memory errors, of CUDA, MPS and the processor."""
    kinds = (torch.OutOfMemoryError, MemoryError)

    def is_out_of_memory(error: BaseException) -> bool:
        message = str(error).lower()
        if isinstance(error, RuntimeError) and ("out of memory" in message or "can't allocate memory" in message):
            return True
        return isinstance(error, kinds)

    return is_out_of_memory
