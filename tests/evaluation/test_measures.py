"""Measures by hand, chance against random orders, intervals, and the paired test."""

from __future__ import annotations

import numpy as np
import pytest

from mirsearch.evaluation.intervals import bootstrap_interval, compare_values
from mirsearch.evaluation.measures import MEASURES, Ranking, chance_measures, measure_rankings


def measured(found: str, relevant: dict[str, int], candidates: int = 0) -> dict[str, float]:
    ranking = Ranking("q", list(found), relevant, candidates or len(found))
    return next(iter(measure_rankings([ranking])))[1]


def test_measures_by_hand():
    values = measured("abcd", {"a": 1, "c": 1, "z": 1})
    assert values["map"] == pytest.approx((1 + 2 / 3) / 3)
    assert values["p_at_1"] == 1
    assert values["p_at_10"] == pytest.approx(0.2)
    assert values["mrr"] == 1
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    assert values["ndcg_at_10"] == pytest.approx((1 + 1 / np.log2(4)) / ideal)


def test_grades_count_in_the_gain_alone():
    one, other = measured("abc", {"a": 1, "b": 3}), measured("bac", {"a": 1, "b": 3})
    assert one["map"] == other["map"] == 1
    assert one["ndcg_at_10"] < other["ndcg_at_10"] == pytest.approx(1)


def test_nothing_found_is_zero_and_zero_grades_are_not_relevant():
    assert set(measured("", {"a": 1}, 5).values()) == {0.0}
    assert measured("ab", {"a": 0, "b": 1})["mrr"] == 0.5


def test_a_long_ranking_has_no_ties():
    names = [f"p{number}" for number in range(3000)]
    rankings = [Ranking(str(at), names, {names[at]: 1}, 3000) for at in (0, 1, 2999)]
    assert [values["mrr"] for _, values in measure_rankings(rankings)] == pytest.approx([1, 1 / 2, 1 / 3000])


@pytest.mark.parametrize(("relevant", "total"), [(1, 1), (1, 30), (3, 12), (7, 7), (5, 40)])
def test_chance_is_the_mean_of_random_orders(relevant: int, total: int):
    names = [str(number) for number in range(total)]
    grades = dict.fromkeys(names[:relevant], 1)
    rng = np.random.default_rng(3)
    orders = [Ranking(str(at), list(rng.permutation(names)), grades, total) for at in range(4000)]
    drawn = [values for _, values in measure_rankings(orders)]
    expected = chance_measures(orders[0])
    for name in MEASURES:
        mean, spread = np.mean([each[name] for each in drawn]), np.std([each[name] for each in drawn])
        assert expected[name] == pytest.approx(mean, abs=4 * spread / 4000**0.5 + 1e-9), name


def test_the_paired_test_tells_a_change_from_none():
    rng = np.random.default_rng(1)
    before, groups = rng.random(60), np.arange(60).astype(str)
    better = compare_values(before, before + rng.normal(0.05, 0.02, 60), groups)
    assert better.interval[0] > 0
    assert better.p_value < 0.001
    same = compare_values(before, before + rng.normal(0, 0.02, 60) * rng.choice([-1, 1], 60), groups)
    assert same.interval[0] < 0 < same.interval[1]
    assert same.p_value > 0.05
    of_few = compare_values(before, before + 0.05, np.repeat(["a", "b"], 30))
    assert of_few.p_value >= 0.4, "two groups are too few to tell anything"


def test_whole_groups_are_resampled():
    values = np.repeat([0.0, 1.0], 50)
    alone = bootstrap_interval(values, np.arange(100).astype(str))
    grouped = bootstrap_interval(values, np.repeat(["a", "b"], 50))
    assert grouped == (0.0, 1.0)
    assert alone[1] - alone[0] < 0.3
