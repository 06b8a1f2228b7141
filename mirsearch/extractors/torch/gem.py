"""GeM descriptors of ResNets: `resnet50-gem` and similar extractors.

Radenović, Tolias, Chum, "Fine-tuning CNN image retrieval with no human annotation" (TPAMI 2019).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from mirsearch.extractors.preprocessing import Preparation
from mirsearch.extractors.torch.extractor import (
    LoadedNetwork,
    TorchExtractor,
    integer_between,
    parse_options,
    state_hash,
)

SIDE = 384
"""Longer side, in px, that images are resized to."""
SCALES = (1.0, 0.7071, 0.5)
"""Sizes, as shares of `side`, whose vectors are combined: 1, 1/√2 and 1/2, as in the paper."""
_REMEDY = (
    "give --extractor-weights FILE (a state dict of torchvision's, or a published retrieval checkpoint), "
    "or run it once with a network"
)
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class GemExtractor(TorchExtractor):
    """A torchvision ResNet with generalized-mean pooling and, if the weights include it, whitening.

    Options after the colon: `side=512`, `scales=1+0.7071+0.5`, `p=3` (used if the weights include no p).
    """

    packages = ("torchvision",)
    architecture: ClassVar[str]

    def _load(self) -> LoadedNetwork:
        from mirsearch.extractors.torch import gem_weights
        from mirsearch.extractors.torch.gem_net import GemNet, build_backbone, feature_layers

        parsers = {"side": integer_between(32, 4096), "scales": _parse_scales, "p": _parse_exponent}
        options = parse_options(self.family, self.argument, parsers)
        if self.weights is None:
            weights = gem_weights.GemWeights(state=gem_weights.rename_tensors(self._fetch_state(), self.architecture))
        else:
            weights = gem_weights.read_gem_weights(self.weights, self.architecture)
        features = feature_layers(build_backbone(self.architecture))
        scales = options.get("scales", SCALES)
        mean, std = weights.mean or _IMAGENET[0], weights.std or _IMAGENET[1]
        whiten = gem_weights.whitening_layer(weights)
        learned = gem_weights.learned_whitening(weights, several=len(scales) > 1)
        module = GemNet(
            features,
            mean=mean,
            std=std,
            scales=scales,
            p=options.get("p", 3.0),
            whiten=whiten,
            learned_whitening=learned,
        )
        gem_weights.fill_net(module, weights, self.weights or f"torchvision's {self.architecture}")
        preparation = Preparation(options.get("side", SIDE), "fit", 32, "bicubic")
        dims = gem_weights.vector_length(module)
        settings = {"architecture": self.architecture, "scales": scales, "mean": tuple(mean), "std": tuple(std)}
        return LoadedNetwork(module, dims, preparation, state_hash(module.state_dict()), settings, weights.license)

    def _fetch_state(self) -> Any:
        """Return torchvision's ImageNet weights, from its cache or from the network."""
        import torchvision

        from mirsearch.extractors.torch.fetching import fetch

        weights = torchvision.models.get_model_weights(self.architecture)["IMAGENET1K_V1"]
        cached = Path(self._torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
        load = partial(weights.get_state_dict, progress=False, check_hash=True)
        return fetch(load, f"the ImageNet weights of {self.architecture}", weights.url, cached, _REMEDY)


def _parse_scales(text: str) -> tuple[float, ...]:
    scales = tuple(float(number) for number in text.split("+"))
    if not (1 <= len(scales) <= 8 and all(0.1 <= scale <= 4 for scale in scales)):
        raise ValueError("give 1 to 8 numbers from 0.1 to 4, joined by +")
    return scales


def _parse_exponent(text: str) -> float:
    value = float(text)
    if not 0.5 <= value <= 100:
        raise ValueError("give 0.5 to 100")
    return value


class ResNet18Gem(GemExtractor):
    """ResNet-18 with 512 numbers per vector, fast on a processor."""

    family, architecture = "resnet18-gem", "resnet18"


class ResNet50Gem(GemExtractor):
    """ResNet-50 with 2,048 numbers per vector."""

    family, architecture = "resnet50-gem", "resnet50"


class ResNet101Gem(GemExtractor):
    """ResNet-101 with 2,048 numbers per vector."""

    family, architecture = "resnet101-gem", "resnet101"


class ResNet152Gem(GemExtractor):
    """ResNet-152 with 2,048 numbers per vector."""

    family, architecture = "resnet152-gem", "resnet152"
