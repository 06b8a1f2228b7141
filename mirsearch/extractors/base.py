"""The protocol of an extractor: pixels to vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class Extractor(Protocol):
    """Turns panels into vectors. A vector depends on the panel's pixels alone, never on the rest of the corpus."""

    name: str
    version: str
    dims: int

    def embed(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return vectors float32 (n, dims), each of unit length, of RGB images uint8 (h, w, 3) of any sizes."""


class Identity(Protocol):
    """Identifies the extractor that made the vectors of an index or of a trained model."""

    @property
    def name(self) -> str:
        """Name as for --extractor, without paths of files."""

    @property
    def version(self) -> str:
        """Version. It changes whenever anything that changes a vector changes."""

    @property
    def dims(self) -> int:
        """Length of a vector."""


@dataclass(frozen=True, slots=True)
class TextResponse:
    """Maps the cosine of an image and a text to a number in [0, 1]: 1/(1 + exp(-(slope · cosine + bias))).

    A model trained with a sigmoid loss brings its own slope and bias. The defaults map a cosine of 0.25 to one half:
    matching pairs of CLIP have cosines near 0.3, other pairs below 0.2.
    """

    slope: float = 25.0
    bias: float = -6.25


@runtime_checkable
class TextTower(Protocol):
    """The additional methods of an extractor that can compare texts with images."""

    @property
    def text_response(self) -> TextResponse:
        """How a cosine is mapped to a number in [0, 1]."""

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors float32 (n, dims) of texts, each of unit length, in the space of the images' vectors."""
