"""The terms and the score of a few rows, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mirsearch.indexes.embedded.vectors.matrix import Snapshot
from mirsearch.indexes.embedded.vectors.scans import Dots, Places
from mirsearch.indexes.embedded.words.bm25 import Found
from mirsearch.query import SearchRequest
from mirsearch.ranking import Floats, combine, image_text_term, scale_term, text_term, visual_term


@dataclass(frozen=True, slots=True)
class Terms:
    """The distance and the terms of some panels, each (n,), None where the query lacks it."""

    distance: Floats | None
    visual: Floats | None
    scale: Floats | None
    text: Floats | None
    image_text: Floats | None = None

    def score(self, request: SearchRequest) -> Floats:
        """The score of each panel; -inf for what is no answer."""
        given = (self.visual, self.scale, self.text, self.image_text)
        score = combine(request.formula, *given)
        if sum(each is not None for each in given) == 1:
            score[score <= 0] = -np.inf
        return score


def terms_of(
    now: Snapshot, request: SearchRequest, rows: Places, dots: Sequence[Dots | None],
    found: Sequence[Found] | None,
) -> Terms:  # fmt: skip
    """The terms of a few rows, exactly, of their dot products with the query's picture and with its words."""
    looks, said = dots
    distance = visual = scale = text = image_text = None
    if looks is not None:
        distance = np.clip(1.0 - _cosine(now, rows, looks), 0.0, 2.0)
        visual = visual_term(distance)
    if said is not None:
        image_text = image_text_term(_cosine(now, rows, said), request.formula.response)
    if request.field_of_view_nm is not None:
        scale = scale_term(request.field_of_view_nm, now.rows.log10_fov[rows], request.formula.sigma)
    if found is not None:
        bm25 = np.zeros(len(rows), dtype=np.float64)
        for each in found:
            bm25 += each.at(rows)
        text = text_term(bm25, request.formula.text_k)
    return Terms(distance, visual, scale, text, image_text)


def _cosine(now: Snapshot, rows: Places, dots: Dots) -> Floats:
    """Cosines of rows, of their dot products with a vector and 1/norm of that."""
    cosine: Floats = dots.values.astype(np.float64) * now.rows.inverse_norm[rows] * dots.per_norm
    return cosine
