"""Find scale bars that are rows of ticks without a line: search equal distances, then check each place for a tick."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.panels.masks import Gray

CompoundBar = tuple[float, float, float, float, float]
"""x0, y0, x1, y1 in px and score (0 to 1) of a bar in several pieces."""

MAX_TICK_WIDTH = 9
"""Greatest width of a tick in px."""

_MIN_TICKS = 6
"""Least number of ticks in a ruler."""

_MIN_SPAN = 20
"""Least length of a ruler in px."""

_CLEAR_SCORE = 0.85
"""Score of a ruler whose ends are clear."""

_UNCLEAR_SCORE = 0.25
"""Score of a ruler that may go on unseen."""

_EDGE_SHARE = 0.25
"""Share of a tick's width by which its row reaches beyond the tick's middle.

Some people count from middle to middle, others from edge to edge. This value is half-way between.
"""

_MAX_ROW_OFFSET = 1
"""Greatest difference in px between the ends of two ticks of one row."""

_MIN_STEP = 3.0
"""Least distance between ticks in px."""

_MAX_STEP_ERROR = 1.5
"""Greatest distance in px between a tick and its place."""

_MIN_VISIBLE_SHARE = 0.75
"""Least share of a ruler's ticks that must be visible."""

_USUAL_STEPS = 10
"""Number of steps that most rulers have."""

_MAX_HIDDEN = 4
"""Greatest number of steps that a ground as bright as the ticks may hide."""

_MAX_FALSE_TICKS = 2
"""Greatest number of edges of the texture that may look like further ticks."""

_MAX_INK_DIFFERENCE = 60.0
"""Greatest gray levels by which a tick, or a ground that hides it, may be darker than the ruler's ink."""

_MIN_STRENGTH = 0.5
"""Least contrast of a tick to the middle of both steps beside it, as a share of the usual contrast."""

_MAX_STRENGTH_ERROR = 0.15
"""Greatest difference between the strength of a tick that is beyond doubt and the usual strength, which is 1."""

_MIN_PALE_STRENGTH = 0.25
"""Least strength of a tick on a bright ground. It counts if the usual number of steps needs it."""


def find_tick_rows(image: Gray, parts: NDArray[np.int64]) -> Iterator[CompoundBar]:
    """Yield bars of at least six small vertical strokes at equal distances on one line, from the first to the last.

    `image` is bright where ink is; `parts` are boxes (n, 4) of its small components.
    """
    widths, heights = parts[:, 2] - parts[:, 0], parts[:, 3] - parts[:, 1]
    strokes = parts[(widths <= MAX_TICK_WIDTH) & (heights >= 3) & (heights >= 1.4 * widths)]
    for edge in (1, 3):
        for line in sorted(set(strokes[:, edge].tolist())):
            row = strokes[np.abs(strokes[:, edge] - line) <= _MAX_ROW_OFFSET]
            if len(row) >= _MIN_TICKS:
                yield from _find_even_runs(image, row[np.argsort(row[:, 0])])


def _find_even_runs(image: Gray, row: NDArray[np.int64]) -> Iterator[CompoundBar]:
    """Yield the bars of the longest runs of equal gaps between strokes in one row; a few strokes may be unseen."""
    middles = (row[:, 0] + row[:, 2]) / 2
    start = 0
    while start + _MIN_TICKS <= len(row):
        last, steps = start, 0
        step = float(np.diff(middles[start : start + 4]).min())
        for index in range(start + 1, len(row)):
            gap = float(middles[index] - middles[last])
            times = round(gap / max(step, 1.0))
            if step < _MIN_STEP or times not in (1, 2) or abs(gap - times * step) > _MAX_STEP_ERROR:
                break
            last, steps = index, steps + times
            step = float(middles[last] - middles[start]) / steps
        members = row[start : last + 1]
        if len(members) >= max(_MIN_TICKS, _MIN_VISIBLE_SHARE * (steps + 1)):
            yield from _measure_ruler(image, members, float(middles[start]), step, steps)
        start = max(last, start + 1)


def _measure_ruler(
    image: Gray, members: NDArray[np.int64], start: float, step: float, steps: int
) -> Iterator[CompoundBar]:
    """Yield the bar that ticks belong to, from the first to the last tick that exists."""
    rows = image[members[:, 1].max() : members[:, 3].min()].astype(np.float64)
    if len(rows) < 2:
        return
    row = _TickRow(rows, start, step, steps)
    first, last = _adjust_to_usual_steps(row, *_find_end_ticks(row, steps))
    if (last - first) * step >= _MIN_SPAN:
        top, bottom = float(members[:, 1].min()), float(members[:, 3].max())
        margin = _EDGE_SHARE * float(np.median(members[:, 2] - members[:, 0]))
        score = _CLEAR_SCORE if last - first == _USUAL_STEPS or _has_clear_ends(row, first, last) else _UNCLEAR_SCORE
        yield start + first * step - margin, top, start + last * step + margin, bottom, score


