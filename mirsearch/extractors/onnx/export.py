"""Exports an extractor as one file that onnxruntime runs, and compares the file's vectors with the extractor's.

The file replaces the extractor: in full precision its vectors are the same to 1e-4, so it has the same identity and
serves the same indexes. Rounded to fp16 or int8 it is a different extractor; its card reports the difference.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mirsearch.errors import MirsearchError, UsageError
from mirsearch.extractors.base import Extractor, TextTower
from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor, model_bytes
from mirsearch.extractors.efficientnet.levels import RECIPES
from mirsearch.extractors.onnx.extractor import OnnxExtractor
from mirsearch.extractors.onnx.facts import IMAGE_MODEL, MERGES, METADATA, PRECISIONS, TEXT_MODEL, Facts
from mirsearch.extractors.onnx.installed import KIND
from mirsearch.extractors.onnx.projection import append_projection
from mirsearch.extractors.onnx.rounding import quantize
from mirsearch.extractors.preprocessing import Mode, Preparation
from mirsearch.extractors.torch.extractor import TorchExtractor
from mirsearch.extractors.trained import TrainedExtractor
from mirsearch.files.partial import temporary_folder
from mirsearch.models import SUFFIX
from mirsearch.models.artifact import Card, write_artifact

MAX_DIFFERENCE = 1e-4
"""Largest difference of a vector's numbers, and largest 1 - cosine, that full precision may have."""
OPSET = 17
_SAMPLE_TEXTS = (
    "hexagonal platelets",
    "SEM image of 5 µm spheres, don't panic",
    "α-Fe₂O₃ (a–c): 20,000×; ½",
    "",
    "a_b 3D",
)
_LOG = logging.getLogger(__name__)

Pixels = NDArray[np.uint8]


class ParityError(MirsearchError):
    """The exported model's vectors differ from its extractor's; the model is not kept."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How far two sets of vectors differ: largest difference of a number, smallest and mean cosine."""

    difference: float
    least_cosine: float
    mean_cosine: float
    images: int

    @classmethod
    def between(cls, ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> Parity:
        """Return the differences between two sets of unit vectors, (n, dims) each."""
        a, b = ours.astype(np.float64), theirs.astype(np.float64)
        cosines = (a * b).sum(axis=1) / np.maximum(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), 1e-12)
        return cls(float(np.abs(a - b).max()), float(cosines.min()), float(cosines.mean()), len(a))

    @property
    def is_close(self) -> bool:
        """Whether the vectors differ by no more than MAX_DIFFERENCE."""
        return self.difference <= MAX_DIFFERENCE and 1 - self.least_cosine <= MAX_DIFFERENCE


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """A written model: its path, its facts, how far it differs from its extractor, and whether it has a text tower."""

    path: Path
    facts: Facts
    parity: Parity
    has_text: bool


def export_extractor(
    extractor: Extractor, path: Path, *, precision: str = "fp32", name: str | None = None
) -> ExportedModel:
    """Write an extractor as FILE.onnx or FILE.mirmodel; ParityError, and no file, if the vectors differ too much.

    Only a .mirmodel can hold a text tower, and only of a model that uses CLIP's own tokenizer.
    """
    if path.suffix not in (".onnx", SUFFIX) or precision not in PRECISIONS:
        raise UsageError(
            f"can't export to {path} in {precision}", f"give FILE.onnx or FILE{SUFFIX}, and fp32, fp16 or int8"
        )
    model, preparation = _image_model(extractor)
    images = probe_images()
    version = extractor.version if precision == "fp32" else f"{extractor.version}+{precision}"
    facts = Facts(extractor.name, version, extractor.dims, preparation, precision)
    payloads, facts = _text_payloads(extractor, facts) if path.suffix == SUFFIX else ({}, facts)
    if TEXT_MODEL in payloads:
        payloads = payloads | {TEXT_MODEL: quantize(payloads[TEXT_MODEL], precision, None)}
    content = _add_metadata(quantize(model, precision, [preparation(image)[None] for image in images]), facts)
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(path.parent) as folder:
        bare, packed = folder / "model.onnx", folder / f"model{SUFFIX}"
        bare.write_bytes(content)
        parity = _check_images(extractor, bare, images, facts)
        if path.suffix == SUFFIX:
            card = _card(extractor, facts, name or path.stem, parity)
            write_artifact(packed, card, {IMAGE_MODEL: content} | payloads)
            _check_texts(extractor, packed, facts)
        (packed if path.suffix == SUFFIX else bare).replace(path)
    return ExportedModel(path, facts, parity, TEXT_MODEL in payloads)


