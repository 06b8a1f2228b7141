"""One hit for one picture, and for one letter of a figure; and, where it is asked for, few hits of one article.

A panel that its article shows again in another figure is folded into the better hit. Of the images under one letter,
only the best is a hit. What an article has more than its number of hits is folded into the last of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mirsearch.indexes.base import Index
from mirsearch.query import ScoredPanel, StoredPanel
from mirsearch.search.answer import Hit

_DRAWN_KINDS = ("plot", "schematic")
"""Kinds of panels that often look alike without being the same. They are never folded."""
_MAX_EXTRA = 50
"""Most panels that are requested at first beyond `top`."""
_ARTICLE_FACTOR = 2
"""Factor by which more panels are requested at first where the hits of an article are limited."""
_GROWTH = 4
"""Factor by which more panels are requested if too few hits remain."""
MAX_PANELS_PER_HIT = 64
"""Most panels that are requested for each hit: as many as a letter with 8 × 8 images has."""


def first_count(top: int) -> int:
    """Return how many panels to read at first for `top` hits."""
    return top + min(top, _MAX_EXTRA)


def candidate_counts(top: int, limit: int, per_article: int = 0) -> Iterator[int]:
    """Yield how many panels to request until `top` hits remain when some are folded; rising, at most `limit`.

    Where an article has few hits, more are folded, and the first request is larger: to search twice costs more. (The
    panels are then read step by step, as far as they are needed.)
    """
    most = min(top * MAX_PANELS_PER_HIT, limit)
    count = min(first_count(top) * (_ARTICLE_FACTOR if per_article else 1), most)
    yield count
    while count < most:
        count = min(count * _GROWTH, most)
        yield count


@dataclass(slots=True)
class _FoldedHit:
    scored: ScoredPanel
    stored: StoredPanel
    repeats: list[StoredPanel] = field(default_factory=list)
    others: list[tuple[ScoredPanel, StoredPanel]] = field(default_factory=list)


class Folding:
    """Compares panels of one article by their thumbnails and vectors. Each thumbnail is read once.

    With `each`, every image under a letter is a hit of its own. At most `per_article` hits of an article remain (0: any
    number).
    """

    def __init__(self, index: Index, each: bool = False, per_article: int = 0) -> None:
        self._index = index
        self._each, self._per_article = each, per_article
        self._thumbnails: dict[str, bytes | None] = {}

    def fold(self, ranked: Sequence[tuple[ScoredPanel, StoredPanel]], top: int) -> tuple[Hit, ...]:
        """Return the first `top` hits, best first, with the panels that are folded into them."""
        folded: list[_FoldedHit] = []
        letters: set[tuple[str, str]] = set()
        of_article: dict[str, list[_FoldedHit]] = {}
        for scored, stored in ranked:
            letter = None if self._each else shared_letter(stored)
            if letter in letters:
                continue
            same = next((hit for hit in folded if self._is_repeat(hit.stored, stored)), None)
            if same is not None:
                same.repeats.append(stored)
                continue
            if len(folded) == top:
                continue
            siblings = of_article.setdefault(stored.figure.article.id, []) if stored.figure.article else []
            if letter is not None:
                letters.add(letter)
            if self._per_article and len(siblings) >= self._per_article:
                siblings[-1].others.append((scored, stored))
                continue
            folded.append(_FoldedHit(scored, stored))
            siblings.append(folded[-1])
        return tuple(
            Hit(rank, hit.scored, hit.stored, self._thumbnail(hit.stored), tuple(hit.repeats), others=tuple(hit.others))
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
        if not are_similar(self._index.vector(one.panel.id), self._index.vector(other.panel.id)):
            return False  # found out in less time than by the pictures
        first, second = self._thumbnail(one), self._thumbnail(other)
        return first is not None and second is not None and is_same_picture(first, second)

    def _thumbnail(self, stored: StoredPanel) -> bytes | None:
        panel_id = stored.panel.id
        if panel_id not in self._thumbnails:
            self._thumbnails[panel_id] = self._index.thumbnail(panel_id)
        return self._thumbnails[panel_id]


def shared_letter(stored: StoredPanel) -> tuple[str, str] | None:
    """Return figure and letter of a panel that shares its letter with others, else None."""
    panel = stored.panel
    return None if panel.part is None or panel.label is None else (stored.figure.id, panel.label)
