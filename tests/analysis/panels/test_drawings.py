"""Gather drawn pieces: images of a sheet, titles of axes, small drawings beside pictures."""

from __future__ import annotations

import cv2
import numpy as np

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.panels.drawings import gather_drawings
from mirsearch.analysis.panels.piece import Piece
from mirsearch.analysis.panels.single_images import find_single_images
from mirsearch.corpus import Box
from tests.analysis.panels.test_seams import draw_texture

SHEET: list[Box] = [(x, y, x + 200, y + 150) for y in (20, 180) for x in (20, 230, 440)]


def pieces_of(drawn: list[Box], scraps: list[Box]) -> list[Piece]:
    return [*(Piece(box, "drawing") for box in drawn), *(Piece(box, "scrap") for box in scraps)]


def boxes(pieces: list[Piece]) -> list[Box]:
    return sorted(piece.box for piece in pieces)


def test_drawings_of_one_size_in_a_full_grid_are_images_of_a_sheet() -> None:
    name = (5, 80, 15, 120)
    assert boxes(gather_drawings(pieces_of(SHEET, [name]), [], 800)) == sorted(SHEET)


def test_an_arrow_between_or_a_missing_cell_makes_one_drawing_of_a_sheet() -> None:
    arrow = (222, 90, 228, 96)
    assert len(gather_drawings(pieces_of(SHEET, [arrow]), [], 800)) == 1
    assert len(gather_drawings(pieces_of(SHEET[:-1], []), [], 800)) == 1
    wider = [*SHEET[:-1], (440, 180, 700, 330)]
    assert len(gather_drawings(pieces_of(wider, []), [], 800)) == 1


def test_the_title_of_an_axis_belongs_to_the_plot_right_of_it() -> None:
    left, right = (60, 20, 260, 200), (340, 20, 540, 200)
    title, end, legend = (278, 60, 292, 130), (278, 134, 292, 146), (262, 20, 276, 28)
    plots = [Piece(left, "plot"), Piece(right, "plot")]
    found = gather_drawings([*plots, *(Piece(box, "scrap") for box in (title, end, legend))], [], 1800)
    assert boxes(found) == [(60, 20, 276, 200), (278, 20, 540, 200)]


def test_small_things_beside_pictures_make_up_a_drawing() -> None:
    pictures: list[Box] = [(20, 20, 140, 140), (144, 20, 264, 140)]
    chart: list[Box] = [(330, 30, 334, 130), (334, 126, 420, 130), (350, 80, 370, 124), (380, 60, 400, 124)]
    headings: list[Box] = [(40, 146, 60, 156), (70, 146, 100, 156), (160, 146, 190, 156), (200, 146, 230, 156)]
    scraps = [Piece(box, "scrap") for box in (*chart, *headings)]
    assert boxes(gather_drawings(scraps, pictures, 1200)) == [(330, 30, 420, 130)]
    legend = [Piece((330, y, 390, y + 12), "scrap") for y in (30, 50, 70, 90, 110)]
    assert not gather_drawings(legend[:2], pictures, 1200)
    assert not gather_drawings([Piece(box, "scrap") for box in headings], pictures, 1200)


def test_a_large_letter_is_no_drawing() -> None:
    figure: Pixels = np.full((400, 700, 3), 255, np.uint8)
    figure[20:320, 130:530] = draw_texture(3, 400, 300, 60)
    cv2.putText(figure, "A", (10, 80), cv2.FONT_HERSHEY_SIMPLEX, 2.6, (0, 0, 0), 6, cv2.LINE_AA)
    inked = np.argwhere(figure[:, :120].min(axis=2) < 128)
    (y0, x0), (y1, x1) = inked.min(axis=0), inked.max(axis=0)
    letter = (int(x0) - 2, int(y0) - 2, int(x1) + 3, int(y1) + 3)
    pieces = find_single_images(figure, (0, 0, 700, 400), 700, letter=letter)
    assert [piece.kind for piece in pieces if piece.kind != "scrap"] == ["picture"]
