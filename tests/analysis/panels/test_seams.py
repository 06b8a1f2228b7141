"""Find seams of pictures that touch, keep lines within one picture, and assign letters to tiles."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from mirsearch.analysis.base import Pixels, TextBox
from mirsearch.analysis.letters.assignment import clip_letters, extend_to_letters, tiles_without_letter, unassigned_gaps
from mirsearch.analysis.letters.letters import Letter, parse_glued
from mirsearch.analysis.panels.gutters import Canvas
from mirsearch.analysis.panels.mosaics import cut_like_neighbors, cut_mosaic
from mirsearch.analysis.panels.partition import Partition
from mirsearch.analysis.panels.seams import continues_across, continues_across_unseen_part
from mirsearch.analysis.panels.tiles import figure_tiles
from mirsearch.corpus import Box

BOX = (0, 0, 400, 300)


def draw_texture(seed: int, width: int = 400, height: int = 300, level: int = 128) -> Pixels:
    """Draw blobs of about 20 px around a gray level, as RGB."""
    noise = np.random.default_rng(seed).normal(0, 1, (height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 9)
    gray = np.clip(level + 35 * smooth / smooth.std(), 0, 255).astype(np.uint8)
    return np.repeat(gray[:, :, None], 3, axis=2)


def test_two_pictures_that_touch_are_cut_at_their_seam() -> None:
    pixels = np.hstack([draw_texture(1, 170), draw_texture(2, 230)])
    assert not continues_across(pixels, BOX, 0, 170, 1.0)
    assert cut_mosaic(Canvas(pixels), BOX) == [(0, 0, 170, 300), (170, 0, 400, 300)]


@pytest.mark.parametrize("axis", [0, 1])
def test_a_scan_line_that_changes_the_brightness_leaves_a_picture_whole(axis: int) -> None:
    pixels = draw_texture(3).astype(np.int16)
    (pixels[:, 170:] if axis == 0 else pixels[170:])[:] += 30
    picture = np.clip(pixels, 0, 255).astype(np.uint8)
    assert continues_across(picture, BOX, axis, 170, 1.0)
    assert cut_mosaic(Canvas(picture), BOX) == [BOX]


def test_an_upright_fiber_leaves_a_picture_whole() -> None:
    generator = np.random.default_rng(4)
    gray = generator.normal(170, 3, (300, 400))
    fiber = np.full(300, 60.0)
    fiber[::7] = 140.0
    gray[:, 150:158] = fiber[:, None]
    picture = np.repeat(np.clip(gray, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
    assert continues_across(picture, BOX, 0, 150, 0.7)


def test_a_gutter_of_one_color_stays_a_seam_between_alike_pictures() -> None:
    pixels = draw_texture(5)
    pixels[:, 200] = 255
    assert not continues_across(pixels, BOX, 0, 200, 1.0)


def test_a_seam_seen_only_here_and_there_counts_where_it_halves_a_picture() -> None:
    left, right = draw_texture(6, 200), draw_texture(7, 200)
    left[100:], right[100:] = 20, 20
    pixels = np.hstack([left, right])
    assert cut_mosaic(Canvas(pixels), BOX, even_only=True) == [(0, 0, 200, 300), (200, 0, 400, 300)]


def test_evenly_divides_into_parts_of_one_size_alone() -> None:
    pixels = np.hstack([draw_texture(1, 150), draw_texture(2, 250)])
    assert cut_mosaic(Canvas(pixels), BOX, even_only=True) == [BOX]


def make_letter(label: str, *box: int) -> Letter:
    return Letter(label, (box[0], box[1], box[2], box[3]), "bare", 0.9)


def test_a_letter_box_ends_where_the_next_tile_begins() -> None:
    tiles = [(0, 0, 100, 100), (104, 0, 204, 100)]
    (moved,) = clip_letters([make_letter("b", 90, 2, 126, 22)], tiles)
    assert moved.box == (100, 2, 126, 22)


def test_a_letter_over_a_drawing_is_its_letter() -> None:
    tiles = [(0, 0, 180, 180), (220, 90, 400, 170)]
    letters = [make_letter("a", 4, 4, 20, 24), make_letter("b", 215, 30, 231, 50)]
    assert tiles_without_letter(tiles, letters) == [tiles[1]]
    assert tiles_without_letter(extend_to_letters(tiles, letters, 400), letters) == []


def test_no_letter_is_missing_inside_a_tile_that_has_one() -> None:
    tiles = [(0, 0, 400, 100), (0, 110, 190, 300), (200, 110, 400, 300)]
    letters = [make_letter("a", 4, 4, 20, 24), make_letter("b", 4, 114, 20, 134), make_letter("c", 204, 114, 220, 134)]
    assert unassigned_gaps(letters, tiles) == []
    assert len(unassigned_gaps(letters, [])) == 1


@pytest.mark.parametrize(("text", "label"), [("d100", "d"), ("dbo", "d"), ("b1o0", "b"), ("dark", None), ("d", None)])
def test_a_letter_read_together_with_an_axis_number_is_found(text: str, label: str | None) -> None:
    found = parse_glued(TextBox(text, (0, 0, 40, 20), 0.9))
    assert (found.label if found else None) == label


def test_a_seam_of_two_beside_a_third_does_not_cut_the_third() -> None:
    half = draw_texture(8, 467, 351)
    pixels = np.hstack([half, np.vstack([draw_texture(9, 233, 176), draw_texture(10, 233, 175)])])
    assert continues_across_unseen_part(pixels, (0, 0, 700, 351), 1, 176, [False, False, False, True])
    assert not continues_across_unseen_part(pixels, (0, 0, 700, 351), 1, 176, [True] * 4)
    assert cut_mosaic(Canvas(pixels), (0, 0, 700, 351))[0] == (0, 0, 467, 351)


def test_layers_leave_a_picture_whole() -> None:
    generator = np.random.default_rng(11)
    levels = np.repeat(generator.uniform(60, 190, 25), 12)
    gray = levels[:, None] + generator.normal(0, 8, (300, 400))
    picture = np.repeat(np.clip(gray, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
    assert not continues_across(picture, BOX, 1, 144, 1.0)
    assert cut_mosaic(Canvas(picture), BOX) == [BOX]


def draw_faint_pair(seed: int) -> Pixels:
    """Draw two dark pictures of 200 px that touch; a step shows only here and there along their seam."""
    pair = np.hstack([draw_texture(seed, 200, 200, 60), draw_texture(seed + 1, 200, 200, 60)])
    pair[:120, 150:250] = draw_texture(seed + 2, 100, 120, 60)
    return pair


def test_a_faint_seam_counts_where_the_picture_beside_lets_it_be_expected() -> None:
    pixels = np.hstack([draw_faint_pair(12), draw_texture(15, 200, 200, 170)])
    canvas, pair, third = Canvas(pixels), (0, 0, 400, 200), (400, 0, 600, 200)
    assert cut_mosaic(canvas, pair) == [pair]
    assert cut_like_neighbors(canvas, [pair, third]) == [(0, 0, 200, 200), (200, 0, 400, 200), third]
    assert cut_like_neighbors(canvas, [pair, (400, 0, 550, 200)]) == [pair, (400, 0, 550, 200)]


def test_a_picture_twice_as_wide_as_the_one_beside_it_stays_whole() -> None:
    pixels = np.hstack([draw_texture(16, 400, 200), draw_texture(17, 200, 200)])
    boxes = [(0, 0, 400, 200), (400, 0, 600, 200)]
    assert cut_like_neighbors(Canvas(pixels), boxes) == boxes


def test_a_letter_box_wider_than_its_letter_ends_at_the_tile_whose_corner_it_is_at() -> None:
    tiles = [(0, 0, 300, 200), (300, 0, 600, 200)]
    (moved,) = clip_letters([make_letter("b", 270, 2, 320, 28)], tiles)
    assert moved.box == (300, 2, 320, 28)


def test_a_letter_that_touches_the_picture_above_is_apart_from_it() -> None:
    pixels = np.full((460, 400, 3), 255, np.uint8)
    pixels[:200], pixels[230:430, :190] = draw_texture(18, 400, 200), draw_texture(19, 190, 200)
    pixels[230:430, 210:] = draw_texture(20, 190, 200)
    for left in (0, 210):
        cv2.putText(pixels, "d", (left, 220), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (0, 0, 0), 2)
        pixels[200:205, left + 11 : left + 13] = 0
    tiles, scraps, _ = figure_tiles(Canvas(pixels))
    assert tiles == [(0, 0, 400, 200), (0, 230, 190, 430), (210, 230, 400, 430)]
    assert len(scraps) == 2
    (moved,) = clip_letters([make_letter("d", 0, 180, 24, 226)], tiles, scraps)
    assert moved.box == scraps[0]


def draw_rows(counts: tuple[int, ...], width: int = 600, height: int = 200) -> tuple[Pixels, list[Box]]:
    """Draw rows of pictures that touch, each with a white databar of 30 px below it; return their boxes, too."""
    pixels, boxes = np.full((height * len(counts), width, 3), 255, np.uint8), []
    for row, count in enumerate(counts):
        edges = [round(width * n / count) for n in range(count + 1)]
        for left, right in pairwise(edges):
            top = row * height
            level = 90 + 60 * (len(boxes) % 2)
            pixels[top : top + height - 30, left:right] = draw_texture(
                30 + len(boxes), right - left, height - 30, level
            )
            boxes.append((left, top, right, top + height))
    return pixels, boxes


def test_no_picture_is_broken_where_all_other_rows_have_a_seam() -> None:
    pixels, boxes = draw_rows((3, 2, 3))
    letters = [
        make_letter(name, x0 + 3, y0 + 3, x0 + 23, y0 + 23)
        for name, (x0, y0, _, _) in zip("abcdefgh", boxes, strict=True)
    ]
    pictures = [(x0, y0, x1, y1 - 30) for x0, y0, x1, y1 in boxes]
    parts = {each.label: box for box, each in Partition(Canvas(pixels), letters, pictures).parts()}
    for name, box in zip("abcdefgh", boxes, strict=True):
        assert all(abs(edge - true) <= 2 for edge, true in zip(parts[name][::2], box[::2], strict=True)), name


def test_faint_seams_count_where_the_row_above_has_its_own() -> None:
    top = np.hstack([draw_texture(40 + n, 200, 200, 90 + 50 * (n % 2)) for n in range(3)])
    faint = np.hstack([draw_texture(50 + n, 200, 200, 60) for n in range(3)])
    for seam in (200, 400):
        faint[:120, seam - 50 : seam + 50] = draw_texture(85 + seam, 100, 120, 60)
    canvas = Canvas(np.vstack([top, faint]))
    above = [(200 * n, 0, 200 * n + 200, 200) for n in range(3)]
    assert cut_like_neighbors(canvas, [*above, (0, 200, 600, 400)]) == [
        *above,
        *((x0, 200, x1, 400) for x0, _, x1, _ in above),
    ]
    single = Canvas(np.vstack([top, draw_texture(70, 600, 200)]))
    assert cut_like_neighbors(single, [*above, (0, 200, 600, 400)]) == [*above, (0, 200, 600, 400)]
