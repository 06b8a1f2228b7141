"""Faster R-CNN for scale bars and their labels: torchvision's, with three backbones and anchors shaped like bars.

Ren, He, Girshick, Sun: Faster R-CNN (2015); Lin et al.: Feature pyramid networks (2017); He et al. (2016) and Howard et
al. (2019) for the backbones.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision.models import mobilenet_v3_large, resnet50
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign

from mirsearch.errors import UsageError
from mirsearch.extractors.torch.files import extract_state_dict, fill_network, read_weights

CLASSES = 3
"""Number of classes: background, bar, label."""

RATIOS = (0.12, 0.3, 0.8, 7.0)
"""Height divided by width of the anchors, for horizontal bars, labels, short bars and vertical bars."""


@dataclass(frozen=True, slots=True)
class NetSettings:
    """The backbone (tiny, mobilenet, resnet50), and the side in px of the square that pictures are fitted into."""

    backbone: str = "tiny"
    side: int = 256


class Residual(nn.Module):
    """Two 3 × 3 convolutions and a shortcut, which halve the size (He et al. 2016)."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.long = nn.Sequential(
            nn.Conv2d(inside, outside, 3, 2, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU(inplace=True),
            nn.Conv2d(outside, outside, 3, 1, 1, bias=False), nn.BatchNorm2d(outside),
        )  # fmt: skip
        self.short = nn.Sequential(nn.Conv2d(inside, outside, 1, 2, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x: Any) -> Any:
        """Map (n, inside, h, w) to (n, outside, h/2, w/2)."""
        return torch.relu(self.long(x) + self.short(x))


class TinyBackbone(nn.Module):
    """A backbone of about 100,000 weights with a feature pyramid at 1/4, 1/8 and 1/16 of the size."""

    out_channels = 32

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True))
        self.stages = nn.ModuleList([Residual(16, 24), Residual(24, 48), Residual(48, 64)])
        self.pyramid = FeaturePyramidNetwork([24, 48, 64], self.out_channels)

    def forward(self, x: Any) -> Any:
        """Map pictures (n, 3, h, w) to feature maps by level."""
        x = self.stem(x)
        found = OrderedDict()
        for number, stage in enumerate(self.stages):
            x = stage(x)
            found[str(number)] = x
        return self.pyramid(found)


def build_net(settings: NetSettings, weights: Path | None = None) -> Any:
    """Return the network with random weights. `weights` is a torchvision classifier's state dict for the backbone."""
    backbone, sizes, names = _backbone(settings.backbone, weights)
    small = settings.backbone == "tiny"
    return FasterRCNN(
        backbone,
        min_size=settings.side,
        max_size=settings.side,
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.25, 0.25, 0.25],
        rpn_anchor_generator=AnchorGenerator(sizes, (RATIOS,) * len(sizes)),
        box_roi_pool=MultiScaleRoIAlign(names, 7, 2, canonical_scale=settings.side // 2),
        box_head=_Head(backbone.out_channels * 49, 128 if small else 1024),
        box_predictor=_Predictor(128 if small else 1024),
        rpn_pre_nms_top_n_train=300,
        rpn_post_nms_top_n_train=150,
        rpn_pre_nms_top_n_test=300,
        rpn_post_nms_top_n_test=100,
        rpn_batch_size_per_image=96,
        box_batch_size_per_image=48,
        rpn_fg_iou_thresh=0.6,
        _skip_resize=True,
        box_score_thresh=0.02,
        box_nms_thresh=0.4,
        box_detections_per_img=20,
    )


class OnePicture(nn.Module):
    """Runs the network on one picture and returns three tensors."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Any) -> tuple[Any, Any, Any]:
        """Map (3, side, side) in 0 … 1 to boxes (n, 4), scores (n,), classes (n,)."""
        found = self.net([image])[0]
        return found["boxes"], found["scores"], found["labels"]


class _Head(nn.Module):
    """Two fully connected layers over a region's features."""

    def __init__(self, inside: int, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(inside, width), nn.Linear(width, width)

    def forward(self, x: Any) -> Any:
        """Map (regions, channels, 7, 7) to (regions, width)."""
        return torch.relu(self.second(torch.relu(self.first(x.flatten(start_dim=1)))))


class _Predictor(nn.Module):
    """Predicts the scores of the classes and the correction of each class's box."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.classes, self.boxes = nn.Linear(width, CLASSES), nn.Linear(width, 4 * CLASSES)

    def forward(self, x: Any) -> Any:
        """Map (regions, width) to (regions, CLASSES) and (regions, 4 · CLASSES)."""
        return self.classes(x), self.boxes(x)


def _backbone(name: str, weights: Path | None) -> tuple[Any, tuple[tuple[int, ...], ...], list[str]]:
    """Return the backbone with its pyramid, anchor sizes by level, and the names of the levels for region pooling."""
    if name == "tiny":
        if weights is not None:
            raise UsageError("the tiny backbone has no published weights", "leave --backbone-weights out")
        return TinyBackbone(), ((16, 24), (34, 48), (68, 96)), ["0", "1", "2"]
    classifier = resnet50(weights=None) if name == "resnet50" else mobilenet_v3_large(weights=None)
    if weights is not None:
        fill_network(classifier, extract_state_dict(read_weights(weights), weights), weights)
    if name == "resnet50":
        layers, channels = {f"layer{n}": str(n - 1) for n in (1, 2, 3, 4)}, [256, 512, 1024, 2048]
        body, sizes = classifier, ((16, 24), (32, 48), (64, 96), (128, 192), (256, 384))
    else:
        # The last block of each size, from a quarter to a thirty-second.
        layers, channels = {"3": "0", "6": "1", "12": "2", "15": "3"}, [24, 40, 112, 160]
        body, sizes = classifier.features, ((16, 24), (32, 48), (64, 96), (128, 192), (256, 384))
    return BackboneWithFPN(body, layers, channels, 256), sizes, list("0123")
