"""`open-clip:MODEL/PRETRAINED`: images and text in one space, with any model of open_clip."""

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
    """An image tower and a text tower. PRETRAINED is a tag, or a local checkpoint (whose path is not in the name)."""

    family: ClassVar[str] = "open-clip"
    text_tower: ClassVar[bool] = True
    packages = ("torchvision", "open_clip")

    def __init__(self, argument: str = "", *, weights: Path | None = None, device: str | None = None) -> None:
        model, _, pretrained = argument.partition("/")
        local = Path(pretrained) if pretrained.endswith(_FILES) else None
        if local is not None and not local.is_file():
            raise UsageError(f"{local}: no such checkpoint", "give a file, or a pretrained tag of open_clip")
        if not model:
            raise UsageError("open-clip needs a model", "for instance --extractor open-clip:ViT-B-32/laion2b_s34b_b79k")
        super().__init__(model if local else argument, weights=weights or local, device=device)
        self._model, self._tag = model, None if local else pretrained or None
        self._towers: Any = None
        self._tokens: Any = None

    def _load(self) -> LoadedNetwork:
        import open_clip

        from mirsearch.extractors.torch.clip_net import ImageTower

        model = self._filled(open_clip)
        told = open_clip.get_model_preprocess_cfg(model)
        size = told["size"]
        side = int(max(size) if isinstance(size, Sequence) else size)
        mode: Any = _MODES.get(told.get("resize_mode", "shortest"), "crop")
        resample: Any = "bilinear" if told.get("interpolation") == "bilinear" else "bicubic"
        mean, std = tuple(told["mean"]), tuple(told["std"])
        self._towers = model.eval().requires_grad_(False).to(self._device)
        image = ImageTower(model, mean, std)
        rows = self._torch.zeros(1, side, side, 3, dtype=self._torch.uint8, device=self._device)
        dims = int(image.to(self._device).eval()(rows).shape[1])
        settings = {"model": self._model, "mean": mean, "std": std}
        return LoadedNetwork(
            image, dims, Preparation(side, mode, 1, resample), state_hash(model.state_dict()), settings
        )

    def _filled(self, open_clip: Any) -> Any:
        """The model with its weights; UsageError for one open_clip doesn't know."""
        if self._model not in open_clip.list_models():
            raise UsageError(
                f"open_clip knows no model {self._model!r}", f"one of {_join_first(open_clip.list_models())}"
            )
        tags = open_clip.list_pretrained_tags_by_model(self._model)
        if self.weights is not None:
            return _load_checkpoint(open_clip, self._model, self.weights)
        if not self._tag or self._tag not in tags:
            there = f"tags are {_join_first(tags)}; " if tags else ""
            raise UsageError(
                f"open-clip:{self._model} needs weights, {self._tag or 'none'} are no tag of it",
                f"{there}or give a checkpoint: open-clip:{self._model}/FILE.pt",
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
        """Texts to float32 (n, dims), each row of unit length, in the space of the images."""
        from mirsearch.extractors.torch.clip_net import TextTower

        _ = self.loaded
        tower = TextTower(self._towers)
        with self._torch.inference_mode():
            rows: NDArray[np.float32] = tower(self.tokenizer(list(texts)).to(self._device)).float().cpu().numpy()
        return rows

    @property
    def tokenizer(self) -> Any:
        """Texts to tokens, as open_clip does for this model; MissingDependencyError where its words are not here."""
        if self._tokens is None:
            import open_clip

            try:
                with silence_logging():
                    get = partial(open_clip.get_tokenizer, self._model)
                    self._tokens = fetch(get, f"the words of {self._model}", remedy="run it once with a network")
            except ImportError as error:
                told = f"the words of {self._model} need a package: {error}"
                raise MissingDependencyError(told, "pip install transformers") from None
        return self._tokens

    @property
    def text_response(self) -> TextResponse:
        """How an image's cosine with a text is told as a number in [0, 1]; of the model, where it was trained so."""
        _ = self.loaded
        bias = getattr(self._towers, "logit_bias", None)
        if bias is None:
            return TextResponse()
        return TextResponse(math.exp(float(self._towers.logit_scale)), float(bias))

    @property
    def towers(self) -> Any:
        """The whole model."""
        _ = self.loaded
        return self._towers


def _load_checkpoint(open_clip: Any, name: str, path: Path) -> Any:
    """A model filled from a local checkpoint, in any layout open_clip reads; nothing in the file is run."""
    from mirsearch.extractors.torch.files import WeightsError, check_weights_file

    check_weights_file(path)
    try:
        with silence_logging():
            model = open_clip.create_model(name, device="cpu", precision="fp32", pretrained_image=False)
            open_clip.load_checkpoint(model, str(path), weights_only=True)
    except Exception as error:  # of any kind, as the file is from outside and the reader is another's
        raise WeightsError(
            f"{path} can't be read as weights of {name}: {_first_line(error)}", "give a checkpoint of this model"
        ) from error
    return model


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _join_first(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
