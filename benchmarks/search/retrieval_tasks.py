"""Measures a descriptor on the labeled micrographs: one value for each query, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.truth_images import LabeledImage
from mirsearch.evaluation import intervals

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FIRST = 10


@dataclass(frozen=True)
class Vectors:
    """Unit vectors (images, dims) of whole images and of their left and right halves."""

    whole: NDArray[np.floating]
    left: NDArray[np.floating]
    right: NDArray[np.floating]


@dataclass(frozen=True)
class Task:
    """A task: its name, its measure, a value for each query (NaN if it has nothing to find), and the chance level."""

    name: str
    measure: str
    values: Floats
    chance: float


def average_precisions(similarity: Floats, relevant: Flags, candidates: Flags) -> Floats:
    """Return the average precision of each row; NaN if nothing is relevant. Among equals, irrelevant rank first."""
    precisions = np.full(len(similarity), np.nan)
    for row, (scores, is_relevant, is_candidate) in enumerate(zip(similarity, relevant, candidates, strict=True)):
        labels = is_relevant[is_candidate]
        hits = labels[np.lexsort((labels, -scores[is_candidate]))]
        if hits.any():
            precisions[row] = (np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean()
    return precisions


def diagonal_ranks(similarity: Floats) -> Floats:
    """Return the rank, from 1, of column i in row i. Equally similar columns rank before it."""
    return (similarity >= np.diag(similarity)[:, None]).sum(axis=1).astype(np.float64)


def measure_tasks(images: Sequence[LabeledImage], vectors: Vectors) -> list[Task]:
    """Measure the three tasks, and how often a left half finds its image among the first ten."""
    papers, techniques = np.array([i.paper for i in images]), np.array([i.technique for i in images])
    same_paper, same_technique = papers[:, None] == papers, techniques[:, None] == techniques
    others = ~np.eye(len(images), dtype=bool)
    whole = np.asarray(vectors.whole @ vectors.whole.T, np.float64)
    random = np.random.default_rng(0).random((20, *whole.shape))

    def precision(name: str, relevant: Flags, candidates: Flags) -> Task:
        chance = np.mean([np.nanmean(average_precisions(values, relevant, candidates)) for values in random])
        return Task(name, "mAP", average_precisions(whole, relevant, candidates), float(chance))

    halves = diagonal_ranks(np.asarray(vectors.left @ vectors.right.T, np.float64))
    left_to_whole = diagonal_ranks(np.asarray(vectors.left @ vectors.whole.T, np.float64))
    count = len(images)
    return [
        precision("same technique, other paper", same_technique, ~same_paper),
        precision("same paper", same_paper, others),
        Task("other half of the same image", "MRR", 1 / halves, float(np.mean(1 / np.arange(1, count + 1)))),
        Task(f"left half finds the image in {FIRST}", "share", (left_to_whole <= FIRST) * 1.0, FIRST / count),
    ]


def bootstrap_interval(values: Floats, groups: NDArray[np.str_] | None = None, seed: int = 1) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean, resampling queries or groups of them (all queries of a paper)."""
    return intervals.bootstrap_interval(values, np.arange(len(values)) if groups is None else groups, seed)
