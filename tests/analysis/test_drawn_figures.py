"""Read figures drawn in every bar and layout style with the whole analyzer; the shares that are right must hold."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from mirsearch import plugins, settings
from mirsearch.analysis.analyzer import FigureAnalyzer
from mirsearch.analysis.base import OcrEngine, ScaleBarDetector
from mirsearch.analysis.captions.split import split_caption
from mirsearch.analysis.panels.separate import separate_panels
from mirsearch.analysis.scalebars.panel_scales import read_panel_scales
from mirsearch.corpus import Box, Panel
from mirsearch.synthetic.figures import FigureStyle, SyntheticFigure, draw_figure
from mirsearch.synthetic.layouts import LAYOUT_STYLES
from mirsearch.synthetic.scalebars.samples import draw_bar_sample
from mirsearch.synthetic.scalebars.styles import BAR_STYLES

MIN_BARS_RIGHT, MIN_ANSWERS_RIGHT, MIN_PANELS_FOUND, MIN_LETTERS_RIGHT, MIN_LAYOUTS_RIGHT = 0.97, 0.97, 0.97, 0.95, 0.88


@pytest.fixture(scope="module")
def parts() -> tuple[ScaleBarDetector, OcrEngine]:
    return plugins.load("scalebars", settings.DEFAULT_SCALEBARS)(), plugins.load("ocr", settings.DEFAULT_OCR)()


@pytest.fixture(scope="module")
def analyzer(parts: tuple[ScaleBarDetector, OcrEngine]) -> FigureAnalyzer:
    return FigureAnalyzer(parts[1], parts[0])


def intersection_over_union(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0, width) * max(0, height)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def is_right(nm_per_px: float, truth: float, length_px: float) -> bool:
    """Return whether a scale is within 5 %, or within 2 px for a bar under 40 px."""
    return abs(nm_per_px / truth - 1) <= max(0.05, 2 / length_px)


def read_bar(style: str, seed: int, detector: ScaleBarDetector, ocr: OcrEngine) -> str:
    """Return how the bar of a drawn and published micrograph is read: right, wrong, or missed."""
    sample = draw_bar_sample(seed, style)
    height, width = sample.pixels.shape[:2]
    panel = Panel(box=(0, 0, width, height))
    scale = read_panel_scales(sample.pixels, [panel], detector, ocr, caption=sample.caption)[0].scale
    if scale is None:
        return "missed"
    return "right" if is_right(scale.nm_per_px, sample.bar.nm_per_px, sample.bar.length_px) else "wrong"


def check_bars(parts: tuple[ScaleBarDetector, OcrEngine], seeds: range) -> None:
    """Check drawings of every style: the share of bars that is right, and the share of answers that is."""
    table = {
        (name, seed): read_bar(name, seed + number, *parts) for seed in seeds for number, name in enumerate(BAR_STYLES)
    }
    misses = {f"{name} {seed}": outcome for (name, seed), outcome in table.items() if outcome != "right"}
    found, wrong = len(table) - len(misses), list(misses.values()).count("wrong")
    print(f"\nbars: {found} of {len(table)} right, {wrong} wrong: {misses}")
    assert found >= MIN_BARS_RIGHT * len(table), misses
    assert wrong <= (1 - MIN_ANSWERS_RIGHT) * (found + wrong), misses


def test_bars_of_every_style(parts: tuple[ScaleBarDetector, OcrEngine]) -> None:
    check_bars(parts, range(71_000, 73_000, 1000))


@pytest.mark.slow
def test_more_bars_of_every_style(parts: tuple[ScaleBarDetector, OcrEngine]) -> None:
    check_bars(parts, range(73_000, 74_000, 1000))


def compare_layout(figure: SyntheticFigure, found: list[Panel]) -> tuple[list[bool], list[bool], bool]:
    """Return which panels are found, which letters are right, and whether there are no further panels."""
    hits, letters = [], []
    for truth in figure.panels:
        best = max(found, key=lambda panel: intersection_over_union(truth.box, panel.box))
        hits.append(intersection_over_union(truth.box, best.box) > 0.75)
        letters.append(truth.label is None or (best.label or "").lower() == truth.label)
        if truth.kind in ("plot", "schematic", "diffraction") and hits[-1]:
            assert best.scale is None, f"a length read in a {truth.kind}"
    return hits, letters, len(found) == sum(hits)


def test_layouts_of_every_style(analyzer: FigureAnalyzer) -> None:
    table: dict[str, list[bool]] = defaultdict(list)
    hits: list[bool] = []
    letters: list[bool] = []
    for number, layout in enumerate(LAYOUT_STYLES):
        figure = draw_figure(500_000 + number, FigureStyle(layout=layout))
        found, letters_right, exact = compare_layout(figure, analyzer.analyze(figure.pixels, figure.caption))
        hits += found
        letters += letters_right
        table[layout].append(all(found) and all(letters_right) and exact)
    wrong = [layout for layout, outcomes in table.items() if not all(outcomes)]
    print(f"\npanels {np.mean(hits):.3f}, letters {np.mean(letters):.3f}, layouts not wholly right: {wrong}")
    assert np.mean(hits) >= MIN_PANELS_FOUND
    assert np.mean(letters) >= MIN_LETTERS_RIGHT
    assert len(wrong) <= (1 - MIN_LAYOUTS_RIGHT) * len(table), wrong


@pytest.mark.parametrize(
    ("layout", "seed", "captioned"),
    [
        ("mosaic-rows", 700_023, True),
        ("mosaic-grid", 703_004, True),
        ("mixed-outside", 701_014, True),
        ("mosaic-row", 704_010, True),
        ("uneven-tight", 705_005, False),
    ],
    ids=["letter read with the next picture", "faint seam", "letters that touch pictures", "ii for iii", "no caption"],
)
def test_rows_of_pictures_that_touch(
    parts: tuple[ScaleBarDetector, OcrEngine], layout: str, seed: int, captioned: bool
) -> None:
    figure = draw_figure(seed, FigureStyle(layout=layout))
    labels = split_caption(figure.caption).labels if captioned else ()
    found = separate_panels(figure.pixels, parts[1], labels, caption_known=captioned)
    hits, letters, exact = compare_layout(figure, [Panel(box=box, label=label) for box, label in found])
    assert all(hits), found
    assert all(letters), found
    assert exact, found
