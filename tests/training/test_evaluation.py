"""Average precision compared with values worked out by hand, paired intervals, and which model may replace another."""

from __future__ import annotations

import numpy as np
import pytest

from mirsearch.evaluation.intervals import bootstrap_interval
from mirsearch.training.evaluation import (
    Change,
    average_precisions,
    compare_vectors,
    is_improvement,
    measure_change,
    precisions_by_measure,
)
from tests.support.training_corpus import make_corpus


def test_average_precision_by_hand() -> None:
    similarity = np.array([[0.9, 0.8, 0.7, 0.6], [0.9, 0.8, 0.7, 0.6], [0.5, 0.5, 0.1, 0.1]])
    relevant = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0]], bool)
    there = np.ones((3, 4), bool)
    found = average_precisions(similarity, relevant, there)
    assert found[0] == pytest.approx((1 + 2 / 3) / 2)
    assert np.isnan(found[1])
    assert found[2] == pytest.approx(1 / 2)  # among equals what is not relevant goes first
    there[0, 1] = False
    assert average_precisions(similarity, relevant, there)[0] == pytest.approx(1.0)


def test_an_interval_holds_the_mean_and_is_wider_where_groups_agree_within() -> None:
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(12).astype(str), 10)
    values = np.repeat(rng.standard_normal(12), 10) + 0.01 * rng.standard_normal(120)
    low, high = bootstrap_interval(values, groups)
    assert low < values.mean() < high
    alone = bootstrap_interval(values, np.arange(120).astype(str))
    assert high - low > 1.5 * (alone[1] - alone[0])


def test_changes_are_paired_and_nothing_found_is_no_number() -> None:
    before, after = np.array([0.2, np.nan, 0.6]), np.array([0.3, 0.9, 0.7])
    found = measure_change(before, after, np.array(["a", "b", "c"]))
    assert (found.before, found.after, found.queries) == (pytest.approx(0.4), pytest.approx(0.5), 2)
    assert found.difference == pytest.approx(0.1)
    assert found.interval == (pytest.approx(0.1), pytest.approx(0.1))
    nothing = measure_change(np.array([np.nan]), np.array([np.nan]), np.array(["a"]))
    assert nothing.as_json()["before"] is None


def made_change(difference: float, queries: int = 5) -> Change:
    return Change(0.5, 0.5 + difference, difference, (0.0, 0.0), queries, 3)


@pytest.mark.parametrize(
    ("differences", "expected"),
    [((0.1, 0.0), True), ((0.1, -0.004), True), ((0.1, -0.02), False), ((0.0, 0.0), False), ((-0.1, -0.1), False)],
)
def test_what_may_be_installed(differences: tuple[float, ...], expected: bool) -> None:
    assert is_improvement({str(number): made_change(each) for number, each in enumerate(differences)}) is expected
    assert not is_improvement({"figure": made_change(0.5, queries=0)})


def test_clean_vectors_find_their_figures_better_than_noisy_ones() -> None:
    noisy, clean = make_corpus(noise=3.0), make_corpus(noise=0.0)
    found = compare_vectors(noisy, clean)["figure"]
    assert found.after > 0.9 > found.before + 0.2
    assert found.interval[0] > 0
    assert set(precisions_by_measure(clean)) == {"figure", "technique"}
