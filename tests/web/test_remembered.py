"""Vectors of images are remembered, and what embeds texts still does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from mirsearch.cli.parts import load_extractor
from mirsearch.extractors.base import TextResponse, TextTower
from mirsearch.web.remembered import remember_vectors


class WithTexts:
    """An extractor of two numbers, mean and spread, that embeds texts by their lengths."""

    name, version, dims = "two", "1", 2
    has_text = False
    text_response = TextResponse()
    calls = 0

    def embed(self, images: Sequence[np.ndarray]) -> np.ndarray:
        self.calls += 1
        return np.array([[image.mean(), image.std()] for image in images], dtype=np.float32)

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[len(text), 0] for text in texts], dtype=np.float32)


def test_an_image_is_embedded_once() -> None:
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 255, (40, 50, 3), dtype=np.uint8) for _ in range(2)]
    images.append(images[0].reshape(50, 40, 3))  # the same bytes in another shape
    extractor = WithTexts()
    remembered = remember_vectors(extractor)
    first = remembered.embed(images)
    assert extractor.calls == 3
    assert np.array_equal(remembered.embed([images[1].copy()])[0], first[1])
    assert extractor.calls == 3
    assert (remembered.name, remembered.version, remembered.dims) == ("two", "1", 2)


def test_what_embeds_texts_still_does() -> None:
    remembered = remember_vectors(WithTexts())
    assert isinstance(remembered, TextTower)
    assert remembered.embed_text(["abc"]).tolist() == [[3, 0]]
    assert remembered.has_text is False
    assert not isinstance(remember_vectors(load_extractor("efficientnet")), TextTower)
