"""Measure the texture of a picture: the channel means of two levels of EfficientNet-lite0.

The network's weights are those of the default extractor.
"""

from __future__ import annotations

import hashlib
import threading
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels

INPUT_SIDE = 192
"""Side in px of the square to which a picture is brought for the network."""

_LEVELS = ("block7", "block14")
"""The network's levels whose channels are the texture: grain lives in the first, what an object looks like in both."""

_LOCK = threading.Lock()

Texture = NDArray[np.float32]
"""Channel means of the network's levels, float32 (272,): 80 of the first, 192 of the second."""


def measure_texture(pixels: Pixels) -> Texture:
    """Return the channel means (272,) of the network's levels for a picture, uint8 (h, w, 3)."""
    from mirsearch.extractors.efficientnet.extractor import resize_image

    means = _network_session().run(None, {"image": resize_image(pixels, INPUT_SIDE)[None]})
    return np.concatenate([level[0] for level in means], dtype=np.float32)


def _network_session() -> Any:
    """Return the session, built by one thread while others wait."""
    with _LOCK:
        return _build_session()


@cache
def _build_session() -> Any:
    """Build an onnxruntime session of the network up to the last level needed, once."""
    from mirsearch.extractors.efficientnet.extractor import open_session, weights_path
    from mirsearch.extractors.efficientnet.levels import GRAPH_VERSION
    from mirsearch.extractors.efficientnet.model_cache import cached_model, file_hash

    key = hashlib.sha256(
        "|".join((GRAPH_VERSION, file_hash(weights_path()), *_LEVELS, str(INPUT_SIDE))).encode()
    ).hexdigest()[:32]
    return open_session(cached_model("texture", key, _build_network))


def _build_network() -> bytes:
    """Return the bytes of the network up to the last level needed, as ONNX."""
    from mirsearch.extractors.efficientnet.extractor import weights_path
    from mirsearch.extractors.efficientnet.graph import pooled_model
    from mirsearch.extractors.efficientnet.levels import Level
    from mirsearch.extractors.efficientnet.weights import read_state_dict

    levels = [Level(name) for name in _LEVELS]
    model: bytes = pooled_model(read_state_dict(weights_path()), levels, INPUT_SIDE).SerializeToString()
    return model
