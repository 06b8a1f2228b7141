"""Seams of pictures that touch, lines within one picture, and the tiles that letters belong to."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mirsearch.analysis.base import Pixels, TextBox
from mirsearch.analysis.gutters import Canvas
from mirsearch.analysis.homes import clipped, open_holes, unlettered, with_headings
from mirsearch.analysis.letters import Letter, glued
from mirsearch.analysis.mosaic import mosaic
from mirsearch.analysis.seams import goes_on

BOX = (0, 0, 400, 300)


def texture(seed: int, width: int = 400, height: int = 300, level: int = 128) -> Pixels:
    """Blobs of about 20 px around a level, as RGB."""
    noise = np.random.default_rng(seed).normal(0, 1, (height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 9)
    gray = np.clip(level + 35 * smooth / smooth.std(), 0, 255).astype(np.uint8)
    return np.repeat(gray[:, :, None], 3, axis=2)


def test_two_pictures_that_touch_are_cut_at_their_seam() -> None:
    pixels = np.hstack([texture(1, 170), texture(2, 230)])
    assert not goes_on(pixels, BOX, 0, 170, 1.0)
    assert mosaic(Canvas(pixels), BOX) == [(0, 0, 170, 300), (170, 0, 400, 300)]


@pytest.mark.parametrize("axis", [0, 1])
def test_a_scan_line_that_changes_the_brightness_leaves_a_picture_whole(axis: int) -> None:
    pixels = texture(3).astype(np.int16)
    (pixels[:, 170:] if axis == 0 else pixels[170:])[:] += 30
    picture = np.clip(pixels, 0, 255).astype(np.uint8)
    assert goes_on(picture, BOX, axis, 170, 1.0)
    assert mosaic(Canvas(picture), BOX) == [BOX]


def test_an_upright_fiber_leaves_a_picture_whole() -> None:
    generator = np.random.default_rng(4)
    gray = generator.normal(170, 3, (300, 400))
    fiber = np.full(300, 60.0)
    fiber[::7] = 140.0
    gray[:, 150:158] = fiber[:, None]
    picture = np.repeat(np.clip(gray, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
    assert goes_on(picture, BOX, 0, 150, 0.7)


def test_a_gutter_of_one_color_stays_a_seam_between_alike_pictures() -> None:
    pixels = texture(5)
    pixels[:, 200] = 255
    assert not goes_on(pixels, BOX, 0, 200, 1.0)


def test_a_seam_seen_only_here_and_there_counts_where_it_halves_a_picture() -> None:
    left, right = texture(6, 200), texture(7, 200)
    left[100:], right[100:] = 20, 20
    pixels = np.hstack([left, right])
    assert mosaic(Canvas(pixels), BOX, evenly=True) == [(0, 0, 200, 300), (200, 0, 400, 300)]


def test_evenly_divides_into_parts_of_one_size_alone() -> None:
    pixels = np.hstack([texture(1, 150), texture(2, 250)])
    assert mosaic(Canvas(pixels), BOX, evenly=True) == [BOX]


def letter(label: str, *box: int) -> Letter:
    return Letter(label, (box[0], box[1], box[2], box[3]), "bare", 0.9)


def test_a_letter_box_ends_where_the_next_tile_begins() -> None:
    tiles = [(0, 0, 100, 100), (104, 0, 204, 100)]
    (moved,) = clipped([letter("b", 90, 2, 126, 22)], tiles)
    assert moved.box == (100, 2, 126, 22)


def test_a_letter_over_a_drawing_is_its_letter() -> None:
    tiles = [(0, 0, 180, 180), (220, 90, 400, 170)]
    letters = [letter("a", 4, 4, 20, 24), letter("b", 215, 30, 231, 50)]
    assert unlettered(tiles, letters) == [tiles[1]]
    assert unlettered(with_headings(tiles, letters, 400), letters) == []


def test_no_letter_is_missing_inside_a_tile_that_has_one() -> None:
    tiles = [(0, 0, 400, 100), (0, 110, 190, 300), (200, 110, 400, 300)]
    letters = [letter("a", 4, 4, 20, 24), letter("b", 4, 114, 20, 134), letter("c", 204, 114, 220, 134)]
    assert open_holes(letters, tiles) == []
    assert len(open_holes(letters, [])) == 1


@pytest.mark.parametrize(("text", "label"), [("d100", "d"), ("dbo", "d"), ("b1o0", "b"), ("dark", None), ("d", None)])
def test_a_letter_read_together_with_an_axis_number_is_found(text: str, label: str | None) -> None:
    found = glued(TextBox(text, (0, 0, 40, 20), 0.9))
    assert (found.label if found else None) == label
