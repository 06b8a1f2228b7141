"""Cut a figure between its panel letters: each part holds one letter, near its top-left corner.

The cut is a guillotine partition of least cost, found by recursion over sets of letters. A cut costs what it would
cross, and its distance from where the letters' usual place in their panels puts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

import numpy as np

from mirsearch.analysis.captions.label_order import label_order
from mirsearch.analysis.letters.letters import Letter
from mirsearch.analysis.panels.boxes import covers_others, is_centered_in
from mirsearch.analysis.panels.gutters import Canvas, Profile
from mirsearch.corpus import Box

_MOST_BRANCHES = 3
"""Most cuts tried of a region with more than six letters; bounds the time of the search."""

_SEAM_DISCOUNT = 0.85
"""A cut along a sure seam costs at most 1 less this; a cut through ink alone costs up to 1."""

_DISTANCE_COST = 0.6
"""Cost of a cut half the region's side away from where the letters put it."""

_CORNER_COST = 0.5
"""Weight of a letter's distance from its part's corner, against the cost of cuts."""

_LETTER_OVERLAP = 0.4
"""How far a cut may enter the letters behind it, in letter heights: OCR's boxes are wider than letters."""

_BROKEN_PICTURE_COST = 1.0
"""Cost of a cut through the whole of a picture: as much as ink along all its length."""

_BROKEN_DRAWING_COST = 0.3
"""Cost of a cut through the whole of a drawing. Its parts may belong to two letters, other than those of a picture."""

_ROW_COST, _LEVEL = 0.5, 0.4
"""Cost of a part that takes tiles from the row of a later letter, and how far they may begin from the letter's level,
in its heights."""

_EDGE_SHARE, _EDGE_PX = 0.02, 3
"""How far a cut may miss a picture's edge: as a share of the picture's side, and in px at least."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut across a region: at x = `place` for axis 0, at y = `place` for axis 1 (px), with its cost."""

    axis: int
    place: int
    cost: float


