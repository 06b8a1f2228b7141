"""Test the operations on masks and channels against plain ones."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mirsearch.analysis.panels.gutters import Canvas
from mirsearch.analysis.panels.masks import component_stats, median_level


@pytest.mark.parametrize("shape", [(1, 1), (40, 61), (700, 900)], ids=str)
@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 1.0])
def test_components_are_those_of_opencv_in_its_order(shape, share):
    mask = np.asarray(np.random.default_rng(7).random(shape) < share, np.uint8)
    plain = cv2.connectedComponentsWithStats(mask, connectivity=8)[2][1:]
    assert np.array_equal(component_stats(mask), plain)


def test_as_many_components_as_fit_are_counted():
    mask = np.zeros((640, 640), np.uint8)
    mask[::2, ::2] = 1
    assert len(component_stats(mask)) == 320 * 320
    assert set(component_stats(mask)[:, 4].tolist()) == {1}


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (80, 61)], ids=str)
def test_steps_down_are_the_steps_across_of_the_turned_picture(shape):
    pixels = np.random.default_rng(3).integers(0, 256, (*shape, 3), dtype=np.uint8)
    pixels[:, shape[1] // 2 :] //= 4
    turned = np.ascontiguousarray(pixels.transpose(1, 0, 2))
    across = Canvas(pixels).step_shares((0, 0, shape[1], shape[0]), 0)
    down = Canvas(turned).step_shares((0, 0, shape[0], shape[1]), 1)
    assert np.array_equal(across, down)
    if min(shape) > 9:
        assert across.argmax() == shape[1] // 2


@pytest.mark.parametrize("count", [1, 2, 5, 1000, 1001])
@pytest.mark.parametrize("top", [1, 2, 256])
def test_the_median_by_counts_is_the_median(count, top):
    values = np.random.default_rng(count).integers(0, top, (count, 3), dtype=np.uint8)
    assert median_level(values) == np.median(values)
    assert median_level(values[:, 1]) == np.median(values[:, 1])


def test_no_bytes_have_no_median():
    assert np.isnan(median_level(np.zeros((0, 3), np.uint8)))
