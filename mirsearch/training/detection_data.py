"""Training pictures with boxes of scale bars and labels: drawn figures and users' annotated pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.scalebars.faster_rcnn import BAR, LABEL, fit_picture, grow_boxes
from mirsearch.corpus import Box
from mirsearch.synthetic.figures import SyntheticFigure, draw_figure

FIRST_TEST_SEED = 1 << 24
"""Seeds of test figures start here; seeds of training figures are smaller."""

_MIN_SIDE = 48
_SCALES = (0.7, 1.0)
_GRAY_SHARE = 0.3
_MIN_VISIBLE_SHARE = 0.6
"""Share of a box's area that must be inside a window for the box to be kept."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture, RGB uint8 (h, w, 3), with boxes float32 (n, 4), classes (n,), bar lengths (n,) (labels: NaN) in px."""

    pixels: Pixels
    boxes: NDArray[np.float32]
    classes: NDArray[np.int64]
    lengths: NDArray[np.float64]


class Source(Protocol):
    """Provides a detector's training and test samples."""

    def training_samples(self, epoch: int) -> list[Sample]:
        """Return the samples of an epoch, always the same for the same number."""

    def test_samples(self) -> list[Sample]:
        """Return the samples for measuring, which no epoch contains."""


@dataclass(frozen=True, slots=True)
class DrawnFigures:
    """Panels of drawn figures, different ones in every epoch; `test_figures` figures are held out."""

    figures: int
    test_figures: int = 60
    seed: int = 0

    def training_samples(self, epoch: int) -> list[Sample]:
        """Return the panels of `figures` figures that no other epoch shows."""
        first = (self.seed * 7919 + epoch * self.figures) % (FIRST_TEST_SEED // 2)
        return [sample for seed in range(first, first + self.figures) for sample in draw_panel_samples(seed)]

    def test_samples(self) -> list[Sample]:
        """Return the panels of figures whose seeds no epoch uses."""
        return [
            sample
            for seed in range(FIRST_TEST_SEED, FIRST_TEST_SEED + self.test_figures)
            for sample in draw_panel_samples(seed)
        ]


@dataclass(frozen=True)
class AnnotatedPictures:
    """Users' pictures. Every fifth is held out; their order does not depend on that of the annotation file."""

    samples: tuple[Sample, ...]

    def training_samples(self, epoch: int) -> list[Sample]:
        """Return all pictures that are not held out."""
        return [sample for place, sample in enumerate(self.samples) if place % 5]

    def test_samples(self) -> list[Sample]:
        """Return every fifth picture."""
        return list(self.samples[::5])


@dataclass(frozen=True)
class CombinedSources:
    """Several sources as one. Test samples are those of the last source: the user's own, if there is one."""

    sources: tuple[Source, ...]

    def training_samples(self, epoch: int) -> list[Sample]:
        """Return the samples of all sources in this epoch."""
        return [sample for source in self.sources for sample in source.training_samples(epoch)]

    def test_samples(self) -> list[Sample]:
        """Return the test samples of the last source."""
        return self.sources[-1].test_samples()


def draw_panel_samples(seed: int) -> Iterator[Sample]:
    """Yield the panels of a seed's figure, except those with insets or with bars that have no length in nm."""
    figure = draw_figure(seed)
    for number, panel in enumerate(figure.panels):
        if panel.kind == "diffraction" or any(_has_center_in(inset, panel.box) for inset in figure.insets):
            continue
        x0, y0, x1, y1 = panel.box
        if min(x1 - x0, y1 - y0) >= _MIN_SIDE:
            yield _panel_sample(figure, number)


def _panel_sample(figure: SyntheticFigure, number: int) -> Sample:
    x0, y0, x1, y1 = figure.panels[number].box
    bar = figure.bars[number]
    boxes: list[Box] = []
    classes: list[int] = []
    lengths: list[float] = []
    if bar is not None:
        boxes, classes, lengths = [bar.box], [BAR], [bar.length_px]
        if bar.label_box is not None:
            boxes, classes, lengths = [*boxes, bar.label_box], [*classes, LABEL], [*lengths, float("nan")]
    return make_sample(figure.pixels[y0:y1, x0:x1], boxes, classes, lengths, (x0, y0))


def make_sample(
    pixels: Pixels, boxes: Sequence[Sequence[float]], classes: Sequence[int], lengths: Sequence[float],
    origin: tuple[int, int] = (0, 0),
) -> Sample:  # fmt: skip
    """Return a sample from lists. Boxes are in px of a larger picture in which `pixels` begin at `origin`."""
    corners = np.array(boxes, np.float32).reshape(-1, 4) - np.array([*origin, *origin], np.float32)
    return Sample(np.ascontiguousarray(pixels), corners, np.array(classes, np.int64), np.array(lengths, np.float64))


def _has_center_in(inner: Box, outer: Box) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x < outer[2] and outer[1] <= y < outer[3]


def fit_sample(sample: Sample, side: int) -> Sample:
    """Return the sample as the network sees it: fitted into side × side px, with boxes of bars grown."""
    canvas, factor = fit_picture(sample.pixels, side)
    boxes = sample.boxes * np.float32(factor)
    bars = sample.classes == BAR
    boxes[bars] = grow_boxes(boxes[bars])
    boxes = np.clip(boxes, 0, side)
    return Sample(canvas, boxes.astype(np.float32), sample.classes, sample.lengths * factor)


def random_window(sample: Sample, side: int, rng: np.random.Generator) -> Sample:
    """Return a random side × side px part of a sample, around one of its boxes if any; drop boxes mostly outside it."""
    height, width = sample.pixels.shape[:2]
    if side >= min(height, width):
        return sample
    x, y = (int(rng.integers(most - side + 1)) for most in (width, height))
    if len(sample.boxes):
        x0, y0, x1, y1 = (float(edge) for edge in sample.boxes[rng.integers(len(sample.boxes))])
        x, y = (
            int(np.clip(rng.integers(round(min(high - side, low)), round(max(high - side, low)) + 1), 0, most - side))
            for low, high, most in ((x0, x1, width), (y0, y1, height))
        )
    shift = np.array([x, y, x, y], np.float32)
    boxes = np.clip(sample.boxes - shift, 0, side)
    visible, total = ((corners[:, 2:] - corners[:, :2]).prod(axis=1) for corners in (boxes, sample.boxes))
    kept = visible >= _MIN_VISIBLE_SHARE * total
    return Sample(sample.pixels[y : y + side, x : x + side], boxes[kept], sample.classes[kept], sample.lengths[kept])


def augment(sample: Sample, rng: np.random.Generator) -> Sample:
    """Return the sample with random changes: smaller, brighter or darker, sometimes gray."""
    factor = float(rng.uniform(*_SCALES))
    height, width = (max(_MIN_SIDE // 2, round(length * factor)) for length in sample.pixels.shape[:2])
    canvas = np.full_like(sample.pixels, int(rng.integers(256)))
    y, x = (int(rng.integers(most + 1)) for most in (canvas.shape[0] - height, canvas.shape[1] - width))
    small = cv2.resize(sample.pixels, (width, height), interpolation=cv2.INTER_AREA)
    gain, lift = float(rng.uniform(0.7, 1.3)), float(rng.uniform(-25, 25))
    toned = np.clip((small.astype(np.float32) - 128) * gain + 128 + lift, 0, 255).astype(np.uint8)
    if rng.uniform() < _GRAY_SHARE:
        toned = np.asarray(cv2.cvtColor(cv2.cvtColor(toned, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
    canvas[y : y + height, x : x + width] = toned
    across, down = width / sample.pixels.shape[1], height / sample.pixels.shape[0]
    scale, shift = np.array([across, down] * 2, np.float32), np.array([x, y] * 2, np.float32)
    return replace(sample, pixels=canvas, boxes=sample.boxes * scale + shift, lengths=sample.lengths * across)
