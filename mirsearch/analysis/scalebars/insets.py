"""Find framed insets of a panel from the lines that a bar detector finds. A bar in an inset scales only the inset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mirsearch.analysis.base import BarCandidate
from mirsearch.analysis.scalebars.candidates import Gray
from mirsearch.corpus import Box

_MIN_SIDE = 50
"""Least side of an inset in px."""

_MAX_SIDE_SHARE = 0.75
"""Greatest side of an inset as a share of the panel's side."""

_MAX_OFFSET = 4
"""Greatest distance in px between the ends of a frame's lines."""

_MAX_FLAT_SHARE = 0.6
"""Greatest share of an inset that has one brightness. A box behind a label has more."""

_FLAT_SLACK = 10
"""Gray levels above and below a level that count as one brightness."""

_FILL_SLACK = 4
"""Gray levels above and below a level that count as the brightness of an evenly filled box."""

_MIN_FILL_SHARE = 0.5
"""Least share of a filled box that has its brightness. Noise in a dark picture spreads over more levels."""


def find_insets(gray: Gray, bars: Sequence[BarCandidate]) -> list[Box]:
    """Return the boxes of framed insets.

    A frame has two horizontal lines of equal length, one above the other, and a vertical line at one end.
    """
    height, width = gray.shape
    horizontal = [bar.box for bar in bars if not bar.vertical and bar.box[2] - bar.box[0] >= _MIN_SIDE]
    vertical = [bar.box for bar in bars if bar.vertical]
    insets: list[Box] = []
    for top in horizontal:
        for bottom in horizontal:
            box = (min(top[0], bottom[0]), top[1], max(top[2], bottom[2]), bottom[3])
            box_height, box_width = box[3] - box[1], box[2] - box[0]
            if abs(top[0] - bottom[0]) > _MAX_OFFSET or abs(top[2] - bottom[2]) > _MAX_OFFSET:
                continue
            has_inset_size = (
                _MIN_SIDE <= box_height <= _MAX_SIDE_SHARE * height and box_width <= _MAX_SIDE_SHARE * width
            )
            if has_inset_size and any(_is_side(box, line) for line in vertical) and _holds_picture(gray, box):
                insets.append(box)
    return insets


def _is_side(box: Box, line: Box) -> bool:
    """Return whether a vertical line runs along the left or right side of a box."""
    along_side = min(abs(line[0] - box[0]), abs(line[2] - box[2])) <= _MAX_OFFSET
    return along_side and abs(line[1] - box[1]) <= 2 * _MAX_OFFSET and abs(line[3] - box[3]) <= 2 * _MAX_OFFSET


def _holds_picture(gray: Gray, box: Box) -> bool:
    """Return whether a frame holds a picture. A box drawn behind a label is mostly of one brightness."""
    inside = gray[box[1] + _MAX_OFFSET : box[3] - _MAX_OFFSET, box[0] + _MAX_OFFSET : box[2] - _MAX_OFFSET]
    if not inside.size:
        return False
    counts = np.bincount(inside.ravel(), minlength=256)
    flat_pixels, fill_pixels = (
        np.convolve(counts, np.ones(2 * slack + 1), mode="same").max() for slack in (_FLAT_SLACK, _FILL_SLACK)
    )
    return bool(flat_pixels < _MAX_FLAT_SHARE * inside.size or fill_pixels < _MIN_FILL_SHARE * inside.size)


def lies_in_any(box: Box, frames: Sequence[Box]) -> bool:
    """Return whether a box lies within one of the frames or on its lines."""
    return any(
        box[0] >= frame[0] - 1 and box[1] >= frame[1] - 1 and box[2] <= frame[2] + 1 and box[3] <= frame[3] + 1
        for frame in frames
    )
