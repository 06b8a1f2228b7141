"""What an exported model tells of itself, as JSON in its card and in its metadata."""

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
"""Payloads: the image tower, the text tower, the byte-pair merges of its words."""
PRECISIONS = ("fp32", "fp16", "int8")
_MAX_NAME_LENGTH = 400
_DEFAULT_RESPONSE = TextResponse()


@dataclass(frozen=True, slots=True)
class Facts:
    """Identity of the vectors, how images are prepared, and for a text tower its length and response."""

    name: str
    version: str
    dims: int
    preparation: Preparation
    precision: str = "fp32"
    context: int = 0
    response: TextResponse = _DEFAULT_RESPONSE

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "name": self.name, "version": self.version, "dims": self.dims, "precision": self.precision,
            "preparation": self.preparation.as_json(), "context": self.context,
            "response": [self.response.slope, self.response.bias],
        }  # fmt: skip

    @classmethod
    def of(cls, told: dict[str, Any], path: Path) -> Facts:
        """The facts that `as_json` told; ArtifactError for anything else."""
        try:
            slope, bias = (float(each) for each in told["response"])
            name, version, precision = told["name"], told["version"], told["precision"]
            words = all(isinstance(each, str) and 0 < len(each) < _MAX_NAME_LENGTH for each in (name, version))
            facts = cls(
                name, version, int(told["dims"]), Preparation.of(told["preparation"]), precision,
                int(told["context"]), TextResponse(slope, bias),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"{path} doesn't tell what it is: {error}", "export it again") from None
        sound = facts.dims > 0 and 0 <= facts.context <= 4096 and precision in PRECISIONS
        if not (words and sound and math.isfinite(slope) and math.isfinite(bias)):
            raise ArtifactError(f"{path}: what it tells of itself can't be", "export it again")
        return facts
