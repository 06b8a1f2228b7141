"""Find letters that stand under the middle of their images, and take them to the upper left of these."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from mirsearch.analysis.base import TextBox
from mirsearch.analysis.letters.corners import BELOW, TOP_LEFT
from mirsearch.analysis.letters.letters import Letter, read_letter
from mirsearch.analysis.letters.under import corner_of, find_groups_above, lift_letters
from mirsearch.analysis.ocr.rapid import RapidOcrEngine
from mirsearch.analysis.panels.separate import separate_panels
from tests.support.figure_drawing import draw_texture, intersection_over_union

Box = tuple[int, int, int, int]
LEFT: list[Box] = [(20, 20, 140, 120), (144, 20, 264, 120), (20, 124, 140, 224), (144, 124, 264, 224)]
RIGHT: list[Box] = [(300, 20, 420, 120), (424, 20, 544, 120)]


def letter(label: str, x: int, y: int) -> Letter:
    return Letter(label, (x - 10, y, x + 10, y + 20), "half", 1.0)


def test_the_images_above_a_letter_are_those_without_a_wider_gutter() -> None:
    letters = [letter("a", 142, 228), letter("b", 422, 124)]
    groups = find_groups_above(letters, LEFT + RIGHT)
    assert groups == {"a": (20, 20, 264, 224), "b": (300, 20, 544, 120)}
    assert corner_of(letters, groups, LEFT + RIGHT) == BELOW
    assert [lifted.box for lifted in lift_letters(letters, groups)] == [(20, 20, 40, 40), (300, 20, 320, 40)]


def test_a_letter_inside_an_image_and_one_under_another_keep_their_own_places() -> None:
    letters = [letter("a", 35, 24), letter("b", 422, 124)]
    groups = find_groups_above(letters, LEFT + RIGHT)
    assert list(groups) == ["b"]
    assert corner_of(letters, groups, LEFT + RIGHT) == TOP_LEFT


@pytest.mark.parametrize(
    "letters",
    [
        [letter("a", 30, 228)],  # under the corner, not under the middle
        [letter("a", 35, 24), letter("b", 142, 228)],  # the images have a letter
        [letter("a", 142, 228), letter("b", 600, 226)],  # the other letter of the row stands under nothing
        [letter("a", 142, 280)],  # far below
        [letter("a", 142, 150)],  # in an image
    ],
)
def test_other_letters_stand_under_no_images(letters: list[Letter]) -> None:
    assert find_groups_above(letters, LEFT + RIGHT) == {}


def test_a_letter_above_its_own_image_is_not_of_the_one_before() -> None:
    below = [(20, 250, 264, 400)]
    assert find_groups_above([letter("a", 142, 228)], LEFT + below) == {}


@pytest.mark.parametrize("inside", [True, False])
def test_a_figure_is_cut_by_letters_under_its_images(inside: bool) -> None:
    figure = np.full((420, 300, 3), 255, np.uint8)
    rows: list[list[Box]] = [[(20, 20, 280, 150)], [(20, 210, 148, 340), (152, 210, 280, 340)]]
    for number, (x0, y0, x1, y1) in enumerate([box for row in rows for box in row]):
        figure[y0:y1, x0:x1] = draw_texture(number, x1 - x0, y1 - y0, 3)
    picture = Image.fromarray(figure)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(24)
    if inside:
        draw.rectangle((20, 20, 60, 52), fill="white")
    draw.text((24, 22) if inside else (138, 152), "a)", fill="black", font=font)
    draw.text((138, 345), "b)", fill="black", font=font)
    found = separate_panels(np.array(picture), RapidOcrEngine(), ["a", "b"], caption_known=True)
    assert [label for _, label in found] == ["a", "b"]
    assert intersection_over_union(found[0][0], (20, 20, 280, 178 if not inside else 150)) > 0.85, found
    assert intersection_over_union(found[1][0], (20, 210, 280, 372)) > 0.85, found


def test_a_bold_letter_that_is_read_as_a_greek_one_is_that_letter() -> None:
    found = read_letter(TextBox("θ", (0, 0, 20, 20), 0.9), ["d", "e"])
    assert found is not None
    assert found.label == "e"
    assert read_letter(TextBox("Δ", (0, 0, 20, 20), 0.9), ["d", "e"]) is None
