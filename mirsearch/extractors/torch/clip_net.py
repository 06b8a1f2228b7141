"""The two towers of a CLIP-like model as separate networks.

Radford et al., "Learning transferable visual models from natural language supervision" (ICML 2021); Zhai et al.,
"Sigmoid loss for language image pre-training" (ICCV 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class ImageTower(nn.Module):
    """Maps RGB uint8 (n, h, w, 3) of the model's size to unit vectors float32 (n, dims)."""

    def __init__(self, model: Any, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.visual = model.visual
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Return unit vectors float32 (n, dims)."""
        rows = self.visual((image.permute(0, 3, 1, 2).float() / 255.0 - self.mean) / self.std)
        return F.normalize(rows[0] if isinstance(rows, tuple) else rows, dim=1)


class TextTower(nn.Module):
    """Maps tokens int64 (n, length) to unit vectors float32 (n, dims)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        """Return unit vectors float32 (n, dims)."""
        return F.normalize(self.model.encode_text(tokens).float(), dim=1)


class BackboneNet(nn.Module):
    """Maps RGB uint8 (n, h, w, 3) to a backbone's pooled features as unit vectors float32 (n, dims)."""

    def __init__(self, backbone: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.backbone = backbone
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(1, 3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Return unit vectors float32 (n, dims)."""
        rows = self.backbone((image.permute(0, 3, 1, 2).float() / 255.0 - self.mean) / self.std)
        return F.normalize(rows, dim=1)
