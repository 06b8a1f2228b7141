"""Scale bars that are rows of ticks, without a line: found by their equal distances, ended by what each place shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.scalebars.candidates import Gray

CompoundBar = tuple[float, float, float, float, float]
"""x0, y0, x1, y1 of a bar in px and its score, 0 to 1."""

MAX_TICK_WIDTH = 9
"""Widest stroke of a tick in px."""

_MIN_TICKS, _MIN_SPAN, _CLEAR_SCORE, _UNCLEAR_SCORE = 6, 20, 0.85, 0.25
_EDGE_SHARE = 0.25
"""Part of a tick's width by which its row reaches beyond its middle.

Some count from middle to middle, others from edge to edge; this is half-way between.
"""

_MAX_ROW_OFFSET = 1
_MIN_STEP, _MAX_STEP_ERROR, _MIN_VISIBLE_SHARE = 3.0, 1.5, 0.75
"""Least distance of ticks, how far off one may stand, in px, and the share of a ruler's ticks that must be seen."""

_USUAL_STEPS, _MAX_HIDDEN, _MAX_FALSE_TICKS = 10, 4, 2
"""Steps that rulers have by custom, how many of them a ground as bright may hide, and how many edges of the texture
look like further ones."""

_MAX_INK_DIFFERENCE = 60.0
"""Gray levels by which a tick, or a ground that hides it, may be less than the ruler's ink."""

_MIN_STRENGTH, _MAX_STRENGTH_ERROR, _MIN_PALE_STRENGTH = 0.5, 0.15, 0.25
"""Share of the ruler's contrast with which a tick stands out from the middle of both steps beside it, by how much one
that is beyond doubt may differ from the others', and of one on a bright ground, which counts where the usual number of
steps needs it."""


def find_tick_rows(seen: Gray, parts: NDArray[np.int64]) -> Iterator[CompoundBar]:
    """At least six small upright strokes at equal distances on one line; the length is from first to last.

    `seen` is bright where ink is, `parts` boxes (n, 4) of small components of it.
    """
    widths, heights = parts[:, 2] - parts[:, 0], parts[:, 3] - parts[:, 1]
    strokes = parts[(widths <= MAX_TICK_WIDTH) & (heights >= 3) & (heights >= 1.4 * widths)]
    for edge in (1, 3):
        for line in np.unique(strokes[:, edge]):
            row = strokes[np.abs(strokes[:, edge] - line) <= _MAX_ROW_OFFSET]
            if len(row) >= _MIN_TICKS:
                yield from _find_even_runs(seen, row[np.argsort(row[:, 0])])


def _find_even_runs(seen: Gray, row: NDArray[np.int64]) -> Iterator[CompoundBar]:
    """The longest runs of equal gaps between strokes in one row; a stroke here and there may be unseen."""
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
            yield from _measure_ruler(seen, members, float(middles[start]), step, steps)
        start = max(last, start + 1)


def _measure_ruler(seen: Gray, members: NDArray[np.int64], start: float, step: float, steps: int) -> Iterator[CompoundBar]:
    """The bar that ticks belong to, from the first to the last of them that there is."""
    rows = seen[members[:, 1].max() : members[:, 3].min()].astype(np.float64)
    if len(rows) < 2:
        return
    row = _TickRow(rows, start, step, steps)
    first, last = _adjust_to_usual_steps(row, *_find_end_ticks(row, steps))
    if (last - first) * step >= _MIN_SPAN:
        top, bottom = float(members[:, 1].min()), float(members[:, 3].max())
        rim = _EDGE_SHARE * float(np.median(members[:, 2] - members[:, 0]))
        score = _CLEAR_SCORE if last - first == _USUAL_STEPS or _has_clear_ends(row, first, last) else _UNCLEAR_SCORE
        yield start + first * step - rim, top, start + last * step + rim, bottom, score


class _TickRow:
    """What stands at the places of a ruler's ticks: `rows` (n, w) of an image that all of its ticks cross."""

    def __init__(self, rows: NDArray[np.float64], start: float, step: float, steps: int) -> None:
        self._rows, self._start, self._step = rows, start, step
        tones = np.array([self._tones(number) or (0.0, 0.0) for number in range(steps + 1)])
        self._ink = float(np.median(tones[:, 0]))
        self._contrast = max(1.0, float(np.median(tones[:, 0] - tones[:, 1])))

    def _tones(self, number: int) -> tuple[float, float] | None:
        """Level at a tick's place and the brighter one of those half a step beside it; None beyond the image."""
        x, half = self._start + number * self._step, self._step / 2
        at, width = round(x - 0.5), self._rows.shape[1]
        if at < 1 or at + 2 > width:
            return None
        beside = [round(x - 0.5 + side * half) for side in (-1, 1)]
        ground = max(float(np.median(self._rows[:, min(max(column, 0), width - 1)])) for column in beside)
        return float(np.median(self._rows[:, at - 1 : at + 2].max(axis=1))), ground

    def strength(self, number: int) -> float:
        """How clearly a tick stands at a place, 1 as most do, 0 where none does."""
        tones = self._tones(number)
        return 0.0 if tones is None or tones[0] < self._ink - _MAX_INK_DIFFERENCE else (tones[0] - tones[1]) / self._contrast

    def doubt(self, number: int) -> float:
        """By how much a tick stands out less or more than the others."""
        return abs(1 - self.strength(number))

    def hidden(self, number: int) -> bool:
        """Whether a tick could stand at a place unseen, for the ground there is as bright."""
        tones = self._tones(number)
        return tones is not None and tones[1] >= self._ink - _MAX_INK_DIFFERENCE and self.strength(number) < _MIN_STRENGTH


def _find_end_ticks(row: _TickRow, steps: int) -> tuple[int, int]:
    """Numbers of the first and the last tick that stand there, going on from a run of ticks over hidden ones."""
    ends = []
    for start, way in ((0, -1), (steps, 1)):
        end = number = start
        while row.strength(number + way) >= _MIN_STRENGTH or row.hidden(number + way):
            number += way
            if row.strength(number) >= _MIN_STRENGTH:
                end = number
        ends.append(end)
    return ends[0], ends[1]


def _adjust_to_usual_steps(row: _TickRow, first: int, last: int) -> tuple[int, int]:
    """The ends brought to the usual number of steps, where one of them is in doubt."""
    while (more := last - first - _USUAL_STEPS) > 0:
        if max(row.doubt(first), row.doubt(last)) <= (_MAX_STRENGTH_ERROR if more <= _MAX_FALSE_TICKS else 2 * _MAX_STRENGTH_ERROR):
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
    """Whether ticks may stand at all of some places: pale ones, or a few that the ground hides."""
    hidden = [row.strength(place) < _MIN_PALE_STRENGTH for place in places]
    return sum(hidden) <= _MAX_HIDDEN and all(
        row.hidden(place) for place, unseen in zip(places, hidden, strict=True) if unseen
    )


def _has_clear_ends(row: _TickRow, first: int, last: int) -> bool:
    """Whether no further tick can stand beyond either end, pale or hidden."""
    return not any(row.hidden(place) or row.strength(place) >= _MIN_PALE_STRENGTH for place in (first - 1, last + 1))
