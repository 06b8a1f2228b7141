"""Draws micrographs with one bar as publications show them: resized, compressed, in gray or color, with their truth."""

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
"""Smallest height of a label and smallest length of a bar, in px, that stay readable."""

_WIDTHS = (230, 620)
"""Smallest and largest width in px of the drawn pictures."""


@dataclass(frozen=True, slots=True)
class BarSample:
    """A drawn picture (RGB, uint8), its bar, its caption, and the factor and JPEG quality of its publication."""

    pixels: Pixels
    bar: DrawnBar
    caption: str
    factor: float
    quality: int | None


def publish_pixels(pixels: Pixels, factor: float, quality: int | None) -> Pixels:
    """Return the picture resized by a factor and compressed as JPEG of a quality (None: not compressed)."""
    if factor != 1.0:
        size = (round(pixels.shape[1] * factor), round(pixels.shape[0] * factor))
        method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)
    return pixels if quality is None else compress_jpeg(pixels, quality)


def _choose_factor(bar: DrawnBar, rng: Random) -> float:
    """Choose the factor by which a publisher resizes a figure: often 1, and never so small that the label is lost."""
    if rng.uniform() < 0.5:
        return 1.0
    box = bar.label_box
    letters = 99.0 if box is None else float(min(box[3] - box[1], box[2] - box[0]))
    minimum = max(0.5, _MIN_LABEL_HEIGHT / letters, _MIN_BAR_LENGTH / bar.length_px)
    return float(np.exp(rng.uniform(np.log(min(1.0, minimum)), np.log(1.8))))


def _scale_bar_truth(bar: DrawnBar, factor: float) -> DrawnBar:
    """Return the truth of a bar in a picture resized by a factor."""

    def scale_box(box: Box) -> Box:
        x0, y0, x1, y1 = (round(edge * factor) for edge in box)
        return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)

    label = None if bar.label_box is None else scale_box(bar.label_box)
    return replace(
        bar,
        box=scale_box(bar.box),
        label_box=label,
        length_px=bar.length_px * factor,
        nm_per_px=bar.nm_per_px / factor,
    )


def _fitting_families(style: BarStyle) -> list[str]:
    """Return the families that a picture with a bar of this style may show."""
    return [name for name in MICROGRAPHS if not style.databar or FAMILIES[name].technique in INSTRUMENT_TECHNIQUES]


def draw_bar_sample(seed: int, style: str) -> BarSample:
    """Draw the sample of a seed with a bar of a style (a name in BAR_STYLES)."""
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
