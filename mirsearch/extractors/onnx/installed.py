"""Installed ONNX models, found by the identity of the extractor they were exported from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mirsearch.extractors.base import Extractor, Identity

KIND = "extractor"


def find_installed_model(identity: Identity, device: str | None = None) -> Extractor | None:
    """The installed model whose vectors are those of `identity`, None where there is none."""
    from mirsearch.models.artifact import Artifact, list_installed

    for each in list_installed():
        if isinstance(each, Artifact) and each.card.kind == KIND:
            from mirsearch.extractors.onnx.extractor import OnnxExtractor

            model = OnnxExtractor(str(each.path), device=device)
            if (model.name, model.version, model.dims) == (identity.name, identity.version, identity.dims):
                return model
    return None
