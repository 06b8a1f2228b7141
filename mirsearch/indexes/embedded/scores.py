"""Exact terms and scores of a few rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mirsearch.indexes.embedded.vectors.matrix import Snapshot
from mirsearch.indexes.embedded.vectors.scans import DotProducts, Indices
from mirsearch.indexes.embedded.words.bm25 import TermScores
from mirsearch.query import SearchRequest
from mirsearch.ranking import Floats, combine, image_text_term, scale_term, text_term, visual_term


@dataclass(frozen=True, slots=True)
class Terms:
    """The visual distance and the terms of some panels, each (n,). A term is None if the query lacks it."""

    distance: Floats | None
    visual: Floats | None
    scale: Floats | None
    text: Floats | None
    image_text: Floats | None = None

    def score(self, request: SearchRequest) -> Floats:
        """Return the score of each panel, or -inf if the panel is no result."""
        terms = (self.visual, self.scale, self.text, self.image_text)
        score = combine(request.formula, *terms)
        if sum(term is not None for term in terms) == 1:
            score[score <= 0] = -np.inf
        return score


def exact_terms(
    snapshot: Snapshot, request: SearchRequest, rows: Indices, dots: Sequence[DotProducts | None],
    word_scores: Sequence[TermScores] | None,
) -> Terms:  # fmt: skip
    """Return the exact terms of a few rows.

    `dots` are the products of the rows with the vector of the query image and with that of the query text.
    """
    image_dots, text_dots = dots
    distance = visual = scale = text = image_text = None
    if image_dots is not None:
        distance = np.clip(1.0 - _cosines(snapshot, rows, image_dots), 0.0, 2.0)
        visual = visual_term(distance)
    if text_dots is not None:
        image_text = image_text_term(_cosines(snapshot, rows, text_dots), request.formula.response)
    if request.field_of_view_nm is not None:
        scale = scale_term(request.field_of_view_nm, snapshot.table.log10_fov[rows], request.formula.sigma)
    if word_scores is not None:
        bm25 = np.zeros(len(rows), dtype=np.float64)
        for term_scores in word_scores:
            bm25 += term_scores.scores_of(rows)
        text = text_term(bm25, request.formula.text_k)
    return Terms(distance, visual, scale, text, image_text)


def _cosines(snapshot: Snapshot, rows: Indices, dots: DotProducts) -> Floats:
    """Return the cosines of rows with a vector, from their dot products."""
    cosine: Floats = dots.values.astype(np.float64) * snapshot.table.inverse_norm[rows] * dots.inverse_norm
    return cosine
