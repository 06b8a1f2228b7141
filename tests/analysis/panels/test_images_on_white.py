"""Find what has no edges of its own: specimens cut out on white, strips of blots, plots under a title."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.letters.letters import Letter
from mirsearch.analysis.panels.gutters import Canvas
from mirsearch.analysis.panels.partition import Partition
from mirsearch.analysis.panels.single_images import find_single_images
from mirsearch.analysis.panels.thin_lines import find_thin_line
from mirsearch.corpus import Box
from tests.analysis.panels.test_seams import draw_texture
from tests.analysis.panels.test_single_images import assert_same_boxes, images_of, place, white


def draw_specimen(seed: int, *, textured: bool) -> Pixels:
    """Draw a body on white, shaded or of one color."""
    picture, body = white(240, 200), draw_texture(seed, 240, 200, 120)
    inside = np.zeros((200, 240), np.uint8)
    cv2.ellipse(inside, (120, 100), (90, 70), 0, 0, 360, 1, -1)
    picture[inside > 0] = body[inside > 0] if textured else (120, 120, 120)
    return picture


@pytest.mark.parametrize("textured", [True, False])
def test_specimens_on_white_are_images_and_drawn_shapes_are_one_drawing(textured: bool) -> None:
    figure = white(900, 320)
    for n in range(2):
        place(figure, draw_specimen(n, textured=textured), 60 + 400 * n, 60)
    found = images_of(figure)
    if textured:
        assert [kind for kind, _ in found] == ["picture", "picture"]
        assert_same_boxes([box for _, box in found], [(90, 90, 271, 231), (490, 90, 671, 231)])
    else:
        assert [kind for kind, _ in found] == ["drawing"]


def draw_histogram(figure: Pixels, x: int, y: int) -> Box:
    """Draw a histogram without gaps, whose bars are longer than its axes are thick, and return its box."""
    cv2.line(figure, (x, y), (x, y + 200), (0, 0, 0), 2)
    cv2.line(figure, (x, y + 200), (x + 260, y + 200), (0, 0, 0), 2)
    for n, height in enumerate((20, 60, 130, 180, 140, 70, 25)):
        left = x + 20 + 32 * n
        cv2.rectangle(figure, (left, y + 200 - height), (left + 28, y + 199), (60, 90, 170), -1)
    return (x, y, x + 261, y + 202)


def test_histograms_are_plots_and_the_bracket_over_them_is_part_of_none() -> None:
    figure = white(800, 330)
    truth = [draw_histogram(figure, 60 + 380 * n, 80) for n in range(2)]
    cv2.rectangle(figure, (60, 50), (700, 58), (0, 0, 0), -1)
    found = images_of(figure)
    assert [kind for kind, _ in found] == ["plot", "plot"]
    assert_same_boxes([box for _, box in found], truth)


def test_a_letter_is_no_part_of_a_flat_drawing_below_it() -> None:
    figure = white(900, 260)
    cv2.putText(figure, "a", (10, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (0, 0, 0), 3)
    for n in range(3):
        cv2.ellipse(figure, (200 + 220 * n, 160), (80, 40), 0, 0, 360, (180, 210, 240), -1)
    letter = (5, 20, 45, 70)
    whole, apart = (
        [
            piece.box
            for piece in find_single_images(figure, (0, 0, 900, 260), 900, letter=place)
            if piece.kind != "scrap"
        ]
        for place in (None, letter)
    )
    assert whole == [(0, 0, 900, 260)]
    assert_same_boxes(apart, [(120, 120, 721, 201)])


def pictures_of(figure: Pixels) -> list[Box]:
    return [box for kind, box in images_of(figure) if kind == "picture"]


def draw_blot(seed: int, height: int) -> Pixels:
    """Draw a light blot with a row of bands and the noise of its ground."""
    blot = np.full((height, 360), 240.0)
    for n in range(5):
        blot[height // 2 - 6 : height // 2 + 6, 15 + 70 * n : 65 + 70 * n] = 80
    blot = cv2.GaussianBlur(blot, (0, 0), 2) + np.random.default_rng(seed).normal(0, 2.5, blot.shape)
    return np.repeat(np.clip(blot, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def test_a_strip_below_a_blot_is_an_image_and_a_color_bar_and_a_databar_are_none() -> None:
    figure = white(600, 420)
    truth = [place(figure, draw_blot(1, 200), 80, 30), place(figure, draw_blot(2, 40), 80, 240)]
    assert_same_boxes(pictures_of(figure), truth)

    bar = np.repeat(np.tile(np.linspace(60, 230, 360).astype(np.uint8), (40, 1))[:, :, None], 3, axis=2)
    figure[240:280, 80:440] = bar
    assert_same_boxes(pictures_of(figure), truth[:1])

    figure[240:280, 80:440] = 0
    cv2.putText(figure, "SU8000 5.0kV x20k", (90, 270), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 1)
    assert_same_boxes(pictures_of(figure), truth[:1])


def test_a_black_line_between_dark_pictures_divides_them() -> None:
    dark = np.hstack([draw_texture(1, 200, 300, 30), draw_texture(2, 200, 300, 30)]) // 3 + 18
    assert find_thin_line(dark, (0, 0, 400, 300)) is None
    dark[:, 199] = 3
    found = find_thin_line(dark, (0, 0, 400, 300))
    assert found is not None
    assert abs(found[1].start - 198) <= 1


def test_no_drawing_is_broken_by_one_cut_through_both_rows() -> None:
    figure = white(900, 700)
    place(figure, draw_texture(5, 420, 300), 20, 380)
    place(figure, draw_texture(6, 420, 300), 460, 380)
    plot = draw_histogram(figure, 330, 60)
    figure[60:260, 20:280] = draw_texture(7, 260, 200)
    figure[60:260, 700:880] = draw_texture(8, 180, 200)
    places = {"a": (4, 40), "b": (680, 40), "c": (4, 360), "d": (448, 360)}
    letters = [Letter(name, (x, y, x + 14, y + 18), "bare", 1.0) for name, (x, y) in places.items()]
    parts = {each.label: box for box, each in Partition(Canvas(figure), letters, (), drawings=[plot]).parts()}
    assert parts["a"][2] >= plot[2]
