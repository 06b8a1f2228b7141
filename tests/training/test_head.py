"""The linear head: slopes compared with finite differences, and the effect of training."""

from __future__ import annotations

import numpy as np
import pytest

from mirsearch.errors import UsageError
from mirsearch.training.corpus_vectors import weak_pairs
from mirsearch.training.evaluation import compare_vectors
from mirsearch.training.head import LOSSES, MARGINS, HeadSettings, HeadTrainer, TrainingItems
from tests.support.training_corpus import DIMS, make_corpus


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_slopes_are_those_of_the_loss(name: str) -> None:
    rng = np.random.default_rng(5)
    units = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in rng.standard_normal((3, 6, 4))]
    _, slopes = LOSSES[name](units, 1.0)
    for part in range(3):
        for row, column in ((0, 0), (3, 2), (5, 1)):
            shifted = []
            for step in (1e-6, -1e-6):
                moved = [each.copy() for each in units]
                moved[part][row, column] += step
                shifted.append(LOSSES[name](moved, 1.0)[0].sum())
            assert slopes[part][row, column] == pytest.approx((shifted[0] - shifted[1]) / 2e-6, abs=1e-5)


def test_the_gradient_by_the_matrix_is_that_of_the_whole() -> None:
    corpus = make_corpus(4)
    trainer = trained(corpus, epochs=0)
    rows = np.array([0, 1, 2]), np.array([1, 2, 0]), np.array([7, 8, 9])
    _, gradient = trainer._gradient(*rows)
    for place in ((0, 0), (3, 7), (15, 2)):
        losses = []
        for step in (1e-6, -1e-6):
            trainer._matrix[place] += step
            losses.append(trainer._gradient(*rows)[0])
            trainer._matrix[place] -= step
        assert gradient[place] == pytest.approx((losses[0] - losses[1]) / 2e-6, abs=1e-5)


def trained(corpus: object, loss: str = "triplet", epochs: int = 25, dims: int = DIMS) -> HeadTrainer:
    items = TrainingItems(corpus.vectors, np.arange(len(corpus)), weak_pairs(corpus))
    trainer = HeadTrainer(corpus, items, dims, HeadSettings(loss, MARGINS[loss], rate=5e-3))
    for _ in range(epochs):
        trainer.train_epoch()
    return trainer


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_a_head_finds_more_on_articles_it_has_not_seen(loss: str) -> None:
    learned, other = make_corpus(seed=1), make_corpus(seed=2)
    projection = trained(learned, loss).projection
    found = compare_vectors(other, other.with_vectors(projection.apply(other.vectors)))["figure"]
    assert found.difference > 0.1
    assert found.interval[0] > 0


def test_before_it_learns_a_head_changes_nothing() -> None:
    corpus = make_corpus()
    assert np.allclose(trained(corpus, epochs=0).projection.apply(corpus.vectors), corpus.vectors, atol=1e-6)
    kept = trained(corpus, epochs=0, dims=8).projection.apply(corpus.vectors)
    assert kept.shape == (len(corpus), 8)


def test_the_same_seed_learns_the_same_head() -> None:
    corpus = make_corpus(6)
    one, other = (trained(corpus, epochs=2).projection.matrix for _ in range(2))
    assert (one == other).all()


def test_nothing_alike_and_too_many_dims_are_refused() -> None:
    corpus = make_corpus(4)
    items = TrainingItems(corpus.vectors, np.arange(len(corpus)), np.empty((0, 2), np.int64))
    with pytest.raises(UsageError, match="nothing to learn"):
        HeadTrainer(corpus, items, DIMS, HeadSettings())
    with pytest.raises(UsageError, match="99 dims"):
        trained(corpus, dims=99)
