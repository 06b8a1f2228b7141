"""Whitening compared with its formulas."""

from __future__ import annotations

import numpy as np
import pytest

from mirsearch.errors import UsageError
from mirsearch.training.corpus_vectors import weak_pairs
from mirsearch.training.evaluation import compare_vectors
from mirsearch.training.whitening import discriminative_whitening, pca_whitening
from tests.support.training_corpus import DIMS, make_corpus


def outputs(projection: object, vectors: np.ndarray) -> np.ndarray:
    """Return the projected vectors before their lengths are normalized."""
    return (vectors.astype(np.float64) - projection.mean) @ projection.matrix


def test_whole_pca_whitening_makes_the_covariance_a_multiple_of_one() -> None:
    vectors = make_corpus().vectors
    moved = outputs(pca_whitening(vectors, DIMS, 1.0, shrinkage=0.0), vectors)
    covariance = moved.T @ moved / len(moved)
    assert np.allclose(covariance / covariance[0, 0], np.eye(DIMS), atol=1e-3)


def test_power_zero_rotates_and_keeps_all_distances() -> None:
    vectors = make_corpus().vectors
    moved = outputs(pca_whitening(vectors, DIMS, 0.0), vectors)
    before, after = (np.linalg.norm(x[:, None] - x[None], axis=2) for x in (vectors, moved))
    ratio = after[0, 1] / before[0, 1]
    assert np.allclose(after, ratio * before, atol=1e-4)


def test_fewer_dims_keep_the_axes_that_vary_most() -> None:
    vectors = make_corpus(noise=3.0).vectors
    kept = pca_whitening(vectors, 4, 0.0).matrix
    assert (np.linalg.norm(kept[:4], axis=0) > 0.9 * np.linalg.norm(kept, axis=0)).all()


def test_discriminative_whitening_evens_out_how_pairs_differ() -> None:
    corpus = make_corpus()
    pairs = weak_pairs(corpus)
    moved = outputs(discriminative_whitening(corpus.vectors, pairs, DIMS, 1.0, shrinkage=0.0), corpus.vectors)
    differences = moved[pairs[:, 0]] - moved[pairs[:, 1]]
    covariance = differences.T @ differences / len(pairs)
    assert np.allclose(covariance / covariance[0, 0], np.eye(DIMS), atol=0.02)
    variances = moved.var(axis=0)
    assert (np.diff(variances) <= 1e-9 * variances[0]).all()


def test_discriminative_whitening_finds_more_on_articles_it_has_not_seen() -> None:
    learned, other = make_corpus(seed=1), make_corpus(seed=2)
    projection = discriminative_whitening(learned.vectors, weak_pairs(learned), DIMS, 1.0)
    found = compare_vectors(other, other.with_vectors(projection.apply(other.vectors)))["figure"]
    assert found.difference > 0.1
    assert found.interval[0] > 0


def test_more_vectors_numbers_than_vectors_do_no_harm() -> None:
    few = np.random.default_rng(0).standard_normal((9, 200)).astype(np.float32)
    moved = pca_whitening(few, 200, 1.0).apply(few)
    assert np.allclose(np.linalg.norm(moved, axis=1), 1, atol=1e-5)


def test_what_can_not_be_is_refused() -> None:
    corpus = make_corpus()
    with pytest.raises(UsageError, match="17 dims can't be made of 16"):
        pca_whitening(corpus.vectors, 17, 1.0)
    with pytest.raises(UsageError, match="no two panels count as similar"):
        discriminative_whitening(corpus.vectors, np.empty((0, 2), np.int64), DIMS, 1.0)
