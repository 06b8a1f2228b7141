"""Cutting a figure between its panel letters: each part holds one, near its top-left corner.

The cut is a guillotine partition of least cost, found by recursion over sets of letters: a cut costs what it would
cross, and how far it lies from where the letters' own place in their panels puts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

import numpy as np

from mirsearch.analysis.letters.letters import Letter
from mirsearch.analysis.panels.boxes import is_centered_in
from mirsearch.analysis.panels.gutters import Canvas, Profile
from mirsearch.corpus import Box

_MOST_BRANCHES = 3
_SEAM_DISCOUNT = 0.85
_DISTANCE_COST = 0.6
_CORNER_COST = 0.5
_LETTER_OVERLAP = 0.4
_BROKEN_PICTURE_COST = 1.0
_EDGE_SHARE, _EDGE_PX = 0.02, 3
"""How far a cut may miss a picture's edge: as a share of the picture's side, and in px at least."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut across a region: axis 0 at x = `place`, axis 1 at y = `place`, and its cost."""

    axis: int
    place: int
    cost: float


class Partition:
    """Finds the cheapest way to cut a figure so that every letter has a part of its own.

    `pictures` are tiles that gutters and seams leave: those that hold no two letters should stay whole.
    """

    def __init__(self, canvas: Canvas, letters: Sequence[Letter], pictures: Sequence[Box] = ()) -> None:
        self._canvas = canvas
        self._letters = sorted(letters, key=lambda each: (each.box[1], each.box[0]))
        self._whole = [box for box in pictures if sum(is_centered_in(each.box, box) for each in letters) < 2]
        self._memo: dict[tuple[Box, frozenset[int]], tuple[float, list[tuple[Box, Letter]]]] = {}

    def parts(self) -> list[tuple[Box, Letter]]:
        """A box for each letter; together they cover the figure."""
        return self._best(self._canvas.box, frozenset(range(len(self._letters))))[1]

    @cached_property
    def _offsets(self) -> tuple[float, float]:
        """How far right of and below its panel's corner a letter stands, told from those nearest the figure's edges."""
        content = self._canvas.trimmed(self._canvas.box)
        height = median(each.height for each in self._letters)
        left = min(each.box[0] for each in self._letters)
        top = min(each.box[1] for each in self._letters)
        firsts = [each.box[0] for each in self._letters if each.box[0] <= left + height]
        tops = [each.box[1] for each in self._letters if each.box[1] <= top + height]
        return max(0.0, median(firsts) - content[0]), max(0.0, median(tops) - content[1])

    def _best(self, box: Box, members: frozenset[int]) -> tuple[float, list[tuple[Box, Letter]]]:
        key = (box, members)
        if key not in self._memo:
            self._memo[key] = self._search(box, members)
        return self._memo[key]

    def _search(self, box: Box, members: frozenset[int]) -> tuple[float, list[tuple[Box, Letter]]]:
        if len(members) == 1:
            letter = self._letters[next(iter(members))]
            return self._corner_cost(box, letter), [(box, letter)]
        best: tuple[float, list[tuple[Box, Letter]]] | None = None
        for cut, first, second in self._cuts(box, members):
            x0, y0, x1, y1 = box
            one = (x0, y0, cut.place, y1) if cut.axis == 0 else (x0, y0, x1, cut.place)
            two = (cut.place, y0, x1, y1) if cut.axis == 0 else (x0, cut.place, x1, y1)
            if best is not None and cut.cost >= best[0]:
                continue
            cost_one, parts_one = self._best(one, first)
            cost_two, parts_two = self._best(two, second)
            cost = cut.cost + cost_one + cost_two
            if best is None or cost < best[0]:
                best = (cost, parts_one + parts_two)
        if best is None:
            keep = self._letters[min(members)]
            return 10.0 * len(members), [(box, keep)]
        return best

    def _corner_cost(self, box: Box, letter: Letter) -> float:
        """How far a letter is from its part's top-left corner, as a share of the part's sides beyond a quarter."""
        x0, y0, x1, y1 = self._canvas.trimmed(box)
        across = (letter.box[0] - x0) / max(1, x1 - x0)
        down = (letter.box[1] - y0) / max(1, y1 - y0)
        narrow = min(x1 - x0, y1 - y0) / max(1, letter.height)
        thin = 0.5 if narrow < 1.5 else 0.25 if narrow < 4 else 0.0
        return _CORNER_COST * (max(0.0, across - 0.2) + max(0.0, down - 0.2)) * 2 + thin

    def _cuts(self, box: Box, members: frozenset[int]) -> list[tuple[Cut, frozenset[int], frozenset[int]]]:
        """Cuts of a region that leave letters on both sides, cheapest first."""
        found = []
        for axis in (0, 1):
            order = sorted(members, key=lambda n: self._letters[n].box[axis])
            for split in range(1, len(order)):
                first, second = order[:split], order[split:]
                cut = self._place(box, axis, first, second)
                if cut is not None:
                    found.append((cut, frozenset(first), frozenset(second)))
        found.sort(key=lambda row: row[0].cost)
        return found if len(members) <= 6 else found[:_MOST_BRANCHES]

    def _place(self, box: Box, axis: int, first: list[int], second: list[int]) -> Cut | None:
        """The cheapest cut between two groups of letters; None where no straight line parts them."""
        low = max(self._letters[n].box[axis + 2] for n in first)
        edge = min(self._letters[n].box[axis] for n in second)
        height = median(self._letters[n].height for n in second)
        high = min(edge + round(_LETTER_OVERLAP * height), min(self._letters[n].box[axis + 2] for n in second) - 1)
        start, stop = box[axis], box[axis + 2]
        low, high = max(low, start + 1), min(high, stop - 1)
        if high < low:
            return None
        costs = self._costs(box, axis)[low - start : high - start + 1]
        target = min(max(edge - self._offsets[axis], low), high)
        places = np.arange(low, high + 1)
        far = np.abs(places - target) / max(1.0, 0.5 * (stop - start))
        total = costs + _DISTANCE_COST * far
        best = int(np.argmin(total))
        return Cut(axis, int(_middle_of_plateau(total, best)) + low, float(total[best]))

    def _costs(self, box: Box, axis: int) -> Profile:
        """Cost of a cut at each place: ink crossed, less where a seam runs, blurred so that wide gutters win."""
        crossing = self._canvas.crossing(box, axis)
        seams = self._canvas.seams(box, axis)
        cost = np.minimum(crossing, 1.0 - _SEAM_DISCOUNT * seams)
        reach = max(1, len(cost) // 150)
        wide = np.convolve(np.pad(cost, reach, mode="edge"), np.full(2 * reach + 1, 1 / (2 * reach + 1)), "valid")
        total: Profile = (0.75 * cost + 0.25 * wide + _BROKEN_PICTURE_COST * self._broken(box, axis)).astype(np.float32)
        return total

    def _broken(self, box: Box, axis: int) -> Profile:
        """How many pictures known to be whole a cut at each place would run through, in shares of their sides.

        A picture counts the same however long the cut is: else breaking one is cheap where all other rows agree.
        """
        shares = np.zeros(box[axis + 2] - box[axis], np.float32)
        low, high = box[1 - axis], box[3 - axis]
        for tile in self._whole:
            edge = max(_EDGE_PX, round(_EDGE_SHARE * (tile[axis + 2] - tile[axis])))
            start, stop = tile[axis] + edge - box[axis], tile[axis + 2] - edge - box[axis]
            along = min(high, tile[3 - axis]) - max(low, tile[1 - axis])
            if along > 0 and stop > max(start, 0):
                shares[max(start, 0) : stop] += along / max(1, min(high - low, tile[3 - axis] - tile[1 - axis]))
        return shares


def _middle_of_plateau(total: Profile, best: int) -> int:
    """The middle of the flat stretch of costs around the best place."""
    limit = float(total[best]) + 0.004
    left = right = best
    while left > 0 and total[left - 1] <= limit:
        left -= 1
    while right + 1 < len(total) and total[right + 1] <= limit:
        right += 1
    return (left + right) // 2
