"""The samples on which the confidence of readings is fitted and checked (see benchmarks.analysis.confidence)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.analysis import scalebars as bars
from mirsearch.analysis.base import Pixels, TextBox
from mirsearch.corpus import Box, Panel, panel_keys
from mirsearch.synthetic.composites import CompositeFigure, draw_composite
from mirsearch.synthetic.fields import View, make_rng
from mirsearch.synthetic.figures import MICROGRAPHS
from mirsearch.synthetic.imaging import compress_jpeg
from mirsearch.synthetic.scalebars.samples import draw_bar_sample
from mirsearch.synthetic.scalebars.styles import BAR_STYLES
from mirsearch.synthetic.specimens.families import specimen

LENGTHS_NM = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000)
DRAWN_KINDS = {"plot", "schematic", "gel"}


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
    captions = bars.load_captions(data)
    for task in ("labelled", "caption"):
        for number, case in enumerate(bars.bar_cases(data, task, captions)):
            rng = make_rng(seed, 0xB1, number)
            pixels = bars.load_pixels(data, case.file)
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


def small_labels(data: Path, per_style: int, seed: int) -> Iterator[Sample]:
    """Yield real and drawn bars with labels made so small that some labels are misread."""
    cases = [("small, real", case, bars.load_pixels(data, case.file)) for case in bars.bar_cases(data, "labelled", {})]
    cases += [("small, drawn", case, bars.load_pixels(data, case.file)) for case in bars.drawn_cases(per_style, seed)]
    for number, (group, case, pixels) in enumerate(cases):
        if case.nm_per_px is None or case.caption:
            continue
        rng = make_rng(seed, 0xB2, number)
        x0, y0, x1, y1 = case.box or (0, 0, pixels.shape[1], pixels.shape[0])
        factor = max(float(rng.uniform(0.3, 0.7)), 16 / case.length_px)
        size = max(32, round((x1 - x0) * factor)), max(32, round((y1 - y0) * factor))
        small = cv2.resize(pixels[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
        small = compress_jpeg(np.asarray(small, np.uint8), int(rng.integers(40, 90)))
        truth = Truth(((case.nm_per_px / factor, case.length_px * factor),))
        yield Sample(group, small, (whole_panel(small),), "", (truth,))


def traps(data: Path) -> Iterator[Sample]:
    """Yield plots, drawings and other panels without a length to read."""
    for case in bars.trap_cases(data, bars.load_captions(data)):
        pixels = bars.load_pixels(data, case.file)
        panel = Panel(box=case.box or whole_panel(pixels).box, label=case.label)
        yield Sample("traps", pixels, (panel,), case.caption, (Truth(),))


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
