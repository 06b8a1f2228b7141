"""Hollow bars: two thin lines of one length, one above the other, closed at both ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mirsearch.analysis.scalebars.candidates import Gray
from mirsearch.analysis.scalebars.measure import Measure

_MAX_LINE_THICKNESS = 6.0
"""Thickest line of a frame in px."""

_MAX_END_OFFSET = 2.5
_MAX_HEIGHT, _MAX_HEIGHT_SHARE = 26.0, 0.22
"""Largest distance of a frame's lines in px, and as a share of their length: higher ones are boxes and insets."""

_MIN_FILL_LENGTH, _MIN_FILL_EVENNESS, _MIN_FILL_CONTRAST = 0.5, 0.5, 30
"""Length and evenness of what fills an outline, and gray levels between it and the ground."""

_MIN_CLOSED_SHARE = 0.8
"""Share of the rows between a frame's lines in which each of its ends is drawn."""


def find_hollow_bars(gray: Gray, scored: Sequence[tuple[float, Measure]]) -> list[tuple[float, Measure]]:
    """Hollow bars among measured lines of an image, with the better score of their two lines."""
    thin = [(score, line) for score, line in scored if line.thickness <= _MAX_LINE_THICKNESS]
    found = []
    for score, top in thin:
        for other_score, bottom in thin:
            gap = bottom.y0 - top.y1
            if not 1 <= gap <= min(_MAX_HEIGHT, max(6.0, _MAX_HEIGHT_SHARE * top.length)) or top.bright != bottom.bright:
                continue
            alike = abs(top.x0 - bottom.x0) <= _MAX_END_OFFSET and abs(top.x1 - bottom.x1) <= _MAX_END_OFFSET
            alike = alike and abs(top.level - bottom.level) <= 40 and _has_closed_ends(gray, top, bottom)
            if alike and not any(_is_filled_by(gray, top, bottom, bar) for _, bar in scored):
                found.append((max(score, other_score), _make_hollow_bar(top, bottom)))
    return found


def _is_filled_by(gray: Gray, top: Measure, bottom: Measure, bar: Measure) -> bool:
    """Whether a bar fills what two lines enclose, and is no part of the ground: they are its outline."""
    inside = bar.y0 >= top.y0 and bar.y1 <= bottom.y1 and bar.x0 >= top.x0 - _MAX_END_OFFSET and bar.x1 <= top.x1 + _MAX_END_OFFSET
    if not inside or bar.bright == top.bright or bar.length < _MIN_FILL_LENGTH * top.length or bar.even < _MIN_FILL_EVENNESS:
        return False
    columns = slice(round(bar.x0), round(bar.x1))
    beyond = [gray[max(0, round(top.y0) - 6) : max(1, round(top.y0) - 2), columns],
              gray[round(bottom.y1) + 2 : round(bottom.y1) + 6, columns]]  # fmt: skip
    ground = np.concatenate([rows.ravel() for rows in beyond])
    return bool(ground.size and np.mean(np.abs(ground.astype(np.float32) - bar.level) > _MIN_FILL_CONTRAST) > 0.5)


def _has_closed_ends(gray: Gray, top: Measure, bottom: Measure) -> bool:
    """Whether ink of the lines' level joins them at both ends."""
    rows = slice(round(top.y1), max(round(bottom.y0), round(top.y1) + 1))
    level = (top.level + bottom.level) / 2
    slack = 0.45 * min(top.contrast, bottom.contrast) + 10
    for at, step in ((round((top.x0 + bottom.x0) / 2), 1), (round((top.x1 + bottom.x1) / 2) - 1, -1)):
        columns = [x for x in (at, at + step, at + 2 * step) if 0 <= x < gray.shape[1]]
        near = np.abs(gray[rows, columns].astype(np.float32) - level).min(axis=1, initial=255)
        if not near.size or np.mean(near <= slack) < _MIN_CLOSED_SHARE:
            return False
    return True


def _make_hollow_bar(top: Measure, bottom: Measure) -> Measure:
    return Measure(
        x0=(top.x0 + bottom.x0) / 2, y0=top.y0, x1=(top.x1 + bottom.x1) / 2, y1=bottom.y1, bright=top.bright,
        level=(top.level + bottom.level) / 2, contrast=min(top.contrast, bottom.contrast),
        even=min(top.even, bottom.even), straight=min(top.straight, bottom.straight),
        sharp=min(top.sharp, bottom.sharp),
    )  # fmt: skip


def lies_within(bar: Measure, frame: Measure) -> bool:
    """Whether a bar is a piece of a hollow one: a part of its inside or one of its lines."""
    return (
        bar is not frame
        and bar.x0 >= frame.x0 - _MAX_END_OFFSET
        and bar.x1 <= frame.x1 + _MAX_END_OFFSET
        and bar.y0 >= frame.y0 - 1
        and bar.y1 <= frame.y1 + 1
    )
