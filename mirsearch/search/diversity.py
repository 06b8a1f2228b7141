"""Hits that are like the query and unlike each other: maximal marginal relevance (Carbonell, Goldstein, SIGIR 1998)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mirsearch.indexes.base import Index
from mirsearch.ranking import visual_term
from mirsearch.search.answer import Hit

RELEVANCE = 0.6
"""Weight of the score against the likeness to the hits that are chosen already; both lie in [0, 1]."""
_FACTOR, _MOST = 6, 240
"""Hits from which those of an answer are chosen: so many for each, at most so many (or as many as are asked for)."""


def diverse_count(top: int) -> int:
    """Return from how many hits `top` are chosen."""
    return max(top, min(_FACTOR * top, _MOST))


def choose_diverse(index: Index, hits: Sequence[Hit], top: int) -> tuple[Hit, ...]:
    """Return `top` of the hits, in the order in which they are chosen, with new ranks; the best comes first.

    Each next one has the greatest weighted difference of its score and of its likeness to the likest hit before it:
    the visual term of the two panels. Scores stay as they are.
    """
    if len(hits) < 2:
        return tuple(hits[:top])
    vectors = np.stack([index.vector(hit.stored.panel.id) for hit in hits]).astype(np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    scores = np.array([hit.scored.score for hit in hits])
    chosen = [0]
    likeness = visual_term(1 - vectors @ vectors[0])
    while len(chosen) < min(top, len(hits)):
        gain = RELEVANCE * scores - (1 - RELEVANCE) * likeness
        gain[chosen] = -np.inf
        chosen.append(int(gain.argmax()))
        likeness = np.maximum(likeness, visual_term(1 - vectors @ vectors[chosen[-1]]))
    return tuple(replace(hits[number], rank=rank) for rank, number in enumerate(chosen, start=1))
