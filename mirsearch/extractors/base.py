"""The protocol of an extractor: pixels to vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Extractor(Protocol):
    """Turns panels into vectors. The vector depends on the pixels alone, never on the corpus it lies in."""

    name: str
    version: str
    dims: int

    def embed(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """RGB images uint8 (h, w, 3), any sizes, to float32 (n, dims), each row of unit length."""