class _TickRow:
    """The pixels at the places of a ruler's ticks; `rows` (n, w) are the image rows that all of its ticks cross."""

    def __init__(self, rows: NDArray[np.float64], start: float, step: float, steps: int) -> None:
        self._rows, self._start, self._step = rows, start, step
        tones = np.array([self._tones(number) or (0.0, 0.0) for number in range(steps + 1)])
        self._ink = float(np.median(tones[:, 0]))
        self._contrast = max(1.0, float(np.median(tones[:, 0] - tones[:, 1])))

    def _tones(self, number: int) -> tuple[float, float] | None:
        """Return the gray level at a tick's place, and the brighter level of those half a step beside it.

        Return None beyond the image.
        """
        x, half = self._start + number * self._step, self._step / 2
        column, width = round(x - 0.5), self._rows.shape[1]
        if column < 1 or column + 2 > width:
            return None
        side_columns = [round(x - 0.5 + side * half) for side in (-1, 1)]
        ground = max(
            float(np.median(self._rows[:, min(max(side_column, 0), width - 1)])) for side_column in side_columns
        )
        return float(np.median(self._rows[:, column - 1 : column + 2].max(axis=1))), ground

    def strength(self, number: int) -> float:
        """Return how clearly a tick stands at a place: about 1 for most ticks, 0 if there is none."""
        tones = self._tones(number)
        if tones is None or tones[0] < self._ink - _MAX_INK_DIFFERENCE:
            return 0.0
        return (tones[0] - tones[1]) / self._contrast

    def doubt(self, number: int) -> float:
        """Return by how much a tick's strength differs from the usual one."""
        return abs(1 - self.strength(number))

    def may_be_hidden(self, number: int) -> bool:
        """Return whether a tick could stand unseen at a place because the ground there is as bright."""
        tones = self._tones(number)
        return (
            tones is not None and tones[1] >= self._ink - _MAX_INK_DIFFERENCE and self.strength(number) < _MIN_STRENGTH
        )


def _find_end_ticks(row: _TickRow, steps: int) -> tuple[int, int]:
    """Return the numbers of the first and the last tick, continuing from a run of ticks over hidden ones."""
    ends = []
    for start, direction in ((0, -1), (steps, 1)):
        end = number = start
        while row.strength(number + direction) >= _MIN_STRENGTH or row.may_be_hidden(number + direction):
            number += direction
            if row.strength(number) >= _MIN_STRENGTH:
                end = number
        ends.append(end)
    return ends[0], ends[1]


def _adjust_to_usual_steps(row: _TickRow, first: int, last: int) -> tuple[int, int]:
    """Return the end ticks, moved to give the usual number of steps if one of them is in doubt."""
    while (surplus := last - first - _USUAL_STEPS) > 0:
        max_doubt = _MAX_STRENGTH_ERROR if surplus <= _MAX_FALSE_TICKS else 2 * _MAX_STRENGTH_ERROR
        if max(row.doubt(first), row.doubt(last)) <= max_doubt:
            break
        first, last = (first + 1, last) if row.doubt(first) > row.doubt(last) else (first, last - 1)
    missing = _USUAL_STEPS - (last - first)
    if missing > 0:
        before = _may_continue(row, [first - number for number in range(1, missing + 1)])
        after = _may_continue(row, [last + number for number in range(1, missing + 1)])
        if before != after:
            return (first - missing, last) if before else (first, last + missing)
    return first, last


def _may_continue(row: _TickRow, places: Sequence[int]) -> bool:
    """Return whether ticks may stand at all of some places: pale ones, or a few that the ground hides."""
    is_unseen = [row.strength(place) < _MIN_PALE_STRENGTH for place in places]
    return sum(is_unseen) <= _MAX_HIDDEN and all(
        row.may_be_hidden(place) for place, unseen in zip(places, is_unseen, strict=True) if unseen
    )


def _has_clear_ends(row: _TickRow, first: int, last: int) -> bool:
    """Return whether no further tick, pale or hidden, can stand beyond either end."""
    return not any(
        row.may_be_hidden(place) or row.strength(place) >= _MIN_PALE_STRENGTH for place in (first - 1, last + 1)
    )
