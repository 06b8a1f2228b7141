"""Drawn micrographs as publications show them: their truth is correct after resizing and compression."""

from __future__ import annotations

import numpy as np
import pytest

from mirsearch.analysis.captions.scales import caption_scales
from mirsearch.synthetic.scalebars.samples import draw_bar_sample, publish_pixels
from mirsearch.synthetic.scalebars.styles import BAR_STYLES


@pytest.mark.parametrize("style", sorted(BAR_STYLES)[::3])
def test_the_truth_of_a_sample(style):
    sample = draw_bar_sample(5, style)
    bar, (height, width) = sample.bar, sample.pixels.shape[:2]
    assert sample.pixels.dtype == np.uint8
    assert bar.length_px * bar.nm_per_px == pytest.approx(bar.length_nm)
    assert bar.length_px >= 20
    for box in (bar.box, bar.label_box or bar.box):
        assert box[0] >= 0
        assert box[1] >= 0
        assert box[2] <= width + 1
        assert box[3] <= height + 1
    along = bar.box[3] - bar.box[1] if bar.vertical else bar.box[2] - bar.box[0]
    assert along == pytest.approx(bar.length_px, abs=2)
    if bar.label_text is None:
        assert caption_scales(sample.caption)[None].nm == bar.length_nm
    else:
        assert sample.caption == ""


def test_a_seed_is_a_sample():
    one, same, other = draw_bar_sample(3, "caps"), draw_bar_sample(3, "caps"), draw_bar_sample(4, "caps")
    assert np.array_equal(one.pixels, same.pixels)
    assert one.bar == same.bar
    assert one.pixels.shape != other.pixels.shape or not np.array_equal(one.pixels, other.pixels)


def test_publishing_resizes_and_compresses():
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    assert publish_pixels(pixels, 1.0, None) is pixels
    assert publish_pixels(pixels, 0.5, None).shape == (30, 40, 3)
    assert publish_pixels(pixels, 1.5, 60).shape == (90, 120, 3)
    assert not np.array_equal(publish_pixels(pixels, 1.0, 60), pixels)


def test_samples_differ_in_size_and_quality():
    samples = [draw_bar_sample(seed, "white-thin") for seed in range(12)]
    assert len({sample.factor for sample in samples}) > 3
    assert len({sample.quality for sample in samples}) > 5
