"""Resizing images to a network's size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirsearch.extractors.preprocessing import Preparation, check_images


def picture(height: int, width: int) -> np.ndarray:
    rows = np.linspace(0, 255, height)[:, None] + np.linspace(0, 100, width)[None]
    return np.clip(rows, 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 900), st.integers(1, 900), st.sampled_from(["fit", "stretch", "crop"]))
def test_any_shape_comes_out_at_the_size(height, width, mode):
    prepared = Preparation(128, mode, 32)(picture(height, width))
    assert prepared.dtype == np.uint8
    if mode == "fit":
        assert max(prepared.shape[:2]) == 128
        assert prepared.shape[0] % 32 == prepared.shape[1] % 32 == 0
    else:
        assert prepared.shape == (128, 128, 3)


def test_fit_keeps_the_shape_up_to_a_multiple():
    assert Preparation(384, "fit", 32)(picture(600, 300)).shape == (384, 192, 3)


def test_crop_takes_the_middle():
    image = np.zeros((50, 150, 3), np.uint8)
    image[:, 50:100] = 200
    assert (Preparation(50, "crop", 1)(image) == 200).all()


def test_an_image_of_the_size_is_left_as_it_is():
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    assert (Preparation(64)(image) == image).all()


def test_survives_json_and_refuses_what_is_none():
    told = Preparation(96, "fit", 16, "bilinear")
    assert Preparation.from_json(told.as_json()) == told
    for bad in (
        {},
        told.as_json() | {"side": 10**9},
        told.as_json() | {"mode": "spin"},
        told.as_json() | {"multiple": 0},
    ):
        with pytest.raises(ValueError):
            Preparation.from_json(bad)


@pytest.mark.parametrize(
    "bad", [np.zeros((3, 3), np.uint8), np.zeros((3, 3, 3), np.float32), np.zeros((0, 3, 3), np.uint8)]
)
def test_other_arrays_are_refused(bad):
    with pytest.raises(ValueError, match="uint8"):
        check_images([bad])
