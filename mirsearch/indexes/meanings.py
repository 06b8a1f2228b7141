"""What is said of a panel, as one text, and the sentence vectors of such texts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mirsearch import plugins, settings
from mirsearch.errors import IndexMismatchError, UsageError
from mirsearch.indexes.base import ExtractorIdentity, Index

Meanings = Mapping[str, NDArray[np.float32]]
"""Sentence vectors (dims,) by the key of the text that they are of, see :func:`text_key`."""


Progress = Callable[[int, int], None]


class SentenceModel(Protocol):
    """Turns texts into sentence vectors: a plug-in of the group `mirsearch.sentences`.

    `version` changes whenever anything that changes a vector changes.
    """

    name: str
    version: str
    dims: int

    def check(self) -> None:
        """Raise MissingDependencyError if something is not installed. Loads no weights."""

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors float32 (n, dims), each of unit length, that depend on nothing but their own text."""


@runtime_checkable
class MeaningIndex(Protocol):
    """An index that can have sentence vectors. Both of ours can; an index of a plug-in need not."""

    def meaning(self) -> ExtractorIdentity | None:
        """Return the model of the index's sentence vectors; None if it has none."""

    def add_meaning(self, model: ExtractorIdentity, progress: Progress | None = None) -> int:
        """Give every panel a sentence vector of this model. Returns the number of panels.

        After an interruption, the next call continues. Raises the errors of writing, and MissingDependencyError
        without the model.
        """

    def remove_meaning(self) -> None:
        """Take all sentence vectors out."""


def with_meaning(index: Index) -> MeaningIndex:
    """Return an index as one that can have sentence vectors. Raises UsageError for one of a plug-in that can't."""
    if not isinstance(index, MeaningIndex):
        raise UsageError(f"the index at {index.location} can't have sentence vectors", "leave --meaning out")
    return index


def said_text(
    caption: str, heading: str, mentions: Sequence[str], figure_label: str | None, panel_label: str | None
) -> str:
    """Return what is said of a panel: its caption, its heading, and the sentences of the article that speak of it."""
    from mirsearch.text.figure_references import part_mentions  # a question about a picture starts without it

    parts = (caption, heading, *part_mentions(mentions, figure_label, panel_label))
    return "\n".join(part for part in (each.strip() for each in parts) if part)


def text_key(model: ExtractorIdentity, text: str) -> str:
    """Return the key of a text for a model.

    Vectors are kept by it, so that one never belongs to a text that was changed since, or is of another model.
    """
    return hashlib.sha256(f"{model}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def open_model(model: ExtractorIdentity) -> SentenceModel:
    """Return the installed model of sentences with this identity. Loads no weights.

    Raises PluginError or MissingDependencyError if it is not installed, IndexMismatchError for another version.
    """
    encoder: SentenceModel = plugins.create("sentences", model.name)
    installed = identity_of(encoder)
    if installed != model:
        raise IndexMismatchError(
            f"the sentence vectors of the index are of {model}, but {installed} is installed",
            "compute them again: mirsearch reembed --meaning",
        )
    return encoder


def installed_model() -> ExtractorIdentity:
    """Return the model of sentences that indexes get. MissingDependencyError if its weights are not installed."""
    encoder = plugins.create("sentences", settings.DEFAULT_SENTENCES)
    encoder.check()
    return identity_of(encoder)


def identity_of(encoder: SentenceModel) -> ExtractorIdentity:
    """Return the identity of a model of sentences."""
    return ExtractorIdentity(encoder.name, encoder.version, encoder.dims)


def rounded(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return sentence vectors as every index compares them: with the precision of float16."""
    return vectors.astype(np.float16).astype(np.float32)


def carry_meaning(source: object, target: object) -> None:
    """Give an index that is to be a copy of another one sentence vectors, if the other has them and both can."""
    if isinstance(source, MeaningIndex) and isinstance(target, MeaningIndex):
        model = source.meaning()
        if model is not None and target.meaning() != model:
            target.add_meaning(model)


class MeaningMaker:
    """Makes the sentence vectors of texts. The model is loaded for the first text whose vector is not known."""

    def __init__(self, model: ExtractorIdentity) -> None:
        self.model = model
        self._encoder: SentenceModel | None = None

    def check(self) -> None:
        """Raise the errors of `open_model`, or MissingDependencyError if its weights are missing. Loads no weights."""
        self._encoder = self._encoder or open_model(self.model)
        self._encoder.check()

    def vectors(self, texts: Sequence[str], known: Meanings) -> NDArray[np.float32]:
        """Return vectors float32 (n, dims) of texts: known ones, and new ones for the others; zeros for no words."""
        found = {text: known[key] for text in texts if (key := text_key(self.model, text)) in known}
        missing = [text for text in dict.fromkeys(texts) if text.strip() and text not in found]
        if missing:
            self._encoder = self._encoder or open_model(self.model)
            found |= dict(zip(missing, self._encoder.embed_text(missing), strict=True))
        nothing = np.zeros(self.model.dims, np.float32)
        rows = [found.get(text, nothing) for text in texts]
        return rounded(np.stack(rows)) if rows else np.empty((0, self.model.dims), np.float32)
