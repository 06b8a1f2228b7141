"""Find the pictures of a corpus that are shown more than once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import UsageError
from mirsearch.indexes.base import Index
from mirsearch.query import Filters, StoredPanel
from mirsearch.reuse.comparing import Compared, compare_seen, judge_seen, shared_picture
from mirsearch.reuse.confidence import Verdict
from mirsearch.reuse.keypoints import Gray
from mirsearch.reuse.links import ROUNDS, Links
from mirsearch.reuse.matching import Matrix, Prepared, prepare
from mirsearch.reuse.pictures import Grays, Seen, look_at_all
from mirsearch.reuse.shared_pictures import SharedPicture
from mirsearch.reuse.shortlist import Pair, shortlist
from mirsearch.search.asked_pictures import IMAGE_KINDS
from mirsearch.settings import thread_count
from mirsearch.settings.threads import map_in_order

MIN_CONFIDENCE = 0.5
"""Least confidence of a pair that is told."""
_PAIRS_AHEAD = 256
_KEPT_PREPARED = 64
"""Pictures whose keypoints are kept prepared: those of one picture are compared one after the other."""

Progress = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Reuse:
    """What was found: pairs, the surest first; how many pictures were compared; and what was held off, by reason.

    Reasons: `plots` (pictures of a kind that is drawn), `empty` (pictures with too little to compare), and of pairs
    that look the same `periodic`, `channel`, `label`, `plain` (confidence.HeldOff) and `figure` (both in one figure).
    """

    pairs: tuple[SharedPicture, ...]
    compared: int
    held_off: Mapping[str, int] = field(default_factory=dict)


def find_reuse(
    index: Index,
    filters: Filters | None = None,
    min_confidence: float = MIN_CONFIDENCE,
    within_figures: bool = False,
    progress: Progress = lambda _what, _done, _all: None,
) -> Reuse:
    """Compare all pictures of an index that pass the filters. Those of one figure only with `within_figures`.

    The small pictures of the index are compared, so that no original is needed. Raises UsageError for a confidence that
    is none.
    """
    check_confidence(min_confidence)
    chosen = filters or Filters()
    panels, drawn = _read_panels(index, chosen)
    if len(panels) < 2:
        return Reuse((), len(panels), {"plots": drawn} if drawn else {})
    panels, vectors, seen = _look_at_panels(index, panels, progress)
    if len(panels) < 2:
        return Reuse((), len(panels), {"plots": drawn} if drawn else {})
    pairs = shortlist(vectors, seen, lambda done, every: progress("choosing pairs", done, every))
    held_off = Counter({"plots": drawn, "empty": sum(each.is_empty for each in seen)})
    found = list(compare_pairs(index, panels, seen, pairs, held_off, min_confidence, within_figures, progress))
    found.sort(key=lambda pair: (-pair.confidence, pair.to_dict()["a"], pair.b.panel.id))
    return Reuse(tuple(found), len(panels), {name: count for name, count in held_off.items() if count})


def _look_at_panels(
    index: Index, panels: Sequence[StoredPanel], progress: Progress
) -> tuple[list[StoredPanel], NDArray[np.float16], list[Seen]]:
    """Return the panels that the index still has, ordered by id, with their vectors and what is compared of each.

    All is read at once, figure by figure: a read for each panel would be as many requests to a server.
    """
    found: list[StoredPanel] = []
    vectors: list[NDArray[np.float16]] = []
    seen: list[Seen] = []

    def thumbnails() -> Iterator[bytes | None]:
        for stored, vector, jpeg in _read_pictures(index, panels):
            found.append(stored)
            vectors.append(vector.astype(np.float16))
            yield jpeg

    for each in look_at_all(thumbnails()):
        seen.append(each)
        progress("looking at pictures", len(seen), len(panels))
    order = sorted(range(len(found)), key=lambda number: found[number].panel.id)
    rows = np.array([vectors[number] for number in order], np.float16)
    return [found[number] for number in order], rows, [seen[number] for number in order]


def _read_pictures(
    index: Index, panels: Sequence[StoredPanel]
) -> Iterator[tuple[StoredPanel, NDArray[np.float32], bytes | None]]:
    """Yield those of some panels that the index still has, with their vectors and small pictures."""
    if not hasattr(index, "snapshot"):  # an index of a plug-in need not have one
        yield from ((stored, index.vector(stored.panel.id), index.thumbnail(stored.panel.id)) for stored in panels)
        return
    wanted = {stored.panel.id: stored for stored in panels}
    with index.snapshot() as snapshot:
        for record in snapshot.records():
            for panel, vector, jpeg in zip(record.panels, record.vectors, record.thumbnails, strict=True):
                if panel.id in wanted:
                    yield wanted[panel.id], vector, jpeg


def check_confidence(min_confidence: float) -> None:
    """Raise UsageError for a confidence that is none."""
    if not 0 <= min_confidence <= 1:
        raise UsageError(f"--min-confidence {min_confidence:g} is no confidence", "give a number between 0 and 1")


def _read_panels(index: Index, filters: Filters) -> tuple[list[StoredPanel], int]:
    """Return the panels that are compared, and how many are left out because they are drawn."""
    panels, drawn = [], 0
    for stored in index.select_panels(filters):
        if stored.panel.kind in IMAGE_KINDS:
            panels.append(stored)
        else:
            drawn += 1
    return panels, drawn


def compare_pairs(
    index: Index, panels: Sequence[StoredPanel], seen: Sequence[Seen], pairs: Sequence[Pair],
    held_off: Counter[str], min_confidence: float, within_figures: bool, progress: Progress,
) -> Iterator[SharedPicture]:  # fmt: skip
    """Yield those that are the same of the pairs of a shortlist, and then of pairs that are linked by others."""
    comparing = _Comparing(index, panels, seen)
    links = Links(pairs)
    todo: Mapping[Pair, Matrix | None] = dict.fromkeys(pairs)
    for step in range(1 + ROUNDS):
        found = comparing.compare(todo, lambda done, every: progress("comparing pairs", done, every))
        for pair, compared, verdict in found:
            if verdict.confidence < min_confidence:
                continue
            one, other = pair
            if verdict.held_off is not None:
                held_off[verdict.held_off] += 1
                continue
            links.add(pair, verdict.confidence, compared[0].matrix)
            if not within_figures and panels[one].figure.id == panels[other].figure.id:
                held_off["figure"] += 1
            else:
                yield shared_picture(panels[one], panels[other], (seen[one], seen[other]), compared, verdict.confidence)
        todo = links.next_pairs() if step < ROUNDS else {}
        if not todo:
            return


class _Comparing:
    """Compares pairs of the pictures of an index, several at once."""

    def __init__(self, index: Index, panels: Sequence[StoredPanel], seen: Sequence[Seen]) -> None:
        self._grays, self._panels, self._seen = Grays(index), panels, seen
        self._prepared = lru_cache(_KEPT_PREPARED)(self._prepare)

    def compare(
        self, pairs: Mapping[Pair, Matrix | None], progress: Callable[[int, int], None]
    ) -> Iterator[tuple[Pair, Compared, Verdict]]:
        """Yield the pairs that can be the same, in their order, how they compare, and the verdict."""
        results = map_in_order(self._compare, pairs.items(), thread_count(), _PAIRS_AHEAD)
        for done, (pair, compared) in enumerate(zip(pairs, results, strict=True), 1):
            if compared is not None:
                yield pair, compared, judge_seen(compared, self._seen[pair[0]], self._seen[pair[1]])
            progress(done, len(pairs))

    def _compare(self, item: tuple[Pair, Matrix | None]) -> Compared | None:
        (one, other), near = item
        grays = partial(self._gray, one), partial(self._gray, other)
        return compare_seen(self._seen[one], self._seen[other], *grays, near, self._prepared(one))

    def _prepare(self, number: int) -> Prepared:
        return prepare(self._seen[number].keypoints)

    def _gray(self, number: int) -> Gray | None:
        return self._grays.gray(self._panels[number].panel.id)
