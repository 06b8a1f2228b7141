"""Find hollow bars: two thin lines of equal length, one above the other, joined at both ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.panels.masks import Gray
from mirsearch.analysis.scalebars.measure import Measure

_MAX_LINE_THICKNESS = 6.0
"""Greatest thickness in px of the lines of a hollow bar."""

_MAX_END_OFFSET = 2.5
"""Greatest distance in px between the ends of the two lines."""

_MAX_HEIGHT = 26.0
"""Greatest distance in px between the two lines of a hollow bar. Higher frames are boxes and insets."""

_MAX_HEIGHT_SHARE = 0.22
"""Greatest distance between the two lines as a share of their length; 6 px are always allowed."""

_MIN_FILL_LENGTH = 0.5
"""Least length of what fills an outline, as a share of the outline's length."""

_MIN_OUTLINED_SHARE = 0.75
"""Least length of a bar that is outlined, as a share of the outline's length."""

_MIN_FILL_EVENNESS = 0.5
"""Least evenness (0 to 1) of what fills an outline."""

_MIN_FILL_CONTRAST = 30
"""Least gray levels between what fills an outline and the ground."""

_OUTLINE_REACH, _MIN_OUTLINED_THICKNESS = 3.0, 2.0
"""Px by which an outline is at most longer than its bar at each end, and least thickness of the bar, in outlines."""

_OUTLINE_WEIGHT = 0.4
"""Weight of the score of a line that outlines a bar."""

_MIN_CLOSED_SHARE = 0.8
"""Least share of the rows between the two lines in which each end of the bar is drawn."""


def find_hollow_bars(
    gray: Gray, colors: Pixels, scored: Sequence[tuple[float, Measure]]
) -> tuple[list[tuple[float, Measure]], list[tuple[float, Measure]]]:
    """Return the hollow bars among the measured lines of an image, and the bars that fill an outline.

    Each has the better score of its two lines. `colors` (h, w, n) are the image's channels: a bar may be as bright as
    the ground, and have another color.
    """
    hollow, filled = [], []
    for score, top, bottom in _closed_pairs(gray, scored):
        fillings = [bar for _, bar in scored if _is_filled_by(colors, top, bottom, bar)]
        if not fillings:
            hollow.append((score, _make_hollow_bar(top, bottom)))
        elif (filling := max(fillings, key=lambda bar: bar.length)).length >= _MIN_OUTLINED_SHARE * top.length:
            filled.append((score, filling))
    return hollow, filled


def _closed_pairs(gray: Gray, scored: Sequence[tuple[float, Measure]]) -> Iterator[tuple[float, Measure, Measure]]:
    """Yield two thin lines of equal length, one above the other, that ink joins at both ends, with the better score."""
    thin = [(score, line) for score, line in scored if line.thickness <= _MAX_LINE_THICKNESS]
    for score, top in thin:
        for other_score, bottom in thin:
            gap = bottom.y0 - top.y1
            if (
                not 1 <= gap <= min(_MAX_HEIGHT, max(6.0, _MAX_HEIGHT_SHARE * top.length))
                or top.bright != bottom.bright
            ):
                continue
            same_ends = abs(top.x0 - bottom.x0) <= _MAX_END_OFFSET and abs(top.x1 - bottom.x1) <= _MAX_END_OFFSET
            if same_ends and abs(top.level - bottom.level) <= 40 and _has_closed_ends(gray, top, bottom):
                yield max(score, other_score), top, bottom


