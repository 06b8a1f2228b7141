"""Test scale bars that are double arrows, and bars that an outline or a box of another color holds."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mirsearch.analysis.scalebars.detector import RunLengthDetector
from mirsearch.analysis.scalebars.line_shapes import judge_line
from tests.support import bar_drawings as drawn


def paint_arrow(draw, x0, x1, y=250, thick=3, head=9, heads=(True, True)):
    """Paint a white line whose tips are at x0 and x1 (exclusive), with heads of `head` px length."""
    draw.rectangle((x0, y - thick // 2, x1 - 1, y - thick // 2 + thick - 1), fill="white")
    for tip, way, wanted in ((x0, 1, heads[0]), (x1 - 1, -1, heads[1])):
        if wanted:
            draw.polygon([(tip, y), (tip + way * head, y - 5), (tip + way * head, y + 5)], fill="white")


@pytest.mark.parametrize("length", [26, 54, 130])
@pytest.mark.parametrize("blur", [0.0, 0.7])
def test_a_double_arrow_is_a_bar_from_tip_to_tip(length, blur):
    pixels = drawn.draw_panel(lambda draw: paint_arrow(draw, 200, 200 + length), seed=2, blur=blur, low=20, high=70)
    best = RunLengthDetector().detect(pixels)[0]
    assert best.length_px == pytest.approx(length, abs=1.2)
    assert best.score > 0.9
    assert judge_line(pixels, best).kind == "bar"


def test_an_arrow_with_one_head_and_a_line_with_caps_are_no_double_arrows():
    def paint(draw):
        paint_arrow(draw, 100, 160, heads=(False, True))
        draw.rectangle((260, 150, 319, 152), fill="white")
        for x in (260, 318):
            draw.rectangle((x, 145, x + 1, 157), fill="white")

    bars = RunLengthDetector().detect(drawn.draw_panel(paint, seed=2, low=20, high=70))
    one_head = [bar for bar in bars if bar.box[0] < 165 and judge_line(drawn.draw_panel(paint, 2), bar).kind == "bar"]
    assert not [bar for bar in one_head if bar.score > 0.9]
    assert any(bar.length_px == pytest.approx(60, abs=1.5) for bar in bars if bar.box[0] > 250)


def test_a_colored_bar_in_a_black_box_is_measured_and_not_the_box():
    tint = np.array((1.15, 0.92, 1.05))  # stained tissue
    pixels = np.clip(np.asarray(drawn.draw_ground(3, 190, 225)) * tint, 0, 255).astype(np.uint8)
    pixels[300:314, 200:281] = 0
    pixels[304:310, 204:277] = (255, 225, 0)  # as bright as the ground
    best = RunLengthDetector().detect(pixels)[0]
    assert best.length_px == pytest.approx(73, abs=1.5)


def test_a_short_double_arrow_is_found_in_a_narrow_strip():
    image = drawn.draw_ground(1, 20, 60, (28, 220))
    paint_arrow(ImageDraw.Draw(image), 150, 184, y=14, thick=2, head=7)
    best = RunLengthDetector().detect(np.asarray(image))[0]
    assert best.length_px == pytest.approx(34, abs=1.2)


@pytest.mark.parametrize(
    ("fill", "outline", "low", "high"), [(255, 0, 195, 235), (0, 255, 15, 70), (0, 255, 70, 150), (255, 0, 70, 150)]
)
def test_an_outlined_bar_is_measured_without_its_outline(fill, outline, low, high):
    pixels = np.asarray(drawn.draw_ground(4, low, high)).copy()
    pixels[300:307, 199:235] = outline
    pixels[301:306, 200:234] = fill
    pixels[301:306, [200, 233]] = 128  # half of a px: the bar is 33 px long
    best = RunLengthDetector().detect(pixels)[0]
    assert best.length_px == pytest.approx(33, abs=0.7)


def draw_red_arrow(ground, quality=None):
    """Return a picture of even ground with a red double arrow from 60 to 118, stored as JPEG if a quality is given."""
    image = Image.new("RGB", (200, 160), ground)
    draw = ImageDraw.Draw(image)
    draw.rectangle((60, 120, 117, 122), fill=(234, 30, 30))
    for tip, way in ((60, 1), (117, -1)):
        draw.polygon([(tip, 121), (tip + way * 13, 114), (tip + way * 13, 128)], fill=(234, 30, 30))
    if quality is not None:
        stored = io.BytesIO()
        image.save(stored, "JPEG", quality=quality)
        image = Image.open(stored).convert("RGB")
    return np.array(image)


@pytest.mark.parametrize(("ground", "quality"), [((22, 22, 22), None), ((22, 22, 22), 85), ((88, 88, 88), None)])
def test_a_double_arrow_of_dim_colored_ink_is_found(ground, quality):
    pixels = draw_red_arrow(ground, quality)
    best = RunLengthDetector().detect(pixels)[0]
    assert best.length_px == pytest.approx(58, abs=1.5)
    assert best.score > 0.9
    assert judge_line(pixels, best).kind == "bar"


def test_a_small_double_arrow_with_blunt_tips_is_no_arrow():
    pixels = np.full((60, 120, 3), 20, np.uint8)
    for row, columns in ((0, (13, 14, 25, 26)), (1, (11, 12, 13, 14, 25, 26, 27, 28)), (6, (13, 14, 25, 26))):
        pixels[30 + row, [60 + column for column in columns]] = 255
    pixels[32, [*range(68, 75), *range(85, 92)]] = pixels[35, [*range(71, 75), *range(85, 89)]] = 255
    pixels[33:35, 65:95] = 255
    arrow = next(bar for bar in RunLengthDetector().detect(pixels) if bar.length_px > 25)
    assert judge_line(pixels, arrow).kind == "bar"
