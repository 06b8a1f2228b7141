"""Figures drawn in every bar and layout style, read by the whole analyzer: shares that must hold, a table by style."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from mirsearch import plugins, settings
from mirsearch.analysis.analyzer import FigureAnalyzer
from mirsearch.analysis.base import OcrEngine, ScaleBarDetector
from mirsearch.analysis.captions.split import split_caption
from mirsearch.analysis.panels.separate import separate_panels
from mirsearch.analysis.scalebars.reader import read_scales
from mirsearch.corpus import Box, Panel
from mirsearch.synthetic.figures import FigureStyle, SyntheticFigure, draw_figure
from mirsearch.synthetic.layouts import LAYOUT_STYLES
from mirsearch.synthetic.scalebars.samples import draw_bar_sample
from mirsearch.synthetic.scalebars.styles import BAR_STYLES

BARS_FLOOR, ANSWERS_FLOOR, PANELS_FLOOR, LETTERS_FLOOR, LAYOUTS_FLOOR = 0.97, 0.97, 0.97, 0.95, 0.88


@pytest.fixture(scope="module")
def parts() -> tuple[ScaleBarDetector, OcrEngine]:
    return plugins.load("scalebars", settings.DEFAULT_SCALEBARS)(), plugins.load("ocr", settings.DEFAULT_OCR)()


@pytest.fixture(scope="module")
def analyzer(parts: tuple[ScaleBarDetector, OcrEngine]) -> FigureAnalyzer:
    return FigureAnalyzer(parts[1], parts[0])


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(0, width) * max(0, height)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def right(nm_per_px: float, truth: float, length_px: float) -> bool:
    """Within 5 %, or within 2 px of a bar under 40 px."""
    return abs(nm_per_px / truth - 1) <= max(0.05, 2 / length_px)


def bar_read(style: str, seed: int, detector: ScaleBarDetector, ocr: OcrEngine) -> str:
    """How the bar of a drawn and published micrograph is read."""
    sample = draw_bar_sample(seed, style)
    height, width = sample.pixels.shape[:2]
    scale = read_scales(sample.pixels, [(0, 0, width, height)], [sample.caption], detector, ocr)[0]
    if scale is None:
        return "missed"
    return "right" if right(scale.nm_per_px, sample.bar.nm_per_px, sample.bar.length_px) else "wrong"


def checked_bars(parts: tuple[ScaleBarDetector, OcrEngine], seeds: range) -> None:
    """Drawings of every style: the share that is right, and the share of the answers that is."""
    table = {
        (name, seed): bar_read(name, seed + number, *parts) for seed in seeds for number, name in enumerate(BAR_STYLES)
    }
    misses = {f"{name} {seed}": outcome for (name, seed), outcome in table.items() if outcome != "right"}
    found, wrong = len(table) - len(misses), list(misses.values()).count("wrong")
    print(f"\nbars: {found} of {len(table)} right, {wrong} wrong: {misses}")
    assert found >= BARS_FLOOR * len(table), misses
    assert wrong <= (1 - ANSWERS_FLOOR) * (found + wrong), misses


def test_bars_of_every_style(parts: tuple[ScaleBarDetector, OcrEngine]) -> None:
    checked_bars(parts, range(71_000, 73_000, 1000))


@pytest.mark.slow
def test_more_bars_of_every_style(parts: tuple[ScaleBarDetector, OcrEngine]) -> None:
    checked_bars(parts, range(73_000, 75_000, 1000))


def layout_read(figure: SyntheticFigure, found: list[Panel]) -> tuple[list[bool], list[bool], bool]:
    """Which panels are found, which letters are right, and whether there are no more panels than that."""
    hits, letters = [], []
    for truth in figure.panels:
        best = max(found, key=lambda panel: overlap(truth.box, panel.box))
        hits.append(overlap(truth.box, best.box) > 0.75)
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
        found, named, exact = layout_read(figure, analyzer.analyze(figure.pixels, figure.caption))
        hits += found
        letters += named
        table[layout].append(all(found) and all(named) and exact)
    wrong = [layout for layout, outcomes in table.items() if not all(outcomes)]
    print(f"\npanels {np.mean(hits):.3f}, letters {np.mean(letters):.3f}, layouts not wholly right: {wrong}")
    assert np.mean(hits) >= PANELS_FLOOR
    assert np.mean(letters) >= LETTERS_FLOOR
    assert len(wrong) <= (1 - LAYOUTS_FLOOR) * len(table), wrong


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
    hits, letters, exact = layout_read(figure, [Panel(box=box, label=label) for box, label in found])
    assert all(hits), found
    assert all(letters), found
    assert exact, found