def slug(name: str) -> str:
    """Return an extractor's name with all signs replaced that a file's name should not have."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "model"


def probe_images(count: int = 12) -> list[Pixels]:
    """Return drawn micrographs of several shapes, to compare an exported model on and to calibrate int8 with."""
    from mirsearch.synthetic.fields import View, make_rng
    from mirsearch.synthetic.specimens.families import specimen

    shapes = ((240, 320), (300, 300), (360, 200), (180, 420))
    images = []
    for seed in range(count):
        shown = specimen(seed)
        height, width = shapes[seed % len(shapes)]
        images.append(shown.micrograph(View(width, height, shown.nm_per_px(0.3)), make_rng(seed, 1)))
    return images


def _card(extractor: Extractor, facts: Facts, name: str, parity: Parity) -> Card:
    weights, license_ = _weights_and_license(extractor)
    return Card(
        name=slug(name),
        kind=KIND,
        base={"name": extractor.name, "version": extractor.version, "dims": extractor.dims},
        settings=facts.as_json(),
        data={"exported from": extractor.name, "weights": weights},
        metrics={"parity": dataclasses.asdict(parity)},
        license=license_,
    )


def _weights_and_license(extractor: Extractor) -> tuple[str, str]:
    """Return a hash of the weights, or another identification of them, and their licence."""
    if isinstance(extractor, TorchExtractor):
        return extractor.network.weights, extractor.network.license
    if isinstance(extractor, TrainedExtractor):
        return f"{extractor.version} over {extractor.base.name} {extractor.base.version}", extractor.card.license
    if isinstance(extractor, OnnxExtractor):
        return extractor.version, extractor.license
    return "packaged", "Apache-2.0"


def _check_images(extractor: Extractor, path: Path, images: Sequence[Pixels], facts: Facts) -> Parity:
    """Compare the written file with the extractor, read as ingest and query read it."""
    parity = Parity.between(extractor.embed(images), OnnxExtractor(str(path), device="cpu").embed(images))
    if facts.precision == "fp32" and not parity.is_close:
        raise ParityError(
            f"the exported {facts.name} differs by {parity.difference:.2g}, more than {MAX_DIFFERENCE:g}",
            "report this model",
        )
    return parity


def _check_texts(extractor: Extractor, path: Path, facts: Facts) -> None:
    model = OnnxExtractor(str(path), device="cpu")
    if not model.has_text or not isinstance(extractor, TextTower):
        return
    parity = Parity.between(extractor.embed_text(_SAMPLE_TEXTS), model.embed_text(_SAMPLE_TEXTS))
    if facts.precision == "fp32" and not parity.is_close:
        raise ParityError(f"the exported text tower differs by {parity.difference:.2g}", "report this model")


def _image_model(extractor: Extractor) -> tuple[bytes, Preparation]:
    if isinstance(extractor, EfficientNetExtractor):
        recipe = RECIPES[extractor.version]
        mode: Mode = "area" if recipe.keeps_shape else "stretch"
        return model_bytes(extractor.version), Preparation(recipe.side, mode, 1, "bicubic")
    if isinstance(extractor, TrainedExtractor):
        model, preparation = _image_model(extractor.base)
        return append_projection(model, extractor.projection), preparation
    if isinstance(extractor, OnnxExtractor):
        return extractor.model, extractor.facts.preparation
    if not isinstance(extractor, TorchExtractor):
        raise UsageError(f"{extractor.name} can't be exported", "its plug-in must provide an ONNX model itself")
    import torch

    loaded = extractor.network
    side = loaded.preparation.side
    axes = {0: "n"} if loaded.preparation.is_square else {0: "n", 1: "height", 2: "width"}
    example = torch.zeros(1, side, side, 3, dtype=torch.uint8)
    return _trace_onnx(loaded.module, example, "image", axes), loaded.preparation


def _trace_onnx(module: Any, example: Any, name: str, axes: dict[int, str]) -> bytes:
    """Return an ONNX model of a network, weights included. The tracing exporter took every model tried, in seconds."""
    import torch

    original_device = next(iter(module.parameters())).device
    stream = io.BytesIO()
    with _silence_exporter(), torch.inference_mode(mode=False), torch.no_grad():
        was_fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)  # ONNX has no counterpart of its fused attention
        try:
            torch.onnx.export(
                module.cpu(), (example,), stream, dynamo=False, opset_version=OPSET, input_names=[name],
                output_names=["vector"], dynamic_axes={name: axes, "vector": {0: "n"}},
            )  # fmt: skip
        except (RuntimeError, ValueError, TypeError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[-1][:200]
            raise ParityError(f"this network can't be written as ONNX: {reason}", "use it with PyTorch") from None
        finally:
            torch.backends.mha.set_fastpath_enabled(was_fast)
            module.to(original_device)
    return stream.getvalue()


def _text_payloads(extractor: Extractor, facts: Facts) -> tuple[dict[str, bytes], Facts]:
    """Return the text tower with its merges, if our tokenizer gives the same tokens as the model's own."""
    from mirsearch.extractors.torch.openclip import OpenClipExtractor

    if isinstance(extractor, OnnxExtractor) and extractor.has_text:
        facts = dataclasses.replace(facts, context=extractor.facts.context, response=extractor.text_response)
        return extractor.text_payloads, facts
    if not isinstance(extractor, OpenClipExtractor):
        return {}, facts
    from mirsearch.extractors.clip_tokenizer import ClipTokenizer
    from mirsearch.extractors.torch.clip_net import TextTower as TextNet

    tokenizer = extractor.tokenizer
    merges, context = list(getattr(tokenizer, "bpe_ranks", ())), int(getattr(tokenizer, "context_length", 0))
    if not merges or not np.array_equal(
        tokenizer(list(_SAMPLE_TEXTS)).numpy(), ClipTokenizer(merges, context)(_SAMPLE_TEXTS)
    ):
        _LOG.warning("%s has a tokenizer that mirsearch does not know: the text tower is left out", extractor.name)
        return {}, facts
    tower = TextNet(extractor.towers)
    model = _trace_onnx(tower, tokenizer(list(_SAMPLE_TEXTS[:1])).cpu(), "tokens", {0: "n"})
    merges_file = "\n".join(" ".join(pair) for pair in merges).encode()
    facts = dataclasses.replace(facts, context=context, response=extractor.text_response)
    return {TEXT_MODEL: model, MERGES: merges_file}, facts


def _add_metadata(model: bytes, facts: Facts) -> bytes:
    """Return the model with the facts in its metadata."""
    described = onnx.load_model_from_string(model)
    del described.metadata_props[:]
    entry = described.metadata_props.add()
    entry.key, entry.value = METADATA, json.dumps(facts.as_json(), sort_keys=True)
    described.producer_name = "mirsearch"
    content: bytes = described.SerializeToString()
    return content


@contextlib.contextmanager
def _silence_exporter() -> Iterator[None]:
    """Hide the exporter's warnings: they are about the network, and a user can do nothing about them."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
