"""Framed insets of a panel, from the lines that a bar detector finds: what lies in one speaks of the inset alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mirsearch.analysis.base import BarCandidate
from mirsearch.analysis.scalebars.candidates import Gray
from mirsearch.corpus import Box

_MIN_SIDE, _MAX_SIDE_SHARE = 50, 0.75
"""Least side of an inset in px, and its largest share of a panel's."""

_MAX_OFFSET = 4
"""Pixels by which the ends of a frame's lines may differ."""

_MAX_FLAT_SHARE = 0.6
"""Share of a frame's inside that may be of one brightness: a box behind a label is filled."""

_FLAT_SLACK, _FILL_SLACK, _MIN_FILL_SHARE = 10, 4, 0.5
"""Gray levels of what is of one brightness, and those within which such a share of a filled box lies; noise in a dark
picture has more.
"""


def find_insets(gray: Gray, bars: Sequence[BarCandidate]) -> list[Box]:
    """Boxes of framed insets: two lying lines one above the other of one length, and an upright one at an end."""
    height, width = gray.shape
    lying = [bar.box for bar in bars if not bar.vertical and bar.box[2] - bar.box[0] >= _MIN_SIDE]
    upright = [bar.box for bar in bars if bar.vertical]
    found: list[Box] = []
    for top in lying:
        for bottom in lying:
            box = (min(top[0], bottom[0]), top[1], max(top[2], bottom[2]), bottom[3])
            tall, wide = box[3] - box[1], box[2] - box[0]
            if abs(top[0] - bottom[0]) > _MAX_OFFSET or abs(top[2] - bottom[2]) > _MAX_OFFSET:
                continue
            fits = _MIN_SIDE <= tall <= _MAX_SIDE_SHARE * height and wide <= _MAX_SIDE_SHARE * width
            if fits and any(_is_side(box, line) for line in upright) and _holds_picture(gray, box):
                found.append(box)
    return found


def _is_side(box: Box, line: Box) -> bool:
    """Whether an upright line runs along the left or right side of a box."""
    beside = min(abs(line[0] - box[0]), abs(line[2] - box[2])) <= _MAX_OFFSET
    return beside and abs(line[1] - box[1]) <= 2 * _MAX_OFFSET and abs(line[3] - box[3]) <= 2 * _MAX_OFFSET


def _holds_picture(gray: Gray, box: Box) -> bool:
    """Whether a frame holds a picture: a box drawn behind a label is mostly of one brightness."""
    inside = gray[box[1] + _MAX_OFFSET : box[3] - _MAX_OFFSET, box[0] + _MAX_OFFSET : box[2] - _MAX_OFFSET]
    if not inside.size:
        return False
    counts = np.bincount(inside.ravel(), minlength=256)
    flat, even = (np.convolve(counts, np.ones(2 * slack + 1), mode="same").max() for slack in (_FLAT_SLACK, _FILL_SLACK))
    return bool(flat < _MAX_FLAT_SHARE * inside.size or even < _MIN_FILL_SHARE * inside.size)


def lies_in_any(box: Box, frames: Sequence[Box]) -> bool:
    """Whether a box lies within a frame, its lines included."""
    return any(
        box[0] >= frame[0] - 1 and box[1] >= frame[1] - 1 and box[2] <= frame[2] + 1 and box[3] <= frame[3] + 1
        for frame in frames
    )