class Partition:
    """Finds the cheapest way to cut a figure so that each letter gets a part that holds no other.

    `pictures` and `drawings` are the tiles that gutters and seams leave. Those that hold at most one letter should not
    be cut. `rows` are all tiles; those of one row belong together.
    `centered` letters stand at the middle of their part's upper edge instead of near its corner.
    """

    def __init__(
        self,
        canvas: Canvas,
        letters: Sequence[Letter],
        pictures: Sequence[Box] = (),
        centered: bool = False,
        drawings: Sequence[Box] = (),
        rows: Sequence[Box] = (),
    ) -> None:
        self._centered = centered
        self._canvas = canvas
        self._rows = list(rows)
        self._letters = sorted(letters, key=lambda letter: (letter.box[1], letter.box[0]))
        self._tiles = [
            (box, cost)
            for boxes, cost in ((pictures, _BROKEN_PICTURE_COST), (drawings, _BROKEN_DRAWING_COST))
            for box in boxes
            if sum(is_centered_in(letter.box, box) for letter in letters) < 2 and not covers_others(box, rows)
        ]
        self._memo: dict[tuple[Box, frozenset[int]], tuple[float, list[tuple[Box, Letter]]]] = {}

    def parts(self) -> list[tuple[Box, Letter]]:
        """Return a box for each letter; together the boxes cover the figure."""
        return self._cheapest_parts(self._canvas.box, frozenset(range(len(self._letters))))[1]

    @cached_property
    def _letter_offsets(self) -> tuple[float, float]:
        """Return how far right of and below its panel's corner a letter stands, in px.

        The letters nearest the left and the top edge of the figure's content tell it.
        """
        content = self._canvas.trim(self._canvas.box)
        height = median(letter.height for letter in self._letters)
        left = min(letter.box[0] for letter in self._letters)
        top = min(letter.box[1] for letter in self._letters)
        first_lefts = [letter.box[0] for letter in self._letters if letter.box[0] <= left + height]
        first_tops = [letter.box[1] for letter in self._letters if letter.box[1] <= top + height]
        return max(0.0, median(first_lefts) - content[0]), max(0.0, median(first_tops) - content[1])

    def _cheapest_parts(self, box: Box, members: frozenset[int]) -> tuple[float, list[tuple[Box, Letter]]]:
        """Return cost and parts of the cheapest partition of a region, each region worked out once."""
        key = (box, members)
        if key not in self._memo:
            self._memo[key] = self._search_parts(box, members)
        return self._memo[key]

    def _search_parts(self, box: Box, members: frozenset[int]) -> tuple[float, list[tuple[Box, Letter]]]:
        """Work out cost and parts of the cheapest partition of a region that holds the letters `members`."""
        if len(members) == 1:
            letter = self._letters[next(iter(members))]
            return self._corner_cost(box, letter) + self._row_cost(box, letter), [(box, letter)]
        best: tuple[float, list[tuple[Box, Letter]]] | None = None
        for cut, first, second in self._possible_cuts(box, members):
            x0, y0, x1, y1 = box
            first_box = (x0, y0, cut.place, y1) if cut.axis == 0 else (x0, y0, x1, cut.place)
            second_box = (cut.place, y0, x1, y1) if cut.axis == 0 else (x0, cut.place, x1, y1)
            if best is not None and cut.cost >= best[0]:
                continue
            cost_one, parts_one = self._cheapest_parts(first_box, first)
            cost_two, parts_two = self._cheapest_parts(second_box, second)
            cost = cut.cost + cost_one + cost_two
            if best is None or cost < best[0]:
                best = (cost, parts_one + parts_two)
        if best is None:
            kept = self._letters[min(members)]
            return 10.0 * len(members), [(box, kept)]
        return best

    def _corner_cost(self, box: Box, letter: Letter) -> float:
        """Return the cost of a letter's place in its part.

        It grows with the letter's distance from the top-left corner, as a share of the part's sides beyond a fifth. A
        part only a few letters wide costs more.
        """
        x0, y0, x1, y1 = self._canvas.trim(box)
        across = (letter.box[0] - x0) / max(1, x1 - x0)
        if self._centered:
            across = 0.2 + abs(letter.box[0] + letter.box[2] - x0 - x1) / (2 * max(1, x1 - x0))
        down = (letter.box[1] - y0) / max(1, y1 - y0)
        letters_wide = min(x1 - x0, y1 - y0) / max(1, letter.height)
        narrow_cost = 0.5 if letters_wide < 1.5 else 0.25 if letters_wide < 4 else 0.0
        return _CORNER_COST * (max(0.0, across - 0.2) + max(0.0, down - 0.2)) * 2 + narrow_cost

    def _row_cost(self, box: Box, letter: Letter) -> float:
        """Return the cost of a part that takes tiles of the row of a later letter left of it.

        Such a tile begins at the level of that letter, and not in the column of one of the part's own first tiles.
        """
        inside = [tile for tile in self._rows if is_centered_in(tile, box)]
        own_level = letter.box[3] + letter.height
        own_lefts = [tile[0] for tile in inside if tile[1] <= own_level]
        for later in self._letters:
            is_left = later.box[2] <= box[0] + letter.height and letter.box[3] < later.box[1] < box[3]
            if not is_left or label_order(later.label) < label_order(letter.label):
                continue
            row = [tile for tile in inside if abs(tile[1] - later.box[1]) <= _LEVEL * later.height]
            if own_lefts and row and not any(abs(tile[0] - left) <= _EDGE_PX for tile in row for left in own_lefts):
                return _ROW_COST
        return 0.0

    def _possible_cuts(self, box: Box, members: frozenset[int]) -> list[tuple[Cut, frozenset[int], frozenset[int]]]:
        """Return the cuts of a region that leave letters on both sides, cheapest first."""
        cuts = []
        for axis in (0, 1):
            order = sorted(members, key=lambda n: self._letters[n].box[axis])
            for count in range(1, len(order)):
                first, second = order[:count], order[count:]
                cut = self._cheapest_cut(box, axis, first, second)
                if cut is not None:
                    cuts.append((cut, frozenset(first), frozenset(second)))
        cuts.sort(key=lambda row: row[0].cost)
        return cuts if len(members) <= 6 else cuts[:_MOST_BRANCHES]

    def _cheapest_cut(self, box: Box, axis: int, first: list[int], second: list[int]) -> Cut | None:
        """Return the cheapest cut between two groups of letters, or None where no straight line separates them."""
        low = max(self._letters[n].box[axis + 2] for n in first)
        edge = min(self._letters[n].box[axis] for n in second)
        height = median(self._letters[n].height for n in second)
        high = min(edge + round(_LETTER_OVERLAP * height), min(self._letters[n].box[axis + 2] for n in second) - 1)
        start, stop = box[axis], box[axis + 2]
        low, high = max(low, start + 1), min(high, stop - 1)
        if high < low:
            return None
        costs = self._cut_costs(box, axis)[low - start : high - start + 1]
        is_between = self._centered and axis == 0
        target = (low + high) / 2 if is_between else min(max(edge - self._letter_offsets[axis], low), high)
        positions = np.arange(low, high + 1)
        distance = np.abs(positions - target) / max(1.0, 0.5 * (stop - start))
        total = costs + _DISTANCE_COST * distance
        best = int(np.argmin(total))
        return Cut(axis, int(_middle_of_plateau(total, best)) + low, float(total[best]))

    def _cut_costs(self, box: Box, axis: int) -> Profile:
        """Return the cost of a cut at each place: the ink crossed, but less where a seam runs.

        Costs are blurred so that wide gutters cost least.
        """
        crossing = self._canvas.crossed_ink(box, axis)
        seams = self._canvas.seam_scores(box, axis)
        cost = np.minimum(crossing, 1.0 - _SEAM_DISCOUNT * seams)
        reach = max(1, len(cost) // 150)
        blurred = np.convolve(np.pad(cost, reach, mode="edge"), np.full(2 * reach + 1, 1 / (2 * reach + 1)), "valid")
        total: Profile = (0.75 * cost + 0.25 * blurred + self._broken_tiles(box, axis)).astype(np.float32)
        return total

    def _broken_tiles(self, box: Box, axis: int) -> Profile:
        """Return what a cut at each place costs for the tiles that it breaks: by the shares of their sides.

        A tile counts the same however long the cut is. Else breaking one would be cheap where all other rows agree.
        """
        shares = np.zeros(box[axis + 2] - box[axis], np.float32)
        low, high = box[1 - axis], box[3 - axis]
        for tile, cost in self._tiles:
            edge = max(_EDGE_PX, round(_EDGE_SHARE * (tile[axis + 2] - tile[axis])))
            start, stop = tile[axis] + edge - box[axis], tile[axis + 2] - edge - box[axis]
            along = min(high, tile[3 - axis]) - max(low, tile[1 - axis])
            if along > 0 and stop > max(start, 0):
                shares[max(start, 0) : stop] += cost * along / max(1, min(high - low, tile[3 - axis] - tile[1 - axis]))
        return shares


def _middle_of_plateau(total: Profile, best: int) -> int:
    """Return the middle of the stretch around the best place where costs are nearly as low (within 0.004)."""
    limit = float(total[best]) + 0.004
    left = right = best
    while left > 0 and total[left - 1] <= limit:
        left -= 1
    while right + 1 < len(total) and total[right + 1] <= limit:
        right += 1
    return (left + right) // 2
