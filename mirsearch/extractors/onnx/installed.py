"""Finds installed ONNX models by the identity of the extractor that was exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirsearch.models import SUFFIX
from mirsearch.settings import models_dir

if TYPE_CHECKING:
    from mirsearch.extractors.base import Extractor, Identity

KIND = "extractor"


def find_installed_model(identity: Identity, device: str | None = None) -> Extractor | None:
    """Return the installed model that makes the vectors of `identity`, or None."""
    if not any(models_dir().glob(f"*{SUFFIX}")):
        return None
    from mirsearch.models.artifact import Artifact, list_installed

    for artifact in list_installed():
        if isinstance(artifact, Artifact) and artifact.card.kind == KIND:
            from mirsearch.extractors.onnx.extractor import OnnxExtractor

            model = OnnxExtractor(str(artifact.path), device=device)
            if (model.name, model.version, model.dims) == (identity.name, identity.version, identity.dims):
                return model
    return None
