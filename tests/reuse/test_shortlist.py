"""The shortlist: the largest of many values, and votes of descriptors that fall together."""

from __future__ import annotations

import numpy as np
import pytest

from mirsearch.reuse.keypoints import mirror_descriptors
from mirsearch.reuse.shortlist import largest
from mirsearch.reuse.votes import Voting


@pytest.mark.parametrize("columns", [40, 64 * 90, 64 * 90 + 17])
def test_the_largest_of_each_row_are_found(columns):
    values = np.random.default_rng(columns).normal(size=(7, columns))
    values[0] = np.arange(columns)  # all in the last group, and in the rest
    found = largest(values, 40)
    assert found.shape == (7, 40)
    assert [set(row) for row in found] == [set(row) for row in np.argsort(-values, axis=1)[:, :40]]


def test_a_picture_has_the_votes_of_its_own_descriptors_also_mirrored():
    rng = np.random.default_rng(5)
    descriptors = [rng.integers(0, 160, (30, 128)).astype(np.uint8) for _ in range(6)]
    voting = Voting([*descriptors, descriptors[2][:12]])
    votes = voting.votes(descriptors[2])
    assert set(np.argsort(-votes)[:2]) == {2, 6}
    assert votes[6] > 3 * np.delete(votes, [2, 6]).max()
    mirrored = voting.votes(mirror_descriptors(descriptors[2]))
    assert np.allclose(mirrored[[2, 6]], votes[[2, 6]], rtol=0.1)
    assert not voting.votes(descriptors[2][:0]).any()
