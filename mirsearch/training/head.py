"""Trains a linear head on fixed vectors with a triplet or contrastive loss and hard negatives. Needs only numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import UsageError
from mirsearch.extractors.trained import Projection
from mirsearch.training.corpus_vectors import Corpus, Floats, Pairs, dissimilar_mask

Loss = Literal["triplet", "contrastive"]
Matrix = NDArray[np.float64]

_HARDEST = 10
"""A negative is chosen among this many hardest ones, as the very hardest are often errors of the weak labels."""

_BATCH = 64
_MAX_POOL = 2048
"""Maximum number of items that negatives are chosen from. Each epoch draws a new sample of this size."""


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """Settings of a head; `margin` is a squared distance (triplet) or a distance (contrastive) of unit vectors.

    `hold` pulls the matrix towards its initial value, so that few pairs change it little.
    """

    loss: Loss = "triplet"
    margin: float = 0.2
    epochs: int = 30
    rate: float = 1e-3
    hold: float = 1e-2
    pairs_an_epoch: int = 2000
    seed: int = 0


@dataclass(frozen=True)
class TrainingItems:
    """Training items: vectors (m, dims), the panel of each, and positive pairs of items."""

    vectors: Floats
    owners: NDArray[np.int64]
    pairs: Pairs


MARGINS: dict[str, float] = {"triplet": 0.2, "contrastive": 0.8}
"""Default margins, by loss."""


class HeadTrainer:
    """Trains one head. Hoffer, Ailon: Deep metric learning using triplet network (2015); Radenović et al. (2019).

    Call `train_epoch` any number of times; `projection` is the current head.
    """

    def __init__(self, corpus: Corpus, items: TrainingItems, dims: int, settings: HeadSettings) -> None:
        if not len(items.pairs):
            raise UsageError(
                "no two pictures count as similar: there is nothing to learn", "ingest figures with more panels"
            )
        if not 1 <= dims <= items.vectors.shape[1]:
            raise UsageError(
                f"{dims} dims can't be made of {items.vectors.shape[1]}", f"give --dims 1 to {items.vectors.shape[1]}"
            )
        self._corpus, self._items, self._settings = corpus, items, settings
        self._rng = np.random.default_rng(settings.seed)
        self._start = _initial_matrix(items.vectors, dims)
        self._matrix = self._start.copy()
        self._first, self._second, self._steps = np.zeros_like(self._matrix), np.zeros_like(self._matrix), 0

    @property
    def projection(self) -> Projection:
        """The current head. The initial one changes no distance, or only drops the weakest axes."""
        return Projection(np.zeros(len(self._matrix), np.float32), self._matrix.astype(np.float32))

    def train_epoch(self) -> float:
        """Train on a sample of the pairs with newly chosen negatives; return the mean loss."""
        pairs = self._sample_pairs()
        negatives = self._mine_negatives(pairs[:, 0])
        usable = negatives >= 0
        pairs, negatives = pairs[usable], negatives[usable]
        total = 0.0
        for start in range(0, len(pairs), _BATCH):
            part = slice(start, start + _BATCH)
            loss, gradient = self._gradient(pairs[part, 0], pairs[part, 1], negatives[part])
            self._step(gradient + self._settings.hold * (self._matrix - self._start))
            total += loss * len(pairs[part])
        return total / max(1, len(pairs))

    def _sample_pairs(self) -> Pairs:
        all_pairs = self._items.pairs
        sample = self._rng.permutation(len(all_pairs))[: self._settings.pairs_an_epoch]
        pairs = all_pairs[sample]
        swapped = self._rng.uniform(size=len(pairs)) < 0.5
        pairs[swapped] = pairs[swapped][:, ::-1]
        return pairs

    def _mine_negatives(self, anchors: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return for each anchor one of the nearest items that certainly differ from it, or -1 if there is none."""
        items = self._items
        pool = self._rng.permutation(len(items.vectors))[:_MAX_POOL]
        projected = self.projection.apply(items.vectors)
        negatives = np.full(len(anchors), -1, np.int64)
        for start in range(0, len(anchors), 512):
            batch = anchors[start : start + 512]
            differs = dissimilar_mask(self._corpus, items.owners[batch])[:, items.owners[pool]]
            similarity = np.where(differs, projected[batch] @ projected[pool].T, -np.inf)
            hardest = np.argsort(-similarity, axis=1)[:, :_HARDEST]
            picked = hardest[np.arange(len(batch)), self._rng.integers(0, hardest.shape[1], len(batch))]
            exists = np.isfinite(similarity[np.arange(len(batch)), picked])
            picked = np.where(exists, picked, hardest[:, 0])
            exists = np.isfinite(similarity[np.arange(len(batch)), picked])
            negatives[start : start + len(batch)] = np.where(exists, pool[picked], -1)
        return negatives

    def _gradient(
        self, anchors: NDArray[np.int64], positives: NDArray[np.int64], negatives: NDArray[np.int64]
    ) -> tuple[float, Matrix]:
        """Return the mean loss of a batch and its gradient with respect to the matrix."""
        inputs = [self._items.vectors[rows].astype(np.float64) for rows in (anchors, positives, negatives)]
        outputs = [x @ self._matrix for x in inputs]
        lengths = [np.maximum(np.linalg.norm(y, axis=1, keepdims=True), 1e-12) for y in outputs]
        units = [y / length for y, length in zip(outputs, lengths, strict=True)]
        loss, slopes = LOSSES[self._settings.loss](units, self._settings.margin)
        gradient = np.zeros_like(self._matrix)
        for x, unit, length, slope in zip(inputs, units, lengths, slopes, strict=True):
            inward = (slope - (slope * unit).sum(axis=1, keepdims=True) * unit) / length
            gradient += x.T @ inward
        return float(loss.mean()), gradient / len(loss)

    def _step(self, gradient: Matrix) -> None:
        """Take one step of Adam (Kingma, Ba 2015)."""
        self._steps += 1
        self._first = 0.9 * self._first + 0.1 * gradient
        self._second = 0.999 * self._second + 0.001 * gradient**2
        first, second = self._first / (1 - 0.9**self._steps), self._second / (1 - 0.999**self._steps)
        self._matrix -= self._settings.rate * first / (np.sqrt(second) + 1e-8)


