"""Pair bars with labels by their distance and alignment, in units of the label's height."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mirsearch.analysis.base import BarCandidate, TextBox
from mirsearch.corpus import Box
from mirsearch.text.lengths import Length, find_lengths, normalize, parse_length

_DASHED_LENGTH = re.compile(r"[-–—_] ?(\d.*?) ?[-–—_]?")
"""A length with a dash before it, which may be an end of its bar."""

_MIN_UPRIGHT_ASPECT = 1.5
"""Least ratio of height to width of a line of text that is written upwards."""

_MAX_OFF_MIDDLE = 0.12
"""Greatest distance of a centered label from the middle of a vertical bar, as a share of the bar's length."""

_MAX_VERTICAL_NM = 1e6
"""Length in nm from which on a vertical line beside a label is not its bar: the label is a working distance in mm."""

_LABEL_MARGIN = 0.15
"""Share of a label's height that is margin above and below the letters: a bar there stands beside the letters."""

_MIN_HOLDER_SHARE = 0.65
"""Least share of a label's box, in height and width, of a bar in it that holds the label and is not a stroke of it."""


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text that gives a length: the length, its box in px, and OCR's confidence.

    `dashed` means that dashes stand beside it: the ends of a bar that is broken by its label, or a sign.
    """

    length: Length
    box: Box
    confidence: float
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """A bar with its label, and how well they fit (0 to 1)."""

    bar: BarCandidate
    label: Label
    score: float


def find_labels(texts: Sequence[TextBox]) -> list[Label]:
    """Return the lines that give a length, or the parts of lines (such as a databar) that do."""
    labels = []
    for line in texts:
        length = parse_length(line.text)
        if length is not None:
            labels.append(Label(length, line.box, line.confidence))
            continue
        dashed_match = _DASHED_LENGTH.fullmatch(normalize(line.text))
        if dashed_match is not None and (dashed_length := parse_length(dashed_match.group(1))) is not None:
            labels.append(Label(dashed_length, line.box, line.confidence, dashed=True))
            continue
        width = max(1, len(normalize(line.text)))
        x0, y0, x1, y1 = line.box
        for found_length, start, end in find_lengths(line.text):
            step = (x1 - x0) / width
            labels.append(
                Label(found_length, (round(x0 + start * step), y0, round(x0 + end * step), y1), line.confidence * 0.9)
            )
    return labels


def best_pair(bars: Sequence[BarCandidate], labels: Sequence[Label]) -> Pair | None:
    """Return the bar and the label that fit best, or None if there are none."""
    pairs = [Pair(bar, label, pair_score(bar, label)) for bar in bars for label in labels]
    return max(pairs, key=lambda pair: pair.score, default=None)


def pair_score(bar: BarCandidate, label: Label) -> float:
    """Return how well a bar and a label fit: by their closeness, the bar's score, and the label's plausibility."""
    if (label.dashed and not bar.broken) or (bar.vertical and label.length.nm >= _MAX_VERTICAL_NM):
        return 0.0
    closeness_to_bar = closeness(bar, label.box)
    reading_quality = label.length.plausibility * (0.4 + 0.6 * label.confidence)
    return closeness_to_bar * math.sqrt(bar.score * reading_quality)


def closeness(bar: BarCandidate, label: Box) -> float:
    """Return how close a label's box is to a bar, 0 to 1.

    It is 0 for a stroke of the label's own letters, and for an upright label beside a horizontal bar.
    """
    upright = label[3] - label[1] > _MIN_UPRIGHT_ASPECT * (label[2] - label[0])
    if (upright and not bar.vertical) or (not bar.broken and _lies_among_letters(bar.box, label)):
        return 0.0
    return _vertical_closeness(bar, label) if bar.vertical else horizontal_closeness(bar.box, label)


def _lies_among_letters(bar: Box, label: Box) -> bool:
    """Return whether a bar lies among the letters of a label.

    It then lies inside the label's box, not along the box's edge, and is not a box around the letters.
    """
    height = label[3] - label[1]
    margin = _LABEL_MARGIN * height
    if bar[3] - bar[1] >= _MIN_HOLDER_SHARE * height and bar[2] - bar[0] >= _MIN_HOLDER_SHARE * (label[2] - label[0]):
        return False
    middle = (bar[1] + bar[3]) / 2
    return (
        label[0] <= bar[0] and bar[2] <= label[2] and label[1] + margin < middle < label[3] - margin
        and bar[3] - bar[1] < height
    )  # fmt: skip


def horizontal_closeness(bar: Box, label: Box) -> float:
    """Return 1 for a label centered close above or below its bar, less for one beside it, 0 for one too far away."""
    height = max(4.0, float(label[3] - label[1]))
    gap_x = max(label[0] - bar[2], bar[0] - label[2])
    gap_y = max(label[1] - bar[3], bar[1] - label[3])
    stacked = _stacked_closeness(bar, label, gap_y / height, height) if gap_x < 0 else 0.0
    off_row = abs((bar[1] + bar[3]) / 2 - (label[1] + label[3]) / 2) / height
    if off_row > 0.9 or not -0.6 * height <= gap_x <= 3.5 * height:
        return stacked
    beside = 0.75 * math.exp(-0.5 * (off_row / 0.5) ** 2) * math.exp(-0.35 * max(0.0, gap_x) / height)
    return max(stacked, beside)


def _stacked_closeness(bar: Box, label: Box, gap: float, height: float) -> float:
    """Return the closeness of a label above, below, or inside the span of its bar; `gap` is in label heights."""
    bar_thickness = (bar[3] - bar[1]) / height
    if gap > 2.2 or gap < -0.75 - bar_thickness:
        return 0.0
    overlap = min(bar[2], label[2]) - max(bar[0], label[0])
    shared = overlap / max(1.0, min(bar[2] - bar[0], label[2] - label[0]))
    off_center = abs((bar[0] + bar[2]) - (label[0] + label[2])) / 2
    off_alignment = min(off_center, abs(bar[0] - label[0]), abs(bar[2] - label[2])) / height
    gap_weight = math.exp(-0.5 * (max(0.0, gap) / 1.0) ** 2)
    inside_weight = 1.0 if gap > -0.55 else 0.8
    return (
        gap_weight
        * inside_weight
        * (0.4 + 0.6 * max(0.0, min(1.0, shared)))
        * (0.6 + 0.4 * math.exp(-0.5 * (off_alignment / 1.2) ** 2))
    )


def _vertical_closeness(bar: BarCandidate, label: Box) -> float:
    """Return the closeness of a label beside a vertical bar; the label is written horizontally or upwards."""
    x0, y0, x1, y1 = bar.box
    a0, b0, a1, b1 = label
    if b1 - b0 > _MIN_UPRIGHT_ASPECT * (a1 - a0):
        return horizontal_closeness((y0, x0, y1, x1), (b0, a0, b1, a1))
    height = max(4.0, float(b1 - b0))
    gap_x = max(a0 - x1, x0 - a1) / height
    off_end = max(0.0, y0 - (b0 + b1) / 2, (b0 + b1) / 2 - y1) / height
    if not -0.3 <= gap_x <= 2.5 or off_end > 1.0:
        return 0.0
    centered = abs((y0 + y1) - (b0 + b1)) / 2 <= _MAX_OFF_MIDDLE * (y1 - y0)
    return (1.0 if centered else 0.8) * math.exp(-0.35 * max(0.0, gap_x)) * math.exp(-0.5 * (off_end / 0.5) ** 2)
