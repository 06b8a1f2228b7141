"""Overlays and contact sheets: what is drawn where, on figures of any size."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mirsearch.corpus import LoneBar, Panel, ScaleReading
from mirsearch.query import Pixels
from mirsearch.report.contact_sheet import Tile, contact_sheet
from mirsearch.report.overlay import draw_overlay
from mirsearch.report.overlay_style import (
    BAR_COLOR,
    COLORS,
    DOUBTFUL_COLOR,
    choose_style,
    panel_colors,
    shown_bar,
)
from mirsearch.report.overlay_tags import place_tags
from mirsearch.report.text_drawing import contrasting_ink, draw_text, text_size, truncate_to_width, wrap_text
from tests.support.report_answers import texture


def figure_panels(width: int, height: int) -> list[Panel]:
    half = width // 2
    bar = (half + width // 8, height - height // 10, half + width // 4, height - height // 12)
    reading = ScaleReading(4.06, 500.0, (bar[2] - bar[0]) * 1.0, bar, "500 nm", "label", 0.93)
    return [
        Panel((0, 0, half, height), label="a", kind="plot"),
        Panel(
            (half, 0, width, height), label="b", kind="micrograph", technique="SEM", scale=reading, text="500 nm µ→×"
        ),
    ]


def has_color(pixels: Pixels, color: tuple[int, int, int]) -> bool:
    return bool((pixels == np.array(color, np.uint8)).all(axis=2).any())


@pytest.mark.parametrize(("width", "height"), [(1, 1), (40, 30), (300, 200), (900, 1400), (3000, 500), (5200, 4100)])
def test_figures_of_any_size_are_drawn(width: int, height: int) -> None:
    drawn = draw_overlay(np.full((height, width, 3), 128, np.uint8), figure_panels(width, height))
    assert drawn.dtype == np.uint8
    assert drawn.ndim == 3
    assert max(drawn.shape[:2]) < 6000
    assert drawn.shape[1] >= 300


def test_boxes_bars_and_letters_are_there() -> None:
    drawn = draw_overlay(texture(1, 900, 600), figure_panels(900, 600))
    assert has_color(drawn, COLORS[0])
    assert has_color(drawn, COLORS[1])
    assert has_color(drawn, BAR_COLOR)


def test_the_bar_itself_is_left_as_it_was() -> None:
    pixels = texture(1, 1000, 600)
    panels = figure_panels(1000, 600)
    drawn = draw_overlay(pixels, panels)
    assert panels[1].scale is not None
    assert panels[1].scale.bar is not None
    x0, y0, x1, y1 = panels[1].scale.bar
    assert np.array_equal(drawn[y0:y1, x0:x1], pixels[y0:y1, x0:x1])
    assert tuple(drawn[y0 - 3, (x0 + x1) // 2]) == BAR_COLOR


def test_no_panel_and_many_panels() -> None:
    plain = draw_overlay(texture(1, 200, 200), [])
    assert plain.shape[1] > 200
    many = [Panel((0, 0, 60, 60 + at), label=None) for at in range(40)]
    assert draw_overlay(texture(1, 100, 100), many).shape[0] > 100


def test_hostile_labels_do_no_harm() -> None:
    nasty = "\x1b[31m\u202e" + "漢字" * 200
    reading = ScaleReading(1.0, 1.0, 1.0, (-50, -50, 900, 900), nasty)
    panel = Panel((-10, -10, 500, 500), label=nasty, kind=nasty, technique=nasty, text=nasty, scale=reading)
    assert draw_overlay(texture(1, 120, 100), [panel]).size > 0


def test_gray_sheets_and_captions() -> None:
    tiles = [
        Tile(texture(at, 60 + 40 * at, 50), f"tile {at} with a long caption, 500 nm", (200, 0, 0)) for at in range(7)
    ]
    tiles.append(Tile(texture(1, 30, 30)[:, :, 0], "gray"))
    sheet = contact_sheet(tiles, columns=3, side=100, title="Eight tiles")
    assert sheet.shape[1] == 3 * (100 + 6) + 6
    assert has_color(sheet, (200, 0, 0))
    assert contact_sheet([]).ndim == 3


def test_text_fits_its_width() -> None:
    for text in ("micrograph · 1.2 µm × 3 → 漢", "x" * 300, ""):
        for width in (20, 90, 400):
            assert text_size(truncate_to_width(text, 15, width), 15)[0] <= max(width, text_size("…", 15)[0])
    rows = wrap_text("one two three four five six seven", 14, 60, 3)
    assert 1 < len(rows) <= 3
    assert all(text_size(row, 14)[0] <= 60 for row in rows)


@pytest.mark.parametrize("char", "µ×→")
def test_signs_the_font_lacks_are_drawn_apart(char: str) -> None:
    def ink(text: str) -> Pixels:
        image = Image.new("RGB", (60, 40), (255, 255, 255))
        draw_text(ImageDraw.Draw(image), (5, 5), text, 24, (0, 0, 0))
        return np.asarray(image)

    assert (ink(char) < 128).any()
    assert not np.array_equal(ink(char), ink("?"))
    assert not np.array_equal(ink(char), ink("u"))


def test_letters_are_readable_on_every_color() -> None:
    for color in (*COLORS, (255, 255, 255), (0, 0, 0)):
        ink = contrasting_ink(color)
        light, dark = sorted((_luminance(ink), _luminance(color)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def _luminance(color: tuple[int, int, int]) -> float:
    linear = [((v / 255 + 0.055) / 1.055) ** 2.4 if v > 10 else v / 255 / 12.92 for v in color]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def grid_panels(columns: int, rows: int, side: int, gap: int = 4) -> list[Panel]:
    """Return the images of letter b in a grid, the first with a doubtful scale and the second with a lone bar."""
    group = (0, 0, columns * (side + gap), rows * (side + gap))
    panels = []
    for at in range(columns * rows):
        x, y = at % columns * (side + gap), at // columns * (side + gap)
        bar = (x + 10, y + side - 10, x + 10 + side // 2, y + side - 7)
        doubtful = ScaleReading(10.0, 500.0, side / 2, bar, "500 nm", "label", 0.3) if at == 0 else None
        lone = LoneBar(bar, side / 2) if at == 1 else None
        panels.append(
            Panel((x, y, x + side, y + side), "b", part=at + 1, group=group, heading=f"{at} h", doubtful_scale=doubtful,
                  bar=lone)
        )  # fmt: skip
    return panels


def test_doubtful_and_lone_bars_look_different() -> None:
    drawn = draw_overlay(np.full((500, 1000, 3), 128, np.uint8), grid_panels(2, 1, 450))
    figure = drawn[:500, :1000]
    assert has_color(figure, DOUBTFUL_COLOR)
    ring = figure[450 - 10 - 3, 464 : 464 + 225]
    is_drawn = (ring == np.array(BAR_COLOR, np.uint8)).all(axis=1)
    assert 0.3 < is_drawn.mean() < 0.7, "the ring of a bar without a length is dashed"
    assert not (figure[430:, :450] == np.array(BAR_COLOR, np.uint8)).all(axis=2).any()


def test_the_images_of_a_letter_have_one_color_and_other_panels_another() -> None:
    panels = [*grid_panels(2, 2, 200), Panel((0, 410, 400, 600), label="c"), Panel((400, 410, 500, 600))]
    assert panel_colors(panels) == [COLORS[0]] * 4 + [COLORS[1], COLORS[2]]


def test_a_shared_scale_draws_no_second_ring() -> None:
    reading = ScaleReading(10.0, 500.0, 50.0, (5, 5, 55, 8), "500 nm", "shared", 0.8)
    assert shown_bar(Panel((0, 0, 100, 100), "b", part=2, scale=reading)) is None
    own = shown_bar(Panel((0, 0, 100, 100), "b", part=1, scale=dataclasses.replace(reading, source="label")))
    assert own is not None
    assert own.box == (5, 5, 55, 8)


@pytest.mark.parametrize(("columns", "rows", "side"), [(2, 2, 300), (7, 8, 66), (16, 16, 36)])
def test_tags_stay_inside_their_images_and_hide_no_other(columns: int, rows: int, side: int) -> None:
    panels = grid_panels(columns, rows, side)
    boxes = [panel.box for panel in panels]
    area = (0, 0, columns * (side + 4), rows * (side + 4))
    tags = place_tags(panels, boxes, panel_colors(panels), [], choose_style(max(area)), area)
    assert len({tag.size for tag in tags}) == 1
    assert len({tag.text for tag in tags}) == len(tags)
    for tag, box in zip(tags, boxes, strict=True):
        assert box[0] <= tag.box[0] < tag.box[2] <= box[2]
        assert box[1] <= tag.box[1] < tag.box[3] <= box[3]
        assert (tag.box[2] - tag.box[0]) * (tag.box[3] - tag.box[1]) < 0.35 * side * side
    assert tags[1].text == ("b2 · 1 h" if side == 300 else "b2" if side == 66 else "2")


@pytest.mark.data
def test_real_figures_are_drawn(shared_data: Path) -> None:
    with (shared_data / "panel_truth.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for name in sorted({row["file"] for row in rows})[:4]:
        pixels = np.asarray(Image.open(shared_data / name).convert("RGB"))
        boxes = [row for row in rows if row["file"] == name]
        panels = [Panel((int(r["x0"]), int(r["y0"]), int(r["x1"]), int(r["y1"])), r["label"], r["kind"]) for r in boxes]
        drawn = draw_overlay(pixels, panels)
        assert all(has_color(drawn, COLORS[at % len(COLORS)]) for at in range(len(panels)))
