"""Batches: order, sizes that memory takes, several threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import numpy as np
import pytest

from mirsearch.extractors.batches import Batches, OutOfMemoryError


def image(value: int, side: int = 4) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


class Device:
    """Computes means, holds at most `room` images at once, and never runs twice at a time."""

    def __init__(self, room: int) -> None:
        self.room, self.sizes, self.busy = room, [], Lock()

    def run(self, batch: np.ndarray) -> np.ndarray:
        assert self.busy.acquire(blocking=False)
        try:
            if len(batch) > self.room:
                raise MemoryError("out of memory")
            self.sizes.append(len(batch))
            return batch.reshape(len(batch), -1).mean(axis=1, keepdims=True).astype(np.float32)
        finally:
            self.busy.release()


def out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError)


def test_grows_while_all_goes_well_and_halves_where_memory_runs_out():
    device = Device(room=20)
    batches = Batches(device.run, out_of_memory)
    values = [each % 251 for each in range(300)]
    assert batches.embed([image(each) for each in values])[:, 0].tolist() == values
    assert max(device.sizes) == 16
    assert device.sizes[0] == 8
    assert batches.size == 16


def test_one_image_too_large_for_the_device_says_so():
    with pytest.raises(OutOfMemoryError, match="--device cpu"):
        Batches(Device(room=0).run, out_of_memory).embed([image(1)])


def test_sizes_are_not_mixed_and_order_is_kept():
    device = Device(room=64)
    batches = Batches(device.run, out_of_memory)
    rows = batches.embed([image(each, 3 + each % 3) for each in range(30)])
    assert rows[:, 0].tolist() == list(range(30))


def test_threads_share_the_device():
    device = Device(room=64)
    batches = Batches(device.run, out_of_memory)

    def ask(start: int) -> list[float]:
        return batches.embed([image(start + each) for each in range(5)])[:, 0].tolist()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(0, 200, 5)))
    assert [value for part in found for value in part] == list(range(200))


def test_an_error_of_the_network_reaches_who_asked_and_the_rest_goes_on():
    def run(batch: np.ndarray) -> np.ndarray:
        if batch.max() == 13:
            raise ValueError("a bad batch")
        return np.ones((len(batch), 1), np.float32)

    batches = Batches(run, out_of_memory)
    with pytest.raises(ValueError, match="a bad batch"):
        batches.embed([image(13)])
    assert batches.embed([image(1)]).shape == (1, 1)
