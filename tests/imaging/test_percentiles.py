"""Medians and percentiles are numpy's, to the last bit, and load no masked arrays."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from mirsearch.imaging.percentiles import median, percentiles

SHARES = ([4, 50, 96], [5, 50, 95], [90], [0, 100], [12.5, 33.3])


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1,), (2,), (7,), (101,), (40, 3), (41, 1), (100, 5), (30, 0)])
def test_percentiles_are_those_of_numpy(kind, shape):
    values = (np.random.default_rng(len(shape) + shape[0]).random(shape) * 255).astype(kind)
    for shares in SHARES:
        np.testing.assert_array_equal(percentiles(values, shares), np.percentile(values, shares, axis=0))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1,), (2,), (7,), (100,), (40, 3), (41, 3)])
def test_medians_are_those_of_numpy(kind, shape):
    values = (np.random.default_rng(shape[0]).random(shape) * 255).astype(kind)
    found, expected = median(values), np.median(values, axis=0)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype


def test_values_in_any_order_are_left_as_they_are():
    values = np.array([3.0, 1.0, 2.0])
    median(values)
    percentiles(values, [50])
    assert values.tolist() == [3, 1, 2]


def test_masked_arrays_are_not_loaded():
    code = (
        "import sys, numpy as np; from mirsearch.imaging.percentiles import median, percentiles; "
        "median(np.arange(9.0)); percentiles(np.arange(9), [10, 50]); sys.exit('numpy.ma' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
