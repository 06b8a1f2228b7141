"""The description of an exported model, stored as JSON in its card and in its ONNX metadata."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirsearch.extractors.base import TextResponse
from mirsearch.extractors.preprocessing import Preparation
from mirsearch.models.artifact import ArtifactError

METADATA = "mirsearch"
"""Key of the JSON in the ONNX model's metadata."""
IMAGE_MODEL, TEXT_MODEL, MERGES = "model.onnx", "text.onnx", "merges.txt"
"""Names of the payloads: the image tower, the text tower, the byte-pair merges of its tokenizer."""
PRECISIONS = ("fp32", "fp16", "int8")
_MAX_NAME_LENGTH = 400
_DEFAULT_RESPONSE = TextResponse()


@dataclass(frozen=True, slots=True)
class Facts:
    """Identity of the vectors, preparation of images, and for a text tower the context length and the response."""

    name: str
    version: str
    dims: int
    preparation: Preparation
    precision: str = "fp32"
    context: int = 0
    response: TextResponse = _DEFAULT_RESPONSE

    def as_json(self) -> dict[str, Any]:
        """Return the facts in plain JSON types."""
        return {
            "name": self.name, "version": self.version, "dims": self.dims, "precision": self.precision,
            "preparation": self.preparation.as_json(), "context": self.context,
            "response": [self.response.slope, self.response.bias],
        }  # fmt: skip

    @classmethod
    def from_json(cls, values: dict[str, Any], path: Path) -> Facts:
        """Return the facts that `as_json` described; ArtifactError for anything else."""
        try:
            slope, bias = (float(number) for number in values["response"])
            name, version, precision = values["name"], values["version"], values["precision"]
            is_named = all(isinstance(text, str) and 0 < len(text) < _MAX_NAME_LENGTH for text in (name, version))
            facts = cls(
                name, version, int(values["dims"]), Preparation.from_json(values["preparation"]), precision,
                int(values["context"]), TextResponse(slope, bias),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"{path} has no valid description: {error}", "export it again") from None
        is_valid = facts.dims > 0 and 0 <= facts.context <= 4096 and precision in PRECISIONS
        if not (is_named and is_valid and math.isfinite(slope) and math.isfinite(bias)):
            raise ArtifactError(f"{path}: its description has impossible values", "export it again")
        return facts
