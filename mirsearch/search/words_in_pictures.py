"""Compares the words of a query with the pictures, where the extractor embeds both into one space."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from mirsearch import plugins
from mirsearch.errors import MirsearchError, PluginError
from mirsearch.extractors.base import Extractor, TextTower
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.query import Vector
from mirsearch.ranking import Formula


def may_have_text_tower(identity: ExtractorIdentity) -> bool:
    """Return whether an index's extractor may have a text tower. Loads no network."""
    try:
        factory = plugins.load("extractors", identity.name.partition(":")[0])
    except PluginError:
        return False
    return bool(getattr(factory, "text_tower", False))


def text_vector(
    identity: ExtractorIdentity, text: str | None, formula: Formula, extractor: Callable[[], Extractor]
) -> tuple[Vector | None, Formula, str | None]:
    """Return the vector of the text, the formula with the model's response to text, and a note.

    The vector is of unit length, (dims,). Where there is none, it is None and the note gives the reason. Where the
    extractor has no text tower, or the term has no weight, nothing is loaded and the note is None.
    """
    if not (text and text.strip()) or formula.weights.of("image_text") == 0 or not may_have_text_tower(identity):
        return None, formula, None
    try:
        model = extractor()
        if not isinstance(model, TextTower) or not getattr(model, "has_text", True):
            return None, formula, "the model has no text tower: words are compared with captions alone"
        vector: Vector = np.asarray(model.embed_text([text])[0], np.float32)
        response = model.text_response
    except MirsearchError as error:
        return None, formula, f"words are compared with captions alone: {error}"
    return vector, dataclasses.replace(formula, response=(response.slope, response.bias)), None
