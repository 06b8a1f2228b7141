"""A small model of sentences for tests of the indexes: each word has a fixed vector, a text the sum of its words'."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mirsearch.indexes import meanings
from mirsearch.indexes.base import ExtractorIdentity

MODEL = ExtractorIdentity("made-words", "1", 16)


class MadeSentences:
    """Counts the texts that it embeds, so that a test can tell whether vectors were made or copied."""

    name, version, dims = MODEL.name, MODEL.version, MODEL.dims

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def check(self) -> None:
        """Do nothing: there are no weights."""

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        self.embedded += texts
        rows = np.array([np.sum([_word(word) for word in text.lower().split()] or [np.zeros(16)], axis=0)
                         for text in texts])  # fmt: skip
        return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def _word(word: str) -> np.ndarray:
    return np.random.default_rng(zlib.crc32(word.encode())).standard_normal(16)


@pytest.fixture
def made_sentences(monkeypatch: pytest.MonkeyPatch) -> MadeSentences:
    """Let indexes find the made model where they look for an installed one."""
    model = MadeSentences()
    installed: Any = meanings.plugins.create

    def create(group: str, name: str) -> Any:
        return model if (group, name) == ("sentences", MODEL.name) else installed(group, name)

    monkeypatch.setattr(meanings.plugins, "create", create)
    return model
