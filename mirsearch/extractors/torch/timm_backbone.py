"""`timm:NAME`: the pooled features of any backbone of timm."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from mirsearch.errors import UsageError
from mirsearch.extractors.preprocessing import Preparation
from mirsearch.extractors.torch.extractor import LoadedNetwork, TorchExtractor, silence_logging, state_hash
from mirsearch.extractors.torch.fetching import fetch


class TimmExtractor(TorchExtractor):
    """A backbone of timm without its classifier, with the image size, mean and deviation of its pretraining."""

    family: ClassVar[str] = "timm"
    packages = ("torchvision", "timm")

    def _load(self) -> LoadedNetwork:
        import timm
        from timm.data import resolve_model_data_config

        from mirsearch.extractors.torch.clip_net import BackboneNet

        if not self.argument or not timm.is_model(self.argument.partition(".")[0]):
            raise UsageError(f"timm has no model {self.argument!r}", "for instance --extractor timm:resnet50.a1_in1k")
        backbone = self._create_backbone(timm)
        config = resolve_model_data_config(backbone)
        side = int(max(config["input_size"][1:]))
        resample: Any = "bilinear" if config["interpolation"] == "bilinear" else "bicubic"
        mean, std = tuple(config["mean"]), tuple(config["std"])
        module = BackboneNet(backbone, mean, std)
        with self._torch.inference_mode():
            dims = int(module.eval()(self._torch.zeros(1, side, side, 3, dtype=self._torch.uint8)).shape[1])
        settings = {"model": self.argument, "mean": mean, "std": std}
        license_ = str((getattr(backbone, "pretrained_cfg", None) or {}).get("license") or "")
        weights = state_hash(backbone.state_dict())
        return LoadedNetwork(module, dims, Preparation(side, "stretch", 1, resample), weights, settings, license_)

    def _create_backbone(self, timm: Any) -> Any:
        from mirsearch.extractors.torch.files import extract_state_dict, fill_network, read_weights

        if self.weights is None:
            with silence_logging():
                load = partial(timm.create_model, self.argument, pretrained=True, num_classes=0)
                return fetch(load, f"the weights of timm:{self.argument}")
        backbone = timm.create_model(self.argument, pretrained=False, num_classes=0)
        state = extract_state_dict(read_weights(self.weights), self.weights)
        classifier = backbone.default_cfg.get("classifier") or ()
        names = (classifier,) if isinstance(classifier, str) else tuple(classifier)
        fill_network(backbone, state, self.weights, optional=tuple(f"{name}." for name in names))
        return backbone
