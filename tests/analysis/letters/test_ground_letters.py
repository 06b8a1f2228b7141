"""Find panel letters where OCR reads no line: on the ground, below panels, between others in reading order."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from mirsearch.analysis.base import TextBox
from mirsearch.analysis.letters.corners import BELOW, TOP_LEFT, usual_corner
from mirsearch.analysis.letters.ground import add_from_ground, is_placed
from mirsearch.analysis.letters.letters import Letter
from mirsearch.analysis.letters.reading import read_letter
from mirsearch.analysis.letters.tile_order import TileOrder
from mirsearch.analysis.ocr.rapid import RapidOcrEngine
from mirsearch.analysis.panels.separate import separate_panels
from tests.support.figure_drawing import draw_texture, intersection_over_union

BOXES = [(60, 40, 360, 280), (460, 40, 760, 280), (60, 400, 360, 640), (460, 400, 760, 640)]


@pytest.fixture(scope="module")
def ocr() -> RapidOcrEngine:
    return RapidOcrEngine()


def draw_figure(places: list[tuple[int, int]], letters: str = "ABCD") -> np.ndarray:
    """Draw four pictures on white, each with its letter at a place."""
    figure = np.full((740, 820, 3), 255, np.uint8)
    for number, (x0, y0, x1, y1) in enumerate(BOXES):
        figure[y0:y1, x0:x1] = draw_texture(number, x1 - x0, y1 - y0, grain=2 + number)
    picture = Image.fromarray(figure)
    for letter, place in zip(letters, places, strict=True):
        ImageDraw.Draw(picture).text(place, letter, fill="black", font=ImageFont.load_default(34))
    return np.array(picture)


def test_letters_on_the_ground_are_found_without_a_line_of_text(ocr: RapidOcrEngine) -> None:
    figure = draw_figure([(x0 - 40, y0 - 6) for x0, y0, _, _ in BOXES])
    cv2.ellipse(figure, (210, 160), (40, 62), 0, 40, 320, (20, 20, 20), 9)  # a detail like a large "c"
    misread = [Letter("c", (165, 95, 250, 225), "bare", 0.9)]
    letters = {letter.label: letter.box for letter in add_from_ground(figure, ocr, BOXES, misread, list("abcd"))}
    assert sorted(letters) == list("abcd")
    assert all(letters[label][0] < box[0] for label, box in zip("abcd", BOXES, strict=True))


def test_letters_that_are_all_known_stay(ocr: RapidOcrEngine) -> None:
    figure = draw_figure([(x0 - 40, y0 - 6) for x0, y0, _, _ in BOXES])
    known = [
        Letter(label, (box[0] - 42, box[1] - 4, box[0] - 12, box[1] + 36), "bare", 1.0)
        for label, box in zip("abcd", BOXES, strict=True)
    ]
    assert add_from_ground(figure, ocr, BOXES, known, list("abcd")) == known


def test_letters_below_the_middle_name_what_is_above(ocr: RapidOcrEngine) -> None:
    figure = draw_figure([((x0 + x1) // 2 - 12, y1 + 2) for x0, _, x1, y1 in BOXES])
    found = separate_panels(figure, ocr, list("abcd"), texts=[], caption_known=True)
    assert [label for _, label in found] == list("abcd")
    for (box, _), truth in zip(found, BOXES, strict=True):
        assert intersection_over_union(box, (*truth[:3], truth[3] + 36)) > 0.85, found


def test_place_of_letters_below_and_beside() -> None:
    below = [
        Letter("a", ((x0 + x1) // 2 - 12, y1 + 4, (x0 + x1) // 2 + 12, y1 + 34), "bare", 1.0) for x0, _, x1, y1 in BOXES
    ]
    above = [Letter("a", (x0, y0 - 34, x0 + 24, y0 - 4), "bare", 1.0) for x0, y0, _, _ in BOXES]
    assert usual_corner(below, BOXES) == BELOW
    assert usual_corner(above, BOXES) == TOP_LEFT


@pytest.mark.parametrize(
    ("box", "expected"),
    [((20, 40, 44, 70), True), ((64, 44, 90, 74), True), ((200, 150, 230, 180), False), ((330, 44, 356, 74), False)],
    ids=["ground", "upper left", "middle", "upper right"],
)
def test_where_letters_stand(box: tuple[int, int, int, int], expected: bool) -> None:
    assert is_placed(Letter("a", box, "bare", 1.0), BOXES) is expected


@pytest.mark.parametrize(("text", "label"), [("(1)", "i"), ("(I)", "i"), ("(5)", "s"), ("1", None), ("(7)", "7")])
def test_lookalikes_in_brackets(text: str, label: str | None) -> None:
    letter = read_letter(TextBox(text, (0, 0, 40, 40), 0.9), ["g", "h", "i", "s"])
    assert (letter.label if letter is not None else None) == label


def test_a_missing_letter_belongs_to_the_tile_between_its_neighbors() -> None:
    tiles = [(0, 0, 200, 200), (210, 0, 300, 200), (310, 0, 560, 200), (570, 0, 760, 200), (770, 0, 900, 200)]
    order = TileOrder(tiles, TOP_LEFT, 900, 200)
    letters = [
        Letter(label, (tiles[n][0] + 4, 4, tiles[n][0] + 24, 28), "bare", 1.0)
        for label, n in zip("abd", (0, 1, 3), strict=True)
    ]
    completed = {letter.label: letter for letter in order.assign_missing(letters, list("abcd"))}
    assert completed["c"].style == "guess"
    assert completed["c"].box[:2] == tiles[2][:2]
    assert "c" not in {letter.label for letter in order.assign_missing(letters[:2], list("abcd"))}
