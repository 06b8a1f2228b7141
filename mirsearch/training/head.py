"""A linear head over frozen vectors, learned with a triplet or contrastive loss and hard negatives; numpy alone."""

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
"""A negative is one of this many hardest: the very hardest are often mistakes of the weak truth."""

_BATCH = 64
_MAX_POOL = 2048
"""Items negatives are mined from, a fresh sample each epoch where there are more."""


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """How a head is learned; `margin` is in squared distance (triplet) or distance (contrastive) of unit vectors.

    `hold` pulls the matrix back to where it began, as few pairs should move it little.
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
    """What is learned from: vectors (m, dims), the panel each belongs to, and positive pairs of items."""

    vectors: Floats
    owners: NDArray[np.int64]
    pairs: Pairs


MARGINS: dict[str, float] = {"triplet": 0.2, "contrastive": 0.8}
"""Usual margins, by loss."""


class HeadTrainer:
    """Learns one head. Hoffer, Ailon: Deep metric learning using triplet network (2015); Radenović et al. (2019).

    `epoch` may be called as long as one likes; `projection` is the head as it is.
    """

    def __init__(self, corpus: Corpus, items: TrainingItems, dims: int, settings: HeadSettings) -> None:
        if not len(items.pairs):
            raise UsageError("no two pictures are alike: there is nothing to learn", "ingest figures with more panels")
        if not 1 <= dims <= items.vectors.shape[1]:
            raise UsageError(f"{dims} dims can't be made of {items.vectors.shape[1]}", "give fewer --dims")
        self._corpus, self._items, self._settings = corpus, items, settings
        self._rng = np.random.default_rng(settings.seed)
        self._start = _initial_matrix(items.vectors, dims)
        self._matrix = self._start.copy()
        self._first, self._second, self._steps = np.zeros_like(self._matrix), np.zeros_like(self._matrix), 0

    @property
    def projection(self) -> Projection:
        """The head as learned so far; at the start it changes no distance, or only drops the weakest axes."""
        return Projection(np.zeros(len(self._matrix), np.float32), self._matrix.astype(np.float32))

    def epoch(self) -> float:
        """One pass over a sample of the pairs with negatives mined anew; the mean loss."""
        pairs = self._sampled()
        negatives = self._mined(pairs[:, 0])
        usable = negatives >= 0
        pairs, negatives = pairs[usable], negatives[usable]
        total = 0.0
        for start in range(0, len(pairs), _BATCH):
            part = slice(start, start + _BATCH)
            loss, gradient = self._gradient(pairs[part, 0], pairs[part, 1], negatives[part])
            self._step(gradient + self._settings.hold * (self._matrix - self._start))
            total += loss * len(pairs[part])
        return total / max(1, len(pairs))

    def _sampled(self) -> Pairs:
        every = self._items.pairs
        chosen = self._rng.permutation(len(every))[: self._settings.pairs_an_epoch]
        pairs = every[chosen]
        turned = self._rng.uniform(size=len(pairs)) < 0.5
        pairs[turned] = pairs[turned][:, ::-1]
        return pairs

    def _mined(self, anchors: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each anchor one of the items nearest to it that are surely unlike it; -1 where there is none."""
        items = self._items
        pool = self._rng.permutation(len(items.vectors))[:_MAX_POOL]
        seen = self.projection.apply(items.vectors)
        found = np.full(len(anchors), -1, np.int64)
        for start in range(0, len(anchors), 512):
            mine = anchors[start : start + 512]
            apart = dissimilar_mask(self._corpus, items.owners[mine])[:, items.owners[pool]]
            similarity = np.where(apart, seen[mine] @ seen[pool].T, -np.inf)
            hardest = np.argsort(-similarity, axis=1)[:, :_HARDEST]
            picked = hardest[np.arange(len(mine)), self._rng.integers(0, hardest.shape[1], len(mine))]
            there = np.isfinite(similarity[np.arange(len(mine)), picked])
            picked = np.where(there, picked, hardest[:, 0])
            there = np.isfinite(similarity[np.arange(len(mine)), picked])
            found[start : start + len(mine)] = np.where(there, pool[picked], -1)
        return found

    def _gradient(
        self, anchors: NDArray[np.int64], positives: NDArray[np.int64], negatives: NDArray[np.int64]
    ) -> tuple[float, Matrix]:
        """Mean loss of a batch and its gradient by the matrix."""
        inputs = [self._items.vectors[each].astype(np.float64) for each in (anchors, positives, negatives)]
        outputs = [each @ self._matrix for each in inputs]
        lengths = [np.maximum(np.linalg.norm(each, axis=1, keepdims=True), 1e-12) for each in outputs]
        units = [each / length for each, length in zip(outputs, lengths, strict=True)]
        loss, slopes = LOSSES[self._settings.loss](units, self._settings.margin)
        gradient = np.zeros_like(self._matrix)
        for x, unit, length, slope in zip(inputs, units, lengths, slopes, strict=True):
            inward = (slope - (slope * unit).sum(axis=1, keepdims=True) * unit) / length
            gradient += x.T @ inward
        return float(loss.mean()), gradient / len(loss)

    def _step(self, gradient: Matrix) -> None:
        """One step of Adam (Kingma, Ba 2015)."""
        self._steps += 1
        self._first = 0.9 * self._first + 0.1 * gradient
        self._second = 0.999 * self._second + 0.001 * gradient**2
        first, second = self._first / (1 - 0.9**self._steps), self._second / (1 - 0.999**self._steps)
        self._matrix -= self._settings.rate * first / (np.sqrt(second) + 1e-8)


def _initial_matrix(vectors: Floats, dims: int) -> Matrix:
    """The identity where all dims are kept, else the leading axes of the vectors as they are."""
    if dims == vectors.shape[1]:
        return np.eye(dims)
    moment = vectors.T.astype(np.float64) @ vectors
    return np.ascontiguousarray(np.linalg.eigh(moment)[1][:, ::-1][:, :dims])


def triplet_loss(units: list[Matrix], margin: float) -> tuple[Matrix, list[Matrix]]:
    """max(0, margin + |a-p|² - |a-n|²) of unit rows a, p, n: losses (b,) and slopes by a, p, n, each (b, dims)."""
    a, p, n = units
    loss = margin + ((a - p) ** 2).sum(axis=1) - ((a - n) ** 2).sum(axis=1)
    active = (loss > 0)[:, None]
    return np.maximum(loss, 0), [active * 2 * (n - p), active * 2 * (p - a), active * 2 * (a - n)]


def contrastive_loss(units: list[Matrix], margin: float) -> tuple[Matrix, list[Matrix]]:
    """½|a-p|² + ½max(0, margin - |a-n|)² of unit rows (Hu, Lu, Tan 2014): losses (b,) and slopes (b, dims)."""
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
