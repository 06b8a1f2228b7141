"""Test that rectangles are found level by level as plain thresholds and openings find them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mirsearch.analysis.scalebars import candidates


def plain_masks(image, thorough):
    """Yield what each level leaves after runs shorter than the least length are removed from it."""
    sources = [(image, level) for level in (candidates._THRESHOLDS if thorough else candidates._FEW_THRESHOLDS)]
    for height in candidates._TOPHAT_HEIGHTS if thorough else candidates._TOPHAT_HEIGHTS[:2]:
        kernel = np.ones((height, 1), np.uint8)
        raised = cv2.morphologyEx(image, cv2.MORPH_TOPHAT, kernel, borderType=cv2.BORDER_REPLICATE)
        steps = candidates._TOPHAT_CONTRASTS if thorough else candidates._TOPHAT_CONTRASTS[1:2]
        sources += [(raised, step) for step in steps]
    runs = np.ones((1, candidates.MIN_LENGTH), np.uint8)
    for source, level in sources:
        mask = np.where(source >= level, 255, 0).astype(np.uint8)
        yield cv2.morphologyEx(mask, cv2.MORPH_OPEN, runs, borderType=cv2.BORDER_CONSTANT)


def draw_texture(seed):
    """Return a gray picture of blurred noise with bright and dark bars in it."""
    random = np.random.default_rng(seed)
    gray = cv2.GaussianBlur(random.integers(0, 256, (140, 230), dtype=np.uint8), (0, 0), 1 + seed)
    gray = cv2.normalize(gray, None, 0, 255, cv2.NORM_MINMAX)
    for level in (255, 252, 3, 0):
        x, y = random.integers(0, 150), random.integers(0, 130)
        gray[y : y + 5, x : x + 60] = level
    return gray


@pytest.mark.parametrize("thorough", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_no_level_loses_or_gains_a_box(seed, thorough):
    gray = draw_texture(seed)
    for image in (gray, 255 - gray):
        plain = {box for mask in plain_masks(image, thorough) for box in candidates._find_solid_boxes(mask, 200)}
        found = {
            box for mask in candidates._run_masks(image, thorough) for box in candidates._find_solid_boxes(mask, 200)
        }
        assert plain
        assert found == plain


def test_levels_that_add_nothing_are_looked_at_once():
    gray = np.zeros((60, 80), np.uint8)
    gray[20:24, 10:60] = 255
    assert len(list(candidates._level_sets(candidates._keep_runs(gray), candidates._THRESHOLDS))) == 1
    assert not list(candidates._run_masks(np.zeros((60, 80), np.uint8), True))
