"""Words looked for in the pictures themselves, where an index's extractor puts both into one space."""

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
    """Whether an index's extractor is of a kind that may have a text tower; told without loading any network."""
    try:
        factory = plugins.load("extractors", identity.name.partition(":")[0])
    except PluginError:
        return False
    return bool(getattr(factory, "text_tower", False))


def text_vector(
    identity: ExtractorIdentity, text: str | None, formula: Formula, extractor: Callable[[], Extractor]
) -> tuple[Vector | None, Formula, str | None]:
    """The text's vector (dims,) of unit length and the formula with the model's response to it; or why there is none.

    Nothing is loaded, and nothing said, where the extractor knows no words or they are to have no weight.
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
