"""Fit and check the confidence of readings of scale bars: of those told with confidence c, about c should be right.

Run with: python -m benchmarks.analysis.confidence [--collect] [--fit] [--drawn N] [--seed N] [--data FOLDER]

--collect reads drawn micrographs (with bars of all styles and without a bar), drawn composite figures, and the bars of
scale_truth.csv and caption_scale_truth.csv (with their captions, cut so that the bar is gone, and so small that labels
are misread), and plots. It writes what was seen to --samples. --fit fits the weights of
mirsearch.analysis.scalebars.confidence on the samples and prints them. A table tells the reliability of the readings in
--samples. Collect the samples to check with another seed than those to fit.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.analysis import confidence_samples as samples
from benchmarks.analysis.confidence_samples import NoWords, Sample
from benchmarks.analysis.scalebars import OUT, REPOSITORY
from mirsearch import plugins, settings
from mirsearch.analysis.base import OcrEngine, ScaleBarDetector
from mirsearch.analysis.scalebars.confidence import BAR_WEIGHTS, LABEL_WEIGHTS, MIN_TOLD, predict
from mirsearch.analysis.scalebars.panel_scales import observe_panels

RANGES = (0.0, 0.2, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.01)
PENALTY = 1.0  # weight of the squared weights (of standardized features) in the fit


@dataclass(frozen=True)
class Seen:
    """One reading: its group, its source, the numbers that count, and whether it is right."""

    group: str
    source: str
    numbers: tuple[float, ...]
    right: bool
    note: str


def observe(figures: Iterator[Sample], detector: ScaleBarDetector, ocr: OcrEngine) -> Iterator[Seen]:
    """Yield the reading of each panel of the figures that has one."""
    for sample in figures:
        drawn = sample.drawn or (False,) * len(sample.panels)
        reader = ocr if sample.has_words else NoWords()
        found = observe_panels(sample.pixels, sample.panels, detector, reader, caption=sample.caption, drawn=drawn)
        for panel, seen, truth in zip(sample.panels, found, sample.truths, strict=True):
            observation = seen.observation
            if observation is None:
                continue
            reading = observation.reading
            if any(nm < 0 and abs((reading.length_px or 0) - px) <= 0.1 * px for nm, px in truth.bars):
                continue  # a cut panel that still holds the bar: nobody knows the true length there
            right = any(is_right(reading.nm_per_px, nm, px) for nm, px in truth.bars)
            note = f"{panel.label} {reading.bar} {reading.label_text or reading.length_nm}"
            evidence = observation.evidence
            numbers = evidence.label_numbers() if reading.source == "label" else evidence.bar_numbers()
            yield Seen(sample.group, reading.source, numbers, right, note)


def is_right(nm_per_px: float, truth: float, length_px: float) -> bool:
    """Return whether a scale is within 5 %, or within 2 px for a bar under 40 px."""
    return truth > 0 and abs(nm_per_px / truth - 1) <= max(0.05, 2 / length_px if length_px < 40 else 0.0)


def collect(options: argparse.Namespace) -> None:
    """Read all samples and write what was seen."""
    detector = plugins.load("scalebars", settings.DEFAULT_SCALEBARS)()
    ocr = plugins.load("ocr", settings.DEFAULT_OCR)()
    sources = {
        "bars": lambda: samples.drawn_bars(options.drawn, options.seed),
        "empty": lambda: samples.drawn_without_bar(options.empty, options.seed),
        "real": lambda: samples.real_bars(options.data, options.seed),
        "small": lambda: samples.small_labels(options.data, options.drawn, options.seed),
        "traps": lambda: samples.traps(options.data),
        "composites": lambda: samples.composites(options.figures, options.seed),
    }
    seen: list[Seen] = []
    for name in options.only or sources:
        seen += observe(sources[name](), detector, ocr)
        print(f"{name}: {len(seen)} readings so far", flush=True)
    options.samples.parent.mkdir(parents=True, exist_ok=True)
    options.samples.write_text(json.dumps([asdict(each) for each in seen]), "utf-8")


def fit_weights(seen: Sequence[Seen]) -> tuple[float, ...]:
    """Return intercept and weights of a logistic regression, by Newton's method with a penalty on the weights."""
    features = np.array([each.numbers for each in seen])
    right = np.array([each.right for each in seen], np.float64)
    mean, spread = features.mean(axis=0), features.std(axis=0)
    used = spread > 1e-6
    standard = np.where(used, (features - mean) / np.where(used, spread, 1.0), 0.0)
    design = np.column_stack([np.ones(len(seen)), standard])
    penalty = PENALTY * np.eye(design.shape[1])
    penalty[0, 0] = 1e-6
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        probability = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (right - probability) - penalty @ weights
        curvature = design.T @ (design * (probability * (1 - probability))[:, None]) + penalty
        step = np.linalg.solve(curvature, gradient)
        weights += step
        if np.abs(step).max() < 1e-6:
            break
    slopes = np.where(used, weights[1:] / np.where(used, spread, 1.0), 0.0)
    return tuple(round(float(value), 3) for value in (weights[0] - slopes @ mean, *slopes))


def report(seen: Sequence[Seen], confidences: Sequence[float]) -> None:
    """Print a reliability table, and how much of what is told is wrong, by group."""
    print(f"{'confidence':>12}{'readings':>9}{'mean':>7}{'right':>7}")
    for low, high in pairwise(RANGES):
        inside = [n for n, confidence in enumerate(confidences) if low <= confidence < high]
        if inside:
            mean, right = np.mean([confidences[n] for n in inside]), np.mean([seen[n].right for n in inside])
            print(f"{low:6.2f}–{min(high, 1.0):.2f}{len(inside):9}{mean:7.2f}{right:7.2f}")
    for group in (*sorted({each.group for each in seen}), ""):
        told = [n for n, each in enumerate(seen) if each.group.startswith(group) and confidences[n] >= MIN_TOLD]
        rest = [n for n, each in enumerate(seen) if each.group.startswith(group) and confidences[n] < MIN_TOLD]
        wrong, lost = sum(not seen[n].right for n in told), sum(seen[n].right for n in rest)
        print(
            f"{group or 'all':20} told {len(told):5}, of them wrong {wrong:4}; doubtful {len(rest):5}, right {lost:4}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared" / "data")
    parser.add_argument("--samples", type=Path, default=OUT / "confidence.json")
    parser.add_argument("--collect", action="store_true")
    parser.add_argument("--only", action="append", choices=("bars", "empty", "real", "small", "traps", "composites"))
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--drawn", type=int, default=6, help="number of drawings of each style of bar")
    parser.add_argument("--empty", type=int, default=300, help="number of drawings without a bar")
    parser.add_argument("--figures", type=int, default=60, help="number of drawn composite figures")
    parser.add_argument("--seed", type=int, default=7, help="seed of the drawings")
    options = parser.parse_args()
    if options.collect:
        collect(options)
    seen = [Seen(**each) for each in json.loads(options.samples.read_text("utf-8"))]
    weights: dict[str, tuple[float, ...]] = {"label": LABEL_WEIGHTS, "caption": BAR_WEIGHTS}
    if options.fit:
        weights = {source: fit_weights([each for each in seen if each.source == source]) for source in weights}
        print(*weights.items(), sep="\n")
    for source in weights:
        print(f"\n{source}")
        own = [each for each in seen if each.source == source]
        report(own, [predict(weights[source], tuple(each.numbers)) for each in own])


if __name__ == "__main__":
    main()
