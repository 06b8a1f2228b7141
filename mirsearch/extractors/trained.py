"""Trained projections: a mean and a matrix applied to an extractor's vectors, stored as a model file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import UsageError
from mirsearch.extractors.base import Extractor
from mirsearch.models.artifact import Artifact, ArtifactError, find_artifact

KIND = "projection"
PREFIX = "trained"
_PAYLOAD = "projection.npz"
_MAX_BYTES = 1 << 30
"""Bytes that a projection may have when unpacked: a matrix of 16,384 × 16,384 float32."""
MIN_LENGTH = 1e-12
"""Projected vectors of at most this length count as zero vectors."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Projection:
    """Maps x to (x - mean) · matrix at unit length; mean float32 (dims,), matrix float32 (dims, out)."""

    mean: Floats
    matrix: Floats

    def apply(self, vectors: Floats) -> Floats:
        """Project vectors float32 (n, dims) to (n, out), of unit length. A zero vector becomes (1, 0, 0, …)."""
        projected = (vectors - self.mean) @ self.matrix
        lengths = np.linalg.norm(projected, axis=1, keepdims=True)
        is_zero = lengths[:, 0] <= MIN_LENGTH
        projected[is_zero] = np.eye(1, projected.shape[1], dtype=np.float32)
        lengths[is_zero] = 1.0
        return np.asarray(projected / lengths, np.float32)

    def payloads(self) -> dict[str, bytes]:
        """Return the payloads of a model file with this projection."""
        stream = io.BytesIO()
        np.savez(stream, mean=self.mean.astype("<f4"), matrix=self.matrix.astype("<f4"))
        return {_PAYLOAD: stream.getvalue()}

    @classmethod
    def from_artifact(cls, artifact: Artifact) -> Projection:
        """Return the projection in a model file; ArtifactError if there is none."""
        try:
            mean, matrix = _read_arrays(artifact.payload(_PAYLOAD))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ArtifactError(f"{artifact.path}: its projection can't be read: {error}", "train it again") from None
        return cls(mean, matrix)


def _read_arrays(content: bytes) -> tuple[Floats, Floats]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _MAX_BYTES:
            raise ValueError("it is larger than a projection can be")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        mean, matrix = np.asarray(stored["mean"], np.float32), np.asarray(stored["matrix"], np.float32)
    if mean.ndim != 1 or matrix.ndim != 2 or len(mean) != len(matrix) or not matrix.shape[1]:
        raise ValueError(f"a mean of shape {mean.shape} and a matrix of shape {matrix.shape} don't fit")
    if not (np.isfinite(mean).all() and np.isfinite(matrix).all()):
        raise ValueError("it holds values that are not finite numbers")
    return mean, matrix


class _BaseIdentity(NamedTuple):
    """The extractor that a card names as the projection's base."""

    name: str
    version: str
    dims: int


class TrainedExtractor:
    """An extractor with a trained projection; `argument` is an installed model's name or a file.

    Its name is `trained:NAME`, its version the model's hash, so an index built with it refuses all other extractors.
    `weights` and `device` are for the base extractor, which is found as the extractor of an index is.
    """

    takes_argument: ClassVar[bool] = True
    takes_options: ClassVar[bool] = True

    def __init__(self, argument: str = "", *, weights: Path | None = None, device: str | None = None) -> None:
        if not argument:
            raise UsageError(f"{PREFIX} needs the name or the file of a model", f"--extractor {PREFIX}:NAME")
        artifact = find_artifact(argument, KIND)
        self.base, self.projection = _open_base(artifact, weights, device), Projection.from_artifact(artifact)
        if len(self.projection.mean) != self.base.dims:
            raise ArtifactError(f"{artifact.path}: its projection does not fit its base", "train it again")
        self.card, self.path, self.weights = artifact.card, artifact.path, weights
        self.name = f"{PREFIX}:{artifact.card.name}"
        self.version = artifact.card.version
        self.dims = int(self.projection.matrix.shape[1])

    @property
    def spec(self) -> str:
        """What opens this extractor from any folder."""
        return f"{PREFIX}:{self.path.resolve()}"

    def embed(self, images: Sequence[NDArray[np.uint8]]) -> Floats:
        """Return vectors float32 (n, dims), each of unit length, of RGB images uint8 (h, w, 3) of any sizes."""
        return self.projection.apply(self.base.embed(images))


def _open_base(artifact: Artifact, weights: Path | None, device: str | None) -> Extractor:
    """Return the extractor that a model was trained with; ArtifactError if the one found here differs."""
    from mirsearch.extractors.factory import open_recorded_extractor

    recorded: Mapping[str, Any] = artifact.card.base
    try:
        wanted = _BaseIdentity(str(recorded["name"]), str(recorded["version"]), int(recorded["dims"]))
    except (KeyError, TypeError, ValueError):
        raise ArtifactError(
            f"{artifact.path} does not name the extractor it was trained with", "train it again"
        ) from None
    base = open_recorded_extractor(wanted, weights, device)
    if (base.version, base.dims) != (wanted.version, wanted.dims):
        raise ArtifactError(
            f"{artifact.path} was trained with {wanted.name} {wanted.version} ({wanted.dims} dims), "
            f"but the extractor here is {base.version} ({base.dims} dims)",
            "give the weights it was trained with by --extractor-weights, or train it again",
        )
    return base
