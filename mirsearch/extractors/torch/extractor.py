"""What the extractors that run on PyTorch share: loading once, preparing, batches, identity."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import UsageError
from mirsearch.extractors.preprocessing import Preparation, check_images
from mirsearch.extractors.torch.batches import BatchQueue, out_of_memory_test
from mirsearch.extractors.torch.device import EXTRA, choose_device, import_torch, set_threads

CODE_VERSION = "1"
"""Changes with anything here that changes vectors, beside weights and settings."""


@dataclass(frozen=True, slots=True)
class LoadedNetwork:
    """A network ready to run: `module` takes uint8 (n, h, w, 3) and gives unit rows float32 (n, dims).

    `settings` and `weights` (a hash) are what its vectors depend on; `license` is that of the weights, where known.
    """

    module: Any
    dims: int
    preparation: Preparation
    weights: str
    settings: Mapping[str, Any]
    license: str = ""


class TorchExtractor(ABC):
    """An extractor that runs on PyTorch. `argument` is what the name has after a colon, `weights` a local file.

    Nothing is loaded before `dims`, `version` or `embed` is asked for.
    """

    takes_argument: ClassVar[bool] = True
    takes_options: ClassVar[bool] = True
    family: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()

    def __init__(self, argument: str = "", *, weights: Path | None = None, device: str | None = None) -> None:
        self._torch = import_torch(f"the extractor {self.family}", *self.packages)
        self._device = choose_device(device)
        if weights is not None and not weights.is_file():
            raise UsageError(f"{weights}: no such file of weights", "check --extractor-weights")
        self.argument, self.weights = argument, weights
        self._loading = Lock()
        self._ready: LoadedNetwork | None = None
        self._batches: BatchQueue | None = None

    @classmethod
    def missing_requirement(cls) -> str | None:
        """What it needs and is not installed, told with the extra that brings it; nothing is imported."""
        lacking = [name for name in ("torch", *cls.packages) if find_spec(name) is None]
        return f"needs {', '.join(lacking)} ({EXTRA})" if lacking else None

    @property
    def name(self) -> str:
        """The name an index records: that of the plug-in, and its argument."""
        return f"{self.family}:{self.argument}" if self.argument else self.family

    @property
    def version(self) -> str:
        """Code version and 12 hex digits over weights, settings and preparation."""
        loaded = self.loaded
        told = repr((loaded.weights, sorted(loaded.settings.items()), loaded.preparation))
        return f"{CODE_VERSION}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"

    @property
    def dims(self) -> int:
        """Length of a vector."""
        return self.loaded.dims

    @property
    def loaded(self) -> LoadedNetwork:
        """The network, loaded at the first use; by one thread, where several embed at once."""
        with self._loading:
            if self._ready is None:
                set_threads(self._torch, self._device)
                ready = self._load()
                ready.module.eval().requires_grad_(False)
                ready.module.to(self._device)
                self._ready = ready
            return self._ready

    def reidentify(self) -> None:
        """Take the weights as they are now, after training, for its own: name stays, version follows."""
        loaded = self.loaded
        with self._loading:
            self._ready = replace(loaded, weights=state_hash(loaded.module.state_dict()))

    @abstractmethod
    def _load(self) -> LoadedNetwork:
        """Build the network and fill it with weights, on the processor."""

    def embed(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """RGB images uint8 (h, w, 3), any sizes, to float32 (n, dims), each row of unit length."""
        check_images(images)
        loaded = self.loaded
        if not images:
            return np.empty((0, loaded.dims), np.float32)
        return self._queue.embed([loaded.preparation(image) for image in images])

    @property
    def _queue(self) -> BatchQueue:
        with self._loading:
            if self._batches is None:
                release = self._torch.cuda.empty_cache if self._device.startswith("cuda") else (lambda: None)
                self._batches = BatchQueue(self._run, out_of_memory_test(self._torch), release)
            return self._batches

    def _run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        with self._torch.inference_mode():
            rows = self.loaded.module(self._torch.from_numpy(batch).to(self._device))
            found: NDArray[np.float32] = rows.float().cpu().numpy()
        return found


def state_hash(state: Mapping[str, Any]) -> str:
    """SHA-256 over names, types, shapes and values of a state dict: the same weights in another file are the same."""
    digest = hashlib.sha256()
    for name in sorted(name for name in state if not name.endswith("num_batches_tracked")):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(repr((name, str(tensor.dtype), tuple(tensor.shape))).encode())
        digest.update(memoryview(tensor.reshape(-1).view(_byte_type()).numpy()) if tensor.numel() else b"")
    return digest.hexdigest()


def _byte_type() -> Any:
    import torch

    return torch.uint8


@contextmanager
def silence_logging() -> Iterator[None]:
    """Without other libraries' remarks on what they try; what failed is told, in one line, by who calls."""
    import logging

    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def parse_options(family: str, argument: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """`NAME=VALUE,…` after a colon, each read by its function in `known`; UsageError for others."""
    found: dict[str, Any] = {}
    for pair in filter(None, argument.split(",")):
        name, equals, value = pair.partition("=")
        if not equals or name not in known:
            raise UsageError(f"{family}: {pair!r} is no setting", f"settings are {', '.join(known)}, as in NAME=VALUE")
        try:
            found[name] = known[name](value)
        except ValueError as error:
            raise UsageError(f"{family}: {pair!r} can't be: {error}", "give another value") from None
    return found


def integer_between(low: int, high: int) -> Any:
    """A reader of whole numbers in [low, high]."""
    return partial(_parse_integer, low, high)


def _parse_integer(low: int, high: int, text: str) -> int:
    value = int(text)
    if not low <= value <= high:
        raise ValueError(f"give {low} to {high}")
    return value
