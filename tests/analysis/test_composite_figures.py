"""Figures whose letters name several images: drawn ones read by the whole analyzer, real ones cut into images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.analysis.composite_scores import Score, score_figure
from mirsearch import plugins, settings
from mirsearch.analysis.analyzer import FigureAnalyzer
from mirsearch.analysis.captions.split import split_caption
from mirsearch.analysis.panels.cut import cut_figure
from mirsearch.corpus import panel_keys
from mirsearch.imaging.images import read_pages
from mirsearch.synthetic.composites import draw_composite, truth_json

SEEDS = range(5202, 5208)
"""Figures that no choice was made on."""


@pytest.fixture(scope="module")
def analyzer() -> FigureAnalyzer:
    ocr, detector = plugins.load("ocr", settings.DEFAULT_OCR)(), plugins.load("scalebars", settings.DEFAULT_SCALEBARS)()
    return FigureAnalyzer(ocr, detector)


def test_drawn_composites(analyzer: FigureAnalyzer) -> None:
    total, misread = Score(), 0
    for seed in SEEDS:
        figure = draw_composite(seed)
        panels = analyzer.analyze(figure.pixels, figure.caption)
        assert len(set(panel_keys(panels))) == len(panels)
        assert all((panel.part is None) == (panel.group is None) for panel in panels)
        assert all(panel.scale is None or panel.doubtful_scale is None for panel in panels)
        score = score_figure(truth_json(figure, "")["panels"], panels)
        misread += score.count["bars_wrong"] + score.count["false"] > 0
        total.add(score)
    count = total.count
    assert count["images"] > 50
    assert count["found"] >= 0.8 * count["images"], total.failures
    assert count["found"] >= 0.8 * count["made"], total.failures
    assert count["bars_right"] >= 0.7 * count["bars"], total.failures
    assert misread <= 1, total.failures
    assert len(total.readings) > 15


def test_real_composites_are_cut(shared_data: Path) -> None:
    folder = shared_data / "composite"
    ocr = plugins.load("ocr", settings.DEFAULT_OCR)()
    total = Score()
    truths = list(json.loads((folder / "truth.json").read_text(encoding="utf-8")).values())
    for truth in truths[1::2]:  # half of them, to save time
        pixels = next(iter(read_pages(folder / truth["file"]))).pixels
        caption = truth["caption"]
        texts = ocr.read(pixels, longest=640)
        panels = cut_figure(pixels, ocr, split_caption(caption).labels, texts, bool(caption)).panels
        total.add(score_figure(truth["panels"], panels))
    count = total.count
    assert count["images"] > 80
    assert count["found"] >= 0.95 * count["images"], total.failures
    assert count["found"] >= 0.95 * count["made"], total.failures
    assert count["letters_right"] == count["letters"], total.failures
