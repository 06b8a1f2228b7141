"""Pairs of pictures that are worth a comparison: near by their vectors, or with keypoints in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mirsearch.reuse.pictures import Seen
from mirsearch.reuse.votes import Voting
from mirsearch.settings import thread_count
from mirsearch.settings.threads import map_in_order

NEAREST = 2
"""Pictures that are compared with each because their vectors are nearest. Of 1,904 drawn copies that were found, only 7
were not among those that share most keypoints, 4 of them among the nearest two."""
MOST_VOTED = 8
"""Pictures that are compared with each because they share most keypoints."""
MANY_VOTED, _MANY_VOTES = 40, 12.0
"""Pictures with so many votes are compared, too, however many there are, up to a bound: one picture shown often."""
_MIN_COSINE = 0.25
_MIN_VOTES = 0.6
"""Least votes; a bucket of n keypoints gives each of them 1/n."""
_BLOCK = 256
"""Pictures whose cosines with all a thread holds at once."""
_BLOCKS_AHEAD = 8
_GROUP = 64
"""Values whose largest is found at once."""

Vectors = NDArray[np.floating]
Pair = tuple[int, int]
Progress = Callable[[int, int], None]


def shortlist(vectors: Vectors, seen: Sequence[Seen], progress: Progress) -> list[Pair]:
    """Return pairs of the numbers of pictures, the smaller first, ascending.

    `vectors` is float32 or float16 (n, dims), of unit length.
    """
    usable = np.array([not each.is_empty for each in seen], bool)
    voting = Voting([each.keypoints.descriptors for each in seen])
    table = np.asarray(vectors, np.float32)

    def choose(start: int) -> set[Pair]:
        near = _nearest(table, usable, start)
        chosen = ((number, (*near[number - start], *_most_voted(voting, seen, number)))
                  for number in range(start, start + len(near)) if usable[number])  # fmt: skip
        return {_ordered(number, int(other)) for number, others in chosen for other in others if usable[other]}

    pairs: set[Pair] = set()
    starts = range(0, len(seen), _BLOCK)
    for start, found in zip(starts, map_in_order(choose, starts, thread_count(), _BLOCKS_AHEAD), strict=True):
        pairs |= found
        progress(min(start + _BLOCK, len(seen)), len(seen))
    return sorted(pair for pair in pairs if pair[0] != pair[1])


def _ordered(one: int, other: int) -> Pair:
    return (one, other) if one < other else (other, one)


def _nearest(table: NDArray[np.float32], usable: NDArray[np.bool_], start: int) -> list[NDArray[np.intp]]:
    """Return those that are nearest to each of a block of pictures."""
    cosines = table[start : start + _BLOCK] @ table.T
    cosines[:, ~usable] = -1
    cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = -1
    best = largest(cosines, min(NEAREST, len(table)))
    return [row[values[row] >= _MIN_COSINE] for row, values in zip(best, cosines, strict=True)]


def _most_voted(voting: Voting, seen: Sequence[Seen], number: int) -> NDArray[np.intp]:
    """Return the pictures with the most votes of a picture's keypoints."""
    if seen[number].is_empty:
        return np.zeros(0, np.intp)
    votes = voting.votes(seen[number].keypoints.descriptors)
    votes[number] = 0
    count = min(MANY_VOTED, len(votes))
    best = largest(votes[None], count)[0]
    best = best[np.argsort(-votes[best], kind="stable")]
    enough = votes[best] >= np.where(np.arange(count) < MOST_VOTED, _MIN_VOTES, _MANY_VOTES)
    return np.asarray(best[enough], np.intp)


def largest(values: NDArray[np.floating], count: int) -> NDArray[np.intp]:
    """Return the columns (rows, count) of the largest values of each row (rows, n), in no order.

    They are looked for in the groups whose largest value is among the `count` largest of all groups: a partition of
    many thousands of values takes far longer than their maxima.
    """
    groups = values.shape[1] // _GROUP
    if groups <= 2 * count:
        return np.asarray(np.argpartition(values, -count, axis=1)[:, -count:], np.intp)
    peaks = values[:, : groups * _GROUP].reshape(len(values), groups, _GROUP).max(axis=2)
    chosen = np.argpartition(peaks, -count, axis=1)[:, -count:, None] * _GROUP + np.arange(_GROUP)
    rest = np.broadcast_to(np.arange(groups * _GROUP, values.shape[1]), (len(values), values.shape[1] % _GROUP))
    columns = np.concatenate([chosen.reshape(len(values), -1), rest], axis=1)
    best = np.argpartition(np.take_along_axis(values, columns, axis=1), -count, axis=1)[:, -count:]
    return np.asarray(np.take_along_axis(columns, best, axis=1), np.intp)
