"""One picture, one hit: a panel that its article shows again in another figure is folded into the better ranked one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mirsearch.indexes.base import Index
from mirsearch.query import ScoredPanel, StoredPanel
from mirsearch.search.answer import Hit

_DRAWN = ("plot", "schematic")
"""Kinds that look much alike without being the same."""
_MORE = 50


def wider(top: int, most: int) -> int:
    """How many panels to ask for, so that `top` are left when some are folded."""
    return min(top + min(top, _MORE), most)


@dataclass(slots=True)
class _Kept:
    scored: ScoredPanel
    stored: StoredPanel
    also: list[StoredPanel] = field(default_factory=list)


class Folding:
    """Compares panels of one article by their small pictures and vectors, each read once."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._pictures: dict[str, bytes | None] = {}

    def hits(self, found: Sequence[tuple[ScoredPanel, StoredPanel]], top: int) -> tuple[Hit, ...]:
        """The first `top` panels, best first, with the panels folded into them."""
        kept: list[_Kept] = []
        for scored, stored in found:
            twin = next((each for each in kept if self._same(each.stored, stored)), None)
            if twin is not None:
                twin.also.append(stored)
            elif len(kept) < top:
                kept.append(_Kept(scored, stored))
        return tuple(
            Hit(rank, each.scored, each.stored, self._picture(each.stored), tuple(each.also))
            for rank, each in enumerate(kept, start=1)
        )

    def _same(self, one: StoredPanel, other: StoredPanel) -> bool:
        """Whether two panels are the same picture in two figures of one article."""
        article, again = one.figure.article, other.figure.article
        if article is None or again is None or article.id != again.id or one.figure.id == other.figure.id:
            return False
        if one.panel.kind in _DRAWN or other.panel.kind in _DRAWN:
            return False
        from mirsearch.search.reuse import ASPECT, look_alike, same_picture

        shapes = [each.panel.width / max(each.panel.height, 1) for each in (one, other)]
        if abs(shapes[0] / shapes[1] - 1) > ASPECT:
            return False
        first, second = self._picture(one), self._picture(other)
        if first is None or second is None or not same_picture(first, second):
            return False
        return look_alike(self._index.vector(one.panel.id), self._index.vector(other.panel.id))

    def _picture(self, stored: StoredPanel) -> bytes | None:
        name = stored.panel.id
        if name not in self._pictures:
            self._pictures[name] = self._index.thumbnail(name)
        return self._pictures[name]
