"""Determine how a picture was imaged from its texture: linear discriminants on a middle level of EfficientNet-lite0.

The discriminants (Fisher 1936, with a shrunken covariance) are 80 weights a class. `benchmarks/analysis/technique.py
--fit` fits them on class_truth.csv, and they are stored beside this module. The network's weights are those of the
default extractor.
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
"""Side in px of the square to which a picture is brought for the network."""

_LEVEL = "block7"
"""The network's level whose channels are the texture."""

_FILE_NAME = "technique.npz"
_LOCK = threading.Lock()

Texture = NDArray[np.float32]
"""Channel means of the network's level, float32 (80,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Discriminants:
    """Linear discriminants that turn a texture (80,) into one score for each technique."""

    names: tuple[str, ...]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    temperature: float

    def log_probs(self, texture: Texture) -> dict[str, float]:
        """Return the log probability of each technique."""
        scores = (texture @ self.weights + self.bias) * self.temperature
        scores = scores - scores.max()
        logs = scores - np.log(np.exp(scores).sum())
        return {name: float(value) for name, value in zip(self.names, logs, strict=True)}


def fit_discriminants(textures: NDArray[np.float32], names: list[str], shrinkage: float = 0.4) -> Discriminants:
    """Fit discriminants to textures (n, 80) and the names of their techniques.

    All classes weigh the same, however many examples they have. `shrinkage` in [0, 1] is the share of a multiple of the
    identity in the covariance.
    """
    classes = sorted(set(names))
    class_index = np.array([classes.index(name) for name in names])
    mean, deviation = textures.mean(axis=0), textures.std(axis=0) + 1e-6
    scaled = (textures - mean) / deviation
    means = np.array([scaled[class_index == k].mean(axis=0) for k in range(len(classes))])
    within = np.cov((scaled - means[class_index]).T)
    size = within.shape[0]
    within = (1 - shrinkage) * within + shrinkage * np.trace(within) / size * np.eye(size)
    inverse = np.linalg.inv(within)
    weights = (inverse @ means.T) / deviation[:, None]
    bias = -0.5 * np.sum(means @ inverse * means, axis=1) - mean @ weights
    return Discriminants(tuple(classes), weights, bias, temperature=0.12)


def measure_texture(pixels: Pixels) -> Texture:
    """Return the channel means (80,) of the network's middle level for a picture, uint8 (h, w, 3)."""
    from mirsearch.extractors.efficientnet.extractor import resize_image

    vector: Texture = _network_session().run(None, {"image": resize_image(pixels, INPUT_SIDE)[None]})[0][0]
    return vector


def technique_log_probs(pixels: Pixels) -> dict[str, float]:
    """Return the log probability of each technique that the stored discriminants know."""
    return _load_discriminants().log_probs(measure_texture(pixels))


def pack_discriminants(discriminants: Discriminants) -> bytes:
    """Return the discriminants as the bytes of an .npz file."""
    buffer = BytesIO()
    np.savez_compressed(
        buffer,
        names=np.array(discriminants.names),
        weights=discriminants.weights.astype(np.float32),
        bias=discriminants.bias.astype(np.float32),
        temperature=np.float32(discriminants.temperature),
    )
    return buffer.getvalue()


@cache
def _load_discriminants() -> Discriminants:
    """Return the stored discriminants, read once."""
    with np.load(BytesIO(files(__package__).joinpath(_FILE_NAME).read_bytes()), allow_pickle=False) as data:
        names = tuple(str(name) for name in data["names"])
        weights, bias = data["weights"].astype(np.float64), data["bias"].astype(np.float64)
        return Discriminants(names, weights, bias, float(data["temperature"]))


def _network_session() -> Any:
    """Return the session, built by one thread while others wait."""
    with _LOCK:
        return _build_session()


@cache
def _build_session() -> Any:
    """Build an onnxruntime session of the network up to the level needed, once."""
    from mirsearch.extractors.efficientnet.extractor import open_session, weights_path
    from mirsearch.extractors.efficientnet.levels import GRAPH_VERSION
    from mirsearch.extractors.efficientnet.model_cache import cached_model, file_hash

    key = hashlib.sha256(
        "|".join((GRAPH_VERSION, file_hash(weights_path()), _LEVEL, str(INPUT_SIDE))).encode()
    ).hexdigest()[:32]
    return open_session(cached_model("texture", key, _build_network))


def _build_network() -> bytes:
    """Return the bytes of the network up to the level needed, as ONNX."""
    from mirsearch.extractors.efficientnet.extractor import weights_path
    from mirsearch.extractors.efficientnet.graph import pooled_model
    from mirsearch.extractors.efficientnet.levels import Level
    from mirsearch.extractors.efficientnet.weights import read_state_dict

    model: bytes = pooled_model(read_state_dict(weights_path()), [Level(_LEVEL)], INPUT_SIDE).SerializeToString()
    return model
