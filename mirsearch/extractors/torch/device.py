"""Imports PyTorch and chooses the device it computes on."""

from __future__ import annotations

from typing import Any

from mirsearch.errors import MissingDependencyError, UsageError
from mirsearch.settings import DEVICES, device, thread_count

EXTRA = "pip install 'mirsearch[torch]'"


def import_torch(purpose: str, *modules: str) -> Any:
    """Return the torch module; MissingDependencyError, in one line, if it or one of `modules` can't be imported."""
    from importlib import import_module

    for name in ("torch", *modules):
        try:
            import_module(name)
        except ImportError as error:
            raise MissingDependencyError(f"{purpose} needs {name}, which can't be imported: {error}", EXTRA) from error
    return import_module("torch")


def choose_device(name: str | None = None) -> str:
    """Return the device to use: `name`, else MIRSEARCH_DEVICE, else the fastest device of this machine.

    Raises UsageError for a device that is unknown or missing.
    """
    torch = import_torch("choosing a device")
    available = available_devices(torch)
    wanted = name or device()
    if wanted == "auto":
        return available[0]
    if wanted.partition(":")[0] not in DEVICES:
        raise UsageError(f"there is no kind of device {wanted!r}", f"give one of {', '.join(DEVICES)}")
    number = wanted.partition(":")[2]
    if wanted.partition(":")[0] not in available or (number and not _has_cuda_device(torch, wanted)):
        raise UsageError(f"this machine has no device {wanted}", f"give one of {', '.join(available)}, or auto")
    return wanted


def _has_cuda_device(torch: Any, wanted: str) -> bool:
    name, _, number = wanted.partition(":")
    return name == "cuda" and number.isdigit() and int(number) < torch.cuda.device_count()


def available_devices(torch: Any) -> list[str]:
    """Return the kinds of devices of this machine, the fastest first."""
    cuda = ["cuda"] if torch.cuda.is_available() else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def set_threads(torch: Any, chosen: str) -> None:
    """Let torch use as many processor threads as the settings allow. One forward pass at a time uses them all."""
    if chosen == "cpu":
        torch.set_num_threads(thread_count())
