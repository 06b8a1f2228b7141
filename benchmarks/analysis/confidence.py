"""Fit and check the confidence of readings of scale bars: of those told with confidence c, about c should be right.

Run with: python -m benchmarks.analysis.confidence [--collect] [--fit] [--drawn N] [--seed N] [--data FOLDER]

--collect reads drawn micrographs (with bars of all styles and without a bar), drawn composite figures, and the bars of
scale_truth.csv and caption_scale_truth.csv (with their captions, with a true or a wrong one, and cut so that the bar is
gone). It writes what was seen to --samples. --fit fits the weights of mirsearch.analysis.scalebars.confidence on the
samples and prints them. Without them the reliability of the readings in --samples is printed. Collect the samples to
check with another seed than those to fit.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from benchmarks.analysis.scalebars import OUT, REPOSITORY, bar_cases, load_captions, load_pixels
from mirsearch import plugins, settings
from mirsearch.analysis.base import OcrEngine, Pixels, ScaleBarDetector, TextBox
from mirsearch.analysis.scalebars.confidence import BAR_WEIGHTS, LABEL_WEIGHTS, MIN_TOLD, predict
from mirsearch.analysis.scalebars.panel_scales import observe_panels
from mirsearch.corpus import Box, Panel, panel_keys
from mirsearch.synthetic.composites import CompositeFigure, draw_composite
from mirsearch.synthetic.fields import View, make_rng
from mirsearch.synthetic.figures import MICROGRAPHS
from mirsearch.synthetic.imaging import compress_jpeg
from mirsearch.synthetic.scalebars.samples import draw_bar_sample
from mirsearch.synthetic.scalebars.styles import BAR_STYLES
from mirsearch.synthetic.specimens.families import specimen

LENGTHS_NM = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000)
RANGES = (0.0, 0.2, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.01)
DRAWN_KINDS = {"plot", "schematic", "gel"}
PENALTY = 1.0  # weight of the squared weights (of standardized features) in the fit


@dataclass(frozen=True)
class Truth:
    """What is true of one panel: its bars as (nm per px, length in px); none if it has no bar with a known length."""

    bars: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Sample:
    """One figure to read, with the truth of each panel."""

    group: str
    pixels: Pixels
    panels: tuple[Panel, ...]
    caption: str
    truths: tuple[Truth, ...]
    drawn: tuple[bool, ...] = ()
    has_words: bool = True


class NoWords:
    """An OCR engine for samples in which only bars matter: it reads nothing, and takes no time."""

    name = "none"

    def read(self, pixels: Pixels, side_limit: int | None = None, longest: int | None = None) -> list[TextBox]:
        """Return no lines."""
        return []

    def recognize(self, crops: Sequence[Pixels]) -> list[tuple[str, float]]:
        """Return empty words."""
        return [("", 0.0) for _ in crops]


@dataclass(frozen=True)
class Seen:
    """One reading: its group, its source, the numbers that count, and whether it is right."""

    group: str
    source: str
    numbers: tuple[float, ...]
    right: bool
    note: str


def whole_panel(pixels: Pixels) -> Panel:
    """Return a panel that is the whole picture."""
    return Panel(box=(0, 0, pixels.shape[1], pixels.shape[0]))


def drawn_bars(per_style: int, seed: int) -> Iterator[Sample]:
    """Yield drawn micrographs with bars of every style. A third with labels have a caption too, half of these wrong."""
    for number, style in enumerate(BAR_STYLES):
        for turn in range(per_style):
            sample = draw_bar_sample(seed * 1_000_000 + turn * 1000 + number, style)
            rng = make_rng(seed, turn, number)
            caption = sample.caption
            if not caption and rng.uniform() < 1 / 3:
                length = sample.bar.length_nm if rng.uniform() < 0.5 else float(rng.choice(LENGTHS_NM))
                caption = f"Image. Scale bar: {length:g} nm."
            truth = Truth(((sample.bar.nm_per_px, sample.bar.length_px),))
            group = "drawn, caption" if sample.caption else "drawn, label"
            yield Sample(group, sample.pixels, (whole_panel(sample.pixels),), caption, (truth,))


def drawn_without_bar(count: int, seed: int) -> Iterator[Sample]:
    """Yield drawn micrographs without a bar under a caption that gives a length: tiles of figures of many images."""
    for turn in range(count):
        rng = make_rng(seed, 0xB0, turn)
        shown = specimen(int(rng.integers(1 << 30)), str(rng.choice(MICROGRAPHS)))
        width = int(np.exp(rng.uniform(np.log(64), np.log(520))))
        height = max(60, round(width / float(rng.choice((1.0, 1.15, 1.33)))))
        pixels = shown.micrograph(View(width, height, shown.nm_per_px(float(rng.uniform()))), rng)
        pixels = compress_jpeg(pixels, int(rng.integers(60, 96)))
        caption = f"Images. Scale bar: {rng.choice(LENGTHS_NM)} nm."
        yield Sample("drawn, no bar", pixels, (whole_panel(pixels),), caption, (Truth(),), has_words=False)


def real_bars(data: Path, seed: int) -> Iterator[Sample]:
    """Yield the panels of both tables of bars with their captions, and those with labels under a wrong one too."""
    captions = load_captions(data)
    for task in ("labelled", "caption"):
        for number, case in enumerate(bar_cases(data, task, captions)):
            rng = make_rng(seed, 0xB1, number)
            pixels = load_pixels(data, case.file)
            box = case.box or (0, 0, pixels.shape[1], pixels.shape[0])
            assert case.nm_per_px is not None
            truth = Truth(((case.nm_per_px, case.length_px),))
            panel = Panel(box=box, label=case.label)
            for caption in dict.fromkeys((case.caption, captions.get(case.file, ""))):
                yield Sample(f"real, {task}", pixels, (panel,), caption, (truth,))
            yield from cut_bar_off(pixels, box, case.length_px, rng)


def cut_bar_off(pixels: Pixels, box: Box, length_px: float, rng: np.random.Generator) -> Iterator[Sample]:
    """Yield the upper part of a real panel, made smaller, under a caption that gives a length. It may hold the bar."""
    x0, y0, x1, y1 = box
    height = round((y1 - y0) * 0.6)
    if min(x1 - x0, height) < 60:
        return
    upper = pixels[y0 : y0 + height, x0:x1]
    side = float(np.exp(rng.uniform(np.log(90), np.log(500))))
    factor = min(1.0, side / max(upper.shape[:2]))
    size = max(32, round(upper.shape[1] * factor)), max(32, round(upper.shape[0] * factor))
    small = compress_jpeg(np.asarray(cv2.resize(upper, size, interpolation=cv2.INTER_AREA)), int(rng.integers(60, 96)))
    caption = f"Images. Scale bar: {rng.choice(LENGTHS_NM)} nm."
    yield Sample(
        "real, cut", small, (whole_panel(small),), caption, (Truth(((-1.0, length_px * factor),)),), has_words=False
    )


def composites(count: int, seed: int) -> Iterator[Sample]:
    """Yield drawn composite figures with the panels of the truth."""
    for turn in range(count):
        yield composite_sample(draw_composite(seed * 1_000 + turn))


def composite_sample(figure: CompositeFigure) -> Sample:
    """Return a drawn composite figure with the panels of its truth, as the analysis cuts them."""
    keys = panel_keys(figure.panels)
    panels = tuple(
        Panel(
            box=panel.box, label=panel.label, part=panel.part, group=panel.group, heading=panel.heading,
            inset_of=None if panel.inset_of is None else keys[int(panel.inset_of)],
        )
        for panel in figure.panels
    )  # fmt: skip
    truths = tuple(
        Truth(((tile.nm_per_px, tile.bar.length_px),)) if tile.bar is not None and tile.nm_per_px else Truth()
        for tile in figure.tiles
    )
    drawn = tuple(set(tile.kinds.split("|")) <= DRAWN_KINDS for tile in figure.tiles)
    has_labels = any(tile.bar is not None and tile.bar.value == "label" for tile in figure.tiles)
    return Sample("composites", figure.pixels, panels, figure.caption, truths, drawn, has_labels)


def observe(samples: Iterator[Sample], detector: ScaleBarDetector, ocr: OcrEngine) -> Iterator[Seen]:
    """Yield the reading of each panel of the samples that has one."""
    for sample in samples:
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
        "bars": lambda: drawn_bars(options.drawn, options.seed),
        "empty": lambda: drawn_without_bar(options.empty, options.seed),
        "real": lambda: real_bars(options.data, options.seed),
        "composites": lambda: composites(options.figures, options.seed),
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
    parser.add_argument("--only", action="append", choices=("bars", "empty", "real", "composites"))
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
