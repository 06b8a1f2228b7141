"""Bootstrap intervals of means, and the test of two measurements of the same queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Labels = NDArray[np.str_]

RESAMPLES = 2000
_FLIPS = 10_000
_MOST_CELLS = 20_000_000
"""Most values that one batch of the permutation test holds: 160 MB."""


def bootstrap_interval(values: Values, groups: Labels, seed: int = 1) -> tuple[float, float]:
    """Return the 95 % interval of the mean of values (n,) without NaN, by resampling complete groups."""
    is_known = ~np.isnan(values)
    labels = np.unique(groups[is_known], return_inverse=True)[1]
    sums, counts = np.bincount(labels, values[is_known]), np.bincount(labels)
    drawn = np.random.default_rng(seed).integers(0, len(sums), (RESAMPLES, len(sums)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [2.5, 97.5])
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Two means of the same queries, their difference with its 95 % interval, and how often chance gives as much.

    `p_value` is that of a two-sided permutation test that swaps the two settings in whole groups (Smucker, Allan and
    Carterette, CIKM 2007).
    """

    before: float
    after: float
    difference: float
    interval: tuple[float, float]
    p_value: float
    queries: int

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types, rounded to four places."""
        return {
            "before": round(self.before, 4),
            "after": round(self.after, 4),
            "difference": round(self.difference, 4),
            "interval": [round(bound, 4) for bound in self.interval],
            "p_value": round(self.p_value, 4),
            "queries": self.queries,
        }


def compare_values(before: Values, after: Values, groups: Labels, seed: int = 1) -> PairedTest:
    """Compare two measurements of the same queries, (n,) each without NaN; whole `groups` (n,) are resampled."""
    difference = after - before
    labels = np.unique(groups, return_inverse=True)[1]
    sums = np.bincount(labels, difference)
    rng = np.random.default_rng(seed)
    batch = max(1, min(_FLIPS, _MOST_CELLS // len(sums)))
    as_large = done = 0
    while done < _FLIPS:
        signs = rng.integers(0, 2, (min(batch, _FLIPS - done), len(sums))) * 2 - 1
        as_large += int(np.count_nonzero(np.abs(signs @ sums) >= abs(sums.sum()) - 1e-12))
        done += len(signs)
    return PairedTest(
        float(before.mean()), float(after.mean()), float(difference.mean()),
        bootstrap_interval(difference, groups, seed), (as_large + 1) / (_FLIPS + 1), len(before),
    )  # fmt: skip
