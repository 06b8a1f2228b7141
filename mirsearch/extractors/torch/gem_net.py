"""The network of GeM descriptors: backbone, generalized mean, whitening, several scales.

Radenović, Tolias, Chum, "Fine-tuning CNN image retrieval with no human annotation" (TPAMI 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

EPSILON = 1e-6
"""Smallest activation, and the number added to lengths, in the published networks."""


def normalize_rows(rows: Tensor) -> Tensor:
    """Return rows (n, d) divided by their length plus EPSILON, as the published networks do."""
    return rows / (rows.norm(dim=1, keepdim=True) + EPSILON)


class GeM(nn.Module):
    """Generalized mean over a map: (n, c, h, w) to (n, c), with a learned p. p = 1 is the mean, p → ∞ the maximum."""

    def __init__(self, p: float = 3.0) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.full((1,), p))

    def forward(self, maps: Tensor) -> Tensor:
        """Return (mean of x^p)^(1/p) over the pixels."""
        powered: Tensor = maps.clamp(min=EPSILON) ** self.p
        return powered.mean(dim=(2, 3)) ** (1.0 / self.p)


class GemNet(nn.Module):
    """Maps RGB uint8 (n, h, w, 3) to unit vectors float32 (n, dims), pooled at several scales.

    Without a whitening layer the scales are averaged by a generalized mean with the pooling's p, with one by the mean.
    `whiten` is a layer inside the network. `learned_whitening` (P, m) is applied at the end: P (x - m).
    """

    def __init__(
        self, features: nn.Module, *, mean: Sequence[float], std: Sequence[float], scales: Sequence[float] = (1.0,),
        p: float = 3.0, whiten: nn.Linear | None = None, learned_whitening: tuple[Tensor, Tensor] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.features, self.pool, self.whiten = features, GeM(p), whiten
        self.scales = tuple(scales)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(1, 3, 1, 1))
        self.register_buffer("projection", None if learned_whitening is None else learned_whitening[0])
        self.register_buffer("center", None if learned_whitening is None else learned_whitening[1])

    def describe(self, pixels: Tensor) -> Tensor:
        """Return unit vectors of normalized float pixels (n, 3, h, w) at one scale."""
        rows = normalize_rows(self.pool(self.features(pixels)))
        return rows if self.whiten is None else normalize_rows(self.whiten(rows))

    def forward(self, image: Tensor) -> Tensor:
        """Return unit vectors float32 (n, dims)."""
        pixels = (image.permute(0, 3, 1, 2).float() / 255.0 - self.mean) / self.std
        rows = self.describe(pixels) if self.scales == (1.0,) else self._pool_scales(pixels)
        rows = F.normalize(rows, dim=1)
        if self.projection is not None:
            rows = F.normalize((rows - self.center) @ self.projection.T, dim=1)
        return rows

    def _pool_scales(self, pixels: Tensor) -> Tensor:
        power: Any = self.pool.p if self.whiten is None else 1.0
        parts = [self.describe(_resize(pixels, scale)) ** power for scale in self.scales]
        mean = torch.stack(parts).mean(dim=0)
        joined: Tensor = mean ** (1.0 / power)
        return joined


def _resize(pixels: Tensor, scale: float) -> Tensor:
    if scale == 1.0:
        return pixels
    return F.interpolate(pixels, scale_factor=scale, mode="bilinear", align_corners=False)


def build_backbone(architecture: str) -> nn.Module:
    """Return a complete torchvision ResNet with random weights."""
    import torchvision

    network: nn.Module = torchvision.models.get_model(architecture, weights=None)
    return network


def feature_layers(network: Any) -> nn.Sequential:
    """Return a ResNet without its pooling and classifier: eight parts, numbered as in the published checkpoints."""
    return nn.Sequential(*list(network.children())[:-2])
