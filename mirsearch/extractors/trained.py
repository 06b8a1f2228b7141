"""A mean and a matrix laid over an extractor's vectors, kept as a model file and used as an extractor of its own."""

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
"""Bytes a projection may have, unpacked: 16,384 numbers to as many."""
MIN_LENGTH = 1e-12
"""Length of a moved vector that is none."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Projection:
    """x → (x - mean) · matrix, brought to unit length; mean float32 (dims,), matrix float32 (dims, out)."""

    mean: Floats
    matrix: Floats

    def apply(self, vectors: Floats) -> Floats:
        """Vectors float32 (n, dims) to (n, out) of unit length; one that vanishes points along the first axis."""
        moved = (vectors - self.mean) @ self.matrix
        lengths = np.linalg.norm(moved, axis=1, keepdims=True)
        empty = lengths[:, 0] <= MIN_LENGTH
        moved[empty] = np.eye(1, moved.shape[1], dtype=np.float32)
        lengths[empty] = 1.0
        return np.asarray(moved / lengths, np.float32)

    def payloads(self) -> dict[str, bytes]:
        """What a model file keeps of it."""
        stream = io.BytesIO()
        np.savez(stream, mean=self.mean.astype("<f4"), matrix=self.matrix.astype("<f4"))
        return {_PAYLOAD: stream.getvalue()}

    @classmethod
    def of(cls, artifact: Artifact) -> Projection:
        """That of a model file; ArtifactError where it holds none."""
        try:
            mean, matrix = _read_arrays(artifact.payload(_PAYLOAD))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ArtifactError(f"{artifact.path}: its projection can't be read: {error}", "train it again") from None
        return cls(mean, matrix)


def _read_arrays(content: bytes) -> tuple[Floats, Floats]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _MAX_BYTES:
            raise ValueError("it is larger than any projection")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        mean, matrix = np.asarray(stored["mean"], np.float32), np.asarray(stored["matrix"], np.float32)
    if mean.ndim != 1 or matrix.ndim != 2 or len(mean) != len(matrix) or not matrix.shape[1]:
        raise ValueError(f"a mean of shape {mean.shape} and a matrix of shape {matrix.shape} don't fit")
    if not (np.isfinite(mean).all() and np.isfinite(matrix).all()):
        raise ValueError("it holds numbers that are none")
    return mean, matrix


class _BaseIdentity(NamedTuple):
    """The extractor a card names."""

    name: str
    version: str
    dims: int


class TrainedExtractor:
    """An extractor with a trained projection over its vectors; `argument` is an installed model's name or a file.

    Its name is `trained:NAME` and its version the model's hash: an index built with it is refused to all others.
    `weights` and `device` are for the extractor it stands on, which is found as that of an index is.
    """

    takes_argument: ClassVar[bool] = True
    takes_options: ClassVar[bool] = True

    def __init__(self, argument: str = "", *, weights: Path | None = None, device: str | None = None) -> None:
        if not argument:
            raise UsageError(f"{PREFIX} needs the name or the file of a model", f"--extractor {PREFIX}:NAME")
        artifact = find_artifact(argument, KIND)
        self.base, self.projection = _open_base(artifact, weights, device), Projection.of(artifact)
        if len(self.projection.mean) != self.base.dims:
            raise ArtifactError(f"{artifact.path}: its projection does not fit its base", "train it again")
        self.card, self.path, self.weights = artifact.card, artifact.path, weights
        self.name = f"{PREFIX}:{artifact.card.name}"
        self.version = artifact.card.version
        self.dims = int(self.projection.matrix.shape[1])

    @property
    def spec(self) -> str:
        """What to open it by, from any folder."""
        return f"{PREFIX}:{self.path.resolve()}"

    def embed(self, images: Sequence[NDArray[np.uint8]]) -> Floats:
        """RGB images uint8 (h, w, 3), any sizes, to float32 (n, dims), each row of unit length."""
        return self.projection.apply(self.base.embed(images))


def _open_base(artifact: Artifact, weights: Path | None, device: str | None) -> Extractor:
    """The extractor a model was trained over; ArtifactError where the one that is here is not the same."""
    from mirsearch.extractors.factory import open_recorded_extractor

    told: Mapping[str, Any] = artifact.card.base
    try:
        wanted = _BaseIdentity(str(told["name"]), str(told["version"]), int(told["dims"]))
    except (KeyError, TypeError, ValueError):
        raise ArtifactError(f"{artifact.path} doesn't tell what it was trained over", "train it again") from None
    base = open_recorded_extractor(wanted, weights, device)
    if (base.version, base.dims) != (wanted.version, wanted.dims):
        raise ArtifactError(
            f"{artifact.path} was trained over {wanted.name} {wanted.version} ({wanted.dims} dims), "
            f"here is {base.version} ({base.dims} dims)",
            "give the weights it was trained over with --extractor-weights, or train it again",
        )
    return base
