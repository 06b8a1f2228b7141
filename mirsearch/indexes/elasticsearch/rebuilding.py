"""Makes the documents of an index again by the present rules, with the old vectors or those of another extractor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.elasticsearch import documents
from mirsearch.query import StoredPanel

Embed = Callable[[Sequence[StoredPanel]], NDArray[np.float32]]
DocumentWithId = tuple[str, dict[str, Any]]
"""The id of a document, and the document."""
_PLAIN = ("failure", "entry")
"""Kinds of documents that depend on no extractor."""


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    """Return what a document and its copy with another vector and other words have in common."""
    left_out = (*documents.HEAVY_FIELDS, "extractor", "image_url")
    same = {name: value for name, value in document.items() if name not in left_out and value is not None}
    if "figure" in same:
        same["figure"] = {name: value for name, value in same["figure"].items() if name != "locations"}
    if document["doc_type"] == "panel":
        same["panel"] = documents.rebuilt_fields(document)["panel"]
    return same


def rebuild_documents(
    page: list[DocumentWithId], extractor: ExtractorIdentity, embed: Embed | None, *, pack: bool
) -> Iterator[DocumentWithId]:
    """Yield the documents to write: panels with new vectors and words, figures of the new extractor, others as is."""
    extractor_field = documents.extractor_fields(extractor)
    panels = [(doc_id, document) for doc_id, document in page if document["doc_type"] == "panel"]
    if panels:
        stored = [document for _, document in panels]
        vectors = (
            embed([documents.read_panel(document) for document in stored])
            if embed
            else np.array([document["vector"] for document in stored], dtype=np.float32).reshape(len(stored), -1)
        )
        if vectors.shape != (len(panels), extractor.dims):
            raise ValueError(f"vectors of shape {vectors.shape} for {len(panels)} panels of {extractor.dims} dims")
        for (doc_id, document), vector in zip(panels, vectors, strict=True):
            value = documents.pack_vector(vector) if pack else documents.round_vector(vector)
            yield doc_id, {**document, **documents.rebuilt_fields(document), **extractor_field, "vector": value}
    for doc_id, document in page:
        if document["doc_type"] != "panel":
            yield doc_id, _rebuild_plain(document, extractor_field)


def _rebuild_plain(document: dict[str, Any], extractor_field: dict[str, Any]) -> dict[str, Any]:
    """Return a document other than a panel, by the present rules. A figure that is being written has no origins yet."""
    if document["doc_type"] in _PLAIN:
        return document
    is_whole = "origins" in document["figure"]
    return document | extractor_field | (documents.rebuilt_origin_fields(document) if is_whole else {})
