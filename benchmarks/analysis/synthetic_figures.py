"""The whole analyzer on drawn figures: what it gets right by style of bar, layout and letters.

    python -m benchmarks.analysis.synthetic_figures [--figures 200] [--seed 0] [--out benchmarks/out] [--sheet FILE]

Every bar style and every layout has its turn. Prints a table for each, the shares of all, and one JSON line; writes the
figures with a miss, truth in green and readings in red, to --sheet, synthetic_misses.png under --out if not given.
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

LENGTH_TOLERANCE = 0.05
SHORT_TOLERANCE_PX = 2.0
"""What counts as right for bars under 40 px: they are held to 2 px, as real ones are."""

OVERLAP = 0.75
OK, MISSED, WRONG = "right", "missed", "wrong"


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
        """Every bar read right, and no length where there is none."""
        return all(outcome == OK for _, outcome in self.bars) and not self.false_lengths

    @property
    def panels_right(self) -> bool:
        """Every panel found under its letter, and none too many."""
        return all(self.panels) and all(self.letters) and not self.extra_panels

    @property
    def right(self) -> bool:
        """The whole figure right."""
        return self.bars_right and self.panels_right


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def judge(figure: SyntheticFigure, found: list[Panel], seconds: float) -> Verdict:
    """Compare what was read with the truth. A bar counts by its scale in the panel that overlaps its own the most."""
    verdict = Verdict(figure, found, seconds)
    taken = set()
    for truth in figure.panels:
        best = max(range(len(found)), key=lambda n: overlap(truth.box, found[n].box), default=None)
        match = found[best] if best is not None and overlap(truth.box, found[best].box) > 0.1 else None
        hit = match is not None and overlap(truth.box, match.box) > OVERLAP
        verdict.panels.append(hit)
        if hit:
            taken.add(best)
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
            allowed = max(LENGTH_TOLERANCE, SHORT_TOLERANCE_PX / (truth.scale.length_px or 1.0))
            verdict.bars.append((style, OK if error <= allowed else WRONG))
    verdict.extra_panels = len(found) - len(taken)
    return verdict


def styles_of(number: int, seed: int) -> FigureStyle:
    """Every layout and bar style by turns; every third figure leaves the bar to the seed."""
    layouts, bars = list(LAYOUT_STYLES), list(BAR_STYLES)
    bar = None if number % 3 == 2 else bars[(number - number // 3) % len(bars)]
    return FigureStyle(layout=layouts[(number * 7 + seed) % len(layouts)], bar=bar)


def table(title: str, rows: dict[str, list[int]], names: Sequence[str]) -> None:
    print(f"\n{title:24}" + "".join(f"{name:>9}" for name in names))
    for key in sorted(rows, key=lambda each: (rows[each][0] / max(1, rows[each][-1]), each)):
        print(f"{key:24}" + "".join(f"{value:9d}" for value in rows[key]))


def report(verdicts: list[Verdict]) -> dict[str, float]:
    """Print the tables; returns the shares."""
    bars: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    layouts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    letters: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for verdict in verdicts:
        for style, outcome in verdict.bars:
            bars[style][(OK, MISSED, WRONG).index(outcome)] += 1
            bars[style][3] += 1
        row = layouts[verdict.figure.layout]
        for place, value in enumerate((verdict.right, verdict.panels_right, sum(verdict.panels), verdict.extra_panels)):
            row[place] += int(value)
        row[4] += 1
        if verdict.figure.letter_style:
            letters[verdict.figure.letter_style][0] += sum(verdict.letters)
            letters[verdict.figure.letter_style][1] += len(verdict.letters)
    table("bars by style", bars, ("right", "missed", "wrong", "of"))
    table("figures by layout", layouts, ("right", "panels ok", "found", "extra", "of"))
    table("letters by style", letters, ("right", "of"))
    return shares(verdicts, bars)


def shares(verdicts: list[Verdict], bars: dict[str, list[int]]) -> dict[str, float]:
    total = np.array(list(bars.values())).sum(0)
    found = [hit for verdict in verdicts for hit in verdict.panels]
    named = [hit for verdict in verdicts for hit in verdict.letters]
    return {
        "figures": len(verdicts),
        "figures_right": float(np.mean([verdict.right for verdict in verdicts])),
        "figures_panels_right": float(np.mean([verdict.panels_right for verdict in verdicts])),
        "figures_bars_right": float(np.mean([verdict.bars_right for verdict in verdicts])),
        "bars": int(total[3]),
        "bars_right": float(total[0] / total[3]),
        "bars_wrong": float(total[2] / total[3]),
        "bars_precision": float(total[0] / max(1, total[0] + total[2])),
        "panels_found": float(np.mean(found)),
        "panels_extra": int(sum(verdict.extra_panels for verdict in verdicts)),
        "letters_right": float(np.mean(named)) if named else 1.0,
        "false_lengths": int(sum(verdict.false_lengths for verdict in verdicts)),
        "seconds_a_figure": float(np.mean([verdict.seconds for verdict in verdicts])),
    }


def drawn(verdict: Verdict) -> np.ndarray:
    """The figure with truth in green and readings in red, with what went wrong above."""
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
                    words = f"{panel.scale.length_nm:g}nm/{panel.scale.length_px:.0f}px {panel.label}"
                    cv2.putText(picture, words, (x0 + 8, y0 + 44), cv2.FONT_HERSHEY_SIMPLEX, 0.5, color, 1)
    tile = np.full((460, 640, 3), 255, np.uint8)
    scale = min(636 / picture.shape[1], 430 / picture.shape[0])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    tile[28 : 28 + small.shape[0], : small.shape[1]] = small
    bad = sorted({f"{style}:{outcome}" for style, outcome in verdict.bars if outcome != OK})
    head = f"{verdict.figure.seed} {verdict.figure.layout} p{sum(verdict.panels)}/{len(verdict.panels)}"
    head += f" l{sum(verdict.letters)}/{len(verdict.letters)} +{verdict.extra_panels} {' '.join(bad)}"
    cv2.putText(tile, head, (4, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return tile


def write_sheet(misses: list[Verdict], path: Path, most: int = 36) -> None:
    tiles = [drawn(verdict) for verdict in misses[:most]]
    while len(tiles) % 3:
        tiles.append(np.full_like(tiles[0], 255))
    rows = [np.hstack(tiles[start : start + 3]) for start in range(0, len(tiles), 3)]
    cv2.imwrite(str(path), np.vstack(rows)[..., ::-1])


def analyzer() -> FigureAnalyzer:
    """The analyzer with its default parts."""
    ocr = plugins.load("ocr", settings.DEFAULT_OCR)()
    return FigureAnalyzer(ocr, plugins.load("scalebars", settings.DEFAULT_SCALEBARS)())


def run(figures: int, seed: int) -> list[Verdict]:
    """Draw and read `figures` figures."""
    reader, verdicts = analyzer(), []
    for number in range(figures):
        figure = draw_figure(seed * 100_000 + number, styles_of(number, seed))
        start = time.perf_counter()
        found = reader.analyze(figure.pixels, figure.caption)
        verdicts.append(judge(figure, found, time.perf_counter() - start))
    return verdicts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "out")
    parser.add_argument("--sheet", type=Path, help="where the figures with a miss are drawn")
    given = parser.parse_args()
    verdicts = run(given.figures, given.seed)
    result = report(verdicts)
    misses = [verdict for verdict in verdicts if not verdict.right]
    sheet = given.sheet or given.out / "synthetic_misses.png"
    sheet.parent.mkdir(parents=True, exist_ok=True)
    if misses:
        write_sheet(misses, sheet)
    print(f"\n{len(misses)} figures with a miss" + (f": {sheet}" if misses else ""))
    print(json.dumps({"benchmark": "synthetic_figures", "seed": given.seed, **result}))


if __name__ == "__main__":
    main()
