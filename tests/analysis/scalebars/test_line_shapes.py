"""Test telling bars from frames, axes, arrows and dashed lines, with lines drawn on a real ground."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mirsearch.analysis.base import BarCandidate
from mirsearch.analysis.panels.boxes import transpose_box
from mirsearch.analysis.scalebars.insets import find_insets
from mirsearch.analysis.scalebars.letter_strokes import is_letter_stroke
from mirsearch.analysis.scalebars.line_shapes import judge_line
from tests.support import bar_drawings as drawn

LINE = BarCandidate((200, 250, 300, 253), 100.0, 0.9)


def draw_line(paint, seed=0):
    """Return a ground with a white line of 100 × 3 px and what `paint` adds to it."""
    image = Image.fromarray(np.asarray(drawn.draw_ground(seed)))
    draw = ImageDraw.Draw(image)
    draw.rectangle((200, 250, 299, 252), fill="white")
    paint(draw)
    return np.asarray(image)


def paint_nothing(draw):
    pass


def paint_caps(draw):
    for x in (200, 298):
        draw.rectangle((x, 243, x + 1, 259), fill="white")


def paint_short_ticks(draw):
    for x in (200, 298):
        draw.rectangle((x, 244, x + 1, 250), fill="white")


def paint_heads(draw, ends=(200, 299)):
    for x in ends:
        back = x + (12 if x == 200 else -12)
        draw.polygon([(x, 251), (back, 245), (back, 257)], fill="white")


def paint_one_head(draw):
    paint_heads(draw, (299,))


def paint_open_head(draw):
    for step in (-1, 1):
        draw.line([(299, 251), (285, 251 + step * 14)], fill="white", width=3)


def paint_touching_object(draw):
    draw.ellipse((192, 222, 216, 249), fill=(235, 235, 235))


def paint_frame(draw):
    draw.rectangle((200, 170, 299, 252), outline="white", width=3)


def paint_flat_frame(draw):
    draw.rectangle((200, 230, 299, 252), outline="white", width=2)


def paint_axis(draw):
    draw.rectangle((200, 120, 202, 252), fill="white")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("paint", [paint_nothing, paint_caps, paint_short_ticks, paint_heads, paint_touching_object])
def test_bars_with_and_without_ends_are_bars(paint, seed):
    assert judge_line(draw_line(paint, seed), LINE).kind == "bar"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("paint", "kind"),
    [
        (paint_frame, "frame"),
        (paint_flat_frame, "frame"),
        (paint_axis, "frame"),
        (paint_one_head, "arrow"),
        (paint_open_head, "arrow"),
    ],
)
def test_other_lines_are_no_bars(paint, kind, seed):
    assert judge_line(draw_line(paint, seed), LINE).kind == kind


def test_one_of_many_equal_dashes_is_no_bar():
    pixels = np.full((60, 400, 3), 90, np.uint8)
    for x in range(10, 380, 40):
        pixels[30:32, x : x + 20] = 255
    assert judge_line(pixels, BarCandidate((130, 30, 150, 32), 20.0, 0.9)).kind == "dashes"


@pytest.mark.parametrize("turned", [False, True])
def test_strokes_of_a_letter_are_told_from_bars(turned):
    pixels = np.asarray(drawn.draw_ground(1)).copy()
    letter = {"top arm": (20, 20, 52, 27), "arm": (20, 40, 49, 47), "stem": (20, 20, 27, 68)}
    for x0, y0, x1, y1 in letter.values():  # the letter F
        pixels[y0:y1, x0:x1] = 255
    pixels[200:204, 100:160] = 255
    pixels[193:211, [100, 101, 158, 159]] = 255
    strokes = [(box, max(box[2] - box[0], box[3] - box[1]), name == "stem") for name, box in letter.items()]
    bars = [BarCandidate(box, float(length), 0.9, upright) for box, length, upright in strokes]
    bars.append(BarCandidate((100, 200, 160, 204), 60.0, 0.9))
    pixels[295:303, 100:150] = 255
    pixels[278:320, 100:105] = pixels[278:320, 145:150] = 255  # caps nearly as high as the bar is long
    bars.append(BarCandidate((100, 295, 150, 303), 50.0, 0.9))
    if turned:
        pixels = np.ascontiguousarray(pixels.transpose(1, 0, 2))
        bars = [BarCandidate(transpose_box(bar.box), bar.length_px, 0.9, not bar.vertical) for bar in bars]
    assert [is_letter_stroke(pixels, bar) for bar in bars] == [True, True, True, False, False]


def test_a_vertical_line_is_judged_like_a_horizontal_one():
    pixels = np.ascontiguousarray(draw_line(paint_frame).transpose(1, 0, 2))
    shape = judge_line(pixels, BarCandidate((250, 200, 253, 300), 100.0, 0.5, vertical=True))
    assert shape.kind == "frame"
    assert shape.frame == pytest.approx((170, 200, 253, 300), abs=3)


@pytest.mark.parametrize("at_right", [False, True])
def test_an_inset_in_a_corner_is_found_by_its_two_inner_lines(at_right):
    pixels = np.asarray(drawn.draw_ground(2)).copy()
    other = np.asarray(drawn.draw_ground(5))
    pixels[:120, :150] = other[:120, :150]
    pixels[118:120, :150] = 255
    pixels[:120, 148:150] = 255
    if at_right:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
    width = pixels.shape[1]
    expected = (width - 150, 0, width, 120) if at_right else (0, 0, 150, 120)
    insets = find_insets(np.asarray(pixels[..., 1]), [])
    assert any(inset == pytest.approx(expected, abs=3) for inset in insets)
