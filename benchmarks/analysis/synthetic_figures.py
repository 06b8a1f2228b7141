"""Run the whole analyzer on drawn figures, and measure what it reads right by style of bar, layout, and letters.

    python -m benchmarks.analysis.synthetic_figures [--figures 200] [--seed 0] [--out benchmarks/out] [--sheet FILE]

The figures take turns in bar styles and layouts. It prints a table for each, the shares of all, and one JSON line. It
writes the figures with a miss, truth in green and readings in red, to --sheet, by default synthetic_misses.png under
--out.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from mirsearch import plugins, settings
from mirsearch.analysis.analyzer import FigureAnalyzer
from mirsearch.corpus import Box, Panel
from mirsearch.synthetic.figures import FigureStyle, SyntheticFigure, draw_figure
from mirsearch.synthetic.layouts import LAYOUT_STYLES
from mirsearch.synthetic.scalebars.styles import BAR_STYLES

MAX_ERROR = 0.05
"""Greatest relative error of a scale that counts as right."""

SHORT_BAR_MAX_ERROR_PX = 2.0
"""Greatest error in px that counts as right for bars under 40 px, as for real bars."""

MIN_OVERLAP = 0.75
"""Least intersection over union of a panel's box that counts as found."""

RIGHT, MISSED, WRONG = "right", "missed", "wrong"


@dataclass
class Verdict:
    """How one figure was read."""

    figure: SyntheticFigure
    found: list[Panel]
    seconds: float
    panels: list[bool] = field(default_factory=list)
    letters: list[bool] = field(default_factory=list)
    bars: list[tuple[str, str]] = field(default_factory=list)
    false_lengths: int = 0
    extra_panels: int = 0

    @property
    def bars_right(self) -> bool:
        """Whether every bar was read right, and no length where there is none."""
        return all(outcome == RIGHT for _, outcome in self.bars) and not self.false_lengths

    @property
    def panels_right(self) -> bool:
        """Whether every panel was found with its letter, and no panel too many."""
        return all(self.panels) and all(self.letters) and not self.extra_panels

    @property
    def right(self) -> bool:
        """Whether the whole figure was read right."""
        return self.bars_right and self.panels_right


