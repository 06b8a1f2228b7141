"""The float32 pass never drops a panel that float64 ranks among the best."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mirsearch.indexes.embedded.buffers import ArrayPool
from mirsearch.indexes.embedded.first_pass import FirstPass, ScoreColumns, _top_score_bound
from mirsearch.indexes.embedded.vectors.matrix_file import RowTable
from mirsearch.ranking import Floats, Formula, Weights, combine, image_text_term, scale_term, text_term, visual_term

POOL = ArrayPool()
weight = st.sampled_from([0.0, 1e-9, 1e-4, 0.002, 0.3, 0.6, 1.0, 1e4])
formulas = st.builds(
    Formula,
    st.tuples(weight, weight, weight).filter(any).map(lambda each: Weights(*each)) | st.just(Weights()),
    st.sampled_from([1e-9, 1e-4, 0.01, 0.3, 2.0, 1e9]),
    st.sampled_from([1e-30, 1e-3, 5.0, 1e30]),
    st.sampled_from(["neutral", "penalize", "exclude"]),
)  # fmt: skip


def row_table(rng: np.random.Generator, size: int, spread: float, share_without_fov: float) -> RowTable:
    """Return a table of rows. With a small spread, many rows nearly tie."""
    fov = rng.normal(3, spread, size)
    fov[rng.random(size) < share_without_fov] = np.nan
    norms = rng.uniform(0.9, 1.1, size).astype(np.float32)
    return RowTable().with_rows(np.arange(1, size + 1), fov, norms)


def exact_scores(
    formula: Formula, table: RowTable, dots: NDArray[np.float32] | None, log10_fov: float | None, bm25: Floats | None
) -> Floats:
    visual = None
    if dots is not None:
        visual = visual_term(np.clip(1.0 - dots.astype(np.float64) * table.inverse_norm, 0.0, 2.0))
    scale = None if log10_fov is None else scale_term(10**log10_fov, table.log10_fov, formula.sigma)
    text = None if bm25 is None else text_term(bm25, formula.text_k)
    score = combine(formula, visual, scale, text)
    if [visual is None, scale is None, text is None].count(False) == 1:
        score[score <= 0] = -np.inf
    return score


@settings(max_examples=300, deadline=None)
@given(
    formulas, st.integers(0, 2**32 - 1), st.sampled_from([1, 5, 300, 4_000]), st.sampled_from([1e-7, 1e-4, 0.02, 1.0]),
    st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from([1, 10, 290, 5_000]), st.sets(st.sampled_from("vst"), min_size=1),
    st.sampled_from([0.0, 0.5]), st.sampled_from([0.0, 1e-3, 0.05]),
)  # fmt: skip
@example(Formula(), 1, 4_000, 1e-7, 0.3, 10, {"v", "s", "t"}, 0.0, 0.0)
@example(Formula(missing="exclude"), 1, 300, 1.0, 1.0, 10, {"v", "s"}, 0.5, 0.0)
def test_the_best_are_always_among_the_candidates(
    formula: Formula, seed: int, size: int, spread: float, share_without_fov: float, top: int, terms: set[str],
    share_filtered_out: float, error: float,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    table = row_table(rng, size, spread, share_without_fov)
    dots = (0.7 + spread * rng.standard_normal(size)).astype(np.float32) if "v" in terms else None
    bm25 = np.where(rng.random(size) < 0.2, rng.gamma(2, 3 * spread, size), 0).astype(np.float32)
    filtered_out = rng.random(size) < share_filtered_out if share_filtered_out else None
    excluded = rng.choice(size, size=min(size, 2), replace=False)
    query = 3 + spread
    score = exact_scores(
        formula, table, dots, query if "s" in terms else None, bm25.astype(np.float64) if "t" in terms else None
    )
    score[excluded] = -np.inf
    if filtered_out is not None:
        score[filtered_out] = -np.inf

    names = frozenset({"v": "visual", "s": "scale", "t": "text"}[term] for term in terms)
    with POOL.borrow() as arrays:
        first = FirstPass(formula, ScoreColumns.from_table(table), names, arrays)
        if "s" in terms:
            first.add_scale(query)
        if "t" in terms:
            first.add_text(bm25.copy())
        if dots is not None:
            noisy_dots = dots + rng.choice([-error, error], size) / table.inverse_norm
            first.add_visual(noisy_dots.astype(np.float32), 1.0, error)
        candidates = first.candidates(top, filtered_out, excluded)
    assert not set(candidates) & set(excluded.tolist())
    assert filtered_out is None or not filtered_out[candidates].any()
    count = min(top, int(np.count_nonzero(score > -np.inf)))
    if count:
        lowest = np.partition(score, -count)[-count]
        assert set(np.flatnonzero(score >= lowest)) <= set(candidates.tolist())


def candidates_for_best(
    formula: Formula, table: RowTable, term: str, dots: NDArray[np.float32], error: float, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return the candidates for the best row by scale and a term whose dot products have the largest allowed error."""
    noisy_dots = dots + rng.choice([-error, error], len(table)).astype(np.float32) / table.inverse_norm
    with POOL.borrow() as arrays:
        first = FirstPass(formula, ScoreColumns.from_table(table), frozenset([term, "scale"]), arrays)
        first.add_scale(6.0)
        add = {"visual": first.add_visual, "image_text": first.add_image_text}[term]
        add(noisy_dots, 1.0, error)
        return first.candidates(1, None, np.zeros(0, dtype=np.intp))


