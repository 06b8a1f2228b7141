"""The batch queue: order of results, batch sizes that fit into memory, several threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import numpy as np
import pytest

from mirsearch.extractors.torch.batches import BatchQueue, OutOfMemoryError, out_of_memory_test
from tests.support.torch_needed import torch_or_skip


def image(value: int, side: int = 4) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


class Device:
    """Computes means, takes at most `room` images at once, and checks that runs do not overlap."""

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
    batches = BatchQueue(device.run, out_of_memory)
    values = [each % 251 for each in range(300)]
    assert batches.embed([image(each) for each in values])[:, 0].tolist() == values
    assert max(device.sizes) == 16
    assert device.sizes[0] == 8
    assert batches.size == 16


def test_one_image_too_large_for_the_device_says_so():
    with pytest.raises(OutOfMemoryError, match="--device cpu"):
        BatchQueue(Device(room=0).run, out_of_memory).embed([image(1)])


def test_sizes_are_not_mixed_and_order_is_kept():
    device = Device(room=64)
    batches = BatchQueue(device.run, out_of_memory)
    rows = batches.embed([image(each, 3 + each % 3) for each in range(30)])
    assert rows[:, 0].tolist() == list(range(30))


def test_threads_share_the_device():
    device = Device(room=64)
    batches = BatchQueue(device.run, out_of_memory)

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

    batches = BatchQueue(run, out_of_memory)
    with pytest.raises(ValueError, match="a bad batch"):
        batches.embed([image(13)])
    assert batches.embed([image(1)]).shape == (1, 1)


def test_torchs_own_errors_are_told_apart_and_its_extractors_go_on_with_less(monkeypatch, tmp_path):
    torch = torch_or_skip("torchvision")
    from mirsearch.extractors.torch.gem import ResNet18Gem
    from tests.support.tiny_models import resnet_checkpoint

    is_out_of_memory = out_of_memory_test(torch)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"))
    assert is_out_of_memory(
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate")
    )
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("out of memory"))

    extractor = ResNet18Gem("side=32,scales=1", weights=resnet_checkpoint(torch, tmp_path), device="cpu")
    images = [np.random.default_rng(each).integers(0, 255, (32, 32, 3), dtype=np.uint8) for each in range(7)]
    expected = extractor.embed(images)
    again = ResNet18Gem("side=32,scales=1", weights=extractor.weights, device="cpu")
    forward, sizes = again.network.module.forward, []

    def narrow(batch):
        if len(batch) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        sizes.append(len(batch))
        return forward(batch)

    monkeypatch.setattr(again.network.module, "forward", narrow)
    assert np.allclose(again.embed(images), expected, atol=1e-5)
    assert sizes == [3, 3, 1]
