"""How a picture was imaged, from its texture: linear discriminants over a middle level of EfficientNet-lite0.

The discriminants (Fisher 1936, with a shrunken covariance) are 80 weights a class, fitted by
`benchmarks/analysis/technique.py --fit` and stored beside this module; the network's weights are the default
extractor's.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels

INPUT_SIDE = 224
_LEVEL = "block7"
_FILE_NAME = "technique.npz"
_LOCK = threading.Lock()

Texture = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Discriminants:
    """Linear discriminants: texture (80,) to one score a technique."""

    names: tuple[str, ...]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    temperature: float

    def odds(self, texture: Texture) -> dict[str, float]:
        """Log probability of each technique."""
        scores = (texture @ self.weights + self.bias) * self.temperature
        scores = scores - scores.max()
        logs = scores - np.log(np.exp(scores).sum())
        return {name: float(value) for name, value in zip(self.names, logs, strict=True)}


def fit_discriminants(textures: NDArray[np.float32], names: list[str], shrinkage: float = 0.4) -> Discriminants:
    """Discriminants from textures (n, 80) and their techniques; classes count alike however many examples they have."""
    classes = sorted(set(names))
    which = np.array([classes.index(name) for name in names])
    center, spread = textures.mean(axis=0), textures.std(axis=0) + 1e-6
    scaled = (textures - center) / spread
    means = np.array([scaled[which == k].mean(axis=0) for k in range(len(classes))])
    within = np.cov((scaled - means[which]).T)
    size = within.shape[0]
    within = (1 - shrinkage) * within + shrinkage * np.trace(within) / size * np.eye(size)
    inverse = np.linalg.inv(within)
    weights = (inverse @ means.T) / spread[:, None]
    bias = -0.5 * np.sum(means @ inverse * means, axis=1) - center @ weights
    return Discriminants(tuple(classes), weights, bias, temperature=0.12)


def measure_texture(pixels: Pixels) -> Texture:
    """Channel means (80,) of the network's middle level for a picture, uint8 (h, w, 3)."""
    from mirsearch.extractors.efficientnet.extractor import prepare

    vector: Texture = _network_session().run(None, {"image": prepare(pixels, INPUT_SIDE)[None]})[0][0]
    return vector


def technique_log_probs(pixels: Pixels) -> dict[str, float]:
    """Log probability of each technique the stored discriminants know."""
    return _load_discriminants().odds(measure_texture(pixels))


def pack_discriminants(model: Discriminants) -> bytes:
    """The discriminants as the bytes of an .npz file."""
    buffer = BytesIO()
    np.savez_compressed(
        buffer,
        names=np.array(model.names),
        weights=model.weights.astype(np.float32),
        bias=model.bias.astype(np.float32),
        temperature=np.float32(model.temperature),
    )
    return buffer.getvalue()


@cache
def _load_discriminants() -> Discriminants:
    with np.load(BytesIO(files(__package__).joinpath(_FILE_NAME).read_bytes()), allow_pickle=False) as data:
        names = tuple(str(name) for name in data["names"])
        weights, bias = data["weights"].astype(np.float64), data["bias"].astype(np.float64)
        return Discriminants(names, weights, bias, float(data["temperature"]))


def _network_session() -> Any:
    with _LOCK:
        return _build_session()


@cache
def _build_session() -> Any:
    """An onnxruntime session of the network up to the level needed, built once and cached."""
    from mirsearch.extractors.efficientnet.extractor import session, weights_path
    from mirsearch.extractors.efficientnet.levels import GRAPH_VERSION
    from mirsearch.extractors.efficientnet.model_cache import cached_model, file_hash

    key = hashlib.sha256("|".join((GRAPH_VERSION, file_hash(weights_path()), _LEVEL, str(INPUT_SIDE))).encode()).hexdigest()[
        :32
    ]
    return session(cached_model("texture", key, _build_network))


def _build_network() -> bytes:
    from mirsearch.extractors.efficientnet.extractor import weights_path
    from mirsearch.extractors.efficientnet.graph import pooled_model
    from mirsearch.extractors.efficientnet.levels import Level
    from mirsearch.extractors.efficientnet.weights import read_state_dict

    model: bytes = pooled_model(read_state_dict(weights_path()), [Level(_LEVEL)], INPUT_SIDE).SerializeToString()
    return model
