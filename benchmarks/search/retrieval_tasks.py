"""Scores of a descriptor on the classed micrographs: one value a query, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.truth_images import Classed

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

RESAMPLES = 2000
FIRST = 10


@dataclass(frozen=True)
class Vectors:
    """Unit vectors (images, dims) of whole images and of their left and right halves."""

    whole: NDArray[np.floating]
    left: NDArray[np.floating]
    right: NDArray[np.floating]


@dataclass(frozen=True)
class Task:
    """One task: its name, the measure, and a value for each query (nan where a query has nothing to find)."""

    name: str
    measure: str
    values: Floats
    chance: float


def average_precisions(similarity: Floats, relevant: Flags, candidates: Flags) -> Floats:
    """Average precision of each row; what is not relevant goes first among equals. Nan where nothing is relevant."""
    found = np.full(len(similarity), np.nan)
    for row, (scores, wanted, there) in enumerate(zip(similarity, relevant, candidates, strict=True)):
        hits = wanted[there][np.lexsort((wanted[there], -scores[there]))]
        if hits.any():
            found[row] = (np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean()
    return found


def ranks(similarity: Floats) -> Floats:
    """Rank from 1 of column i in row i; what is as similar goes before it."""
    return (similarity >= np.diag(similarity)[:, None]).sum(axis=1).astype(np.float64)


def tasks(images: Sequence[Classed], vectors: Vectors) -> list[Task]:
    """The three tasks, and how often an image is among the first ten when asked for with its left half."""
    papers, techniques = np.array([i.paper for i in images]), np.array([i.technique for i in images])
    same_paper, same_technique = papers[:, None] == papers, techniques[:, None] == techniques
    others = ~np.eye(len(images), dtype=bool)
    whole = np.asarray(vectors.whole @ vectors.whole.T, np.float64)
    random = np.random.default_rng(0).random((20, *whole.shape))

    def precision(name: str, relevant: Flags, candidates: Flags) -> Task:
        chance = np.mean([np.nanmean(average_precisions(made, relevant, candidates)) for made in random])
        return Task(name, "mAP", average_precisions(whole, relevant, candidates), float(chance))

    halves = ranks(np.asarray(vectors.left @ vectors.right.T, np.float64))
    asked = ranks(np.asarray(vectors.left @ vectors.whole.T, np.float64))
    count = len(images)
    return [
        precision("same technique, other paper", same_technique, ~same_paper),
        precision("same paper", same_paper, others),
        Task("other half of the same image", "MRR", 1 / halves, float(np.mean(1 / np.arange(1, count + 1)))),
        Task(f"left half finds the image in {FIRST}", "share", (asked <= FIRST) * 1.0, FIRST / count),
    ]


def interval(values: Floats, groups: NDArray[np.str_] | None = None, seed: int = 1) -> tuple[float, float]:
    """95 % bootstrap interval of the mean: queries resampled, or whole groups of them (all queries of a paper)."""
    there = ~np.isnan(values)
    units = np.arange(len(values)) if groups is None else groups
    labels = np.unique(units[there], return_inverse=True)[1]
    sums, counts = np.bincount(labels, values[there]), np.bincount(labels)
    drawn = np.random.default_rng(seed).integers(0, len(sums), (RESAMPLES, len(sums)))
    resampled = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(low), float(high)
