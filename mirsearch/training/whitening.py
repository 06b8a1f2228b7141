"""Whitening, from all vectors (PCA), or from pairs of similar panels as well (discriminative)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import UsageError
from mirsearch.extractors.trained import Projection

Vectors = NDArray[np.float32]
Matrix = NDArray[np.float64]

SHRINKAGE = 0.1
"""How far eigenvalues are moved towards their mean. With fewer vectors than dims, small eigenvalues are noise."""


def pca_whitening(vectors: Vectors, dims: int, power: float, shrinkage: float = SHRINKAGE) -> Projection:
    """Rotate to the principal axes, keep the first `dims`, divide each by its deviation to the `power` (1: whitened).

    Vectors float32 (n, d). Jégou, Chum: Negative evidences and co-occurrences in image retrieval (ECCV 2012), with
    the covariance shrunk to a multiple of the identity.
    """
    mean, centered = _subtract_mean(vectors, dims)
    values, axes = _shrunk_eigenvalues(centered.T @ centered / len(centered), shrinkage)
    matrix = axes[:, :dims] * values[:dims] ** (-power / 2)
    return _projection(mean, matrix)


def discriminative_whitening(
    vectors: Vectors, pairs: NDArray[np.int64], dims: int, power: float, shrinkage: float = SHRINKAGE
) -> Projection:
    """Equalize the differences within similar pairs (m, 2), then keep the `dims` axes of largest variance.

    Vectors float32 (n, d); `power` 1 equalizes fully, 0 not at all. Mikolajczyk, Matas: Improving descriptors for fast
    tree matching by optimal linear projection (ICCV 2007), as used by Radenović, Tolias, Chum (PAMI 2019). The
    covariance of the differences is shrunk, as few pairs do not determine all of it.
    """
    if not len(pairs):
        raise UsageError("no two panels count as similar, so this method can't learn", "use --method pca")
    mean, centered = _subtract_mean(vectors, dims)
    differences = centered[pairs[:, 0]] - centered[pairs[:, 1]]
    within, axes = _shrunk_eigenvalues(differences.T @ differences / len(pairs), shrinkage)
    equalized: Matrix = (axes * within ** (-power / 2)) @ axes.T
    whitened = centered @ equalized
    _, leading = _shrunk_eigenvalues(whitened.T @ whitened / len(whitened), 0.0)
    return _projection(mean, equalized @ leading[:, :dims])


def _subtract_mean(vectors: Vectors, dims: int) -> tuple[Matrix, Matrix]:
    if not 1 <= dims <= vectors.shape[1]:
        raise UsageError(f"{dims} dims can't be made of {vectors.shape[1]}", f"give --dims 1 to {vectors.shape[1]}")
    mean = vectors.mean(axis=0, dtype=np.float64)
    return mean, vectors - mean


def _shrunk_eigenvalues(covariance: Matrix, shrinkage: float) -> tuple[Matrix, Matrix]:
    """Return the eigenvalues, largest first and moved towards their mean, and their axes as columns."""
    values, axes = np.linalg.eigh(covariance)
    order = np.argsort(values)[::-1]
    values = np.maximum(values[order], 0.0)
    floor = max(float(values.mean()), 1e-12)
    shrunk = (1 - shrinkage) * values + shrinkage * floor
    return np.maximum(shrunk, 1e-9 * floor), axes[:, order]


def _projection(mean: Matrix, matrix: Matrix) -> Projection:
    """Return the projection in float32, scaled so that its largest entry is one, to avoid underflow."""
    return Projection(mean.astype(np.float32), (matrix / np.abs(matrix).max()).astype(np.float32))
