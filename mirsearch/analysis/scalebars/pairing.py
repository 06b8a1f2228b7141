"""Which label belongs to which bar: their distance and alignment in units of the label's own height."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mirsearch.analysis.base import BarCandidate, TextBox
from mirsearch.corpus import Box
from mirsearch.text.lengths import Length, find_lengths, normalize, parse_length

_DASHED_LENGTH = re.compile(r"[-–—_] ?(\d.*?) ?[-–—_]?")
"""A length with what may be an end of its bar before it."""

_MIN_UPRIGHT_ASPECT = 1.5
"""How much higher than wide a line of text is that is written upwards."""

_MAX_OFF_MIDDLE = 0.12
"""Part of an upright bar's length by which a label may stand off its middle and still be set there on purpose."""

_MAX_VERTICAL_NM = 1e6
"""Length in nm from which an upright line beside a label is a column's: working distances are told in mm."""

_LABEL_MARGIN = 0.15
"""Part of a label's height that is margin: a bar there stands beside the letters."""

_MIN_HOLDER_SHARE = 0.65
"""Part of a label's box from which on a bar within it is one that the label is written in, not one of its strokes."""


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text that says a length: its box in px, what it says, and OCR's confidence.

    `dashed` says that dashes stand beside it: the ends of a bar that is broken by its label, or a sign.
    """

    length: Length
    box: Box
    confidence: float
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """A bar with its label and how well they go together, 0 to 1."""

    bar: BarCandidate
    label: Label
    score: float


def find_labels(texts: Sequence[TextBox]) -> list[Label]:
    """The lines, or parts of lines such as a databar's, that say a length."""
    found = []
    for line in texts:
        whole = parse_length(line.text)
        if whole is not None:
            found.append(Label(whole, line.box, line.confidence))
            continue
        dashed = _DASHED_LENGTH.fullmatch(normalize(line.text))
        if dashed is not None and (between := parse_length(dashed.group(1))) is not None:
            found.append(Label(between, line.box, line.confidence, dashed=True))
            continue
        width = max(1, len(normalize(line.text)))
        x0, y0, x1, y1 = line.box
        for length, start, end in find_lengths(line.text):
            step = (x1 - x0) / width
            found.append(
                Label(length, (round(x0 + start * step), y0, round(x0 + end * step), y1), line.confidence * 0.9)
            )
    return found


def best_pair(bars: Sequence[BarCandidate], labels: Sequence[Label]) -> Pair | None:
    """The bar and label that fit best, or None where none do."""
    pairs = [Pair(bar, label, pair_score(bar, label)) for bar in bars for label in labels]
    return max(pairs, key=lambda pair: pair.score, default=None)


def pair_score(bar: BarCandidate, label: Label) -> float:
    """How well a bar and a label go together: geometry, the bar's own score, the label's plausibility."""
    if (label.dashed and not bar.broken) or (bar.vertical and label.length.nm >= _MAX_VERTICAL_NM):
        return 0.0
    near = closeness(bar, label.box)
    sure = label.length.plausibility * (0.4 + 0.6 * label.confidence)
    return near * math.sqrt(bar.score * sure)


def closeness(bar: BarCandidate, label: Box) -> float:
    """Nearness of a label's box to a bar, lying or upright, 0 to 1; a stroke of the label's own letters is none."""
    tall = label[3] - label[1] > _MIN_UPRIGHT_ASPECT * (label[2] - label[0])
    if (tall and not bar.vertical) or (not bar.broken and _lies_among_letters(bar.box, label)):
        return 0.0
    return _vertical_closeness(bar, label) if bar.vertical else horizontal_closeness(bar.box, label)


def _lies_among_letters(bar: Box, label: Box) -> bool:
    """Whether a bar lies among the letters of a label: inside its box, not along its edge, and no box around them."""
    height = label[3] - label[1]
    edge = _LABEL_MARGIN * height
    if bar[3] - bar[1] >= _MIN_HOLDER_SHARE * height and bar[2] - bar[0] >= _MIN_HOLDER_SHARE * (label[2] - label[0]):
        return False
    middle = (bar[1] + bar[3]) / 2
    return (
        label[0] <= bar[0] and bar[2] <= label[2] and label[1] + edge < middle < label[3] - edge
        and bar[3] - bar[1] < height
    )  # fmt: skip


def horizontal_closeness(bar: Box, label: Box) -> float:
    """1 for a label centred close above or below its bar, less beside it, 0 where it is too far to belong."""
    height = max(4.0, float(label[3] - label[1]))
    gap_x = max(label[0] - bar[2], bar[0] - label[2])
    gap_y = max(label[1] - bar[3], bar[1] - label[3])
    stacked = _stacked_closeness(bar, label, gap_y / height, height) if gap_x < 0 else 0.0
    off = abs((bar[1] + bar[3]) / 2 - (label[1] + label[3]) / 2) / height
    if off > 0.9 or not -0.6 * height <= gap_x <= 3.5 * height:
        return stacked
    beside = 0.75 * math.exp(-0.5 * (off / 0.5) ** 2) * math.exp(-0.35 * max(0.0, gap_x) / height)
    return max(stacked, beside)


def _stacked_closeness(bar: Box, label: Box, gap: float, height: float) -> float:
    """Nearness of a label above, below or inside the span of its bar; `gap` in label heights."""
    thick = (bar[3] - bar[1]) / height
    if gap > 2.2 or gap < -0.75 - thick:
        return 0.0
    overlap = min(bar[2], label[2]) - max(bar[0], label[0])
    shared = overlap / max(1.0, min(bar[2] - bar[0], label[2] - label[0]))
    centred = abs((bar[0] + bar[2]) - (label[0] + label[2])) / 2
    aligned = min(centred, abs(bar[0] - label[0]), abs(bar[2] - label[2])) / height
    closeness = math.exp(-0.5 * (max(0.0, gap) / 1.0) ** 2)
    within = 1.0 if gap > -0.55 else 0.8
    return (
        closeness
        * within
        * (0.4 + 0.6 * max(0.0, min(1.0, shared)))
        * (0.6 + 0.4 * math.exp(-0.5 * (aligned / 1.2) ** 2))
    )


def _vertical_closeness(bar: BarCandidate, label: Box) -> float:
    """Nearness of a label to an upright bar: beside it, upright or turned."""
    x0, y0, x1, y1 = bar.box
    a0, b0, a1, b1 = label
    if b1 - b0 > _MIN_UPRIGHT_ASPECT * (a1 - a0):
        return horizontal_closeness((y0, x0, y1, x1), (b0, a0, b1, a1))
    height = max(4.0, float(b1 - b0))
    gap_x = max(a0 - x1, x0 - a1) / height
    off = max(0.0, y0 - (b0 + b1) / 2, (b0 + b1) / 2 - y1) / height
    if not -0.3 <= gap_x <= 2.5 or off > 1.0:
        return 0.0
    middle = abs((y0 + y1) - (b0 + b1)) / 2 <= _MAX_OFF_MIDDLE * (y1 - y0)
    return (1.0 if middle else 0.8) * math.exp(-0.35 * max(0.0, gap_x)) * math.exp(-0.5 * (off / 0.5) ** 2)
