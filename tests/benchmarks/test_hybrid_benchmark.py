"""The benchmark of the whole score: its sums and agreements, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.search.retrieval_hybrid import Terms, same_technique_chances

NAN = float("nan")


def test_missing_terms_say_nothing():
    visual, text = np.full((1, 2), 0.8), np.array([[0.0, 0.5]])
    terms = Terms(visual, np.array([[NAN, 0.4]]), text)
    expected = [0.6 * 0.8 / 0.9, (0.6 * 0.8 + 0.3 * 0.4 + 0.3 * 0.5) / 1.2]
    assert terms.score(("visual", "scale", "text"))[0] == pytest.approx(expected)
    extra = terms.score(("visual",), np.array([[1.0, 0.0]]), 0.2)[0]
    assert extra == pytest.approx([(0.48 + 0.2) / 0.8, 0.48 / 0.8])


def test_agreement_is_the_chance_of_one_technique():
    read = [{"SEM": 0.9, "TEM": 0.1}, {"SEM": 0.2, "TEM": 0.7, "AFM": 0.1}]
    whole = same_technique_chances(read, stored=False)
    assert whole[0, 1] == pytest.approx(0.9 * 0.2 + 0.1 * 0.7)
    stored = same_technique_chances(read, stored=True)
    assert stored[0, 1] == pytest.approx(0.9 * 0.15 + 0.05 * 0.7 + 0.05 * 0.15)
    assert stored[1, 1] == pytest.approx(0.7**2 + 2 * 0.15**2)
