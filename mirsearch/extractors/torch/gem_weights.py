"""Weights for GeM networks: torchvision's state dicts, and the layout of the published retrieval checkpoints.

A published checkpoint is a dictionary with `meta` (architecture, pooling, whitening, mean, std, outputdim, and `Lw`:
whitenings learned afterwards, by data set and by one (`ss`) or several (`ms`) scales, as m and P) and `state_dict`
(features.N.…, pool.p, whiten.weight, whiten.bias). Files of the features alone number them 0.…, 1.…, 4.….
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
    """Tensors under the published names, and what `meta` says beside them."""

    state: dict[str, Any]
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    learned: Mapping[str, Any] = field(default_factory=dict)
    license: str = ""


def rename_tensors(state: Mapping[str, Any], architecture: str) -> dict[str, Any]:
    """A state dict of torchvision's, or of numbered features, under the published names; the classifier is left out."""
    found = {}
    for key, value in state.items():
        head, _, rest = key.partition(".")
        if head in _PARTS:
            found[f"features.{_PARTS[head]}.{rest}"] = value
        elif _NUMBERED.match(key):
            found[f"features.{key}"] = value
        elif head != "fc":
            found[key] = value
    if not any(key.startswith("features.") for key in found):
        raise WeightsError(f"these are no weights of {architecture}: {next(iter(state), 'nothing')} is in them",
                           "give a state dict of torchvision's, or a published retrieval checkpoint")  # fmt: skip
    return found


def read_gem_weights(path: Path, architecture: str) -> GemWeights:
    """What a file holds; WeightsError where it is of another architecture or pooling, or can't be read."""
    told = read_weights(path)
    meta = told.get("meta") if isinstance(told, Mapping) else None
    state = rename_tensors(extract_state_dict(told, path), architecture)
    if not isinstance(meta, Mapping):
        return GemWeights(state)
    for name, wanted in (("architecture", architecture), ("pooling", "gem")):
        if meta.get(name, wanted) != wanted:
            raise WeightsError(f"{path} has {name} {meta[name]!r}, not {wanted!r}", "use the extractor of that network")
    for name in ("local_whitening", "regional"):
        if meta.get(name):
            raise WeightsError(f"{path} was made with {name}, which is not known here", "give one without")
    learned = meta.get("Lw")
    license_ = meta.get("license")
    return GemWeights(
        state, _three_numbers(meta.get("mean"), path), _three_numbers(meta.get("std"), path),
        learned if isinstance(learned, Mapping) else {}, license_ if isinstance(license_, str) else "",
    )  # fmt: skip


def _three_numbers(value: Any, path: Path) -> tuple[float, ...] | None:
    if value is None:
        return None
    try:
        found = tuple(float(each) for each in value)
    except (TypeError, ValueError):
        found = ()
    if len(found) != 3 or not all(np.isfinite(found)):
        raise WeightsError(f"{path}: a mean or deviation of its meta is not three numbers", "give another file")
    return found


def whitening_layer(told: GemWeights) -> Any | None:
    """The whitening layer the tensors are for, empty; None where there is none."""
    from torch import nn

    weight = told.state.get("whiten.weight")
    if weight is None or weight.ndim != 2:
        return None
    return nn.Linear(weight.shape[1], weight.shape[0])


def learned_whitening(told: GemWeights, *, several: bool) -> tuple[Any, Any] | None:
    """P (dims, dims) and m (dims,) of a whitening learned afterwards, for one or several scales; None without."""
    import torch

    sets = {name: each for name, each in told.learned.items() if isinstance(each, Mapping)}
    if not sets:
        return None
    by_scale = sets.get(_PREFERRED) or sets[min(sets)]
    found = by_scale.get("ms" if several else "ss")
    try:
        projection, center = (np.asarray(found[name], np.float32) for name in ("P", "m"))  # type: ignore[index]
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"the learned whitening can't be read: {error}", "give a checkpoint without Lw") from None
    if projection.ndim != 2 or center.size != projection.shape[1] or not np.isfinite(projection).all():
        raise WeightsError("the learned whitening has an impossible shape", "give a checkpoint without Lw")
    return torch.from_numpy(projection.copy()), torch.from_numpy(center.reshape(-1).copy())


def fill_net(module: Any, told: GemWeights, where: Path | str) -> None:
    """Fill a GemNet; what the file does not bring (p; and mean, std, learned whitening, set before) stays."""
    own = module.state_dict()
    kept = {key: own[key] for key in ("pool.p", "mean", "std", "projection", "center") if key in own}
    state = kept | {key: value for key, value in told.state.items() if not key.endswith("num_batches_tracked")}
    if tuple(state["pool.p"].shape) == ():
        state["pool.p"] = state["pool.p"].reshape(1)
    fill_network(module, state, where)


def vector_length(module: Any) -> int:
    """Length of the vectors of a GemNet."""
    shapes: Sequence[int]
    if module.projection is not None:
        shapes = module.projection.shape
    elif module.whiten is not None:
        shapes = module.whiten.weight.shape
    else:
        shapes = [next(p for name, p in reversed(list(module.features.named_parameters())) if "bn" in name).shape[0]]
    return int(shapes[0])
