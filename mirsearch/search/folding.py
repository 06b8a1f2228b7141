"""One hit for one picture. A panel that its article shows again in another figure is folded into the better hit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mirsearch.indexes.base import Index
from mirsearch.query import ScoredPanel, StoredPanel
from mirsearch.search.answer import Hit

_DRAWN_KINDS = ("plot", "schematic")
"""Kinds of panels that often look alike without being the same. They are never folded."""
_MAX_EXTRA = 50
"""Most panels that are requested beyond `top`."""


def candidate_count(top: int, limit: int) -> int:
    """Return how many panels to request, at most `limit`, so that `top` remain when some are folded."""
    return min(top + min(top, _MAX_EXTRA), limit)


@dataclass(slots=True)
class _FoldedHit:
    scored: ScoredPanel
    stored: StoredPanel
    repeats: list[StoredPanel] = field(default_factory=list)


class Folding:
    """Compares panels of one article by their thumbnails and vectors. Each thumbnail is read once."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._thumbnails: dict[str, bytes | None] = {}

    def fold(self, ranked: Sequence[tuple[ScoredPanel, StoredPanel]], top: int) -> tuple[Hit, ...]:
        """Return the first `top` hits, best first, with the panels that are folded into them."""
        folded: list[_FoldedHit] = []
        for scored, stored in ranked:
            same = next((hit for hit in folded if self._is_repeat(hit.stored, stored)), None)
            if same is not None:
                same.repeats.append(stored)
            elif len(folded) < top:
                folded.append(_FoldedHit(scored, stored))
        return tuple(
            Hit(rank, hit.scored, hit.stored, self._thumbnail(hit.stored), tuple(hit.repeats))
            for rank, hit in enumerate(folded, start=1)
        )

    def _is_repeat(self, one: StoredPanel, other: StoredPanel) -> bool:
        """Return whether two panels show the same picture in two figures of one article."""
        article, other_article = one.figure.article, other.figure.article
        if article is None or other_article is None or article.id != other_article.id:
            return False
        if one.figure.id == other.figure.id:
            return False
        if one.panel.kind in _DRAWN_KINDS or other.panel.kind in _DRAWN_KINDS:
            return False
        from mirsearch.search.reuse import MAX_ASPECT_DIFFERENCE, are_similar, is_same_picture

        aspects = [stored.panel.width / max(stored.panel.height, 1) for stored in (one, other)]
        if abs(aspects[0] / aspects[1] - 1) > MAX_ASPECT_DIFFERENCE:
            return False
        first, second = self._thumbnail(one), self._thumbnail(other)
        if first is None or second is None or not is_same_picture(first, second):
            return False
        return are_similar(self._index.vector(one.panel.id), self._index.vector(other.panel.id))

    def _thumbnail(self, stored: StoredPanel) -> bytes | None:
        panel_id = stored.panel.id
        if panel_id not in self._thumbnails:
            self._thumbnails[panel_id] = self._index.thumbnail(panel_id)
        return self._thumbnails[panel_id]
