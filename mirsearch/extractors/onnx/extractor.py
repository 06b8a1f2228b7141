"""`onnx:FILE`, or `onnx:NAME` for an installed model: an exported extractor, run by onnxruntime without PyTorch.

The file itself describes the model: its name, how images are prepared, what its vectors are. A `.mirmodel` has this
description in its card and in the metadata of its ONNX model, a bare `.onnx` file in the metadata alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import MissingDependencyError, UsageError
from mirsearch.extractors.base import TextResponse
from mirsearch.extractors.clip_tokenizer import ClipTokenizer, parse_merges
from mirsearch.extractors.onnx.facts import IMAGE_MODEL, MERGES, METADATA, TEXT_MODEL, Facts
from mirsearch.extractors.onnx.installed import KIND
from mirsearch.extractors.preprocessing import check_images
from mirsearch.models.artifact import Artifact, ArtifactError, find_artifact
from mirsearch.settings import LIMITS, device, thread_count
from mirsearch.text.foreign import parse_json

_PROVIDERS = {"cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}


class OnnxExtractor:
    """An extractor in a file, with the name, version and dims of the extractor that was exported."""

    takes_argument: ClassVar[bool] = True
    takes_options: ClassVar[bool] = True

    def __init__(self, argument: str = "", *, weights: Path | None = None, device: str | None = None) -> None:
        if not argument or weights is not None:
            raise UsageError("the extractor onnx needs a file or an installed model, and takes no weights", "onnx:FILE")
        self._device, self._loading = device, Lock()
        self._session: Any = None
        self._text: tuple[ClipTokenizer, Any] | None = None
        self._artifact: Artifact | None = None
        self.path = Path(argument)
        if argument.endswith(".onnx"):
            self._session = _open_session(_read_model_file(self.path), device)
            self.facts = _parse_facts(self.path, self._session.get_modelmeta().custom_metadata_map.get(METADATA))
        else:
            self._artifact = find_artifact(argument, KIND)
            self.path = self._artifact.path
            self.facts = Facts.from_json(dict(self._artifact.card.settings), self.path)
        self.name, self.version, self.dims = self.facts.name, self.facts.version, self.facts.dims

    @property
    def spec(self) -> str:
        """What opens this extractor from any folder."""
        return f"onnx:{self.path.resolve()}"

    @property
    def model(self) -> bytes:
        """The ONNX model for images."""
        return _read_model_file(self.path) if self._artifact is None else self._artifact.payload(IMAGE_MODEL)

    @property
    def text_payloads(self) -> dict[str, bytes]:
        """The text tower and its merges; empty if there is none."""
        if self._artifact is None or not self.has_text:
            return {}
        return {part: self._artifact.payload(part) for part in (TEXT_MODEL, MERGES)}

    @property
    def license(self) -> str:
        """The licence that the card names; "" for a bare file, which has no card."""
        return "" if self._artifact is None else self._artifact.card.license

    def embed(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return vectors float32 (n, dims), each of unit length, of RGB images uint8 (h, w, 3) of any sizes."""
        check_images(images)
        if not images:
            return np.empty((0, self.dims), np.float32)
        self._load()
        workers = min(thread_count(), len(images))
        if workers == 1:
            return np.concatenate([self._embed_one(image) for image in images])
        with ThreadPoolExecutor(workers) as pool:
            return np.concatenate(list(pool.map(self._embed_one, images)))

    def _embed_one(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        rows = self._session.run(None, {"image": self.facts.preparation(image)[None]})[0]
        if rows.shape != (1, self.dims):
            raise ArtifactError(f"{self.path} gives vectors of the wrong shape {rows.shape}", "export it again")
        return np.asarray(rows, np.float32)

    def _load(self) -> None:
        with self._loading:
            if self._session is None:
                assert self._artifact is not None
                self._session = _open_session(self._artifact.payload(IMAGE_MODEL), self._device)

    @property
    def has_text(self) -> bool:
        """Whether the model can compare texts with images."""
        return self._artifact is not None and self.facts.context > 0 and TEXT_MODEL in self._artifact.card.files

    @property
    def text_response(self) -> TextResponse:
        """How a cosine with a text is mapped to a number in [0, 1]."""
        return self.facts.response

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors float32 (n, dims) of texts, each of unit length, in the space of the images' vectors."""
        with self._loading:
            if self._text is None:
                self._text = self._open_text_tower()
        tokenizer, session = self._text
        return np.asarray(session.run(None, {"tokens": tokenizer(texts)})[0], np.float32)

    def _open_text_tower(self) -> tuple[ClipTokenizer, Any]:
        if not self.has_text:
            raise UsageError(f"{self.path} has no text tower", "ask with an image, or use a model that has one")
        assert self._artifact is not None
        try:
            merges = parse_merges(self._artifact.payload(MERGES).decode())
        except ValueError as error:
            raise ArtifactError(f"{self.path}: its merges can't be read: {error}", "export it again") from None
        return ClipTokenizer(merges, self.facts.context), _open_session(
            self._artifact.payload(TEXT_MODEL), self._device
        )


def _read_model_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > LIMITS.model_bytes:
            raise ArtifactError(f"{path} has more than {LIMITS.model_bytes} bytes", "no model needs that much")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", "give a file that models export wrote") from None


def _parse_facts(path: Path, metadata: str | None) -> Facts:
    try:
        values = parse_json(metadata or "")
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise ArtifactError(f"{path} has no description of the model", "give a file that mirsearch models export wrote")
    return Facts.from_json(values, path)


def _open_session(model: bytes, chosen: str | None) -> Any:
    """Return an onnxruntime session on one thread of the processor. Images run in parallel, layers do not."""
    import onnxruntime

    wanted = (chosen or device()).partition(":")[0]
    provider = _PROVIDERS.get(wanted)
    if provider is not None and provider not in onnxruntime.get_available_providers():
        raise MissingDependencyError(
            f"this onnxruntime can't compute on {wanted}", f"install the onnxruntime for {wanted}, or give --device cpu"
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    providers = [provider] if provider else ["CPUExecutionProvider"]
    try:
        return onnxruntime.InferenceSession(model, options, providers=providers)
    except Exception as error:  # onnxruntime's errors have no class of their own
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise ArtifactError(f"this model can't be run: {reason}", "export it again") from error
