"""Pictures that are linked: two that both show the same as a third are compared with each other, too.

A picture that is shown often crowds a shortlist: its plain copies stand before the much changed ones. What was told
then leads on, as in query expansion (Chum et al., ICCV 2007), and the two steps give a first alignment.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from mirsearch.reuse.matching import Matrix
from mirsearch.reuse.shortlist import Pair

ROUNDS = 3
"""How often linked pairs are looked for; each round may double the number of steps between two pictures."""
_MIN_LINK = 0.9
"""Least confidence of a pair that leads on."""
_MOST_LINKED = 64
"""Pictures, the surest, that are compared with each other because they are linked to the same one."""


class Links:
    """The pairs that were found, and those that were tried."""

    def __init__(self, tried: Sequence[Pair]) -> None:
        """`tried` is ascending, as a shortlist is."""
        self._tried = tried
        self._more: set[Pair] = set()
        self._steps: dict[int, dict[int, tuple[float, Matrix]]] = {}

    def add(self, pair: Pair, confidence: float, matrix: Matrix) -> None:
        """Remember that two pictures are the same; the matrix (3, 3) takes px of the first to px of the second."""
        if confidence >= _MIN_LINK:
            self._steps.setdefault(pair[0], {})[pair[1]] = confidence, matrix
            self._steps.setdefault(pair[1], {})[pair[0]] = confidence, np.asarray(np.linalg.inv(matrix), np.float64)

    def next_pairs(self) -> dict[Pair, Matrix]:
        """Return the pairs that are linked by a third picture and were not tried yet, with a first alignment of each.

        They count as tried from then on.
        """
        found: dict[Pair, tuple[float, Matrix]] = {}
        for ends in self._steps.values():
            surest = sorted(sorted(ends, key=lambda end: -ends[end][0])[:_MOST_LINKED])
            for pair in combinations(surest, 2):
                confidence = min(ends[pair[0]][0], ends[pair[1]][0])
                if not self._is_tried(pair) and (pair not in found or found[pair][0] < confidence):
                    to_first, to_second = (ends[end][1] for end in pair)
                    found[pair] = confidence, to_second @ np.asarray(np.linalg.inv(to_first), np.float64)
        self._more |= found.keys()
        return {pair: found[pair][1] for pair in sorted(found)}

    def _is_tried(self, pair: Pair) -> bool:
        at = bisect_left(self._tried, pair)
        return pair in self._more or (at < len(self._tried) and self._tried[at] == pair)
