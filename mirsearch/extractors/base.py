"""The protocol of an extractor: pixels to vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class Extractor(Protocol):
    """Turns panels into vectors. The vector depends on the pixels alone, never on the corpus it lies in."""

    name: str
    version: str
    dims: int

    def embed(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """RGB images uint8 (h, w, 3), any sizes, to float32 (n, dims), each row of unit length."""


class Identity(Protocol):
    """Whose vectors they are: what an index or a trained model tells of its extractor."""

    @property
    def name(self) -> str:
        """As for --extractor, without the places of files."""

    @property
    def version(self) -> str:
        """Changes with all that changes a vector."""

    @property
    def dims(self) -> int:
        """Length of a vector."""


@dataclass(frozen=True, slots=True)
class TextResponse:
    """How the cosine of an image and a text becomes a number in [0, 1]: 1/(1 + exp(-(slope · cosine + bias))).

    A model trained with a sigmoid brings its own; else 0.25 is half way, as matching pairs of CLIP lie near 0.3 and
    others below 0.2.
    """

    slope: float = 25.0
    bias: float = -6.25


@runtime_checkable
class TextTower(Protocol):
    """What an extractor has besides where words can be compared with images."""

    @property
    def text_response(self) -> TextResponse:
        """How a cosine is told as a number in [0, 1]."""

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Texts to float32 (n, dims) in the space of the images, each row of unit length."""
