"""Framed insets of a panel, from the lines that a bar detector finds: what lies in one speaks of the inset alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mirsearch.analysis.base import BarCandidate
from mirsearch.analysis.scalebars.candidates import Gray
from mirsearch.corpus import Box

_LEAST_SIDE, _LARGEST = 50, 0.75
"""Least side of an inset in px, and its largest share of a panel's."""

_OFF = 4
"""Pixels by which the ends of a frame's lines may differ."""

_FLATTEST = 0.6
"""Share of a frame's inside that may be of one brightness: a box behind a label is filled."""

_ALIKE, _EVEN, _EVENLY = 10, 4, 0.5
"""Gray levels of what is of one brightness, and those within which such a share of a filled box lies; noise in a dark
picture has more.
"""


def inset_boxes(gray: Gray, bars: Sequence[BarCandidate]) -> list[Box]:
    """Boxes of framed insets: two lying lines one above the other of one length, and an upright one at an end."""
    height, width = gray.shape
    lying = [bar.box for bar in bars if not bar.vertical and bar.box[2] - bar.box[0] >= _LEAST_SIDE]
    upright = [bar.box for bar in bars if bar.vertical]
    found: list[Box] = []
    for top in lying:
        for bottom in lying:
            box = (min(top[0], bottom[0]), top[1], max(top[2], bottom[2]), bottom[3])
            tall, wide = box[3] - box[1], box[2] - box[0]
            if abs(top[0] - bottom[0]) > _OFF or abs(top[2] - bottom[2]) > _OFF:
                continue
            fits = _LEAST_SIDE <= tall <= _LARGEST * height and wide <= _LARGEST * width
            if fits and any(_is_side(box, line) for line in upright) and _pictured(gray, box):
                found.append(box)
    return found


def _is_side(box: Box, line: Box) -> bool:
    """Whether an upright line runs along the left or right side of a box."""
    beside = min(abs(line[0] - box[0]), abs(line[2] - box[2])) <= _OFF
    return beside and abs(line[1] - box[1]) <= 2 * _OFF and abs(line[3] - box[3]) <= 2 * _OFF


def _pictured(gray: Gray, box: Box) -> bool:
    """Whether a frame holds a picture: a box drawn behind a label is mostly of one brightness."""
    inside = gray[box[1] + _OFF : box[3] - _OFF, box[0] + _OFF : box[2] - _OFF]
    if not inside.size:
        return False
    counts = np.bincount(inside.ravel(), minlength=256)
    flat, even = (np.convolve(counts, np.ones(2 * slack + 1), mode="same").max() for slack in (_ALIKE, _EVEN))
    return bool(flat < _FLATTEST * inside.size or even < _EVENLY * inside.size)


def lies_in(box: Box, frames: Sequence[Box]) -> bool:
    """Whether a box lies within a frame, its lines included."""
    return any(
        box[0] >= frame[0] - 1 and box[1] >= frame[1] - 1 and box[2] <= frame[2] + 1 and box[3] <= frame[3] + 1
        for frame in frames
    )
