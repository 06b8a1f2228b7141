"""Exact terms and scores of a few rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mirsearch.indexes.embedded.vectors.matrix import Snapshot
from mirsearch.indexes.embedded.vectors.scans import DotProducts, Indices
from mirsearch.indexes.embedded.words.bm25 import TermScores
from mirsearch.query import ScoredPanel, SearchRequest
from mirsearch.ranking import Floats, combine, image_text_term, meaning_term, scale_term, text_term, visual_term


@dataclass(frozen=True, slots=True)
class Terms:
    """The visual distance and the terms of some panels, each (n,). A term is None if the query lacks it."""

    distance: Floats | None
    visual: Floats | None
    scale: Floats | None
    text: Floats | None
    image_text: Floats | None = None
    meaning: Floats | None = None

    def score(self, request: SearchRequest) -> Floats:
        """Return the score of each panel, or -inf if the panel is no result."""
        terms = (self.visual, self.scale, self.text, self.image_text, self.meaning)
        score = combine(request.formula, *terms)
        if sum(term is not None for term in terms) == 1:
            score[score <= 0] = -np.inf
        return score


def exact_terms(
    snapshot: Snapshot, request: SearchRequest, rows: Indices, dots: Sequence[DotProducts | None],
    word_scores: Sequence[TermScores] | None,
) -> Terms:  # fmt: skip
    """Return the exact terms of a few rows.

    `dots` are the products of the rows with the vector of the query image and with that of the query text, and of
    their sentence vectors with that of the query text.
    """
    image_dots, text_dots, meaning_dots = dots
    distance = visual = scale = text = image_text = meaning = None
    if image_dots is not None:
        distance = np.clip(1.0 - _cosines(snapshot, rows, image_dots), 0.0, 2.0)
        visual = visual_term(distance)
    if text_dots is not None:
        image_text = image_text_term(_cosines(snapshot, rows, text_dots), request.formula.response)
    if meaning_dots is not None and snapshot.meaning is not None:
        cosine = (
            meaning_dots.values.astype(np.float64) * snapshot.meaning.inverse_norm[rows] * meaning_dots.inverse_norm
        )
        meaning = meaning_term(cosine, request.formula.meaning_response)
    if request.field_of_view_nm is not None:
        scale = scale_term(request.field_of_view_nm, snapshot.table.log10_fov[rows], request.formula.sigma)
    if word_scores is not None:
        bm25 = np.zeros(len(rows), dtype=np.float64)
        for term_scores in word_scores:
            bm25 += term_scores.scores_of(rows)
        text = text_term(bm25, request.formula.text_k)
    return Terms(distance, visual, scale, text, image_text, meaning)


def _cosines(snapshot: Snapshot, rows: Indices, dots: DotProducts) -> Floats:
    """Return the cosines of rows with a vector, from their dot products."""
    cosine: Floats = dots.values.astype(np.float64) * snapshot.table.inverse_norm[rows] * dots.inverse_norm
    return cosine


def best_panels(
    snapshot: Snapshot,
    rows: Indices,
    request: SearchRequest,
    terms: Terms,
    ids_of: Callable[[Sequence[int]], Mapping[int, str]],
) -> list[ScoredPanel]:
    """Return the best of some rows as panels, best first, ties by id. `terms` are those of the rows.

    `ids_of` returns the ids of panels by key for some keys.
    """
    score = terms.score(request)
    count = min(request.top, int(np.count_nonzero(score > -np.inf)))
    if count <= 0:
        return []
    lowest = np.partition(score, -count)[-count]
    tied_or_better = np.flatnonzero(score >= lowest)  # includes all ties for the last place
    keys = snapshot.table.key[rows[tied_or_better]].tolist()
    ids = ids_of(keys)
    scored = zip(score[tied_or_better].tolist(), keys, tied_or_better.tolist(), strict=True)
    ranked = [(-value, ids[key], position) for value, key, position in scored]
    best = sorted(ranked)[:count]
    return _to_scored_panels(
        [panel_id for _, panel_id, _ in best], np.array([position for *_, position in best]), score, terms
    )


def _to_scored_panels(ids: Sequence[str], positions: Indices, score: Floats, terms: Terms) -> list[ScoredPanel]:
    columns = (terms.distance, terms.visual, terms.scale, terms.text, terms.image_text, terms.meaning)
    values = [[None] * len(positions) if column is None else column[positions].tolist() for column in columns]
    scale = [None if value is None or math.isnan(value) else value for value in values[2]]
    rows = zip(ids, score[positions].tolist(), *values[:2], scale, *values[3:], strict=True)
    return [ScoredPanel(*row) for row in rows]
