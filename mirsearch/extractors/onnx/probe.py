"""Checks that an exported model runs and gives unit vectors."""

from __future__ import annotations

import numpy as np

from mirsearch.extractors.onnx.extractor import OnnxExtractor
from mirsearch.models.artifact import ArtifactError


def check_unit_vectors(model: OnnxExtractor) -> None:
    """Embed two images (and a text, if the model takes texts); ArtifactError if the vectors are not of unit length."""
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (side, 96, 3), dtype=np.uint8) for side in (64, 160)]
    outputs = [model.embed(images)] + ([model.embed_text(["a test"])] if model.has_text else [])
    for rows in outputs:
        lengths = np.linalg.norm(rows, axis=1)
        if rows.shape[1] != model.dims or not np.allclose(lengths, 1.0, atol=1e-3):
            raise ArtifactError(f"{model.path} gives vectors that are not of unit length", "export it again")
