"""How well figures are cut into panels and panels told apart by kind, on panel_truth.csv.

Run: python -m benchmarks.analysis.panels [--no-captions] [--changed]. `--changed` reads each figure in two other
forms instead (resized, recompressed, inverted, gray, with a border), by turns: how it would fare unseen. Sheets of
the figures cut wrongly and of the panels told wrongly are written to benchmarks/out/.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.analysis.changed_figures import CHANGES, changed
from benchmarks.analysis.figure_truth import OUT, TrueFigure, TruePanel, figures, overlap
from benchmarks.analysis.miss_sheet import write_cells
from mirsearch.analysis.captions.split import split_caption
from mirsearch.analysis.kinds.kind import classify_panel
from mirsearch.analysis.ocr.rapid import RapidOcrEngine
from mirsearch.analysis.panels.separate import Panels, separate_panels
from mirsearch.imaging.images import read_pages

SAME = 0.75


@dataclass(slots=True)
class Outcome:
    """What became of one figure."""

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
    outcomes, kinds, mistaken = [], Counter[tuple[str, str]](), []
    chosen = [figure for figure in figures() if arguments.only in figure.path.name]
    for number, figure in enumerate(chosen):
        pixels = next(iter(read_pages(figure.path))).pixels
        caption = "" if arguments.no_captions else figure.caption
        forms = [CHANGES[(2 * number + turn) % len(CHANGES)] for turn in (0, 1)] if arguments.changed else [""]
        for form in forms:
            shown, seen = changed(figure, pixels, form)
            outcomes.append(_cut(shown, seen, ocr, caption, form))
            for panel, told in _kinds(shown, seen, caption):
                kinds[panel.kind, told] += 1
                if panel.kind != told:
                    mistaken.append((shown, seen, panel, told))
    _print(outcomes, kinds)
    _sheet([outcome for outcome in outcomes if not outcome.right])
    _kind_sheet(mistaken)


def _cut(figure: TrueFigure, pixels: np.ndarray, ocr: RapidOcrEngine, caption: str, form: str) -> Outcome:
    started = time.perf_counter()
    found = separate_panels(pixels, ocr, split_caption(caption).labels, caption_known=bool(caption))
    seconds = time.perf_counter() - started
    used: set[int] = set()
    letters = 0
    for panel in figure.panels:
        rated = [(overlap(panel.box, box), n) for n, (box, _) in enumerate(found) if n not in used]
        best, number = max(rated, default=(0.0, -1))
        if best > SAME:
            used.add(number)
            letters += found[number][1] == panel.label
    right = letters == len(figure.panels) == len(found)
    return Outcome(figure, pixels, found, len(used), right, seconds, form)


def _kinds(figure: TrueFigure, pixels: np.ndarray, caption: str) -> list[tuple[TruePanel, str]]:
    parts = split_caption(caption)
    told = []
    for panel in figure.panels:
        x0, y0, x1, y1 = panel.box
        part = parts.words_for(panel.label) if len(figure.panels) > 1 else parts.caption
        told.append((panel, classify_panel(np.ascontiguousarray(pixels[y0:y1, x0:x1]), part).kind))
    return told


def _print(outcomes: list[Outcome], kinds: Counter[tuple[str, str]]) -> None:
    print(f"{'figure':<42}{'panels':>7}{'found':>7}{'hit':>5}{'s':>7}")
    for outcome in outcomes:
        mark = "" if outcome.right else "  WRONG"
        name, count = f"{outcome.figure.path.name} {outcome.form}", len(outcome.figure.panels)
        print(f"{name:<42}{count:>7}{len(outcome.found):>7}{outcome.hits:>5}{outcome.seconds:>7.2f}{mark}")
    names = sorted({true for true, _ in kinds})
    answers = sorted({told for _, told in kinds})
    print("\nkind (rows: true)" + "".join(f"{name:>13}" for name in answers))
    for name in names:
        print(f"{name:<17}" + "".join(f"{kinds[name, told]:>13}" for told in answers))
    total = sum(kinds.values())
    micrograph = sum(n for (true, told), n in kinds.items() if (true == "micrograph") == (told == "micrograph"))
    true_panels = sum(len(outcome.figure.panels) for outcome in outcomes)
    hits, found = sum(o.hits for o in outcomes), sum(len(o.found) for o in outcomes)
    print(json.dumps({
        "benchmark": "panels", "figures": len(outcomes),
        "figures_right": round(sum(o.right for o in outcomes) / len(outcomes), 3),
        "panels": true_panels, "panels_found": round(hits / true_panels, 3), "precision": round(hits / found, 3),
        "micrograph_or_not": round(micrograph / total, 3),
        "kind": round(sum(n for (true, told), n in kinds.items() if true == told) / total, 3),
        "seconds_median": round(float(np.median([o.seconds for o in outcomes])), 2),
    }))  # fmt: skip


def _sheet(wrong: list[Outcome]) -> None:
    """The figures that went wrong: true boxes red, found ones green."""
    cells = []
    for outcome in wrong:
        picture = outcome.pixels.copy()
        for panel in outcome.figure.panels:
            cv2.rectangle(picture, panel.box[:2], panel.box[2:], (220, 0, 0), 5)
        for box, label in outcome.found:
            cv2.rectangle(picture, box[:2], box[2:], (0, 150, 0), 3)
            cv2.putText(picture, label or "-", (box[0] + 20, box[3] - 20), 0, 1.5, (200, 0, 200), 4)
        cells.append((f"{outcome.figure.path.name} {outcome.form}", picture))
    write_cells(cells, OUT / "panels_misses.png")


def _kind_sheet(mistaken: list[tuple[TrueFigure, np.ndarray, TruePanel, str]]) -> None:
    """The panels told wrongly: what they are and what they were taken for."""
    cells = []
    for figure, pixels, panel, told in mistaken:
        x0, y0, x1, y1 = panel.box
        cells.append((f"{figure.path.stem} {panel.label}: {panel.kind}, told {told}", pixels[y0:y1, x0:x1]))
    write_cells(cells, OUT / "kinds_misses.png")


if __name__ == "__main__":
    main()
