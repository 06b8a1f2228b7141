"""From an extractor to one file that onnxruntime runs: exported, checked against the extractor, and told of.

The file takes the place of the extractor: in full precision its vectors are the same to 1e-4, so it has the same
identity and answers for the same indexes. Rounded to fp16 or int8 it is an extractor of its own, whose loss is told.
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
from mirsearch.extractors.efficientnet.levels import SIDE
from mirsearch.extractors.onnx.extractor import KIND, OnnxExtractor
from mirsearch.extractors.onnx.facts import IMAGE_MODEL, MERGES, METADATA, PRECISIONS, TEXT_MODEL, Facts
from mirsearch.extractors.onnx.projection import append_projection
from mirsearch.extractors.onnx.rounding import quantize
from mirsearch.extractors.preprocessing import Preparation
from mirsearch.extractors.torch.extractor import TorchExtractor
from mirsearch.extractors.trained import TrainedExtractor
from mirsearch.models.artifact import SUFFIX, Card, write_artifact

MAX_DIFFERENCE = 1e-4
"""Most that a number of a vector may differ, and most that 1 - cosine may be, in full precision."""
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
    """An exported model whose vectors are not those of its extractor; it is not kept."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How far vectors lie apart: the largest difference of a number, the least and the mean cosine."""

    difference: float
    least_cosine: float
    mean_cosine: float
    images: int

    @classmethod
    def of(cls, ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> Parity:
        """Of rows of unit length, (n, dims) each."""
        a, b = ours.astype(np.float64), theirs.astype(np.float64)
        cosines = (a * b).sum(axis=1) / np.maximum(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), 1e-12)
        return cls(float(np.abs(a - b).max()), float(cosines.min()), float(cosines.mean()), len(a))

    @property
    def holds(self) -> bool:
        """Whether the two are the same for all purposes."""
        return self.difference <= MAX_DIFFERENCE and 1 - self.least_cosine <= MAX_DIFFERENCE


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """A written model: where, its facts, and how near it is to its extractor; `words` tells of a text tower."""

    path: Path
    facts: Facts
    parity: Parity
    words: bool


def export_extractor(
    extractor: Extractor, path: Path, *, precision: str = "fp32", name: str | None = None
) -> ExportedModel:
    """Write an extractor as FILE.onnx or FILE.mirmodel; ParityError, and no file, where it is not the same.

    A text tower goes into a .mirmodel alone, where open_clip's words are CLIP's own.
    """
    if path.suffix not in (".onnx", SUFFIX) or precision not in PRECISIONS:
        raise UsageError(f"{path} in {precision} can't be exported", f"FILE.onnx or FILE{SUFFIX}; fp32, fp16 or int8")
    model, preparation = _image_model(extractor)
    images = probe_images()
    version = extractor.version if precision == "fp32" else f"{extractor.version}+{precision}"
    facts = Facts(extractor.name, version, extractor.dims, preparation, precision)
    payloads, facts = _text_payloads(extractor, facts) if path.suffix == SUFFIX else ({}, facts)
    payloads = {
        part: quantize(each, precision, None) if part == TEXT_MODEL else each for part, each in payloads.items()
    }
    content = _add_metadata(quantize(model, precision, [preparation(each)[None] for each in images]), facts)
    path.parent.mkdir(parents=True, exist_ok=True)
    bare, packed = path.with_name(f".part-{path.stem}.onnx"), path.with_name(f".part-{path.stem}{SUFFIX}")
    try:
        bare.write_bytes(content)
        parity = _check_images(extractor, bare, images, facts)
        if path.suffix == SUFFIX:
            card = _card(extractor, facts, name or path.stem, parity)
            write_artifact(packed, card, {IMAGE_MODEL: content} | payloads)
            _check_texts(extractor, packed, facts)
        (packed if path.suffix == SUFFIX else bare).replace(path)
    finally:
        bare.unlink(missing_ok=True)
        packed.unlink(missing_ok=True)
    return ExportedModel(path, facts, parity, TEXT_MODEL in payloads)


