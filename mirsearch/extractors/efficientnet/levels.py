"""The recipes of the default extractor's vectors. Kept apart from graph.py: a cached model loads without onnx."""

from __future__ import annotations

from dataclasses import dataclass

GRAPH_VERSION = "3"
"""Increase it with any change of graph.py that changes a model: cached models of other versions are then rebuilt."""

BLOCK_CHANNELS = (16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320)
"""Number of output channels of each of EfficientNet-lite0's blocks."""

HEAD_CHANNELS = 1280
"""Number of output channels of the last convolution."""


@dataclass(frozen=True, slots=True)
class Level:
    """One part of the vector: a map (`block0`…`block15` or `head`), how it is pooled, and its weight.

    `mean` and `std` are over the map's pixels; `gem` is the generalized mean with exponent `p`, for maps without
    negative values (`head`).
    """

    tap: str
    pool: str = "mean"
    weight: float = 1.0
    p: float = 3.0

    @property
    def block(self) -> int | None:
        """Number of the block that gives the map; None for the head."""
        return None if self.tap == "head" else int(self.tap.removeprefix("block"))

    @property
    def channels(self) -> int:
        """How many values the level adds to the vector."""
        return HEAD_CHANNELS if self.block is None else BLOCK_CHANNELS[self.block]

    @property
    def key(self) -> str:
        """Name of its reference mean."""
        return f"{self.tap}-{self.pool}{self.p:g}" if self.pool == "gem" else f"{self.tap}-{self.pool}"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a version makes its vectors.

    An image is resized to `side` × `side` px, or with `keeps_shape` to about as many px in its own shape. `constants`
    is the file of reference means and of what was learned. `techniques` values tell how the picture was made; they
    weigh `technique_weight` beside the looks.
    """

    levels: tuple[Level, ...]
    side: int
    keeps_shape: bool
    constants: str
    techniques: int = 0
    technique_weight: float = 0.0

    @property
    def dims(self) -> int:
        """Length of a vector."""
        return sum(level.channels for level in self.levels) + self.techniques


RECIPES = {
    "1": Recipe((Level("block7"), Level("block14", weight=0.85)), 256, False, "reference_means.npz"),
    "2": Recipe((Level("block7"), Level("block14", weight=1.5)), 256, True, "learned.npz", 10, 0.6),
}
"""The recipe of each version: the last blocks of stages 3 (texture) and 5 (content). benchmarks/search/look.py tells
what the second gains, and docs/look.md what else was tried."""

_MULTIPLE, _LEAST_SIDE, _MOST_SIDES = 32, 64, 3
"""Sides of a resized image are multiples of 32 px, as the network halves them five times; from 64 px to 3 × `side`."""


def area_size(width: int, height: int, side: int) -> tuple[int, int]:
    """Return the width and height with about side² px in the shape of an image, as far as the bounds allow."""
    factor = side / (height * width) ** 0.5
    first, second = (
        min(max(round(length * factor / _MULTIPLE) * _MULTIPLE, _LEAST_SIDE), _MOST_SIDES * side)
        for length in (width, height)
    )
    return first, second


VERSION = "2"
"""The version of new indexes. Indexes of an earlier version are asked with that version."""
