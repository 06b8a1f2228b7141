"""Weights of GeM networks: torchvision's state dicts, and the layout of the published retrieval checkpoints.

A published checkpoint is a dictionary with `meta` (architecture, pooling, whitening, mean, std, outputdim, and `Lw`:
whitenings learned afterwards, by data set and by one (`ss`) or several (`ms`) scales, as m and P) and `state_dict`
(features.N.…, pool.p, whiten.weight, whiten.bias). Files with the features alone number them 0.…, 1.…, 4.….
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mirsearch.extractors.torch.files import WeightsError, extract_state_dict, fill_network, read_weights

_PARTS = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
_NUMBERED = re.compile(r"[0-7]\.")
_PREFERRED = "retrieval-SfM-120k"


@dataclass(frozen=True, slots=True)
class GemWeights:
    """Tensors by their published names, and the contents of `meta`."""

    state: dict[str, Any]
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    whitenings: Mapping[str, Any] = field(default_factory=dict)
    license: str = ""


def rename_tensors(state: Mapping[str, Any], architecture: str) -> dict[str, Any]:
    """Return a state dict of torchvision, or of numbered features, with the published names, without the classifier."""
    renamed = {}
    for key, value in state.items():
        head, _, rest = key.partition(".")
        if head in _PARTS:
            renamed[f"features.{_PARTS[head]}.{rest}"] = value
        elif _NUMBERED.match(key):
            renamed[f"features.{key}"] = value
        elif head != "fc":
            renamed[key] = value
    if not any(key.startswith("features.") for key in renamed):
        raise WeightsError(
            f"these are not weights of {architecture}: the first tensor is {next(iter(state), 'missing')}",
            "give a state dict of torchvision, or a published retrieval checkpoint",
        )
    return renamed


def read_gem_weights(path: Path, architecture: str) -> GemWeights:
    """Return the weights in a file; WeightsError for another architecture or pooling, or if it can't be read."""
    content = read_weights(path)
    meta = content.get("meta") if isinstance(content, Mapping) else None
    state = rename_tensors(extract_state_dict(content, path), architecture)
    if not isinstance(meta, Mapping):
        return GemWeights(state)
    for name, wanted in (("architecture", architecture), ("pooling", "gem")):
        if meta.get(name, wanted) != wanted:
            raise WeightsError(
                f"{path} has {name} {meta[name]!r}, not {wanted!r}", "use the extractor for that network"
            )
    for name in ("local_whitening", "regional"):
        if meta.get(name):
            raise WeightsError(f"{path} was made with {name}, which is not supported", "give a checkpoint without it")
    whitenings = meta.get("Lw")
    license_ = meta.get("license")
    return GemWeights(
        state, _three_numbers(meta.get("mean"), path), _three_numbers(meta.get("std"), path),
        whitenings if isinstance(whitenings, Mapping) else {}, license_ if isinstance(license_, str) else "",
    )  # fmt: skip


def _three_numbers(value: Any, path: Path) -> tuple[float, ...] | None:
    if value is None:
        return None
    try:
        numbers = tuple(float(number) for number in value)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != 3 or not all(np.isfinite(numbers)):
        raise WeightsError(f"{path}: a mean or deviation in its meta is not three numbers", "give another file")
    return numbers


def whitening_layer(weights: GemWeights) -> Any | None:
    """Return an empty whitening layer of the size that the tensors need, or None if they include none."""
    from torch import nn

    weight = weights.state.get("whiten.weight")
    if weight is None or weight.ndim != 2:
        return None
    return nn.Linear(weight.shape[1], weight.shape[0])


def learned_whitening(weights: GemWeights, *, several: bool) -> tuple[Any, Any] | None:
    """Return P (dims, dims) and m (dims,) of the learned whitening for one or several scales, or None."""
    import torch

    sets = {name: each for name, each in weights.whitenings.items() if isinstance(each, Mapping)}
    if not sets:
        return None
    by_scale = sets.get(_PREFERRED) or sets[min(sets)]
    whitening = by_scale.get("ms" if several else "ss")
    try:
        projection, center = (np.asarray(whitening[name], np.float32) for name in ("P", "m"))  # type: ignore[index]
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"the learned whitening can't be read: {error}", "give a checkpoint without Lw") from None
    if projection.ndim != 2 or center.size != projection.shape[1] or not np.isfinite(projection).all():
        raise WeightsError("the learned whitening has an impossible shape", "give a checkpoint without Lw")
    return torch.from_numpy(projection.copy()), torch.from_numpy(center.reshape(-1).copy())


def fill_net(module: Any, weights: GemWeights, where: Path | str) -> None:
    """Fill a GemNet. What the file lacks (p, or mean, std and learned whitening set before) keeps its value."""
    own = module.state_dict()
    kept = {key: own[key] for key in ("pool.p", "mean", "std", "projection", "center") if key in own}
    state = kept | {key: value for key, value in weights.state.items() if not key.endswith("num_batches_tracked")}
    if tuple(state["pool.p"].shape) == ():
        state["pool.p"] = state["pool.p"].reshape(1)
    fill_network(module, state, where)


def vector_length(module: Any) -> int:
    """Return the length of a GemNet's vectors."""
    shapes: Sequence[int]
    if module.projection is not None:
        shapes = module.projection.shape
    elif module.whiten is not None:
        shapes = module.whiten.weight.shape
    else:
        shapes = [next(p for name, p in reversed(list(module.features.named_parameters())) if "bn" in name).shape[0]]
    return int(shapes[0])
