"""Databars on a white page belong to the picture above them; headings do not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mirsearch.analysis.base import Pixels, TextBox
from mirsearch.analysis.panels.databars import add_databar
from mirsearch.synthetic.scalebars.databars import databar_height, draw_databar
from mirsearch.synthetic.scalebars.styles import BAR_STYLES, BarStyle
from tests.analysis.panels.test_seams import draw_texture

WHITE_STRIPS = [style for style in BAR_STYLES.values() if style.databar in ("white", "camera", "left")]


def draw_page(style: BarStyle | None, width: int = 480, height: int = 360) -> tuple[Pixels, int]:
    """Return a page with a picture at (40, 30), with a databar in its lowest rows, and the databar's height."""
    page = np.full((height + 120, width + 80, 3), 255, np.uint8)
    page[30 : 30 + height, 40 : 40 + width] = draw_texture(5, width, height, 60)
    tall = databar_height(height)
    if style is None:
        page[30 + height - tall : 30 + height] = 255
    else:
        draw_databar(page[30 : 30 + height, 40 : 40 + width], 5.0, style, np.random.default_rng(7))
    return page, tall


def write(page: Pixels, words: str, x: int, y: int, size: float = 0.5) -> None:
    cv2.putText(page, words, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 1, cv2.LINE_AA)


@pytest.mark.parametrize("style", WHITE_STRIPS, ids=lambda style: style.name)
def test_a_white_databar_belongs_to_the_picture_above_it(style: BarStyle) -> None:
    page, tall = draw_page(style)
    picture = (40, 30, 520, 390 - tall)
    x0, y0, x1, y1 = add_databar(page, picture, [], [])
    assert (x0, y0, x1) == picture[:3]
    assert 390 - 0.4 * tall <= y1 <= 390


def test_a_databar_without_a_bar_is_told_by_its_words() -> None:
    page, tall = draw_page(None)
    picture, words = (40, 30, 520, 390 - tall), "EHT = 5.00 kV  WD = 4.1 mm  Signal A = SE2"
    write(page, words, 60, 378, 0.6)
    assert add_databar(page, picture, [], []) == picture
    read = [TextBox(words, (60, 364, 420, 382), 0.9)]
    assert add_databar(page, picture, [], read)[3] > 378


def test_headings_are_no_databars() -> None:
    page, tall = draw_page(None)
    picture = (40, 30, 520, 390 - tall)
    write(page, "Electrospun fibers after 24 h at 60 C", 70, 378, 0.6)
    assert add_databar(page, picture, [], []) == picture
    page[384:386, 45:515] = 0  # underlined
    assert add_databar(page, picture, [], []) == picture


def test_a_bar_with_its_length_alone_or_below_another_image_is_no_databar() -> None:
    page, tall = draw_page(None)
    picture = (40, 30, 520, 390 - tall)
    page[380:384, 60:160] = 0
    write(page, "2 um", 90, 374)
    assert add_databar(page, picture, [], []) == picture
    write(page, "EHT = 5.00 kV  WD = 4.1 mm", 200, 380)
    assert add_databar(page, picture, [], [])[3] > 380
    assert add_databar(page, picture, [(40, 392 - tall, 520, 470)], []) == picture


def test_a_drawing_gets_no_databar() -> None:
    page, tall = draw_page(WHITE_STRIPS[0])
    box = (40, 30, 520, 390 - tall)
    page[30 : 390 - tall, 40:520] = 255
    page[100:105, 60:500] = 0
    assert add_databar(page, box, [], []) == box
