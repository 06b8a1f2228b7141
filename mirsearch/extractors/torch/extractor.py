"""The base class of extractors that run on PyTorch: loading, preparation, batches, identity."""

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
"""Increase it when a change of this code, not of weights or settings, changes vectors."""


@dataclass(frozen=True, slots=True)
class LoadedNetwork:
    """A network ready to run: `module` takes uint8 (n, h, w, 3) and gives unit vectors float32 (n, dims).

    Its vectors depend on `settings` and `weights` (a hash). `license` is the licence of the weights, if known.
    """

    module: Any
    dims: int
    preparation: Preparation
    weights: str
    settings: Mapping[str, Any]
    license: str = ""


class TorchExtractor(ABC):
    """An extractor that runs on PyTorch. `argument` is what follows the colon of its name, `weights` a local file.

    The network is loaded when `dims`, `version` or `embed` is first used.
    """

    takes_argument: ClassVar[bool] = True
    takes_options: ClassVar[bool] = True
    family: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()

    def __init__(self, argument: str = "", *, weights: Path | None = None, device: str | None = None) -> None:
        self._torch = import_torch(f"the extractor {self.family}", *self.packages)
        self._device = choose_device(device)
        if weights is not None and not weights.is_file():
            raise UsageError(f"{weights}: there is no such file of weights", "check --extractor-weights")
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
        """The name that an index records: the plug-in's name and its argument."""
        return f"{self.family}:{self.argument}" if self.argument else self.family

    @property
    def version(self) -> str:
        """The code version and 12 hex digits of a hash over weights, settings and preparation."""
        loaded = self.network
        decisive = repr((loaded.weights, sorted(loaded.settings.items()), loaded.preparation))
        return f"{CODE_VERSION}-{hashlib.sha256(decisive.encode()).hexdigest()[:12]}"

    @property
    def dims(self) -> int:
        """Length of a vector."""
        return self.network.dims

    @property
    def network(self) -> LoadedNetwork:
        """The network. The first use loads it; a lock lets only one thread do so."""
        with self._loading:
            if self._ready is None:
                set_threads(self._torch, self._device)
                ready = self._load()
                ready.module.eval().requires_grad_(False)
                ready.module.to(self._device)
                self._ready = ready
            return self._ready

    def update_identity(self) -> None:
        """Compute the version from the current weights, after training. The name stays."""
        loaded = self.network
        with self._loading:
            self._ready = replace(loaded, weights=state_hash(loaded.module.state_dict()))

    @abstractmethod
    def _load(self) -> LoadedNetwork:
        """Build the network on the processor and fill it with weights."""

    def embed(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return vectors float32 (n, dims), each of unit length, of RGB images uint8 (h, w, 3) of any sizes."""
        check_images(images)
        loaded = self.network
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
            rows = self.network.module(self._torch.from_numpy(batch).to(self._device))
            vectors: NDArray[np.float32] = rows.float().cpu().numpy()
        return vectors


def state_hash(state: Mapping[str, Any]) -> str:
    """Return a SHA-256 over names, types, shapes and values of a state dict, whatever file it came from."""
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
    """Turn logging off, to hide other libraries' messages. The caller reports a failure in one line."""
    import logging

    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def parse_options(family: str, argument: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options `NAME=VALUE,…`, each value parsed by its function in `known`; UsageError for other names."""
    options: dict[str, Any] = {}
    for pair in filter(None, argument.split(",")):
        name, equals, value = pair.partition("=")
        if not equals or name not in known:
            raise UsageError(
                f"{family}: {pair!r} is not a setting", f"give NAME=VALUE; the names are {', '.join(known)}"
            )
        try:
            options[name] = known[name](value)
        except ValueError as error:
            raise UsageError(f"{family}: {pair!r} has an invalid value: {error}", "give another value") from None
    return options


def integer_between(low: int, high: int) -> Any:
    """Return a function that parses whole numbers in [low, high]."""
    return partial(_parse_integer, low, high)


def _parse_integer(low: int, high: int, text: str) -> int:
    value = int(text)
    if not low <= value <= high:
        raise ValueError(f"give {low} to {high}")
    return value
