"""Training data: the split by article, pairs from weak labels, and negatives that certainly differ."""

from __future__ import annotations

import numpy as np
import pytest

from mirsearch.errors import UsageError
from mirsearch.training.corpus_vectors import build_corpus, dissimilar_mask, held_out_mask, weak_pairs
from tests.support.training_corpus import make_corpus, make_panels


def vectors(count: int) -> np.ndarray:
    return np.eye(count, dtype=np.float32)


def test_no_article_is_on_both_sides_and_both_sides_have_pairs() -> None:
    corpus = make_corpus()
    for seed in range(5):
        test = held_out_mask(corpus, 0.3, seed)
        assert not set(corpus.articles[test]) & set(corpus.articles[~test])
        assert len(weak_pairs(corpus.subset(test)))
        assert len(weak_pairs(corpus.subset(~test)))
        assert (held_out_mask(corpus, 0.3, seed) == test).all()
    assert (held_out_mask(corpus, 0.3, 0) != held_out_mask(corpus, 0.3, 1)).any()


def test_an_article_stays_on_its_side_of_the_order_as_a_corpus_grows() -> None:
    small, large = make_corpus(8), make_corpus(16)
    tested = set(large.articles[held_out_mask(large, 0.5, 0)])
    order = {article: article in tested for article in set(small.articles)}
    kept = set(small.articles[held_out_mask(small, 0.5, 0)])
    moved = [article for article, was in order.items() if was != (article in kept)]
    assert len(moved) <= 3  # the boundary moves; the order does not


def test_too_few_articles_are_refused_with_a_remedy() -> None:
    panels = make_panels(1, 1, 3, "SEM", None) + make_panels(2, 1, 1, "SEM", None)
    with pytest.raises(UsageError, match=r"only 1 articles .*ingest more"):
        held_out_mask(build_corpus(panels, vectors(4)), 0.3, 0)


def test_pairs_need_one_figure_technique_and_scale() -> None:
    panels = (
        make_panels(1, 1, 2, "SEM", 10.0)  # 0 1: alike
        + make_panels(1, 1, 1, "SEM", 25.0)  # 2: of the figure, but more than twice as wide
        + make_panels(1, 1, 1, "TEM", 10.0)  # 3: another technique
        + make_panels(1, 1, 1, "SEM", None)  # 4: a scale nobody knows
        + make_panels(1, 2, 2, "SEM", None)  # 5 6: alike, neither scale known
        + make_panels(1, 3, 2, None, 10.0)  # 7 8: of no known technique
        + make_panels(2, 1, 1, "SEM", 10.0)  # 9: another article
    )
    corpus = build_corpus(panels, vectors(10))
    assert weak_pairs(corpus).tolist() == [[0, 1], [5, 6]]
    kin = {tuple(pair) for pair in weak_pairs(corpus, "technique")}
    assert {(0, 1), (0, 9), (1, 9), (4, 9), (5, 9)} <= kin
    assert not {(2, 9), (3, 9), (0, 2), (7, 9)} & kin


def test_negatives_are_of_other_articles_and_differ_in_technique_or_scale() -> None:
    panels = (
        make_panels(1, 1, 1, "SEM", 10.0) + make_panels(1, 2, 1, "TEM", 10.0) + make_panels(2, 1, 1, "SEM", 10.0)
        + make_panels(2, 2, 1, "TEM", 10.0) + make_panels(3, 1, 1, "SEM", 100.0) + make_panels(4, 1, 1, None, 10.0)
        + make_panels(5, 1, 1, "SEM", None)
    )  # fmt: skip
    corpus = build_corpus(panels, vectors(7))
    assert dissimilar_mask(corpus, np.array([0])).tolist() == [[False, False, False, True, True, False, False]]
