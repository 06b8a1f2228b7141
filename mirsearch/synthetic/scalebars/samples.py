"""One micrograph with one bar, as a publication shows it: resized, compressed, in gray or color; with its truth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mirsearch.corpus import Box
from mirsearch.synthetic.fields import Random, make_rng
from mirsearch.synthetic.figures import INSTRUMENT_TECHNIQUES, MICROGRAPHS, draw_micrograph
from mirsearch.synthetic.imaging import Pixels, compress_jpeg
from mirsearch.synthetic.scalebars.bars import DrawnBar
from mirsearch.synthetic.scalebars.styles import BAR_STYLES, BarStyle
from mirsearch.synthetic.specimens.families import FAMILIES, specimen

_MIN_LABEL_HEIGHT, _MIN_BAR_LENGTH = 9.0, 20.0
"""Height of letters and length of a bar, in px, that a publisher leaves readable."""

_WIDTHS = (230, 620)
"""Shorter and longer width in px of the pictures drawn."""


@dataclass(frozen=True, slots=True)
class BarSample:
    """A drawn picture (RGB, uint8), the bar in it, the caption that goes with it and how it was published."""

    pixels: Pixels
    bar: DrawnBar
    caption: str
    factor: float
    quality: int | None


def publish_pixels(pixels: Pixels, factor: float, quality: int | None) -> Pixels:
    """The picture resized by a factor and compressed as JPEG of a quality (None: left as it is)."""
    if factor != 1.0:
        size = (round(pixels.shape[1] * factor), round(pixels.shape[0] * factor))
        method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)
    return pixels if quality is None else compress_jpeg(pixels, quality)


def _choose_factor(bar: DrawnBar, rng: Random) -> float:
    """By how much a publisher resizes a figure: half the time not at all, never so far that the label is lost."""
    if rng.uniform() < 0.5:
        return 1.0
    box = bar.label_box
    letters = 99.0 if box is None else float(min(box[3] - box[1], box[2] - box[0]))
    least = max(0.5, _MIN_LABEL_HEIGHT / letters, _MIN_BAR_LENGTH / bar.length_px)
    return float(np.exp(rng.uniform(np.log(min(1.0, least)), np.log(1.8))))


def _scale_bar_truth(bar: DrawnBar, factor: float) -> DrawnBar:
    """The truth of a bar in a picture resized by a factor."""

    def box(of: Box) -> Box:
        x0, y0, x1, y1 = (round(edge * factor) for edge in of)
        return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)

    label = None if bar.label_box is None else box(bar.label_box)
    return replace(
        bar,
        box=box(bar.box),
        label_box=label,
        length_px=bar.length_px * factor,
        nm_per_px=bar.nm_per_px / factor,
    )


def _fitting_families(style: BarStyle) -> list[str]:
    """What may be shown above or behind a bar of a style."""
    return [name for name in MICROGRAPHS if not style.databar or FAMILIES[name].technique in INSTRUMENT_TECHNIQUES]


def draw_bar_sample(seed: int, style: str) -> BarSample:
    """The sample of a seed with a bar of a style (a name of BAR_STYLES)."""
    rng = make_rng(seed, 0xBA2)
    chosen = BAR_STYLES[style]
    shown = specimen(int(rng.integers(1 << 30)), str(rng.choice(_fitting_families(chosen))))
    width = int(np.exp(rng.uniform(*np.log(_WIDTHS))))
    height = round(width / float(rng.choice((1.0, 1.15, 1.33, 1.5))))
    inset = chosen.databar is None and width >= 380 and rng.uniform() < 0.1
    picture, bar, _ = draw_micrograph(shown, width, max(180, height), float(rng.uniform()), chosen, rng, inset)
    factor = _choose_factor(bar, rng)
    quality = None if rng.uniform() < 0.3 else int(rng.integers(50, 96))
    pixels = publish_pixels(picture, factor, quality)
    if rng.uniform() < 0.3 and chosen.ink in ("white", "black"):
        pixels = np.asarray(cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
    caption = "" if bar.label_text else f"Image of {shown.subject}. Scale bar: {bar.length_nm:g} nm."
    return BarSample(pixels, _scale_bar_truth(bar, factor), caption, factor, quality)
