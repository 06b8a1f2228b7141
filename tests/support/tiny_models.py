"""Small networks with random weights, built by the same code as the large ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CLIP = "mirsearch-tiny"
_CONFIG = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8, "head_width": 32},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 1, "layers": 2},
}


def clip_checkpoint(torch: Any, folder: Path, seed: int = 0) -> Path:
    """Write a checkpoint of a tiny CLIP, and add its configuration to open_clip."""
    import open_clip

    config = folder / f"{CLIP}.json"
    config.write_text(json.dumps(_CONFIG))
    open_clip.add_model_config(config)
    torch.manual_seed(seed)
    path = folder / f"clip{seed}.pt"
    torch.save({"state_dict": open_clip.create_model(CLIP).state_dict(), "epoch": 1}, path)
    return path


def resnet_checkpoint(torch: Any, folder: Path, seed: int = 0) -> Path:
    """Write a state dict of a ResNet-18 whose running means look as if it had been trained."""
    from mirsearch.extractors.torch.gem_net import build_backbone

    torch.manual_seed(seed)
    network = build_backbone("resnet18")
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    path = folder / f"resnet{seed}.pth"
    torch.save(network.state_dict(), path)
    return path


def timm_checkpoint(torch: Any, folder: Path, name: str = "test_vit") -> Path:
    """Write a state dict of timm's smallest model, with its classifier."""
    import timm

    torch.manual_seed(0)
    path = folder / f"{name}.pth"
    torch.save(timm.create_model(name).state_dict(), path)
    return path