def intersection_over_union(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def judge_figure(figure: SyntheticFigure, found: list[Panel], seconds: float) -> Verdict:
    """Compare what was read with the truth. A bar counts by its scale in the panel that overlaps its own the most."""
    verdict = Verdict(figure, found, seconds)
    matched = set()
    for truth in figure.panels:
        best = max(range(len(found)), key=lambda n: intersection_over_union(truth.box, found[n].box), default=None)
        match = found[best] if best is not None and intersection_over_union(truth.box, found[best].box) > 0.1 else None
        is_found = match is not None and intersection_over_union(truth.box, match.box) > MIN_OVERLAP
        verdict.panels.append(is_found)
        if is_found:
            matched.add(best)
        if truth.label is not None:
            verdict.letters.append(match is not None and (match.label or "").lower() == truth.label)
        reading = None if match is None else match.scale
        if truth.scale is None:
            verdict.false_lengths += reading is not None and truth.kind in ("plot", "schematic", "diffraction")
            continue
        style = next(bar.style for bar in figure.bars if bar is not None and bar.box == truth.scale.bar)
        if reading is None:
            verdict.bars.append((style, MISSED))
        else:
            error = abs(reading.nm_per_px / truth.scale.nm_per_px - 1)
            max_error = max(MAX_ERROR, SHORT_BAR_MAX_ERROR_PX / (truth.scale.length_px or 1.0))
            verdict.bars.append((style, RIGHT if error <= max_error else WRONG))
    verdict.extra_panels = len(found) - len(matched)
    return verdict


def choose_style(number: int, seed: int) -> FigureStyle:
    """Return the style of a figure: layouts and bar styles by turns. Every third figure's seed chooses the bar."""
    layouts, bars = list(LAYOUT_STYLES), list(BAR_STYLES)
    bar = None if number % 3 == 2 else bars[(number - number // 3) % len(bars)]
    return FigureStyle(layout=layouts[(number * 7 + seed) % len(layouts)], bar=bar)


def print_table(title: str, rows: dict[str, list[int]], names: Sequence[str]) -> None:
    """Print the rows of a table, the worst first."""
    print(f"\n{title:24}" + "".join(f"{name:>9}" for name in names))
    for key in sorted(rows, key=lambda row_key: (rows[row_key][0] / max(1, rows[row_key][-1]), row_key)):
        print(f"{key:24}" + "".join(f"{value:9d}" for value in rows[key]))


def report(verdicts: list[Verdict]) -> dict[str, float]:
    """Print the tables. Return the shares."""
    bars: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    layouts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    letters: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for verdict in verdicts:
        for style, outcome in verdict.bars:
            bars[style][(RIGHT, MISSED, WRONG).index(outcome)] += 1
            bars[style][3] += 1
        row = layouts[verdict.figure.layout]
        for place, value in enumerate((verdict.right, verdict.panels_right, sum(verdict.panels), verdict.extra_panels)):
            row[place] += int(value)
        row[4] += 1
        if verdict.figure.letter_style:
            letters[verdict.figure.letter_style][0] += sum(verdict.letters)
            letters[verdict.figure.letter_style][1] += len(verdict.letters)
    print_table("bars by style", bars, ("right", "missed", "wrong", "of"))
    print_table("figures by layout", layouts, ("right", "panels ok", "found", "extra", "of"))
    print_table("letters by style", letters, ("right", "of"))
    return summarize(verdicts, bars)


def summarize(verdicts: list[Verdict], bars: dict[str, list[int]]) -> dict[str, float]:
    """Return the shares of all figures."""
    total = np.array(list(bars.values())).sum(0)
    panels_found = [hit for verdict in verdicts for hit in verdict.panels]
    letters_right = [hit for verdict in verdicts for hit in verdict.letters]
    return {
        "figures": len(verdicts),
        "figures_right": float(np.mean([verdict.right for verdict in verdicts])),
        "figures_panels_right": float(np.mean([verdict.panels_right for verdict in verdicts])),
        "figures_bars_right": float(np.mean([verdict.bars_right for verdict in verdicts])),
        "bars": int(total[3]),
        "bars_right": float(total[0] / total[3]),
        "bars_wrong": float(total[2] / total[3]),
        "bars_precision": float(total[0] / max(1, total[0] + total[2])),
        "panels_found": float(np.mean(panels_found)),
        "panels_extra": int(sum(verdict.extra_panels for verdict in verdicts)),
        "letters_right": float(np.mean(letters_right)) if letters_right else 1.0,
        "false_lengths": int(sum(verdict.false_lengths for verdict in verdicts)),
        "seconds_a_figure": float(np.mean([verdict.seconds for verdict in verdicts])),
    }


def draw_verdict(verdict: Verdict) -> np.ndarray:
    """Return the figure with truth in green and readings in red, and what went wrong above it."""
    picture = verdict.figure.pixels.copy()
    for panels, color in ((verdict.figure.panels, (0, 220, 0)), (verdict.found, (255, 0, 0))):
        inset = 3 if color[0] else 0
        for panel in panels:
            x0, y0, x1, y1 = panel.box
            cv2.rectangle(picture, (x0 + inset, y0 + inset), (x1 - 1 - inset, y1 - 1 - inset), color, 2)
            if panel.scale is not None and panel.scale.bar is not None:
                a0, b0, a1, b1 = panel.scale.bar
                cv2.rectangle(picture, (a0 - 2 - inset, b0 - 2 - inset), (a1 + 1 + inset, b1 + 1 + inset), color, 1)
                if color[0]:
                    text = f"{panel.scale.length_nm:g}nm/{panel.scale.length_px:.0f}px {panel.label}"
                    cv2.putText(picture, text, (x0 + 8, y0 + 44), cv2.FONT_HERSHEY_SIMPLEX, 0.5, color, 1)
    tile = np.full((460, 640, 3), 255, np.uint8)
    scale = min(636 / picture.shape[1], 430 / picture.shape[0])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    tile[28 : 28 + small.shape[0], : small.shape[1]] = small
    misses = sorted({f"{style}:{outcome}" for style, outcome in verdict.bars if outcome != RIGHT})
    head = f"{verdict.figure.seed} {verdict.figure.layout} p{sum(verdict.panels)}/{len(verdict.panels)}"
    head += f" l{sum(verdict.letters)}/{len(verdict.letters)} +{verdict.extra_panels} {' '.join(misses)}"
    cv2.putText(tile, head, (4, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return tile


def write_sheet(misses: list[Verdict], path: Path, max_figures: int = 36) -> None:
    """Write a picture of at most `max_figures` figures with a miss."""
    tiles = [draw_verdict(verdict) for verdict in misses[:max_figures]]
    while len(tiles) % 3:
        tiles.append(np.full_like(tiles[0], 255))
    rows = [np.hstack(tiles[start : start + 3]) for start in range(0, len(tiles), 3)]
    cv2.imwrite(str(path), np.vstack(rows)[..., ::-1])


def build_analyzer() -> FigureAnalyzer:
    """Return the analyzer with its default parts."""
    ocr = plugins.load("ocr", settings.DEFAULT_OCR)()
    return FigureAnalyzer(ocr, plugins.load("scalebars", settings.DEFAULT_SCALEBARS)())


def read_figures(figures: int, seed: int) -> list[Verdict]:
    """Draw and read `figures` figures."""
    reader, verdicts = build_analyzer(), []
    for number in range(figures):
        figure = draw_figure(seed * 100_000 + number, choose_style(number, seed))
        start = time.perf_counter()
        found = reader.analyze(figure.pixels, figure.caption)
        verdicts.append(judge_figure(figure, found, time.perf_counter() - start))
    return verdicts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "out")
    parser.add_argument("--sheet", type=Path, help="file to draw the figures with a miss in")
    options = parser.parse_args()
    verdicts = read_figures(options.figures, options.seed)
    result = report(verdicts)
    misses = [verdict for verdict in verdicts if not verdict.right]
    sheet = options.sheet or options.out / "synthetic_misses.png"
    sheet.parent.mkdir(parents=True, exist_ok=True)
    if misses:
        write_sheet(misses, sheet)
    print(f"\n{len(misses)} figures with a miss" + (f": {sheet}" if misses else ""))
    print(json.dumps({"benchmark": "synthetic_figures", "seed": options.seed, **result}))


if __name__ == "__main__":
    main()
