"""End caps: short strokes across both ends of a bar, alike and centered on it, are no bars of their own."""

from __future__ import annotations

from collections.abc import Sequence

from mirsearch.analysis.base import BarCandidate
from mirsearch.analysis.panels.boxes import transpose_box
from mirsearch.corpus import Box

_MAX_OFFSET = 2
"""Pixels by which caps may differ in length and stand off their bar's end."""

_MAX_OFF_CENTER = 0.15
"""Part of a cap's length by which its middle may stand off the bar."""


def drop_end_caps(found: Sequence[BarCandidate]) -> list[BarCandidate]:
    """The bars, lying and upright, that are not the caps of a longer one across them."""
    lying = [bar for bar in found if not bar.vertical and not bar.broken]
    upright = [bar for bar in found if bar.vertical and not bar.broken]
    caps = _find_caps(lying, [transpose_box(bar.box) for bar in lying], [transpose_box(bar.box) for bar in upright])
    caps += _find_caps(upright, [bar.box for bar in upright], [bar.box for bar in lying])
    return [bar for bar in found if not any(bar is cap for cap in caps)]


def _find_caps(strokes: Sequence[BarCandidate], boxes: Sequence[Box], bars: Sequence[Box]) -> list[BarCandidate]:
    """Those of the strokes (boxes as if upright) that cap both ends of one of the bars (boxes as if lying)."""
    caps = []
    for bar in bars:
        ends = [
            [(stroke, box) for stroke, box in zip(strokes, boxes, strict=True) if _crosses_end(box, bar, end)]
            for end in (0, 2)
        ]
        for one, box in ends[0]:
            for other, far in ends[1]:
                if abs(box[1] - far[1]) <= _MAX_OFFSET and abs(box[3] - far[3]) <= _MAX_OFFSET:
                    caps += [one, other]
    return caps


def _crosses_end(stroke: Box, bar: Box, end: int) -> bool:
    """Whether an upright stroke, shorter than a lying bar, stands across one of its ends (0 first, 2 last)."""
    tall, thick = stroke[3] - stroke[1], bar[3] - bar[1]
    off = abs((stroke[1] + stroke[3]) - (bar[1] + bar[3])) / 2
    return (
        thick < tall < bar[2] - bar[0]
        and off <= max(1.0, _MAX_OFF_CENTER * tall)
        and abs(stroke[end] - bar[end]) <= _MAX_OFFSET
        and stroke[2] - stroke[0] <= tall / 2
    )
