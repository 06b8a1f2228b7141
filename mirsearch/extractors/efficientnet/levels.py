"""What the default extractor's vector is made of; light, so that a cached model loads without onnx."""

from __future__ import annotations

from dataclasses import dataclass

GRAPH_VERSION = "2"
"""Changes with any change of graph.py that changes a model: a cached model of another version is built anew."""

BLOCK_CHANNELS = (16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320)
"""Channels that each of EfficientNet-lite0's blocks gives."""

HEAD_CHANNELS = 1280
"""Channels of the last convolution."""


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
        """Number of the block whose output it is; None for the head."""
        return None if self.tap == "head" else int(self.tap.removeprefix("block"))

    @property
    def channels(self) -> int:
        """Values it gives."""
        return HEAD_CHANNELS if self.block is None else BLOCK_CHANNELS[self.block]

    @property
    def key(self) -> str:
        """Name of its reference mean."""
        return f"{self.tap}-{self.pool}{self.p:g}" if self.pool == "gem" else f"{self.tap}-{self.pool}"


SIDE = 256
"""Images are brought to SIDE × SIDE px."""

LEVELS = (Level("block7"), Level("block14", weight=0.85))
"""The ends of stages 3 (texture) and 5 (what it shows); benchmarks/search/retrieval.py --choose compares others."""
