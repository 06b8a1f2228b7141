"""Overlays and contact sheets: what is drawn where, on figures of any size."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mirsearch.corpus import Panel, ScaleReading
from mirsearch.query import Pixels
from mirsearch.report.contact_sheet import Tile, contact_sheet
from mirsearch.report.overlay import draw_overlay
from mirsearch.report.overlay_style import BAR_COLOR, COLORS
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
