"""Checkpoints of a training: one file a folder, written whole or not at all, read without running what is in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mirsearch.errors import UsageError
from mirsearch.extractors.torch.files import WeightsError, read_weights

LAST, BEST = "last.pt", "best.pt"


def write_checkpoint(folder: Path, state: Mapping[str, Any], name: str = LAST) -> None:
    """Write a state in one step; the folder is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{name}.{os.getpid()}"
    try:
        torch.save(dict(state), part)
        part.replace(folder / name)
    finally:
        part.unlink(missing_ok=True)


def read_checkpoint(folder: Path) -> dict[str, Any]:
    """The last state of a folder; UsageError where there is none, WeightsError where it is no checkpoint."""
    path = folder / LAST
    if not path.is_file():
        raise UsageError(f"{folder} holds no {LAST}: there is nothing to resume", "leave --resume out to begin")
    told = read_weights(path)
    if not isinstance(told, dict) or not {"net", "optimizer"} <= told.keys():
        raise WeightsError(f"{path} is no checkpoint of a training", "give another --run")
    return told


def check_unused(folder: Path) -> None:
    """UsageError where a folder holds a run already, which must not be written over unasked."""
    if (folder / LAST).exists():
        raise UsageError(f"{folder} holds a run already", "--resume goes on with it; or give another --run")