def test_errors_count_more_where_a_panel_has_fewer_terms() -> None:
    """A row without a field of view is scored by the visual term alone, so its error counts in full."""
    formula = Formula(Weights(0.3, 1.0))
    for seed in range(20):
        rng = np.random.default_rng(seed)
        table = row_table(rng, 2_000, 0.02, 0.3)
        dots = rng.normal(0.7, 0.02, 2_000).astype(np.float32)
        found = candidates_for_best(formula, table, "visual", dots, 0.05, rng)
        assert int(np.argmax(exact_scores(formula, table, dots, 6.0, None))) in found


def test_errors_of_the_image_text_term_are_in_the_margin() -> None:
    formula = Formula()
    for seed in range(20):
        rng = np.random.default_rng(seed)
        table = row_table(rng, 2_000, 0.02, 0.3)
        dots = rng.normal(0.25, 0.005, 2_000).astype(np.float32)  # where the sigmoid is steepest
        found = candidates_for_best(formula, table, "image_text", dots, 0.01, rng)
        cosine = dots.astype(np.float64) * table.inverse_norm
        scores = image_text_term(cosine, formula.response), scale_term(1e6, table.log10_fov, formula.sigma)
        assert int(np.argmax(combine(formula, None, scores[1], None, scores[0]))) in found
        assert len(found) < 2_000


def test_few_candidates_remain() -> None:
    rng = np.random.default_rng(3)
    table = row_table(rng, 20_000, 1.0, 0.3)
    with POOL.borrow() as arrays:
        first = FirstPass(Formula(), ScoreColumns.from_table(table), frozenset(["visual", "scale"]), arrays)
        first.add_scale(3.0)
        first.add_visual(rng.uniform(-0.8, 0.8, 20_000).astype(np.float32), 1.0)
        assert 10 <= len(first.candidates(10, None, np.zeros(0, dtype=np.intp))) < 40


def test_the_bound_is_never_above_the_kth_best_score() -> None:
    rng = np.random.default_rng(4)
    for size in (1, 7, 256, 257, 1_000, 5_003):
        score = rng.random(size, dtype=np.float32)
        for top in (1, 3, 10, 100, 6_000):
            bound = _top_score_bound(score, top)
            if top > size:
                assert bound == -np.inf
            else:
                assert bound <= np.sort(score)[-top]


def test_arrays_of_a_failed_query_are_not_reused() -> None:
    pool = ArrayPool()
    with pool.borrow() as arrays:
        first = arrays.take(10)
    with pool.borrow() as arrays:
        again = arrays.take(8)
        other = arrays.take(8)
        assert np.shares_memory(first, again)
        assert not np.shares_memory(again, other)
        with pool.borrow() as second:
            assert not np.shares_memory(second.take(10), again)
    try:
        with pool.borrow() as arrays:
            lost = arrays.take(4)
            raise RuntimeError
    except RuntimeError:
        pass
    with pool.borrow() as arrays, pool.borrow() as more:
        assert not np.shares_memory(arrays.take(4), lost)
        assert not np.shares_memory(more.take(4), lost)
