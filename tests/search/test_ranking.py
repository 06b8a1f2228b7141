from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirsearch.ranking import Formula, Weights, combine, scale_term, text_term, visual_term

UNIT = st.floats(0, 1)


def test_visual_falls_with_distance_and_is_clipped() -> None:
    assert visual_term([0.0, 0.5, 2.0, -1e-7, 2.1]).tolist() == [1.0, 0.75, 0.0, 1.0, 0.0]


def test_scale_counts_decades_both_ways() -> None:
    term = scale_term(1_000.0, np.log10([1_000.0, 2_000.0, 500.0, 10_000.0]), 0.3)
    assert term[0] == pytest.approx(1)
    assert term[1] == pytest.approx(math.exp(-0.5 * (math.log10(2) / 0.3) ** 2))
    assert term[1] == pytest.approx(term[2])
    assert term[1] > 0.6
    assert term[3] < 0.01
    assert np.isnan(scale_term(1_000.0, [np.nan], 0.3))[0]


def test_text_is_half_where_bm25_is_k_and_never_negative() -> None:
    assert text_term([0.0, 5.0, 15.0, -2.0], 5.0).tolist() == [0.0, 0.5, 0.75, 0.0]


def test_score_is_the_weighted_mean_of_what_both_sides_have() -> None:
    formula = Formula(Weights(2, 1, 1))
    score = combine(formula, np.array([1.0, 1.0]), np.array([0.0, np.nan]), np.array([0.5, 0.5]))
    assert score.tolist() == [pytest.approx(2.5 / 4), pytest.approx(2.5 / 3)]
    assert combine(formula, text=np.array([0.5])).tolist() == [0.5]


def test_missing_scale_is_neutral_penalized_or_excluded() -> None:
    visual, scale = np.array([0.8, 0.8]), np.array([0.8, np.nan])
    scores = {
        missing: combine(Formula(Weights(1, 1, 1), missing=missing), visual, scale).tolist()  # type: ignore[arg-type]
        for missing in ("neutral", "penalize", "exclude")
    }
    assert scores["neutral"] == pytest.approx([0.8, 0.8])
    assert scores["penalize"] == pytest.approx([0.8, 0.4])
    assert scores["exclude"] == [pytest.approx(0.8), -np.inf]


def test_panels_without_a_term_of_weight_are_no_hits() -> None:
    assert combine(Formula(Weights(0, 1, 0)), np.array([1.0]), np.array([np.nan])).tolist() == [-np.inf]
    with pytest.raises(ValueError, match="at least one"):
        combine(Formula())


@pytest.mark.parametrize("values", [(-1, 1, 1), (0, 0, 0), (math.nan, 1, 1), (math.inf, 1, 1)])
def test_weights_that_mean_nothing_are_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        Weights(*values)


@pytest.mark.parametrize(("sigma", "text_k"), [(0, 5), (0.3, 0), (-1, 5), (math.nan, 5)])
def test_formulas_that_mean_nothing_are_refused(sigma: float, text_k: float) -> None:
    with pytest.raises(ValueError, match="sigma"):
        Formula(sigma=sigma, text_k=text_k)


@given(UNIT, UNIT | st.just(math.nan), UNIT, st.tuples(*[st.floats(1e-3, 1e3)] * 3))
def test_scores_stay_between_the_terms_and_only_ratios_count(
    visual: float, scale: float, text: float, weights: tuple[float, float, float]
) -> None:
    terms = [np.array([value]) for value in (visual, scale, text)]
    score = float(combine(Formula(Weights(*weights)), *terms)[0])
    known = [value for value in (visual, scale, text) if not math.isnan(value)]
    assert min(known) - 1e-9 <= score <= max(known) + 1e-9
    twice = Weights(*(2 * value for value in weights))
    assert float(combine(Formula(twice), *terms)[0]) == pytest.approx(score)


@given(st.floats(1e-2, 1e9), st.floats(1e-2, 1e9), st.floats(0.01, 2))
def test_scale_is_symmetric(one: float, other: float, sigma: float) -> None:
    forth, back = scale_term(one, [math.log10(other)], sigma)[0], scale_term(other, [math.log10(one)], sigma)[0]
    assert forth == pytest.approx(back, abs=1e-9)
    assert 0 <= forth <= 1
