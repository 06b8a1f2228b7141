"""Test the whole analysis of a figure on drawn figures whose truth is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mirsearch.analysis.analyzer import FigureAnalyzer, panel_text
from mirsearch.analysis.base import TextBox
from mirsearch.analysis.ocr.rapid import RapidOcrEngine
from mirsearch.analysis.scalebars.detector import RunLengthDetector
from mirsearch.corpus import Panel, ScaleReading
from mirsearch.synthetic.composites import bars as drawn_bars
from mirsearch.synthetic.composites.pictures import rendering
from mirsearch.synthetic.fields import make_rng
from tests.support.figure_drawing import compose_figure, draw_letters, draw_plot, draw_texture, intersection_over_union


@pytest.fixture(scope="module")
def analyzer() -> FigureAnalyzer:
    return FigureAnalyzer(RapidOcrEngine(), RunLengthDetector())


def add_bar(picture: np.ndarray, length: int, label: str) -> np.ndarray:
    drawn = picture.copy()
    height, width = drawn.shape[:2]
    x, y = width - length - 20, height - 22
    cv2.rectangle(drawn, (x - 14, y - 46), (width - 4, height - 6), (0, 0, 0), -1)
    cv2.rectangle(drawn, (x, y), (x + length - 1, y + 5), (255, 255, 255), -1)
    cv2.putText(drawn, label, (x, y - 14), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2, cv2.LINE_AA)
    return drawn


def test_panels_with_captions_kinds_text_and_scales(analyzer: FigureAnalyzer) -> None:
    pictures = [
        add_bar(draw_texture(1, 420, 340), 120, "200 nm"),
        add_bar(draw_texture(2, 420, 340, 6), 100, "500 nm"),
    ]
    figure, boxes = compose_figure([pictures], 12, 255)
    caption = "Rods after growth. (a) SEM image of gold rods. (b) TEM image of silver rods."
    panels = analyzer.analyze(draw_letters(figure, boxes, "(a)"), caption)
    assert [panel.label for panel in panels] == ["a", "b"]
    assert all(intersection_over_union(panel.box, box) > 0.95 for panel, box in zip(panels, boxes, strict=True))
    assert [panel.caption for panel in panels] == [
        "Rods after growth. SEM image of gold rods.",
        "Rods after growth. TEM image of silver rods.",
    ]
    assert [panel.kind for panel in panels] == ["micrograph", "micrograph"]
    assert [panel.technique for panel in panels] == ["SEM", "TEM"]
    assert "200 nm" in panels[0].text
    assert "500" not in panels[0].text
    scales = [panel.scale for panel in panels]
    assert scales[0] is not None
    assert scales[1] is not None
    assert scales[0].nm_per_px == pytest.approx(200 / 120, rel=0.03)
    assert scales[1].nm_per_px == pytest.approx(500 / 100, rel=0.03)
    x0, y0, x1, y1 = scales[1].bar or (0, 0, 0, 0)
    assert boxes[1][0] <= x0 < x1 <= boxes[1][2]
    assert boxes[1][1] <= y0 < y1 <= boxes[1][3]


def test_plots_get_no_scale(analyzer: FigureAnalyzer) -> None:
    (panel,) = analyzer.analyze(draw_plot(1, 640, 480), "Current against time. Scale bar: 5 µm.")
    assert panel.kind == "plot"
    assert panel.technique is None
    assert panel.scale is None
    assert "Time" in panel.text


def test_the_bar_of_a_rendering_is_read(analyzer: FigureAnalyzer) -> None:
    pixels = rendering(420, 320, make_rng(3))
    look = drawn_bars.BarLook(thick=6, ink="black", label_height=18)
    bar = drawn_bars.add_bar(pixels, 50_000 / 120, 50_000, look, "label", "50 µm")
    (panel,) = analyzer.analyze(pixels, "Reconstructed neurons.")
    assert panel.scale is not None
    assert panel.scale.nm_per_px == pytest.approx(50_000 / bar.length_px, rel=0.03)


def test_without_letters_every_panel_has_the_whole_caption(analyzer: FigureAnalyzer) -> None:
    figure, _ = compose_figure([[draw_texture(n, 300, 260, 2 + 2 * n) for n in range(2)]], 12, 255)
    panels = analyzer.analyze(figure, "SEM images of rods.")
    assert [panel.caption for panel in panels] == ["SEM images of rods."] * 2


def test_one_crop_of_a_compound_figure_keeps_the_whole_caption(analyzer: FigureAnalyzer) -> None:
    caption = "(a) SEM of rods. (b) TEM of discs."
    (panel,) = analyzer.analyze(draw_texture(5, 360, 300), caption)
    assert panel.caption == caption


def test_left_and_right_are_told_by_place(analyzer: FigureAnalyzer) -> None:
    figure, _ = compose_figure([[draw_texture(n, 300, 260, 2 + 3 * n) for n in range(2)]], 12, 255)
    panels = analyzer.analyze(figure, "Left: SEM image. Right: TEM image.")
    assert [panel.caption for panel in panels] == ["SEM image", "TEM image."]


def test_pixel_size_of_the_file_is_used(analyzer: FigureAnalyzer) -> None:
    (panel,) = analyzer.analyze(draw_texture(6, 360, 300), "", nm_per_px=2.5)
    assert panel.scale is not None
    assert panel.scale.nm_per_px == pytest.approx(2.5)
    assert panel.scale.source == "metadata"


def test_what_a_source_knows_is_kept(analyzer: FigureAnalyzer) -> None:
    figure, boxes = compose_figure([[draw_texture(n, 300, 260, 2 + 2 * n) for n in range(2)]], 12, 255)
    scale = ScaleReading(nm_per_px=3.0, length_nm=300.0, length_px=100.0)
    known_panels = (
        Panel(box=boxes[0], label="x", caption="own words", scale=scale),
        Panel(box=(312, 0, 9_000, 9_000), kind="photo"),
        Panel(box=(700, 10, 800, 20)),
    )
    panels = analyzer.analyze(figure, "(x) SEM of rods. (y) TEM of discs.", known_panels=known_panels)
    assert [panel.box for panel in panels] == boxes
    assert (panels[0].label, panels[0].caption, panels[0].scale) == ("x", "own words", scale)
    assert panels[0].kind == "micrograph"
    assert panels[1].kind == "photo"


@pytest.mark.parametrize("shape", [(1, 1), (2, 600), (30, 30), (600, 2)])
def test_odd_shapes(analyzer: FigureAnalyzer, shape: tuple[int, int]) -> None:
    panels = analyzer.analyze(np.full((*shape, 3), 90, np.uint8), "(a) SEM. (b) TEM.")
    assert len(panels) == 1


def test_text_of_a_panel_is_clean_and_in_order() -> None:
    texts = [
        TextBox("low\x1b[31m", (0, 60, 20, 70), 0.9),
        TextBox("top", (0, 0, 20, 10), 0.9),
        TextBox("out", (200, 0, 220, 10), 0.9),
    ]
    assert panel_text(texts, (0, 0, 100, 100)) == "top\nlow[31m"
