"""Drop end caps: two equal short strokes across both ends of a bar are not bars themselves."""

from __future__ import annotations

from collections.abc import Sequence

from mirsearch.analysis.base import BarCandidate
from mirsearch.analysis.panels.boxes import transpose_box
from mirsearch.corpus import Box

_MAX_OFFSET = 2
"""Px by which the caps of a bar may differ in length, and by which they may stand off the bar's end."""

_MAX_OFF_CENTER = 0.15
"""Greatest distance between the middle of a cap and the bar, as a share of the cap's length."""


def drop_end_caps(bars: Sequence[BarCandidate]) -> list[BarCandidate]:
    """Return the bars, horizontal and vertical, without those that are the end caps of a longer bar."""
    horizontal = [bar for bar in bars if not bar.vertical and not bar.broken]
    vertical = [bar for bar in bars if bar.vertical and not bar.broken]
    caps = _find_caps(
        horizontal, [transpose_box(bar.box) for bar in horizontal], [transpose_box(bar.box) for bar in vertical]
    )
    caps += _find_caps(vertical, [bar.box for bar in vertical], [bar.box for bar in horizontal])
    return [bar for bar in bars if not any(bar is cap for cap in caps)]


def _find_caps(strokes: Sequence[BarCandidate], boxes: Sequence[Box], bars: Sequence[Box]) -> list[BarCandidate]:
    """Return the strokes that cap both ends of one of the bars.

    `boxes` are the boxes of the strokes. Both kinds of box are transposed where needed, so that strokes are vertical
    and bars are horizontal.
    """
    caps = []
    for bar in bars:
        ends = [
            [
                (stroke, first_box)
                for stroke, first_box in zip(strokes, boxes, strict=True)
                if _crosses_end(first_box, bar, end)
            ]
            for end in (0, 2)
        ]
        for first, first_box in ends[0]:
            for second, second_box in ends[1]:
                if (
                    abs(first_box[1] - second_box[1]) <= _MAX_OFFSET
                    and abs(first_box[3] - second_box[3]) <= _MAX_OFFSET
                ):
                    caps += [first, second]
    return caps


def _crosses_end(stroke: Box, bar: Box, end: int) -> bool:
    """Return whether a vertical stroke, shorter than a horizontal bar, stands across one of the bar's ends.

    `end` is the index of the end in a box: 0 for the left end, 2 for the right end.
    """
    if abs(stroke[end] - bar[end]) > _MAX_OFFSET:
        return False
    height, bar_thickness = stroke[3] - stroke[1], bar[3] - bar[1]
    off_center = abs((stroke[1] + stroke[3]) - (bar[1] + bar[3])) / 2
    return (
        bar_thickness < height < bar[2] - bar[0]
        and off_center <= max(1.0, _MAX_OFF_CENTER * height)
        and stroke[2] - stroke[0] <= height / 2
    )
