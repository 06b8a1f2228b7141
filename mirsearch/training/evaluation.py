"""Mean average precision on held-out articles, before and after, with paired bootstrap intervals by article."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.training.corpus_vectors import Corpus, weak_pairs

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

RESAMPLES = 2000
TOLERANCE = 0.005
"""A drop of mean average precision that is taken as none."""


@dataclass(frozen=True)
class Change:
    """A measure before and after: means, mean difference, its 95 % interval, and how many queries and articles."""

    before: float
    after: float
    difference: float
    interval: tuple[float, float]
    queries: int
    articles: int

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types, rounded to four places; nothing found is null."""
        empty = self.queries == 0
        return {
            "before": None if empty else round(self.before, 4),
            "after": None if empty else round(self.after, 4),
            "difference": None if empty else round(self.difference, 4),
            "interval": None if empty else [round(each, 4) for each in self.interval],
            "queries": self.queries,
            "articles": self.articles,
        }


def average_precisions(similarity: Values, relevant: Flags, candidates: Flags) -> Values:
    """Average precision of each row (n,); what is not relevant goes first among equals. NaN where nothing is relevant.

    All arguments are (n, m): similarities, which columns are relevant, and which may be found at all.
    """
    found = np.full(len(similarity), np.nan)
    for row, (scores, wanted, there) in enumerate(zip(similarity, relevant, candidates, strict=True)):
        hits = wanted[there][np.lexsort((wanted[there], -scores[there]))]
        if hits.any():
            found[row] = (np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean()
    return found


def bootstrap_interval(values: Values, groups: NDArray[np.str_], seed: int = 1) -> tuple[float, float]:
    """95 % interval of the mean of values (n,), whole groups resampled; NaN values are left out."""
    there = ~np.isnan(values)
    labels = np.unique(groups[there], return_inverse=True)[1]
    sums, counts = np.bincount(labels, values[there]), np.bincount(labels)
    drawn = np.random.default_rng(seed).integers(0, len(sums), (RESAMPLES, len(sums)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [2.5, 97.5])
    return float(low), float(high)


def measure_change(before: Values, after: Values, groups: NDArray[np.str_]) -> Change:
    """Two measurements of the same queries compared; groups (n,) are what is resampled."""
    there = ~np.isnan(before) & ~np.isnan(after)
    if not there.any():
        return Change(float("nan"), float("nan"), 0.0, (0.0, 0.0), 0, 0)
    difference = (after - before)[there]
    span = bootstrap_interval(difference, groups[there])
    return Change(
        float(before[there].mean()), float(after[there].mean()), float(difference.mean()), span,
        int(there.sum()), len(np.unique(groups[there])),
    )  # fmt: skip


def precisions_by_measure(corpus: Corpus) -> dict[str, Values]:
    """Average precision of each panel's query, (n,), by measure, on the weak truth.

    `figure`: finds the panels of its figure with its technique and scale among all others. `technique`: finds the
    panels of its technique in other articles.
    """
    similarity = np.asarray(corpus.vectors @ corpus.vectors.T, np.float64)
    count = len(corpus)
    mates = np.zeros((count, count), bool)
    pairs = weak_pairs(corpus)
    mates[pairs[:, 0], pairs[:, 1]] = mates[pairs[:, 1], pairs[:, 0]] = True
    others = ~np.eye(count, dtype=bool)
    told = corpus.techniques != ""
    same = (corpus.techniques[:, None] == corpus.techniques) & told[:, None] & told
    elsewhere = corpus.articles[:, None] != corpus.articles
    return {
        "figure": average_precisions(similarity, mates, others),
        "technique": average_precisions(similarity, same, elsewhere & told),
    }


def compare_vectors(before: Corpus, after: Corpus) -> dict[str, Change]:
    """The measures of the same panels with their old and new vectors."""
    old, new = precisions_by_measure(before), precisions_by_measure(after)
    return {name: measure_change(old[name], new[name], before.articles) for name in old}


def is_improvement(changes: Mapping[str, Change]) -> bool:
    """Whether a model may take the old one's place: no measure falls, and one rises."""
    told = [each for each in changes.values() if each.queries]
    return all(each.difference >= -TOLERANCE for each in told) and any(each.difference > 0 for each in told)
