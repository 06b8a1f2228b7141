"""Figures drawn in every bar and layout style, read by the whole analyzer: shares that must hold, a table by style."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from mirsearch import plugins, settings
from mirsearch.analysis.analyzer import FigureAnalyzer
from mirsearch.corpus import Box, Panel
from mirsearch.synthetic.bar_styles import BAR_STYLES
from mirsearch.synthetic.fields import rng_of
from mirsearch.synthetic.figures import MICROGRAPHS, FigureStyle, SyntheticFigure, draw_figure, draw_micrograph
from mirsearch.synthetic.layouts import LAYOUT_STYLES
from mirsearch.synthetic.specimens import FAMILIES, specimen

BARS_FLOOR, PANELS_FLOOR, LETTERS_FLOOR, LAYOUTS_FLOOR = 0.92, 0.97, 0.95, 0.88


@pytest.fixture(scope="module")
def analyzer() -> FigureAnalyzer:
    ocr = plugins.load("ocr", settings.DEFAULT_OCR)()
    return FigureAnalyzer(ocr, plugins.load("scalebars", settings.DEFAULT_SCALEBARS)())


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(0, width) * max(0, height)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def right(nm_per_px: float, truth: float, length_px: float) -> bool:
    """Within 5 %, or within 2 px of a bar under 40 px."""
    return abs(nm_per_px / truth - 1) <= max(0.05, 2 / length_px)


def test_bars_of_every_style(analyzer: FigureAnalyzer) -> None:
    table: dict[str, str] = {}
    for number, (name, style) in enumerate(BAR_STYLES.items()):
        rng = rng_of(number, 7)
        pool = [each for each in MICROGRAPHS if not style.databar or FAMILIES[each].technique == "SEM"]
        shown = specimen(number * 31, str(rng.choice(pool)))
        picture, bar, _ = draw_micrograph(shown, 340, 280, 0.5, style, rng)
        caption = "" if bar.label_text else f"Scale bar: {bar.length_nm:g} nm."
        panel = analyzer.analyze(picture, caption, given=(Panel(box=(0, 0, 340, 280), kind="micrograph"),))[0]
        if panel.scale is None:
            table[name] = "missed"
        else:
            table[name] = "right" if right(panel.scale.nm_per_px, bar.nm_per_px, bar.length_px) else "wrong"
    misses = {name: outcome for name, outcome in table.items() if outcome != "right"}
    print(f"\nbars: {len(table) - len(misses)} of {len(table)} styles right; {misses}")
    assert len(misses) <= (1 - BARS_FLOOR) * len(table), misses


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
