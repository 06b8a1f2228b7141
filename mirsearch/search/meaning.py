"""Compares the meaning of a question's words with that of what is said of the panels, where an index can do so."""

from __future__ import annotations

from functools import lru_cache

from mirsearch.errors import MirsearchError
from mirsearch.indexes.base import ExtractorIdentity, Index
from mirsearch.indexes.meanings import MeaningIndex, SentenceModel, open_model, rounded
from mirsearch.query import Vector
from mirsearch.ranking import Formula


def meaning_vector(index: Index, words: str, formula: Formula) -> tuple[Vector | None, str | None]:
    """Return the sentence vector of words, (dims,), and a note.

    Where the index has no sentence vectors, or the term has no weight, both are None and no model is loaded. Where the
    model can't be used, the note gives the reason.
    """
    if not words.strip() or formula.weights.of("meaning") == 0 or not isinstance(index, MeaningIndex):
        return None, None
    model = index.meaning()
    if model is None:
        return None, None
    try:
        vector: Vector = rounded(_kept_model(model).embed_text([words])[0])
    except MirsearchError as error:
        return None, f"the meaning of the words does not count: {error}"
    return vector, None


@lru_cache(maxsize=2)
def _kept_model(model: ExtractorIdentity) -> SentenceModel:
    """Return a model of sentences. It stays in memory: a server asks it again."""
    return open_model(model)
