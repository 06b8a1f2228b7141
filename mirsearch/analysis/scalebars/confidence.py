"""Tell how likely a reading is right: logistic regressions of what was seen of it.

Of the readings that are told with a confidence c, about c are right. The weights come from
`benchmarks.analysis.confidence --fit`: drawn micrographs with bars of all styles and without a bar, drawn composite
figures, and the bars of scale_truth.csv and caption_scale_truth.csv, whole and cut so that the bar is gone.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, field

from mirsearch.analysis.scalebars.bar_looks import BarLooks

MIN_TOLD = 0.5
"""Least confidence of a reading that is told. One below it is kept as doubtful."""

MAX_CONFIDENCE = 0.998
"""Greatest confidence of any reading: the samples are too few to show more."""

_CLEAR_CAPTION = 0.85
"""Confidence from which on a caption's length is read right."""

_UNSURE_WEIGHT = 0.85
"""Share of the bars that have the only length of a caption, where the panel has no letter."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen of a reading; each number is from 0 to 1, or from -1 to 1.

    `bar`: score of the bar. `pair`: how well bar and label fit (0 without a label). `reading`: plausibility of the
    length times the confidence of OCR, or the caption's. `caption`: 1 if the caption gives this length too, -1 if it
    gives another. `siblings`: 1 if an image of the same letter has the same bar. `corner`: distance from the nearest
    corner. `short` and `long`: how far the bar is below 1/20 and above half of the width. `thick`: thickness over
    length. `rivals`: how near the next bar comes. `unsure`: 1 if the length may be of another panel or misread.
    """

    bar: float
    pair: float = 0.0
    reading: float = 1.0
    caption: float = 0.0
    siblings: float = 0.0
    corner: float = 0.0
    short: float = 0.0
    long: float = 0.0
    thick: float = 0.0
    rivals: float = 0.0
    unsure: float = 0.0
    looks: BarLooks = field(default_factory=BarLooks)

    def label_numbers(self) -> tuple[float, ...]:
        """Return what counts for a printed label: bar and label, the caption, other lines."""
        return self.bar, self.pair, self.reading, self.caption, self.rivals

    def bar_numbers(self) -> tuple[float, ...]:
        """Return what counts for a bar without a label: the bar, its place, shape and looks."""
        shape = self.siblings, self.corner, self.short, self.long, self.thick, self.rivals
        return (self.bar, *shape, *astuple(self.looks))


LABEL_WEIGHTS = (-7.462, 3.753, 3.439, 8.262, 2.5, -3.406)
"""Intercept, then the weight of each of the numbers of a label. That of the caption is set by hand: too few differ."""

BAR_WEIGHTS = (-10.638, 11.044, 0.091, -12.055, 0.0, 0.0, -2.332, -0.337, 4.118, -0.429, 0.967, 1.059, -0.262)
"""The same for a bar without a label."""


def label_confidence(evidence: Evidence) -> float:
    """Return the probability that the reading of a printed label is right."""
    return predict(LABEL_WEIGHTS, evidence.label_numbers())


def bar_confidence(evidence: Evidence) -> float:
    """Return the probability that a line without a label is a bar."""
    return predict(BAR_WEIGHTS, evidence.bar_numbers())


def caption_confidence(evidence: Evidence) -> float:
    """Return the probability that a bar with the caption's length is read right: that it is a bar, and has this length.

    `reading` is the confidence of the caption's length.
    """
    length = min(1.0, evidence.reading / _CLEAR_CAPTION) * (_UNSURE_WEIGHT if evidence.unsure else 1.0)
    return round(bar_confidence(evidence) * length, 4)


def predict(weights: tuple[float, ...], numbers: tuple[float, ...]) -> float:
    """Return the probability that a logistic regression gives; `weights` begin with the intercept."""
    value = weights[0] + sum(weight * number for weight, number in zip(weights[1:], numbers, strict=True))
    return round(min(MAX_CONFIDENCE, 1 / (1 + math.exp(-max(-30.0, min(30.0, value))))), 4)
