"""Fit the weights, σ and k of the score to judged queries, and tell what that gains on queries that are held out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import UsageError
from mirsearch.evaluation.index_runs import JudgedRun, formula_settings
from mirsearch.evaluation.intervals import PairedTest, compare_values
from mirsearch.evaluation.measures import MEASURES
from mirsearch.evaluation.results import Evaluation, QueryResult
from mirsearch.evaluation.term_pools import TermPool
from mirsearch.indexes.base import Index
from mirsearch.ranking import TERMS, Formula
from mirsearch.search.own_score import OwnScore, formula_parameters, parameters_text, write_own_score

FOLDS = 5
MIN_GROUPS, MIN_QUERIES = 4, 8
"""Fewest groups and queries that can be held out: with fewer, chance decides."""
_FACTORS = (0.0, 0.25, 0.5, 0.7, 1.4, 2.0, 4.0)
"""By what a weight is multiplied in one step."""
_LEAST_WEIGHT = 0.05
"""What a weight of 0 becomes before it is multiplied."""
_SIGMAS = (0.1, 0.15, 0.2, 0.3, 0.45, 0.7, 1.0)
_KS = (1.0, 2.0, 3.5, 5.0, 7.5, 12.0, 20.0)
_LEAST_GAIN = 1e-3
"""Least gain of mean average precision for which a parameter is changed: smaller ones are noise."""
_MOST_SWEEPS = 6
_SEED = 20

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Tuning:
    """The formula that was fitted to all queries, the one before, and the evaluation of each query while held out.

    `evaluation.comparison` is the paired test of what fits to the other folds' queries gain on each fold.
    """

    before: Formula
    fitted: Formula
    evaluation: Evaluation
    folds: int

    @property
    def gain(self) -> PairedTest:
        """Return the test of mean average precision."""
        return self.evaluation.comparison["map"]

    @property
    def is_better(self) -> bool:
        """Return whether the held-out queries gain, and the 95 % interval of their gain lies above 0."""
        return self.gain.interval[0] > 0 and self.fitted != self.before


def tuned_evaluation(
    index: Index, run: JudgedRun, before: Formula, dry_run: bool, progress: Progress = lambda _done, _all: None
) -> Evaluation:
    """Fit a formula, keep it as the index's own if that is better on held-out queries, and return their evaluation.

    `dry_run`: nothing is written. Raises UsageError for too few queries, IndexBusyError while another writes.
    """
    tuning = tune(run, before, progress)
    is_kept = tuning.is_better and not dry_run
    own = OwnScore(
        tuning.fitted, datetime.now(UTC).isoformat(timespec="seconds"), len(run.prepared), tuning.gain.difference
    )
    if is_kept:
        write_own_score(index, own)
    low, high = tuning.gain.interval
    gain = f"mAP {tuning.gain.difference:+.3f} ({low:+.3f} to {high:+.3f}) on held-out queries"
    if is_kept:
        told = f"{gain}: kept as the index's own: {parameters_text(tuning.fitted)}"
    elif tuning.is_better:
        told = f"{gain}: better, but nothing was written (--dry-run): {parameters_text(tuning.fitted)}"
    else:
        told = f"{gain}: not surely better, so nothing was written; fitted were {parameters_text(tuning.fitted)}"
    parameters = formula_parameters(tuning.fitted)
    result = {"fitted": parameters, "before": formula_parameters(before), "folds": tuning.folds,
              "is_better": tuning.is_better, "written": is_kept}  # fmt: skip
    return dataclasses.replace(tuning.evaluation, notes=(told, *tuning.evaluation.notes), tuning=result)


def tune(run: JudgedRun, before: Formula, progress: Progress = lambda _done, _all: None) -> Tuning:
    """Fit a formula to the queries of a run, cross-validated by groups, starting from the one before.

    Raises UsageError for too few queries.
    """
    groups = np.array([query.group for query in run.prepared])
    if len(groups) < MIN_QUERIES or len(set(groups)) < MIN_GROUPS:
        raise UsageError(
            f"{len(groups)} judged queries of {len(set(groups))} groups are too few to fit weights",
            f"judge at least {MIN_QUERIES} queries of {MIN_GROUPS} samples or articles",
        )
    pools = []
    for number in range(len(groups)):
        pools.append(run.pool(number))
        progress(number + 1, len(groups))
    fold_of = _folds(groups)
    held_out: list[QueryResult] = []
    for fold in range(fold_of.max() + 1):
        formula = fit(_chosen(pools, fold_of != fold), before)
        held_out += run.results(formula, np.flatnonzero(fold_of == fold))
    plain = {result.query: result for result in run.results(before)}
    comparison = _compare(plain, held_out)
    settings = formula_settings(before) | {"held_out_folds": int(fold_of.max() + 1)}
    evaluation = run.evaluation(held_out, settings)
    fitted = fit(pools, before)
    return Tuning(before, fitted, dataclasses.replace(evaluation, comparison=comparison), int(fold_of.max() + 1))


def fit(pools: Sequence[TermPool], start: Formula) -> Formula:
    """Return the formula with the best mean average precision that steps in one parameter at a time lead to."""
    best, value = start, _mean_precision(pools, start)
    for _ in range(_MOST_SWEEPS):
        at_start = value
        for choices in _steps(best, frozenset().union(*(pool.terms for pool in pools))):
            for formula in choices(best):
                tried = _mean_precision(pools, formula)
                if tried > value + _LEAST_GAIN:
                    best, value = formula, tried
        if value == at_start:
            break
    return best


Choices = Callable[[Formula], Iterator[Formula]]


def _steps(formula: Formula, terms: frozenset[str]) -> list[Choices]:
    """Return the ways to change a formula: the weight of each term but the heaviest, σ and k, where queries have them.

    Only the ratios of weights matter, so one of them stands still.
    """
    weighted = [term for term in TERMS if term in terms]
    heaviest = max(weighted, key=formula.weights.of, default=None)
    steps: list[Choices] = [_weight_choices(term) for term in weighted if term != heaviest]
    if "scale" in terms:
        steps.append(lambda best: (dataclasses.replace(best, sigma=sigma) for sigma in _SIGMAS))
    if "text" in terms:
        steps.append(lambda best: (dataclasses.replace(best, text_k=k) for k in _KS))
    return steps


def _weight_choices(term: str) -> Choices:
    def choices(best: Formula) -> Iterator[Formula]:
        now = best.weights.of(term) or _LEAST_WEIGHT
        for factor in _FACTORS:
            weights = dataclasses.replace(best.weights, **{term: round(now * factor, 4)})
            yield dataclasses.replace(best, weights=weights)

    return choices


def _mean_precision(pools: Sequence[TermPool], formula: Formula) -> float:
    return float(np.mean([pool.average_precision(formula) for pool in pools]))


def _folds(groups: NDArray[np.str_]) -> NDArray[np.intp]:
    """Return the fold of each query: whole groups, the largest first, each into the fold with the fewest queries."""
    names, numbers, counts = np.unique(groups, return_inverse=True, return_counts=True)
    count = min(FOLDS, len(names))
    shuffled = np.random.default_rng(_SEED).permutation(len(names))
    fold_of_group, sizes = np.zeros(len(names), np.intp), np.zeros(count)
    for group in sorted(shuffled, key=lambda name: -counts[name]):
        fold_of_group[group] = sizes.argmin()
        sizes[fold_of_group[group]] += counts[group]
    return np.asarray(fold_of_group[numbers], np.intp)


def _chosen(pools: Sequence[TermPool], flags: NDArray[np.bool_]) -> list[TermPool]:
    return [pool for pool, is_chosen in zip(pools, flags, strict=True) if is_chosen]


def _compare(before: dict[str, QueryResult], after: Sequence[QueryResult]) -> dict[str, PairedTest]:
    groups = np.array([result.group for result in after])
    return {
        measure: compare_values(
            np.array([before[result.query].values[measure] for result in after]),
            np.array([result.values[measure] for result in after]),
            groups,
        )
        for measure in MEASURES
    }
