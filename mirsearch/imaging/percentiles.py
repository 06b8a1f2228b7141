"""Medians and percentiles with numpy's values. Its own functions load its masked arrays first, which takes 20 ms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def percentiles(values: NDArray[Any], shares: Sequence[float]) -> NDArray[Any]:
    """Return percentiles (0 to 100) of real values along the first axis, as `np.percentile(values, shares, axis=0)`."""
    places = (len(values) - 1) * np.true_divide(shares, 100)
    below = np.floor(places).astype(np.intp)
    above = np.minimum(below + 1, len(values) - 1)
    ordered = np.partition(values, sorted({*below.tolist(), *above.tolist()}), axis=0)
    fraction = (places - below).reshape(-1, *(1,) * (values.ndim - 1))
    low, high = ordered[below], ordered[above]
    step = high - low
    found: NDArray[Any] = np.where(fraction >= 0.5, high - step * (1 - fraction), low + step * fraction)
    return found


def median(values: NDArray[Any]) -> NDArray[Any]:
    """Return the median of floats along the first axis, as `np.median(values, axis=0)`."""
    half, is_odd = len(values) // 2, len(values) % 2
    ordered = np.partition(values, half if is_odd else [half - 1, half], axis=0)
    middle: NDArray[Any] = ordered[half] if is_odd else (ordered[half - 1] + ordered[half]) / 2
    return middle
