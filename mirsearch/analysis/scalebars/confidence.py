"""Tell how likely a reading is right: logistic regressions of what was seen of it.

Of the readings that are told with a confidence c, about c are right. The weights come from
benchmarks.analysis.confidence, which fits them on drawn figures and on the bars of scale_truth.csv and
caption_scale_truth.csv, with and without their captions, and on images whose bar was removed.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, field

from mirsearch.analysis.scalebars.bar_looks import BarLooks

MIN_TOLD = 0.5
"""Least confidence of a reading that is told. One below it is kept as doubtful."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen of a reading; each number is from 0 to 1, or from -1 to 1.

    `bar`: score of the bar. `pair`: how well bar and label fit (0 without a label). `reading`: plausibility of the
    length times the confidence of OCR, or the caption's. `caption`: 1 if the caption gives this length, -1 if it gives
    another. `siblings`: 1 if bars of images of one letter agree, -1 if they differ. `corner`: distance from the
    nearest corner. `short` and `long`: how far the bar is below 1/20 and above half of the width. `thick`: thickness
    over length. `rivals`: how near the next bar comes. `unsure`: 1 if the caption may not mean this panel.
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

    def as_numbers(self) -> tuple[float, ...]:
        """Return all fields, those of the looks last, as the weights count them."""
        *numbers, looks = astuple(self)
        return (*numbers, *looks)


LABEL_WEIGHTS = (-3.0, 2.0, 5.0, 3.0, 1.5, 1.0, -1.0, -1.0, -1.0, 0.0, -0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
"""Intercept, then the weight of each field of Evidence, for readings of a printed label."""

CAPTION_WEIGHTS = (-4.0, 8.0, 0.0, 1.5, 0.0, 1.5, -2.0, -1.5, -1.5, -1.0, -1.5, -1.5, 0.0, 0.0, 0.0, 0.0, 0.0)
"""The same for bars that get the caption's length."""


def label_confidence(evidence: Evidence) -> float:
    """Return the probability that the reading of a printed label is right."""
    return _predict(LABEL_WEIGHTS, evidence)


def caption_confidence(evidence: Evidence) -> float:
    """Return the probability that a bar with the caption's length is read right."""
    return _predict(CAPTION_WEIGHTS, evidence)


def _predict(weights: tuple[float, ...], evidence: Evidence) -> float:
    value = weights[0] + sum(weight * seen for weight, seen in zip(weights[1:], evidence.as_numbers(), strict=True))
    return round(1 / (1 + math.exp(-max(-30.0, min(30.0, value)))), 4)
