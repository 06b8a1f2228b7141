"""Mean average precision on held-out articles, before and after, with paired bootstrap intervals by article."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.evaluation.intervals import bootstrap_interval
from mirsearch.training.corpus_vectors import Corpus, weak_pairs

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

TOLERANCE = 0.005
"""A drop of mean average precision by at most this does not count as a drop."""


@dataclass(frozen=True)
class Change:
    """A measure before and after: means, mean difference, its 95 % interval, numbers of queries and articles."""

    before: float
    after: float
    difference: float
    interval: tuple[float, float]
    queries: int
    articles: int

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types, rounded to four places; null without queries."""
        empty = self.queries == 0
        return {
            "before": None if empty else round(self.before, 4),
            "after": None if empty else round(self.after, 4),
            "difference": None if empty else round(self.difference, 4),
            "interval": None if empty else [round(bound, 4) for bound in self.interval],
            "queries": self.queries,
            "articles": self.articles,
        }


def average_precisions(similarity: Values, relevant: Flags, candidates: Flags) -> Values:
    """Return the average precision of each row, (n,); NaN where nothing is relevant.

    All arguments are (n, m): similarities, which columns are relevant, and which are candidates. Among equal
    similarities, irrelevant columns rank first.
    """
    precisions = np.full(len(similarity), np.nan)
    for row, (scores, is_relevant, is_candidate) in enumerate(zip(similarity, relevant, candidates, strict=True)):
        labels = is_relevant[is_candidate]
        hits = labels[np.lexsort((labels, -scores[is_candidate]))]
        if hits.any():
            precisions[row] = (np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean()
    return precisions


def measure_change(before: Values, after: Values, groups: NDArray[np.str_]) -> Change:
    """Compare two measurements of the same queries, (n,); the interval resamples `groups` (n,)."""
    is_known = ~np.isnan(before) & ~np.isnan(after)
    if not is_known.any():
        return Change(float("nan"), float("nan"), 0.0, (0.0, 0.0), 0, 0)
    difference = (after - before)[is_known]
    span = bootstrap_interval(difference, groups[is_known])
    return Change(
        float(before[is_known].mean()), float(after[is_known].mean()), float(difference.mean()), span,
        int(is_known.sum()), len(np.unique(groups[is_known])),
    )  # fmt: skip


def precisions_by_measure(corpus: Corpus) -> dict[str, Values]:
    """Return the average precision of each panel as a query, (n,), by measure, on the weak labels.

    `figure`: how well it finds the panels of its figure with its technique and scale among all others. `technique`:
    how well it finds the panels of its technique in other articles.
    """
    similarity = np.asarray(corpus.vectors @ corpus.vectors.T, np.float64)
    count = len(corpus)
    same_figure = np.zeros((count, count), bool)
    pairs = weak_pairs(corpus)
    same_figure[pairs[:, 0], pairs[:, 1]] = same_figure[pairs[:, 1], pairs[:, 0]] = True
    others = ~np.eye(count, dtype=bool)
    has_technique = corpus.techniques != ""
    same_technique = (corpus.techniques[:, None] == corpus.techniques) & has_technique[:, None] & has_technique
    other_article = corpus.articles[:, None] != corpus.articles
    return {
        "figure": average_precisions(similarity, same_figure, others),
        "technique": average_precisions(similarity, same_technique, other_article & has_technique),
    }


def compare_vectors(before: Corpus, after: Corpus) -> dict[str, Change]:
    """Compare the measures of the same panels with their old and new vectors."""
    old, new = precisions_by_measure(before), precisions_by_measure(after)
    return {name: measure_change(old[name], new[name], before.articles) for name in old}


def is_improvement(changes: Mapping[str, Change]) -> bool:
    """Return whether a model may replace the old one: no measure falls by more than TOLERANCE, and one rises."""
    differences = [change.difference for change in changes.values() if change.queries]
    return all(difference >= -TOLERANCE for difference in differences) and any(
        difference > 0 for difference in differences
    )
