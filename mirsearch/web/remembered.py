"""An extractor that keeps the vectors of the last images: the next page of an answer needs no network."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mirsearch.extractors.base import Extractor, TextResponse, TextTower

_MAX_VECTORS = 512
"""Most vectors of query images that are kept in memory."""


class RememberedVectors:
    """An extractor that embeds each image once."""

    def __init__(self, extractor: Extractor, note_seconds: Callable[[float], None]) -> None:
        self._note_seconds = note_seconds
        self.name, self.version, self.dims = extractor.name, extractor.version, extractor.dims
        self._extractor = extractor
        self._vectors: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def embed(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return vectors float32 (n, dims) of RGB images, those that are known from memory."""
        return np.stack([self._vector(image) for image in images])

    def _vector(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        key = hashlib.sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()).digest()
        with self._lock:
            if key in self._vectors:
                self._vectors.move_to_end(key)
                return self._vectors[key]
        began = time.perf_counter()
        vector: NDArray[np.float32] = self._extractor.embed([image])[0]
        self._note_seconds(time.perf_counter() - began)
        with self._lock:
            self._vectors[key] = vector
            while len(self._vectors) > _MAX_VECTORS:
                self._vectors.popitem(last=False)
        return vector


class RememberedTextTower(RememberedVectors):
    """An extractor that embeds each image once, and embeds texts as well."""

    def __init__(self, extractor: Extractor, tower: TextTower, note_seconds: Callable[[float], None]) -> None:
        super().__init__(extractor, note_seconds)
        self.has_text = bool(getattr(extractor, "has_text", True))  # a model's file may lack its text tower
        self._tower = tower

    @property
    def text_response(self) -> TextResponse:
        """How a cosine is mapped to a number in [0, 1]."""
        return self._tower.text_response

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors float32 (n, dims) of texts, each of unit length, in the space of the images' vectors."""
        return self._tower.embed_text(texts)


def _note_nothing(seconds: float) -> None:
    """Note nothing."""


def remember_vectors(extractor: Extractor, note_seconds: Callable[[float], None] = _note_nothing) -> Extractor:
    """Return the extractor with a memory for vectors; one that also embeds texts still does.

    `note_seconds` is told how long each embedding took.
    """
    tower: object = extractor
    if isinstance(tower, TextTower):
        return RememberedTextTower(extractor, tower, note_seconds)
    return RememberedVectors(extractor, note_seconds)
