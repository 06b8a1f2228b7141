"""Test finding scale bars of many styles without reading labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mirsearch import plugins
from mirsearch.analysis.base import ScaleBarDetector
from mirsearch.analysis.scalebars.detector import RunLengthDetector
from tests.support import bar_drawings as drawn

BAR = (60, 300, 180, 306)


def draw_box(draw, fill, bar=BAR, **options):
    draw.rectangle((bar[0], bar[1], bar[2] - 1, bar[3] - 1), fill=fill, **options)


STYLES = {
    "white": lambda draw: draw_box(draw, "white"),
    "black": lambda draw: draw_box(draw, "black"),
    "thin": lambda draw: draw_box(draw, "white", (60, 300, 180, 301)),
    "thick": lambda draw: draw_box(draw, "white", (60, 290, 180, 318)),
    "yellow": lambda draw: draw_box(draw, (255, 235, 40)),
    "outlined": lambda draw: (draw_box(draw, "black", (58, 298, 182, 308)), draw_box(draw, "white")),
    "boxed": lambda draw: (draw_box(draw, "white", (40, 270, 200, 320)), draw_box(draw, "black")),
    "caps": lambda draw: (
        draw_box(draw, "white", (60, 302, 180, 304)),
        draw_box(draw, "white", (60, 294, 62, 312)),
        draw_box(draw, "white", (178, 294, 180, 312)),
    ),
    "ruler": lambda draw: (
        draw_box(draw, "white", (60, 302, 180, 304)),
        *(draw_box(draw, "white", (x, 304, x + 2, 312)) for x in range(60, 180, 118 // 5)),
    ),
    "segments": lambda draw: [
        draw_box(draw, color, (x, 300, x + 30, 306))
        for x, color in zip((60, 90, 120, 150), ("white", "black") * 2, strict=True)
    ],
}


def best_bar(pixels, vertical=False):
    return next(candidate for candidate in RunLengthDetector().detect(pixels) if candidate.vertical == vertical)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_is_found_first_with_its_length(style):
    found = best_bar(drawn.draw_panel(STYLES[style]))
    assert found.length_px == pytest.approx(120, abs=1.0)
    assert found.box[0] == pytest.approx(60, abs=1)
    assert found.box[2] == pytest.approx(180, abs=1)
    assert not found.broken


def test_ticks_without_a_line_are_a_broken_bar():
    def ticks(draw):
        draw_box(draw, "black", (0, 280, 480, 360))
        for index in range(11):
            x = 60 + 12 * index
            draw_box(draw, "white", (x, 300 - 4 * (index % 5 == 0), x + 1, 310))

    found = best_bar(drawn.draw_panel(ticks))
    assert found.broken
    assert found.length_px == pytest.approx(120, abs=0.5)


def test_wide_ticks_are_measured_half_way_between_their_middles_and_their_edges():
    def ticks(draw):
        draw_box(draw, "black", (0, 280, 480, 360))
        for index in range(11):
            draw_box(draw, "white", (60 + 14 * index, 300, 67 + 14 * index, 320))

    found = best_bar(drawn.draw_panel(ticks))
    assert found.broken
    assert found.length_px == pytest.approx(143.5, abs=0.6)


def draw_ruler(draw, bright, beyond=None, tone="white"):
    """Draw eleven ticks 12 px apart from 60 to 180. The ground is bright from x = `bright` on."""
    draw_box(draw, (40, 40, 40), (0, 280, 480, 360))
    draw_box(draw, tone, (bright, 280, 320, 360))
    for index in range(11):
        draw_box(draw, "white", (60 + 12 * index, 300, 61 + 12 * index, 310))
    if beyond is not None:
        draw_box(draw, (150, 150, 150), (beyond, 296, 300, 320))
        draw_box(draw, (240, 240, 240), (beyond, 296, beyond + 2, 320))


@pytest.mark.parametrize("bright", [160, 172, 300])
def test_ticks_that_a_bright_ground_hides_are_counted(bright):
    found = best_bar(drawn.draw_panel(lambda draw: draw_ruler(draw, bright)))
    assert found.length_px == pytest.approx(120, abs=1)


def test_an_edge_one_step_beyond_is_no_tick():
    found = best_bar(drawn.draw_panel(lambda draw: draw_ruler(draw, 300, beyond=192)))
    assert found.length_px == pytest.approx(120, abs=1)


def test_ticks_on_a_pale_ground_are_counted():
    def pale(draw):
        draw_ruler(draw, 134, tone=(180, 180, 180))
        draw_box(draw, "white", (138, 280, 162, 360))

    assert best_bar(drawn.draw_panel(pale)).length_px == pytest.approx(120, abs=1)


def test_a_white_edge_one_step_beyond_a_whole_ruler_is_no_tick():
    def edged(draw):
        draw_ruler(draw, 300)
        draw_box(draw, (100, 100, 100), (186, 280, 300, 360))
        draw_box(draw, "white", (192, 280, 194, 360))

    assert best_bar(drawn.draw_panel(edged)).length_px == pytest.approx(120, abs=1)


def test_a_ruler_whose_ticks_may_go_on_unseen_is_unsure():
    def cut(draw):
        draw_box(draw, "white", (0, 280, 480, 360))
        draw_box(draw, (40, 40, 40), (80, 280, 160, 360))
        for index in range(11):
            draw_box(draw, "white", (60 + 12 * index, 300, 61 + 12 * index, 310))

    rows = [each for each in RunLengthDetector().detect(drawn.draw_panel(cut)) if each.broken]
    assert rows
    assert max(each.score for each in rows) < 0.4


@pytest.mark.parametrize("upright", [True, False])
def test_end_caps_are_no_bars(upright):
    def capped(draw):
        for x0, y0, x1, y1 in ((400, 100, 403, 160), (393, 100, 410, 103), (393, 157, 410, 160)):
            draw_box(draw, "white", (x0, y0, x1, y1) if upright else (y0, x0 - 200, y1, x1 - 200))

    assert len(find_caps(RunLengthDetector().detect(drawn.draw_panel(capped)), not upright)) == 0
    assert best_bar(drawn.draw_panel(capped), vertical=upright).length_px == pytest.approx(60, abs=1)


def find_caps(found, vertical):
    """Return the candidates of one direction that are about as long as the drawn caps."""
    return [each for each in found if each.vertical == vertical and 14 <= each.length_px <= 20 and each.score > 0.2]


def test_the_margins_of_a_tight_box_on_a_dark_picture_are_no_bars():
    def boxed(draw):
        draw_box(draw, "white", (57, 280, 183, 310))
        draw_box(draw, "black", (60, 303, 180, 306))

    found = best_bar(drawn.draw_panel(boxed, low=0, high=20))
    assert found.length_px == pytest.approx(120, abs=1)


def test_a_ruler_in_a_box_is_found_before_the_box_s_margins():
    def boxed(draw):
        draw_box(draw, "black", (50, 280, 190, 330))
        STYLES["ruler"](draw)

    found = best_bar(drawn.draw_panel(boxed))
    assert found.length_px == pytest.approx(120, abs=1)


def test_a_gap_between_letters_and_their_bar_is_no_bar_before_it():
    def gapped(draw):
        draw_box(draw, "white")
        for x in range(80, 140, 8):
            draw_box(draw, "white", (x, 284, x + 6, 296))
        draw_box(draw, (30, 30, 30), (84, 296, 116, 300))

    assert best_bar(drawn.draw_panel(gapped)).length_px == pytest.approx(120, abs=1)


def test_the_black_pieces_of_thin_segments_are_no_bars():
    def thin(draw):
        draw_box(draw, "white", (60, 300, 180, 303))
        for x in (90, 150):
            draw_box(draw, "black", (x, 301, x + 29, 302))

    found = RunLengthDetector().detect(drawn.draw_panel(thin, low=100, high=200))
    assert best_bar(drawn.draw_panel(thin, low=100, high=200)).length_px == pytest.approx(120, abs=2)
    assert not [each for each in found if each.length_px == pytest.approx(29, abs=3) and each.score > 0.3]


def test_framed_segments_are_measured_by_their_frame():
    def framed(draw):
        draw_box(draw, "white", (60, 299, 180, 307))
        for x in (90, 150):
            draw_box(draw, "black", (x, 300, x + 29, 306))

    found = best_bar(drawn.draw_panel(framed))
    assert found.length_px == pytest.approx(120, abs=1)


def draw_two_ends(draw):
    """Draw a bar in a databar with a gap in its middle for the label."""
    draw_box(draw, "black", (0, 280, 480, 360))
    for x0, x1, cap in ((60, 80, 60), (160, 180, 179)):
        draw_box(draw, "white", (x0, 310, x1, 311))
        draw_box(draw, "white", (cap, 304, cap + 1, 317))


def test_a_bar_in_two_pieces_is_found_within_white_margins():
    margins = ((9, 9), (9, 9), (0, 0))
    found = best_bar(np.pad(drawn.draw_panel(draw_two_ends), margins, constant_values=255))
    assert found.length_px == pytest.approx(120, abs=0.5)


def test_two_ends_around_a_label_are_one_bar():
    found = best_bar(drawn.draw_panel(draw_two_ends))
    assert found.broken
    assert found.length_px == pytest.approx(120, abs=0.5)


def test_an_upright_bar_is_found():
    found = best_bar(drawn.draw_panel(lambda draw: draw_box(draw, "white", (400, 100, 405, 220))), vertical=True)
    assert found.vertical
    assert found.length_px == pytest.approx(120, abs=1)
    assert found.box == (400, 100, 405, 220)


def test_lengths_are_measured_to_a_fraction_of_a_pixel():
    sharp = drawn.draw_panel(lambda draw: draw_box(draw, "white", (240, 1200, 727, 1224)), size=(1440, 1920))
    small = sharp.reshape(360, 4, 480, 4, 3).mean(axis=(1, 3)).round().astype(np.uint8)
    found = best_bar(small)
    assert found.length_px == pytest.approx(487 / 4, abs=0.4)


def test_blur_hardly_moves_the_ends():
    for blur in (0.8, 1.5):
        found = best_bar(drawn.draw_panel(STYLES["white"], blur=blur))
        assert found.length_px == pytest.approx(120, abs=1.2)


def test_boxes_lie_in_the_image_and_candidates_are_ordered():
    pixels = drawn.draw_labeled_bar()
    found = RunLengthDetector().detect(pixels)
    height, width = pixels.shape[:2]
    assert all(0 <= c.box[0] < c.box[2] <= width and 0 <= c.box[1] < c.box[3] <= height for c in found)
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)


def test_empty_and_even_images_have_no_bars():
    detector = RunLengthDetector()
    assert detector.detect(np.zeros((0, 0, 3), np.uint8)) == []
    assert detector.detect(np.zeros((5, 300, 3), np.uint8)) == []
    assert detector.detect(np.full((200, 300, 3), 128, np.uint8)) == []


@settings(max_examples=30, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 80), st.just(3))))
def test_any_pixels_are_accepted(pixels):
    for candidate in RunLengthDetector().detect(pixels):
        assert candidate.length_px > 0
        assert 0 <= candidate.score <= 1


def test_the_detector_is_registered():
    detector: ScaleBarDetector = plugins.load("scalebars", "runs")()
    assert detector.name == "runs"
