"""Keeps a device busy: images prepared by any number of threads are run in batches as large as its memory takes.

Each thread that embeds prepares its own images (decoding and resizing run beside the device) and puts them into one
queue; whoever finds the device free runs everything of one size that waits there, others' images too. The batch grows
while all goes well and is halved where memory runs out.
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
    """Not even one image fits into the device's memory."""


class BatchQueue:
    """Runs prepared images of one size after the other. `run` takes uint8 (n, h, w, 3) and gives float32 (n, dims).

    `exhausted` tells whether an error of `run` means that memory ran out; `release` gives back what it can.
    """

    def __init__(
        self,
        run: Callable[[Pixels], Rows],
        exhausted: Callable[[BaseException], bool],
        release: Callable[[], None] = lambda: None,
        first: int = FIRST_SIZE,
        largest: int = MAX_SIZE,
    ) -> None:
        self._run, self._exhausted, self._release = run, exhausted, release
        self.size, self._largest = min(first, largest), largest
        self._waiting: deque[tuple[Pixels, Future[Rows]]] = deque()
        self._queue, self._device = Lock(), Lock()

    def embed(self, prepared: Sequence[Pixels]) -> Rows:
        """Vectors of prepared images, each uint8 (h, w, 3), in their order: float32 (n, dims)."""
        mine: list[Future[Rows]] = []
        for image in prepared:
            future: Future[Rows] = Future()
            mine.append(future)
            with self._queue:
                self._waiting.append((image, future))
        for future in mine:
            while not future.done():
                with self._device:
                    if not future.done():
                        self._serve()
        return np.stack([future.result() for future in mine])

    def _serve(self) -> None:
        """Run one batch: the image that has waited longest, with others of its size."""
        taken = self._take()
        try:
            rows = self._halving([image for image, _ in taken])
        except BaseException as error:
            for _, future in taken:
                future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, future), row in zip(taken, rows, strict=True):
            future.set_result(row)

    def _take(self) -> list[tuple[Pixels, Future[Rows]]]:
        with self._queue:
            shape = self._waiting[0][0].shape
            taken: list[tuple[Pixels, Future[Rows]]] = []
            left: deque[tuple[Pixels, Future[Rows]]] = deque()
            for item in self._waiting:
                fits = item[0].shape == shape and len(taken) < self.size
                (taken if fits else left).append(item)
            self._waiting = left
        return taken

    def _halving(self, images: list[Pixels]) -> list[Rows]:
        """Rows of images of one size, in as many runs as memory asks for."""
        done: list[Rows] = []
        while len(done) < len(images):
            part = images[len(done) : len(done) + self.size]
            try:
                done.extend(self._run(np.stack(part)))
            except Exception as error:
                if not self._exhausted(error):
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
                "one image is more than the device's memory holds", "give --device cpu, or a smaller side or model"
            ) from error
        self.size = self._largest = tried // 2
        _LOG.info("out of memory at %d images at once: going on with %d", tried, self.size)


def out_of_memory_test(torch: Any) -> Callable[[BaseException], bool]:
    """Tells torch's out-of-memory errors, of CUDA, of MPS and of the processor, from others."""
    kinds = (torch.OutOfMemoryError, MemoryError)

    def tells(error: BaseException) -> bool:
        words = str(error).lower()
        told = isinstance(error, RuntimeError) and ("out of memory" in words or "can't allocate memory" in words)
        return told or isinstance(error, kinds)

    return tells
