"""Measure how well figures whose letters name several images are cut, read and named.

    python -m benchmarks.analysis.composites [--seed 0] [--count 20] [--truth FILE] [--each] [--overlay DIR]

Without --truth, the figures are drawn from seeds S to S + COUNT - 1. FILE is a truth.json beside its figures, as
../shared/data/composite/truth.json. It prints a table, the share of told readings that are right by confidence, and
one JSON line. --each prints a line for each figure with what failed; --overlay writes the figures with the truth in
green and what was made in red. --only PART takes the figures whose name has PART in it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.analysis.composite_scores import Score, score_figure
from mirsearch import plugins, settings
from mirsearch.analysis.analyzer import FigureAnalyzer
from mirsearch.corpus import Panel
from mirsearch.imaging.images import read_pages
from mirsearch.synthetic.composites import draw_composite, truth_json

BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.001)
"""Edges of the bins of confidence in the reliability table."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--only", default="", help="part of a figure's name")
    parser.add_argument("--each", action="store_true")
    parser.add_argument("--overlay", type=Path)
    arguments = parser.parse_args()
    analyzer = FigureAnalyzer(
        plugins.load("ocr", settings.DEFAULT_OCR)(), plugins.load("scalebars", settings.DEFAULT_SCALEBARS)()
    )
    figures = _read(arguments.truth) if arguments.truth else _draw(arguments.seed, arguments.count)
    total, seconds = Score(), []
    for name, pixels, truth in figures:
        if arguments.only not in name:
            continue
        started = time.perf_counter()
        panels = analyzer.analyze(pixels, truth["caption"])
        seconds.append(time.perf_counter() - started)
        score = score_figure(truth["panels"], panels)
        total.add(score)
        if arguments.each:
            print(f"{name:<9}{seconds[-1]:6.1f} s {score.summary()} {', '.join(truth.get('forms', []))}", flush=True)
            for failure in score.failures:
                print(f"          {failure}")
        if arguments.overlay:
            _write_overlay(arguments.overlay / f"{name}.png", pixels, truth["panels"], panels)
    _print(total, seconds)


def _draw(seed: int, count: int) -> Iterator[tuple[str, np.ndarray, dict[str, Any]]]:
    """Draw the figures one after the other: name, pixels, truth."""
    for number in range(seed, seed + count):
        figure = draw_composite(number)
        yield f"D{number:05d}", figure.pixels, truth_json(figure, "")


def _read(path: Path) -> Iterator[tuple[str, np.ndarray, dict[str, Any]]]:
    """Read the figures of a truth file: name, pixels, truth."""
    for name, truth in json.loads(path.read_text(encoding="utf-8")).items():
        pixels = next(iter(read_pages(path.parent / truth["file"]))).pixels
        yield name, pixels, {"caption": "", **truth}


def _print(total: Score, seconds: list[float]) -> None:
    """Print the table, the reliability table and the JSON line."""
    for name, part, whole in total.shares():
        print(f"{name:<44}{part:>6} of {whole:>5}{part / whole if whole else 0.0:>8.3f}")
    print(f"\n{'confidence':<16}{'told':>6}{'right':>7}{'share':>8}")
    for low, high in pairwise(BINS):
        hits = [right for confidence, right in total.readings if low <= confidence < high]
        if hits:
            print(f"{low:.2f} to {min(high, 1):.2f}    {len(hits):>6}{sum(hits):>7}{sum(hits) / len(hits):>8.3f}")
    right = [right for _, right in total.readings]
    print(json.dumps({
        "benchmark": "composites", "figures": len(seconds), **total.counts(),
        "told_right": round(sum(right) / len(right), 4) if right else None,
        "seconds_mean": round(float(np.mean(seconds)), 2) if seconds else None,
    }))  # fmt: skip


def _write_overlay(path: Path, pixels: np.ndarray, truth: list[dict[str, Any]], made: list[Panel]) -> None:
    """Write the figure with boxes and bars of the truth in green, and made ones in red with their scale."""
    picture = pixels.copy()
    size = max(1, pixels.shape[1] // 700)
    for panel in truth:
        x0, y0, x1, y1 = panel["box"]
        cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), (0, 200, 0), 2 * size)
        cv2.putText(picture, panel["letter"] or "-", (x0 + 6, y0 + 16 * size), 0, 0.5 * size, (0, 170, 0), size)
        for bar in panel["bars"]:
            a0, b0, a1, b1 = bar["region"]
            cv2.rectangle(picture, (a0, b0), (a1, b1), (0, 200, 0), size)
    for item in made:
        (x0, y0, x1, y1), shift = item.box, 2 * size
        cv2.rectangle(picture, (x0 + shift, y0 + shift), (x1 - 1 - shift, y1 - 1 - shift), (230, 0, 0), size)
        told = (
            "" if item.scale is None else f" {item.scale.nm_per_px:.3g} {item.scale.source} {item.scale.confidence:.2f}"
        )
        words = f"{item.label or '-'}{item.part or ''} {item.kind} {item.technique or ''}{told}"
        cv2.putText(picture, words, (x0 + 6, y1 - 8), 0, 0.28 * size, (230, 0, 0), max(1, size // 2))
        if item.scale is not None and item.scale.bar is not None:
            cv2.rectangle(picture, item.scale.bar[:2], item.scale.bar[2:], (230, 0, 0), size)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[..., ::-1])


if __name__ == "__main__":
    main()