def slug(name: str) -> str:
    """A name for a file, from an extractor's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "model"


def probe_images(count: int = 12) -> list[Pixels]:
    """Drawn micrographs of several shapes, that an exported model is compared on and that int8 is adjusted to."""
    from mirsearch.synthetic.fields import View, make_rng
    from mirsearch.synthetic.specimens.families import specimen

    shapes = ((240, 320), (300, 300), (360, 200), (180, 420))
    found = []
    for seed in range(count):
        shown = specimen(seed)
        height, width = shapes[seed % len(shapes)]
        found.append(shown.pictured(View(width, height, shown.nm_per_px(0.3)), make_rng(seed, 1)))
    return found


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
    """A hash of the weights, where there is one, and their licence."""
    if isinstance(extractor, TorchExtractor):
        return extractor.loaded.weights, extractor.loaded.license
    if isinstance(extractor, TrainedExtractor):
        return f"{extractor.version} over {extractor.base.name} {extractor.base.version}", extractor.card.license
    if isinstance(extractor, OnnxExtractor):
        return extractor.version, extractor.license
    return "packaged", "Apache-2.0"


def _check_images(extractor: Extractor, path: Path, images: Sequence[Pixels], facts: Facts) -> Parity:
    """What the written file gives, against the extractor, through the reader that ingest and query use."""
    parity = Parity.of(extractor.embed(images), OnnxExtractor(str(path), device="cpu").embed(images))
    if facts.precision == "fp32" and not parity.holds:
        raise ParityError(
            f"the exported {facts.name} differs by {parity.difference:.2g}, more than {MAX_DIFFERENCE:g}",
            "report this model",
        )
    return parity


def _check_texts(extractor: Extractor, path: Path, facts: Facts) -> None:
    model = OnnxExtractor(str(path), device="cpu")
    if not model.has_text or not isinstance(extractor, TextTower):
        return
    words = Parity.of(extractor.embed_text(_SAMPLE_TEXTS), model.embed_text(_SAMPLE_TEXTS))
    if facts.precision == "fp32" and not words.holds:
        raise ParityError(f"the exported text tower differs by {words.difference:.2g}", "report this model")


def _image_model(extractor: Extractor) -> tuple[bytes, Preparation]:
    if isinstance(extractor, EfficientNetExtractor):
        return model_bytes(), Preparation(SIDE, "stretch", 1, "bicubic")
    if isinstance(extractor, TrainedExtractor):
        model, preparation = _image_model(extractor.base)
        return append_projection(model, extractor.projection), preparation
    if isinstance(extractor, OnnxExtractor):
        return extractor.model, extractor.facts.preparation
    if not isinstance(extractor, TorchExtractor):
        raise UsageError(f"{extractor.name} can't be exported", "its plug-in must bring an ONNX model itself")
    import torch

    loaded = extractor.loaded
    side = loaded.preparation.side
    axes = {0: "n"} if loaded.preparation.square else {0: "n", 1: "height", 2: "width"}
    example = torch.zeros(1, side, side, 3, dtype=torch.uint8)
    return _trace_onnx(loaded.module, example, "image", axes), loaded.preparation


def _trace_onnx(module: Any, example: Any, name: str, axes: dict[int, str]) -> bytes:
    """An ONNX model of a network, its weights inside. The tracing exporter takes every model tried, in seconds."""
    import torch

    where = next(iter(module.parameters())).device
    stream = io.BytesIO()
    with _silence_exporter(), torch.inference_mode(mode=False), torch.no_grad():
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)  # its fused attention has no counterpart in ONNX
        try:
            torch.onnx.export(
                module.cpu(), (example,), stream, dynamo=False, opset_version=OPSET, input_names=[name],
                output_names=["vector"], dynamic_axes={name: axes, "vector": {0: "n"}},
            )  # fmt: skip
        except (RuntimeError, ValueError, TypeError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[-1][:200]
            raise ParityError(f"this network can't be written as ONNX: {reason}", "use it with PyTorch") from None
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)
            module.to(where)
    return stream.getvalue()


def _text_payloads(extractor: Extractor, facts: Facts) -> tuple[dict[str, bytes], Facts]:
    """The text tower with its words, where it has one whose tokens can be made without open_clip."""
    from mirsearch.extractors.torch.openclip import OpenClipExtractor

    if isinstance(extractor, OnnxExtractor) and extractor.has_text:
        told = dataclasses.replace(facts, context=extractor.facts.context, response=extractor.text_response)
        return extractor.text_payloads, told
    if not isinstance(extractor, OpenClipExtractor):
        return {}, facts
    from mirsearch.extractors.clip_tokenizer import ClipTokenizer
    from mirsearch.extractors.torch.clip_net import TextTower as TextNet

    tokenizer = extractor.tokenizer
    merges, context = list(getattr(tokenizer, "bpe_ranks", ())), int(getattr(tokenizer, "context_length", 0))
    if not merges or not np.array_equal(
        tokenizer(list(_SAMPLE_TEXTS)).numpy(), ClipTokenizer(merges, context)(_SAMPLE_TEXTS)
    ):
        _LOG.warning("%s splits words in a way of its own: the text tower is left out", extractor.name)
        return {}, facts
    tower = TextNet(extractor.towers)
    model = _trace_onnx(tower, tokenizer(list(_SAMPLE_TEXTS[:1])).cpu(), "tokens", {0: "n"})
    words = "\n".join(" ".join(pair) for pair in merges).encode()
    told = dataclasses.replace(facts, context=context, response=extractor.text_response)
    return {TEXT_MODEL: model, MERGES: words}, told


def _add_metadata(model: bytes, facts: Facts) -> bytes:
    """The model with its facts in its metadata."""
    read = onnx.load_model_from_string(model)
    del read.metadata_props[:]
    entry = read.metadata_props.add()
    entry.key, entry.value = METADATA, json.dumps(facts.as_json(), sort_keys=True)
    read.producer_name = "mirsearch"
    content: bytes = read.SerializeToString()
    return content


@contextlib.contextmanager
def _silence_exporter() -> Iterator[None]:
    """The exporter's own remarks are about networks, not about what a person can do."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
