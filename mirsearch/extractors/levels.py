"""What the default extractor's vector is made of; light, so that a cached model loads without onnx."""

from __future__ import annotations

from dataclasses import dataclass

GRAPH_VERSION = "1"
"""Changes with any change of graph.py that changes a model: a cached model of another version is built anew."""

CHANNELS = {
    "stage0": 16, "stage1": 24, "stage2": 40, "stage3": 80, "stage4": 112, "stage5": 192, "stage6": 320, "head": 1280,
}  # fmt: skip
"""Maps of EfficientNet-lite0 by name, with their channels: the output of each stage, and of the last convolution."""


@dataclass(frozen=True, slots=True)
class Level:
    """One part of the vector: a map, how it is pooled (`mean`, `std` or `gem` with exponent `p`), and its weight."""

    stage: str
    pool: str = "mean"
    weight: float = 1.0
    p: float = 3.0

    @property
    def channels(self) -> int:
        """Values it gives."""
        return CHANNELS[self.stage]

    @property
    def key(self) -> str:
        """Name of its reference mean."""
        return f"{self.stage}-{self.pool}{self.p:g}" if self.pool == "gem" else f"{self.stage}-{self.pool}"


SIDE = 384
"""Images are brought to SIDE × SIDE px."""

LEVELS = (
    Level("head", "gem"),
    Level("stage2", weight=0.4),
    Level("stage3", weight=0.4),
    Level("stage4", weight=0.4),
    Level("stage5", weight=0.4),
)
"""The parts of the vector, chosen with benchmarks/retrieval.py."""
