"""The levels of the default extractor's vector. Kept apart from graph.py so that a cached model loads without onnx."""

from __future__ import annotations

from dataclasses import dataclass

GRAPH_VERSION = "2"
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


SIDE = 256
"""Images are resized to SIDE × SIDE px."""

LEVELS = (Level("block7"), Level("block14", weight=0.85))
"""The last blocks of stages 3 (texture) and 5 (content); benchmarks/search/retrieval.py --choose compares others."""
