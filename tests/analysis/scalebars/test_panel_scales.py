"""Test the scales of a figure's images: insets, images of one letter, drawings, places in captions."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mirsearch.analysis.scalebars.detector import RunLengthDetector
from mirsearch.analysis.scalebars.panel_scales import read_panel_scales
from mirsearch.corpus import Panel, ScaleReading
from tests.support import bar_drawings as drawn

SIDE = 240


class BlindOcr:
    """An engine that reads nothing: these figures have bars without labels, and lengths in their captions."""

    name = "blind"

    def read(self, pixels, side_limit=None, longest=None):
        return []

    def recognize(self, crops):
        return [("", 0.0) for _ in crops]


def draw_row(bars, labels=None, seed=0):
    """Return a row of square images and their panels; `bars` are lengths in px of white bars (None: no bar)."""
    labels = labels or ["a"] * len(bars)
    figure = np.full((SIDE, (SIDE + 10) * len(bars), 3), 255, np.uint8)
    panels = []
    for number, length in enumerate(bars):
        image = drawn.draw_ground(seed + number, size=(SIDE, SIDE))
        if length:
            ImageDraw.Draw(image).rectangle((SIDE - 20 - length, 220, SIDE - 21, 223), fill="white")
        x = number * (SIDE + 10)
        figure[:, x : x + SIDE] = np.asarray(image)
        part = number + 1 if labels.count(labels[number]) > 1 else None
        panels.append(Panel(box=(x, 0, x + SIDE, SIDE), label=labels[number], part=part, kind="micrograph"))
    return figure, panels


def read(figure, panels, caption="", **options):
    return read_panel_scales(figure, panels, RunLengthDetector(), BlindOcr(), caption=caption, **options)


def test_images_of_one_letter_and_size_share_a_bar():
    figure, panels = draw_row([None, None, 60])
    found = read(figure, panels, "(a) DAPI, GFP and merge. Scale bar: 20 µm.")
    assert [each.scale.source for each in found] == ["shared", "shared", "caption"]
    assert all(each.scale.nm_per_px == pytest.approx(20_000 / 60, rel=0.02) for each in found)
    assert found[0].scale.bar is None
    assert found[0].scale.confidence < found[2].scale.confidence


def test_a_bar_is_not_shared_with_another_letter_size_or_inset():
    figure, panels = draw_row([60, None, None, None], ["a", "b", "a", "a"])
    smaller = dataclasses.replace(panels[2], box=(500, 0, 650, 150))
    inset = dataclasses.replace(panels[3], inset_of="a1")
    found = read(figure, [panels[0], panels[1], smaller, inset], "Cells. Scale bar: 20 µm.")
    assert found[0].scale is not None
    assert [each.scale for each in found[1:]] == [None] * 3


def test_bars_of_one_letter_that_differ_are_not_shared():
    figure, panels = draw_row([60, 90, None])
    found = read(figure, panels, "(a) Cells. Scale bar: 20 µm.")
    assert [each.scale is not None for each in found] == [True, True, False]


def test_a_sentence_in_the_part_of_a_letter_is_not_of_another_one():
    figure, panels = draw_row([60, 60], ["a", "b"])
    found = read(figure, panels, "(a) Cells. Scale bar: 20 µm. (b) Tissue. Scale bar: 100 µm. (c) Counts of cells.")
    assert [each.scale.length_nm for each in found] == [20_000, 100_000]
    found = read(figure, panels, "(a) Cells (scale bar: 20 µm). (b) Tissue.")
    assert found[0].scale.length_nm == 20_000
    assert found[1].scale is None
    assert found[1].bar.length_px == pytest.approx(60, abs=1)


def test_an_image_beside_a_letter_that_is_not_found_gets_a_doubtful_length():
    figure, panels = draw_row([60, 60, 60], ["a", "b", "b"])
    caption = "(a) Cells. Scale bar: 20 µm. (b) Tissue. Scale bar: 100 µm. (c) Grains. Scale bar: 50 nm."
    assert [each.scale.length_nm for each in read(figure, panels, caption)] == [20_000, 100_000, 100_000]
    corners = {panel.label: (panel.box[0] + 4, 4, panel.box[0] + 20, 24) for panel in panels[:2]}
    found = read(figure, panels, caption, places=corners)
    assert found[0].scale.length_nm == 20_000
    assert [each.scale.length_nm for each in found[1:]] == [100_000, 100_000]  # as large as the one with the letter
    panels[2] = dataclasses.replace(panels[2], box=(panels[2].box[0] + 30, 0, panels[2].box[2], SIDE))
    found = read(figure, panels, caption, places=corners)
    assert [each.scale is None for each in found] == [False, False, True]
    assert found[2].doubtful.length_nm == 100_000
    complete = [panels[0], panels[1], dataclasses.replace(panels[2], label="c")]
    corners["c"] = (panels[2].box[0] + 4, 4, panels[2].box[0] + 20, 24)
    assert [each.scale.length_nm for each in read(figure, complete, caption, places=corners)] == [20_000, 100_000, 50]


def test_a_stroke_of_a_letter_is_not_preferred_to_a_bar():
    figure, panels = draw_row([60])
    figure[8:48, 8:15] = 255
    found = read(figure, panels, "Cells. Scale bar: 20 µm.")
    assert found[0].scale.length_px == pytest.approx(60, abs=1)


def test_lengths_in_the_order_of_the_images_that_have_bars():
    figure, panels = draw_row([None, 60, 90])
    caption = "(a) From left to right: a cyst, its wall (scale bar = 1 mm) and its stroma (scale bar = 100 µm)."
    found = read(figure, panels, caption)
    assert [each.scale and each.scale.length_nm for each in found[1:]] == [1e6, 1e5]


def test_the_bar_of_an_inset_scales_only_the_inset():
    figure, panels = draw_row([None], ["a"])
    image = Image.fromarray(figure)
    draw = ImageDraw.Draw(image)
    image.paste(drawn.draw_ground(9, size=(100, 100)), (0, 0))
    draw.rectangle((50, 85, 89, 88), fill="white")
    inset = Panel(box=(0, 0, 100, 100), label="a", part=2, inset_of="a1")
    outer = dataclasses.replace(panels[0], part=1)
    caption = "(a) Cells. Scale bar: 20 µm (main), 2 µm (inset)."
    found = read(np.asarray(image), [outer, inset], caption)
    assert found[0].scale is None
    assert found[1].scale.length_nm == 2_000
    draw.rectangle((160, 220, 219, 223), fill="white")
    found = read(np.asarray(image), [outer, inset], caption)
    assert [each.scale.length_nm for each in found] == [20_000, 2_000]


def test_no_bar_is_looked_for_in_drawings_beside_images():
    figure, panels = draw_row([60, 60])
    caption = "(a) Cells and their number. Scale bar: 20 µm."
    found = read(figure, panels, caption, drawn=[False, True])
    assert found[0].scale is not None
    assert (found[1].scale, found[1].doubtful, found[1].bar) == (None, None, None)


def test_windows_and_arrows_are_not_taken_for_the_bar():
    figure, panels = draw_row([None])
    image = Image.fromarray(figure)
    draw = ImageDraw.Draw(image)
    draw.rectangle((60, 100, 120, 160), outline="white", width=2)
    draw.line((150, 60, 210, 60), fill="white", width=3)
    draw.polygon([(214, 60), (202, 54), (202, 66)], fill="white")
    found = read(np.asarray(image), panels, "(a) Cells. Scale bar: 20 µm.")[0]
    assert (found.scale, found.bar) == (None, None)


def test_a_scale_that_a_source_states_is_kept():
    figure, panels = draw_row([60, None])
    stated = ScaleReading(5.0, source="user")
    found = read(figure, [dataclasses.replace(panels[0], scale=stated), panels[1]], "(a) Cells. Scale bar: 20 µm.")
    assert found[0].scale is stated


def test_the_line_below_a_title_is_no_bar():
    figure, panels = draw_row([None])
    page = np.full((SIDE + 50, figure.shape[1], 3), 255, np.uint8)
    page[50:] = figure
    image = Image.fromarray(page)
    ImageDraw.Draw(image).rectangle((70, 40, 170, 41), fill="black")
    drawn.write_text(image, "Control", (120, 22), height=22, fill="black")
    panel = dataclasses.replace(panels[0], box=(0, 0, SIDE, SIDE + 50))
    found = read(np.asarray(image), [panel], "(a) Cells. Scale bar: 20 µm.")[0]
    assert (found.scale, found.bar) == (None, None)


def test_an_image_that_may_magnify_a_window_of_the_other_gets_a_doubtful_scale():
    figure, panels = draw_row([60, None])
    image = Image.fromarray(figure)
    ImageDraw.Draw(image).rectangle((60, 60, 120, 120), outline="white", width=2)
    found = read(np.asarray(image), panels, "(a) Cells. Scale bar: 20 µm.")
    assert found[0].scale is not None
    assert found[1].scale is None
    assert found[1].doubtful.source == "shared"


def test_a_bar_on_ground_as_bright_is_found_by_its_outline():
    figure, panels = draw_row([None])
    bright = Image.fromarray(np.clip(figure.astype(int) + 90, 0, 255).astype(np.uint8))
    ImageDraw.Draw(bright).rectangle((150, 220, 209, 226), fill="white", outline="black")
    found = read(np.asarray(bright), panels, "(a) Cells. Scale bar: 20 µm.")[0]
    assert found.scale.length_px == pytest.approx(58, abs=2.5)


def test_the_end_of_a_bar_that_a_tight_box_cuts_is_read():
    figure = np.full((200, 300, 3), 255, np.uint8)
    figure[20:110, 40:200] = np.asarray(drawn.draw_ground(2, size=(90, 160)))
    figure[165:170, 120:200] = 0
    figure[165:170, 200] = 120
    found = read(figure, [Panel(box=(40, 20, 200, 171), label="a", kind="micrograph")], "(a) A shell. Bar, 20 µm.")[0]
    assert found.scale.length_px == pytest.approx(80.5, abs=1)


def test_a_bar_at_the_edge_of_a_box_that_a_hair_crosses_is_read():
    figure = np.full((200, 300, 3), 255, np.uint8)
    figure[20:110, 40:200] = np.asarray(drawn.draw_ground(2, size=(90, 160)))
    figure[165:171, 120:180] = 0
    figure[150:180, 60:62] = 90
    found = read(figure, [Panel(box=(40, 20, 200, 171), label="a", kind="micrograph")], "(a) A larva. Bar, 20 µm.")[0]
    assert found.scale.length_px == pytest.approx(60, abs=1)


def test_a_bar_that_touches_something_bright_gets_the_scale_of_the_letter_s_other_images():
    figure, panels = draw_row([60, 60, 60])
    left = panels[2].box[0] + SIDE - 80
    figure[219:225, left - 10 : left + 2] = 255
    found = read(figure, panels, "(a) Cells at three times. Scale bar: 20 µm.")
    assert all(each.scale.nm_per_px == pytest.approx(20_000 / 60, rel=0.03) for each in found)


def test_a_bar_is_looked_for_in_a_figure_of_drawings_whose_caption_gives_one():
    figure, panels = draw_row([60, 60], labels=[None, None])
    drawings = [dataclasses.replace(panel, kind="schematic") for panel in panels]
    found = read(figure, drawings, "Reconstructed neurons. Scale bars, 20 µm.", drawn=[True, True])
    assert [each.scale.nm_per_px for each in found] == [pytest.approx(20_000 / 60, rel=0.02)] * 2


@pytest.mark.parametrize(("ground", "is_read"), [(0, True), (255, False)])
def test_a_colored_bar_is_read_in_a_rendering_on_dark_ground_but_not_in_a_drawing(ground, is_read):
    figure = np.full((SIDE, SIDE, 3), ground, np.uint8)
    figure[216:222, 20:80] = (0, 200, 230)
    panel = Panel(box=(0, 0, SIDE, SIDE), label="a", kind="schematic")
    found = read(figure, [panel], "(a) Neurons. Scale bar: 20 µm.")[0]
    told = found.scale or found.doubtful
    assert (told is not None and told.length_px == pytest.approx(60, abs=1)) == is_read
