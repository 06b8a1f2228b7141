"""The measures of one ranking, by the library ir-measures, and what they are by chance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from mirsearch.errors import MissingDependencyError

MEASURES = ("map", "p_at_1", "p_at_10", "ndcg_at_10", "mrr")
"""Average precision (its mean is mAP), precision among the first and the first ten, nDCG@10, reciprocal rank."""
_CUT = 10
_BATCH = 32


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one query found: ids, best first; the grades of what is relevant, by id; and from how many it was found.

    `candidates` counts all that could have been found, also below the end of `found`.
    """

    query: str
    found: Sequence[str]
    relevant: Mapping[str, int]
    candidates: int


Measured = dict[str, float]
"""The value of each of MEASURES."""


def measure_rankings(rankings: Iterable[Ranking]) -> Iterator[tuple[Ranking, Measured]]:
    """Yield each ranking with its measures. MissingDependencyError where ir-measures is not installed.

    The library gets ranks in place of scores: it compares scores in 32 bits, where close ones would be ties.
    """
    library = _load_library()
    names = _library_measures(library)
    remaining = iter(rankings)
    while batch := list(islice(remaining, _BATCH)):
        relevant = {str(number): dict(ranking.relevant) for number, ranking in enumerate(batch)}
        run = {
            str(number): {found: -float(rank) for rank, found in enumerate(ranking.found)}
            for number, ranking in enumerate(batch)
        }
        values: list[Measured] = [dict.fromkeys(MEASURES, 0.0) for _ in batch]
        for metric in library.iter_calc(list(names), relevant, run):
            values[int(metric.query_id)][names[metric.measure]] = float(metric.value)
        yield from zip(batch, values, strict=True)


def _load_library() -> Any:
    try:
        import ir_measures
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"an evaluation needs the package {error.name}, which is not installed",
            "install it with: pip install 'mirsearch[evaluate]'",
        ) from error
    return ir_measures


def _library_measures(library: Any) -> dict[Any, str]:
    """Return our name of each measure of the library."""
    precision, gain = library.P, library.nDCG
    measures = (library.AP, precision @ 1, precision @ _CUT, gain @ _CUT, library.RR)
    return dict(zip(measures, MEASURES, strict=True))


def chance_measures(ranking: Ranking) -> Measured:
    """Return the expected measures of a random order of all candidates; exact, not drawn.

    The expectation of average precision is that of Bestgen, "Exact expected average precision of the random baseline",
    PBML 103 (2015).
    """
    grades = np.array([grade for grade in ranking.relevant.values() if grade > 0], dtype=np.float64)
    relevant, total = len(grades), max(ranking.candidates, len(grades))
    if not relevant:
        return dict.fromkeys(MEASURES, 0.0)
    share = relevant / total
    ranks = np.arange(1, total + 1)
    harmonic = float((1 / ranks).sum())
    average = 1.0 if total == 1 else ((relevant - 1) / (total - 1) * (total - harmonic) + harmonic) / total
    discounts = 1 / np.log2(np.arange(2, min(_CUT, total) + 2))
    ideal = np.sort(grades)[::-1][:_CUT] @ discounts[: min(_CUT, relevant)]
    return {
        "map": average,
        "p_at_1": share,
        "p_at_10": share * min(_CUT, total) / _CUT,
        "ndcg_at_10": float(grades.sum() / total * discounts.sum() / ideal),
        "mrr": _chance_reciprocal_rank(relevant, total),
    }


def _chance_reciprocal_rank(relevant: int, total: int) -> float:
    """Return the expected reciprocal of the rank of the first of `relevant` among `total` in a random order."""
    ranks = np.arange(1, total - relevant + 2)
    still_none = np.cumprod(np.concatenate([[1.0], 1 - relevant / (total - ranks[:-1] + 1)]))
    return float((still_none * relevant / (total - ranks + 1) / ranks).sum())
