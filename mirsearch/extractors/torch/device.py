"""PyTorch, where it is installed, and the device it computes on."""

from __future__ import annotations

from typing import Any

from mirsearch.errors import MissingDependencyError, UsageError
from mirsearch.settings import DEVICES, device, thread_count

EXTRA = "pip install 'mirsearch[torch]'"


def import_torch(what: str, *modules: str) -> Any:
    """The torch module; MissingDependencyError, in one line, where it or one of `modules` is not installed."""
    from importlib import import_module

    for name in ("torch", *modules):
        try:
            import_module(name)
        except ImportError as error:
            raise MissingDependencyError(f"{what} needs {name}, which can't be imported: {error}", EXTRA) from error
    return import_module("torch")


def choose_device(given: str | None = None) -> str:
    """The device to use: what is given, else MIRSEARCH_DEVICE, else the fastest that is there.

    UsageError for one that is not known or not there.
    """
    torch = import_torch("choosing a device")
    there = available_devices(torch)
    wanted = given or device()
    if wanted == "auto":
        return there[0]
    if wanted.partition(":")[0] not in DEVICES:
        raise UsageError(f"no device is called {wanted!r}", f"one of {', '.join(DEVICES)}")
    number = wanted.partition(":")[2]
    if wanted.partition(":")[0] not in there or (number and not _has_cuda_device(torch, wanted)):
        raise UsageError(f"there is no device {wanted} here", f"one of {', '.join(there)}, or auto")
    return wanted


def _has_cuda_device(torch: Any, wanted: str) -> bool:
    name, _, number = wanted.partition(":")
    return name == "cuda" and number.isdigit() and int(number) < torch.cuda.device_count()


def available_devices(torch: Any) -> list[str]:
    """Devices that are there, the fastest first."""
    cuda = ["cuda"] if torch.cuda.is_available() else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def set_threads(torch: Any, chosen: str) -> None:
    """On the processor, as many threads as settings say; one forward pass runs at a time and uses them all."""
    if chosen == "cpu":
        torch.set_num_threads(thread_count())
