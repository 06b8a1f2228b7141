"""Look for letters once more at the corners of pictures, and cut between rows that belong to one letter."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from mirsearch.analysis.base import TextBox
from mirsearch.analysis.letters.corners import TOP_LEFT, usual_corner
from mirsearch.analysis.letters.letters import Letter, choose_letters
from mirsearch.analysis.letters.second_look import are_doubtful, look_again
from mirsearch.analysis.ocr.rapid import RapidOcrEngine
from mirsearch.analysis.panels.separate import _look_again, separate_panels
from tests.support.figure_drawing import draw_texture, intersection_over_union

Box = tuple[int, int, int, int]
BOXES: list[Box] = [(20, 20, 320, 260), (330, 20, 630, 260), (20, 270, 320, 510), (330, 270, 630, 510)]
MIXED: list[Box] = [(284, 28, 312, 58), (338, 28, 366, 58), (28, 472, 56, 502), (594, 472, 622, 502)]
"""Places of letters at the upper right, upper left, lower left and lower right."""


@pytest.fixture(scope="module")
def ocr() -> RapidOcrEngine:
    return RapidOcrEngine()


def draw_figure(places: list[Box], letters: str) -> np.ndarray:
    """Draw four pictures on white with letters in white tags at these places."""
    figure = np.full((530, 650, 3), 255, np.uint8)
    for number, (x0, y0, x1, y1) in enumerate(BOXES):
        figure[y0:y1, x0:x1] = draw_texture(number, x1 - x0, y1 - y0, 3)
    picture = Image.fromarray(figure)
    for letter, place in zip(letters, places, strict=True):
        ImageDraw.Draw(picture).rectangle(place, fill="white")
        ImageDraw.Draw(picture).text((place[0] + 5, place[1]), letter, fill="black", font=ImageFont.load_default(26))
    return np.array(picture)


def test_letters_in_mixed_corners_are_found_without_a_line_of_text(ocr: RapidOcrEngine) -> None:
    found = separate_panels(draw_figure(MIXED, "ABCD"), ocr, list("abcd"), texts=[], caption_known=True)
    assert [label for _, label in found] == list("abcd")
    for (box, _), truth in zip(found, BOXES, strict=True):
        assert intersection_over_union(box, truth) > 0.9, found


def test_a_mark_in_a_picture_gives_way_to_the_letter_at_its_corner(ocr: RapidOcrEngine) -> None:
    misread = [Letter("b", (150, 120, 180, 150), "bare", 1.0), Letter("a", MIXED[0], "bare", 1.0)]
    figure = draw_figure(MIXED, "abcd")
    assert are_doubtful(misread, BOXES, list("ab"))
    letters = {letter.label: letter.box for letter in look_again(figure, ocr, BOXES, BOXES, misread, [], list("abcd"))}
    assert sorted(letters) == list("abcd")
    for label, place in zip("abcd", MIXED, strict=True):
        assert abs(letters[label][0] - place[0]) < 40, letters


def test_a_second_look_that_finds_nothing_new_leaves_the_guesses(ocr: RapidOcrEngine) -> None:
    """The guess stands left of its picture, where it fits no tile."""
    figure = draw_figure(MIXED[1:], "bcd")
    read = [Letter(label, place, "bare", 1.0) for label, place in zip("bcd", MIXED[1:], strict=True)]
    letters = [*read, Letter("a", (2, 20, 18, 36), "guess", 0.3)]
    assert are_doubtful(letters, BOXES, list("abcd"))
    assert _look_again(figure, ocr, lambda: BOXES, BOXES, letters, TOP_LEFT, [], list("abcd")) == (letters, TOP_LEFT)


def test_a_letter_of_the_other_case_is_none_of_the_letters() -> None:
    lines = [TextBox(text, (20 + 300 * n, 20, 44, 50), 0.9) for n, text in enumerate("bdef")]
    lines.append(TextBox("A", (350, 300, 374, 330), 0.6))
    assert {letter.label for letter in choose_letters(lines, list("abdef"))} == set("bdef")
    capitals = [TextBox(line.text.upper(), line.box, line.confidence) for line in lines]
    assert {letter.label for letter in choose_letters(capitals, list("abdef"))} == set("abdef")


def test_texts_are_chosen_so_that_all_are_in_order(ocr: RapidOcrEngine) -> None:
    figure = np.full((530, 650, 3), 255, np.uint8)
    places = [(20, 20, 44, 50), (330, 20, 354, 50), (20, 270, 44, 300)]
    texts = [TextBox(letter, place, 0.95) for letter, place in zip("abc", places, strict=True)]
    texts.append(TextBox("a", (330, 270, 354, 300), 1.0))  # behind c
    chosen = look_again(figure, ocr, BOXES, BOXES, [], texts, list("abc"))
    assert [(letter.label, letter.box) for letter in chosen] == list(zip("abc", places, strict=True))


def test_when_letters_are_doubtful() -> None:
    letters = [
        Letter(label, (box[0] + 6, box[1] + 6, box[0] + 30, box[1] + 36), "bare", 1.0)
        for label, box in zip("abcd", BOXES, strict=True)
    ]
    assert not are_doubtful(letters, BOXES, list("abcd"))
    assert are_doubtful(letters[:3], BOXES, list("abcd"))
    assert are_doubtful([*letters[:3], Letter("d", letters[3].box, "guess", 0.3)], BOXES, list("abcd"))
    assert are_doubtful(letters, BOXES, list("badc"))
    assert are_doubtful([*letters[:3], Letter("d", (450, 380, 474, 410), "bare", 1.0)], BOXES, list("abcd"))


def test_letters_left_of_a_row_are_not_below_the_row_above() -> None:
    tiles = [(80, 10, 300, 200), (310, 10, 530, 200), (80, 240, 250, 400), (420, 240, 530, 400)]
    letters = [
        Letter(label, box, "closed", 1.0)
        for label, box in (("b", (10, 240, 50, 280)), ("c", (350, 240, 400, 280)), ("d", (270, 212, 300, 222)))
    ]
    assert usual_corner(letters, tiles) == TOP_LEFT


def test_a_row_of_tiles_stays_with_the_letter_left_of_it(ocr: RapidOcrEngine) -> None:
    figure = np.full((560, 700, 3), 255, np.uint8)
    for number, (x0, y0, x1, y1) in enumerate(
        [(40, 10, 320, 260), (420, 10, 680, 260), (40, 300, 345, 540), (375, 300, 690, 540)]
    ):
        figure[y0:y1, x0:x1] = draw_texture(number, x1 - x0, y1 - y0, 3)
    texts = [
        TextBox(letter, box, 1.0)
        for letter, box in (("a", (8, 10, 30, 38)), ("b", (368, 10, 390, 38)), ("c", (8, 300, 30, 328)))
    ]
    found = {label: box for box, label in separate_panels(figure, ocr, list("abc"), texts=texts, caption_known=True)}
    assert found["c"][2] > 680
    assert found["b"][3] < 300


def test_a_speck_above_a_letter_is_no_accent(ocr: RapidOcrEngine) -> None:
    figure = np.full((530, 650, 3), 255, np.uint8)
    texts = [TextBox("Å", (20, 20, 44, 50), 0.9), TextBox("B\u0301", (330, 20, 354, 50), 0.9)]
    assert [letter.label for letter in look_again(figure, ocr, BOXES, BOXES, [], texts, ["a", "b"])] == ["a", "b"]
