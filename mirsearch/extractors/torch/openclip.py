"""`open-clip:MODEL/PRETRAINED`: vectors of images and texts in one space, with any model of open_clip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import MissingDependencyError, UsageError
from mirsearch.extractors.base import TextResponse
from mirsearch.extractors.preprocessing import Preparation
from mirsearch.extractors.torch.extractor import LoadedNetwork, TorchExtractor, silence_logging, state_hash
from mirsearch.extractors.torch.fetching import fetch, hub_offline

_FILES = (".pt", ".pth", ".bin", ".safetensors")
_MODES = {"shortest": "crop", "squash": "stretch", "longest": "stretch"}


class OpenClipExtractor(TorchExtractor):
    """An image tower and a text tower. PRETRAINED is a tag, or a local checkpoint, whose path is not in the name."""

    family: ClassVar[str] = "open-clip"
    text_tower: ClassVar[bool] = True
    packages = ("torchvision", "open_clip")

    def __init__(self, argument: str = "", *, weights: Path | None = None, device: str | None = None) -> None:
        model, _, pretrained = argument.partition("/")
        local = Path(pretrained) if pretrained.endswith(_FILES) else None
        if local is not None and not local.is_file():
            raise UsageError(f"{local}: there is no such checkpoint", "give a file, or a pretrained tag of open_clip")
        if not model:
            raise UsageError("open-clip needs a model", "for instance --extractor open-clip:ViT-B-32/laion2b_s34b_b79k")
        super().__init__(model if local else argument, weights=weights or local, device=device)
        self._model, self._tag = model, None if local else pretrained or None
        self._towers: Any = None
        self._tokenizer: Any = None

    def _load(self) -> LoadedNetwork:
        import open_clip

        from mirsearch.extractors.torch.clip_net import ImageTower

        model = self._create_model(open_clip)
        config = open_clip.get_model_preprocess_cfg(model)
        size = config["size"]
        side = int(max(size) if isinstance(size, Sequence) else size)
        mode: Any = _MODES.get(config.get("resize_mode", "shortest"), "crop")
        resample: Any = "bilinear" if config.get("interpolation") == "bilinear" else "bicubic"
        mean, std = tuple(config["mean"]), tuple(config["std"])
        self._towers = model.eval().requires_grad_(False).to(self._device)
        image = ImageTower(model, mean, std)
        rows = self._torch.zeros(1, side, side, 3, dtype=self._torch.uint8, device=self._device)
        dims = int(image.to(self._device).eval()(rows).shape[1])
        settings = {"model": self._model, "mean": mean, "std": std}
        return LoadedNetwork(
            image, dims, Preparation(side, mode, 1, resample), state_hash(model.state_dict()), settings
        )

    def _create_model(self, open_clip: Any) -> Any:
        """Return the model with its weights; UsageError for a model that open_clip does not know."""
        if self._model not in open_clip.list_models():
            raise UsageError(
                f"open_clip has no model {self._model!r}", f"give one of {_join_first(open_clip.list_models())}"
            )
        tags = open_clip.list_pretrained_tags_by_model(self._model)
        if self.weights is not None:
            return _load_checkpoint(open_clip, self._model, self.weights)
        if not self._tag or self._tag not in tags:
            tag_list = f"give a tag ({_join_first(tags)}), or " if tags else "give "
            problem = f"{self._tag} is not one of its tags" if self._tag else "no tag is given"
            raise UsageError(
                f"open-clip:{self._model} needs weights, and {problem}",
                f"{tag_list}a checkpoint: open-clip:{self._model}/FILE.pt",
            )
        config = open_clip.get_pretrained_cfg(self._model, self._tag)
        address = None if config.get("hf_hub") else config.get("url")
        remedy = f"give --extractor-weights FILE (a checkpoint of {self._model}), or run it once with a network"
        with silence_logging():
            get = partial(open_clip.download_pretrained, config)  # before the network is built, which takes a while
            fetch(get, f"the weights {self._model}/{self._tag}", address, remedy=remedy)
        with silence_logging(), hub_offline():
            return open_clip.create_model(self._model, pretrained=self._tag, device="cpu", precision="fp32")

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors float32 (n, dims) of texts, each of unit length, in the space of the images' vectors."""
        from mirsearch.extractors.torch.clip_net import TextTower

        _ = self.network
        tower = TextTower(self._towers)
        with self._torch.inference_mode():
            rows: NDArray[np.float32] = tower(self.tokenizer(list(texts)).to(self._device)).float().cpu().numpy()
        return rows

    @property
    def tokenizer(self) -> Any:
        """open_clip's tokenizer of this model; MissingDependencyError if its vocabulary can't be loaded."""
        if self._tokenizer is None:
            import open_clip

            try:
                with silence_logging():
                    get = partial(open_clip.get_tokenizer, self._model)
                    what = f"the files of the tokenizer of {self._model}"
                    self._tokenizer = fetch(get, what, remedy="run it once with a network")
            except ImportError as error:
                problem = f"the tokenizer of {self._model} needs a package: {error}"
                raise MissingDependencyError(problem, "pip install transformers") from None
        return self._tokenizer

    @property
    def text_response(self) -> TextResponse:
        """How a cosine with a text is mapped to a number in [0, 1]: the model's own mapping if it has one."""
        _ = self.network
        bias = getattr(self._towers, "logit_bias", None)
        if bias is None:
            return TextResponse()
        return TextResponse(math.exp(float(self._towers.logit_scale)), float(bias))

    @property
    def towers(self) -> Any:
        """The complete model, with both towers."""
        _ = self.network
        return self._towers


def _load_checkpoint(open_clip: Any, name: str, path: Path) -> Any:
    """Return a model with the weights of a local checkpoint, in any layout that open_clip reads. Runs no code in it."""
    from mirsearch.extractors.torch.files import WeightsError, check_weights_file

    check_weights_file(path)
    try:
        with silence_logging():
            model = open_clip.create_model(name, device="cpu", precision="fp32", pretrained_image=False)
            open_clip.load_checkpoint(model, str(path), weights_only=True)
    except Exception as error:  # a file from outside can raise any error in open_clip's reader
        raise WeightsError(
            f"{path} can't be read as weights of {name}: {_first_line(error)}", "give a checkpoint of this model"
        ) from error
    return model


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _join_first(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
