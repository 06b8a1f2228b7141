"""Measure how well figures are cut into panels and kinds of panels are recognized, on panel_truth.csv.

Run: python -m benchmarks.analysis.panels [--no-captions] [--changed]. `--changed` reads each figure in two other
forms instead (resized, recompressed, inverted, gray, with a border): a stand-in for unseen figures. Sheets of the
figures cut wrongly and of the panels with a wrong kind are written to benchmarks/out/.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.analysis.changed_figures import CHANGES, change_figure
from benchmarks.analysis.figure_truth import OUT, TrueFigure, TruePanel, intersection_over_union, read_figures
from benchmarks.analysis.miss_sheet import write_cells
from mirsearch.analysis.captions.split import split_caption
from mirsearch.analysis.kinds.kind import classify_panel
from mirsearch.analysis.ocr.rapid import RapidOcrEngine
from mirsearch.analysis.panels.separate import Panels, separate_panels
from mirsearch.imaging.images import read_pages

LEAST_OVERLAP = 0.75
"""Intersection over union above which a panel counts as found."""


@dataclass(slots=True)
class Outcome:
    """How one figure was cut, against its truth."""

    figure: TrueFigure
    pixels: np.ndarray
    found: Panels
    hits: int
    right: bool
    seconds: float
    form: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-captions", action="store_true")
    parser.add_argument("--only", default="", help="part of a file name")
    parser.add_argument("--changed", action="store_true")
    arguments = parser.parse_args()
    ocr = RapidOcrEngine()
    outcomes, kinds, mistakes = [], Counter[tuple[str, str]](), []
    chosen = [figure for figure in read_figures() if arguments.only in figure.path.name]
    for number, figure in enumerate(chosen):
        pixels = next(iter(read_pages(figure.path))).pixels
        caption = "" if arguments.no_captions else figure.caption
        forms = [CHANGES[(2 * number + offset) % len(CHANGES)] for offset in (0, 1)] if arguments.changed else [""]
        for form in forms:
            changed_figure, changed_pixels = change_figure(figure, pixels, form)
            outcomes.append(_score_figure(changed_figure, changed_pixels, ocr, caption, form))
            for panel, kind in _classify_panels(changed_figure, changed_pixels, caption):
                kinds[panel.kind, kind] += 1
                if panel.kind != kind:
                    mistakes.append((changed_figure, changed_pixels, panel, kind))
    _print(outcomes, kinds)
    _write_sheet([outcome for outcome in outcomes if not outcome.right])
    _write_kind_sheet(mistakes)


def _score_figure(figure: TrueFigure, pixels: np.ndarray, ocr: RapidOcrEngine, caption: str, form: str) -> Outcome:
    started = time.perf_counter()
    found = separate_panels(pixels, ocr, split_caption(caption).labels, caption_known=bool(caption))
    seconds = time.perf_counter() - started
    used: set[int] = set()
    letters = 0
    for panel in figure.panels:
        overlaps = [(intersection_over_union(panel.box, box), n) for n, (box, _) in enumerate(found) if n not in used]
        best, number = max(overlaps, default=(0.0, -1))
        if best > LEAST_OVERLAP:
            used.add(number)
            letters += found[number][1] == panel.label
    right = letters == len(figure.panels) == len(found)
    return Outcome(figure, pixels, found, len(used), right, seconds, form)


def _classify_panels(figure: TrueFigure, pixels: np.ndarray, caption: str) -> list[tuple[TruePanel, str]]:
    parts = split_caption(caption)
    kinds = []
    for panel in figure.panels:
        x0, y0, x1, y1 = panel.box
        part = parts.words_for(panel.label) if len(figure.panels) > 1 else parts.caption
        kinds.append((panel, classify_panel(np.ascontiguousarray(pixels[y0:y1, x0:x1]), part).kind))
    return kinds


def _print(outcomes: list[Outcome], kinds: Counter[tuple[str, str]]) -> None:
    print(f"{'figure':<42}{'panels':>7}{'found':>7}{'hit':>5}{'s':>7}")
    for outcome in outcomes:
        mark = "" if outcome.right else "  WRONG"
        name, count = f"{outcome.figure.path.name} {outcome.form}", len(outcome.figure.panels)
        print(f"{name:<42}{count:>7}{len(outcome.found):>7}{outcome.hits:>5}{outcome.seconds:>7.2f}{mark}")
    names = sorted({true for true, _ in kinds})
    answers = sorted({answer for _, answer in kinds})
    print("\nkind (rows: true)" + "".join(f"{name:>13}" for name in answers))
    for name in names:
        print(f"{name:<17}" + "".join(f"{kinds[name, answer]:>13}" for answer in answers))
    total = sum(kinds.values())
    micrograph = sum(n for (true, answer), n in kinds.items() if (true == "micrograph") == (answer == "micrograph"))
    true_panels = sum(len(outcome.figure.panels) for outcome in outcomes)
    hits, found = sum(o.hits for o in outcomes), sum(len(o.found) for o in outcomes)
    print(json.dumps({
        "benchmark": "panels", "figures": len(outcomes),
        "figures_right": round(sum(o.right for o in outcomes) / len(outcomes), 3),
        "panels": true_panels, "panels_found": round(hits / true_panels, 3), "precision": round(hits / found, 3),
        "micrograph_or_not": round(micrograph / total, 3),
        "kind": round(sum(n for (true, answer), n in kinds.items() if true == answer) / total, 3),
        "seconds_median": round(float(np.median([o.seconds for o in outcomes])), 2),
    }))  # fmt: skip


def _write_sheet(outcomes: list[Outcome]) -> None:
    """The figures that went wrong: true boxes red, found ones green."""
    cells = []
    for outcome in outcomes:
        picture = outcome.pixels.copy()
        for panel in outcome.figure.panels:
            cv2.rectangle(picture, panel.box[:2], panel.box[2:], (220, 0, 0), 5)
        for box, label in outcome.found:
            cv2.rectangle(picture, box[:2], box[2:], (0, 150, 0), 3)
            cv2.putText(picture, label or "-", (box[0] + 20, box[3] - 20), 0, 1.5, (200, 0, 200), 4)
        cells.append((f"{outcome.figure.path.name} {outcome.form}", picture))
    write_cells(cells, OUT / "panels_misses.png")


def _write_kind_sheet(mistakes: list[tuple[TrueFigure, np.ndarray, TruePanel, str]]) -> None:
    """The panels told wrongly: what they are and what they were taken for."""
    cells = []
    for figure, pixels, panel, kind in mistakes:
        x0, y0, x1, y1 = panel.box
        cells.append((f"{figure.path.stem} {panel.label}: {panel.kind}, told {kind}", pixels[y0:y1, x0:x1]))
    write_cells(cells, OUT / "kinds_misses.png")


if __name__ == "__main__":
    main()