def _initial_matrix(vectors: Floats, dims: int) -> Matrix:
    """Return the identity if all dims are kept, else the leading axes of the vectors."""
    if dims == vectors.shape[1]:
        return np.eye(dims)
    moment = vectors.T.astype(np.float64) @ vectors
    return np.ascontiguousarray(np.linalg.eigh(moment)[1][:, ::-1][:, :dims])


def triplet_loss(units: list[Matrix], margin: float) -> tuple[Matrix, list[Matrix]]:
    """Return losses max(0, margin + |a-p|² - |a-n|²), (b,), of unit rows a, p, n, and slopes by each, (b, dims)."""
    a, p, n = units
    loss = margin + ((a - p) ** 2).sum(axis=1) - ((a - n) ** 2).sum(axis=1)
    active = (loss > 0)[:, None]
    return np.maximum(loss, 0), [active * 2 * (n - p), active * 2 * (p - a), active * 2 * (a - n)]


def contrastive_loss(units: list[Matrix], margin: float) -> tuple[Matrix, list[Matrix]]:
    """Return losses ½|a-p|² + ½max(0, margin - |a-n|)² of unit rows, (b,), and slopes (b, dims) (Hu, Lu, Tan 2014)."""
    a, p, n = units
    distance = np.maximum(np.linalg.norm(a - n, axis=1, keepdims=True), 1e-12)
    short = np.maximum(0.0, margin - distance)
    loss = 0.5 * ((a - p) ** 2).sum(axis=1) + 0.5 * short[:, 0] ** 2
    push = short * (a - n) / distance
    return loss, [(a - p) - push, p - a, push]


LOSSES: dict[str, Callable[[list[Matrix], float], tuple[Matrix, list[Matrix]]]] = {
    "triplet": triplet_loss,
    "contrastive": contrastive_loss,
}
