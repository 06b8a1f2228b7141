"""Checkpoints of a training run: written in one step, read without running code in them."""

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
    """Write a state in one step; create the folder if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{name}.{os.getpid()}"
    try:
        torch.save(dict(state), part)
        part.replace(folder / name)
    finally:
        part.unlink(missing_ok=True)


def read_checkpoint(folder: Path) -> dict[str, Any]:
    """Return the last state in a folder; UsageError if there is none, WeightsError if it is not a checkpoint."""
    path = folder / LAST
    if not path.is_file():
        raise UsageError(f"{folder} holds no {LAST}: there is nothing to resume", "leave --resume out to begin")
    state = read_weights(path)
    if not isinstance(state, dict) or not {"net", "optimizer"} <= state.keys():
        raise WeightsError(f"{path} is not a checkpoint of a training run", "give another --run")
    return state


def check_unused(folder: Path) -> None:
    """Raise UsageError if a folder already holds a run, so that it is not overwritten by mistake."""
    if (folder / LAST).exists():
        raise UsageError(f"{folder} already holds a run", "continue it with --resume, or give another --run")