def _is_filled_by(pixels: Pixels, top: Measure, bottom: Measure, bar: Measure) -> bool:
    """Return whether a bar fills the space between two lines and is not ground: the lines are its outline."""
    inside = (
        bar.y0 >= top.y0
        and bar.y1 <= bottom.y1
        and bar.x0 >= top.x0 - _MAX_END_OFFSET
        and bar.x1 <= top.x1 + _MAX_END_OFFSET
    )
    if (
        not inside
        or bar.bright == top.bright
        or bar.length < _MIN_FILL_LENGTH * top.length
        or bar.evenness < _MIN_FILL_EVENNESS
    ):
        return False
    columns = slice(round(bar.x0), round(bar.x1))
    rows_beyond = [pixels[max(0, round(top.y0) - 6) : max(1, round(top.y0) - 2), columns],
              pixels[round(bottom.y1) + 2 : round(bottom.y1) + 6, columns]]  # fmt: skip
    ground = np.concatenate([rows.reshape(-1, pixels.shape[2]) for rows in rows_beyond]).astype(np.float32)
    filling = pixels[round(bar.y0) : max(round(bar.y1), round(bar.y0) + 1), columns].reshape(-1, pixels.shape[2])
    color = bar.level if pixels.shape[2] == 1 else np.median(filling, axis=0)
    return bool(ground.size and np.mean(np.abs(ground - color).max(axis=1) > _MIN_FILL_CONTRAST) > 0.5)


def _has_closed_ends(gray: Gray, top: Measure, bottom: Measure) -> bool:
    """Return whether ink of the lines' gray level joins them at both ends."""
    rows = slice(round(top.y1), max(round(bottom.y0), round(top.y1) + 1))
    level = (top.level + bottom.level) / 2
    slack = 0.45 * min(top.contrast, bottom.contrast) + 10
    for end, step in ((round((top.x0 + bottom.x0) / 2), 1), (round((top.x1 + bottom.x1) / 2) - 1, -1)):
        columns = [x for x in (end, end + step, end + 2 * step) if 0 <= x < gray.shape[1]]
        nearest = np.abs(gray[rows, columns].astype(np.float32) - level).min(axis=1, initial=255)
        if not nearest.size or np.mean(nearest <= slack) < _MIN_CLOSED_SHARE:
            return False
    return True


def _make_hollow_bar(top: Measure, bottom: Measure) -> Measure:
    """Return the measure of the hollow bar that two lines form."""
    return Measure(
        x0=(top.x0 + bottom.x0) / 2, y0=top.y0, x1=(top.x1 + bottom.x1) / 2, y1=bottom.y1, bright=top.bright,
        level=(top.level + bottom.level) / 2, contrast=min(top.contrast, bottom.contrast),
        evenness=min(top.evenness, bottom.evenness), straightness=min(top.straightness, bottom.straightness),
        sharpness=min(top.sharpness, bottom.sharpness),
    )  # fmt: skip


def lies_within(bar: Measure, frame: Measure) -> bool:
    """Return whether a bar is a part of a hollow bar: of its inside or one of its lines."""
    return (
        bar is not frame
        and bar.x0 >= frame.x0 - _MAX_END_OFFSET
        and bar.x1 <= frame.x1 + _MAX_END_OFFSET
        and bar.y0 >= frame.y0 - 1
        and bar.y1 <= frame.y1 + 1
    )


def raise_outlined(
    scored: list[tuple[float, Measure]], filled: Sequence[tuple[float, Measure]]
) -> list[tuple[float, Measure]]:
    """Return the scored bars. Those that fill an outline get its score; the lines of the outline get a lower one."""
    if not filled:
        return scored
    raised = []
    for score, bar in scored:
        own = [other for other, filling in filled if filling is bar]
        is_outline = any(bar.bright != filling.bright and touches(bar, filling) for _, filling in filled)
        raised.append((max([score, *own]) if own else score * (_OUTLINE_WEIGHT if is_outline else 1.0), bar))
    return raised


def touches(margin: Measure, bar: Measure) -> bool:
    """Return whether two rectangles of opposite brightness lie directly above each other."""
    if margin.bright == bar.bright or bar.x1 <= margin.x0 or margin.x1 <= bar.x0:
        return False
    gap = max(margin.y0 - bar.y1, bar.y0 - margin.y1)
    shared = min(margin.x1, bar.x1) - max(margin.x0, bar.x0)
    return abs(gap) <= 1.5 and shared >= 0.8 * min(margin.length, bar.length)


def outlines(line: Measure, bar: Measure) -> bool:
    """Return whether a line beside a bar is much thinner, and ends where the bar does or before."""
    is_within = line.x0 >= bar.x0 - _OUTLINE_REACH and line.x1 <= bar.x1 + _OUTLINE_REACH
    return is_within and bar.thickness >= _MIN_OUTLINED_THICKNESS * line.thickness
