"""Turn Elasticsearch's hits into scored panels, and test whether a panel outside the candidates could be better.

The test is the threshold of Fagin, Lotem, Naor (2003), "Optimal aggregation algorithms for middleware": a panel that
is in none of the lists scores at most what the last entries of the lists allow together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.indexes.elasticsearch.query import (
    COSINE_QUERY_NAME,
    MEANING_QUERY_NAME,
    PANEL_ID_FIELD,
    WINDOW_DECADES,
    QueryPlan,
)
from mirsearch.query import ScoredPanel, SearchResult
from mirsearch.ranking import Floats, image_text_term, meaning_term, scale_term, text_term

_NO_MATCHES: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class Candidates:
    """Scored panels, best first. Each array is (n,): NaN where a panel lacks the value, None where the query lacks it.

    `decades` are the distances from the query's field of view, in decades.
    """

    ids: list[str]
    score: Floats
    visual: Floats | None
    scale: Floats | None
    text: Floats | None
    image_text: Floats | None
    meaning: Floats | None
    bm25: Floats
    decades: Floats

    def __len__(self) -> int:
        return len(self.ids)

    def best_panels(self, count: int) -> list[ScoredPanel]:
        """Return the first `count` panels as an answer shows them."""
        rows = range(min(count, len(self)))
        terms = (self.visual, self.scale, self.text, self.image_text, self.meaning)
        visual, *others = (_none_for_nan(values, len(rows)) for values in terms)
        distance = [None if term is None else 2.0 * (1.0 - term) for term in visual]
        score = self.score.tolist()
        return [ScoredPanel(self.ids[n], score[n], distance[n], visual[n], *(term[n] for term in others)) for n in rows]


def _none_for_nan(values: Floats | None, count: int) -> list[float | None]:
    if values is None:
        return [None] * count
    return [None if math.isnan(value) else value for value in values[:count].tolist()]


def read_candidates(plan: QueryPlan, hits: list[dict[str, Any]]) -> Candidates:
    """Return the hits with their terms. The visual term is computed from the score, which has exact terms."""
    formula, fov = plan.request.formula, plan.request.field_of_view_nm
    clause_scores = [hit.get("matched_queries") or _NO_MATCHES for hit in hits]
    fields = [hit["fields"] for hit in hits]
    ids: list[str] = [values[PANEL_ID_FIELD][0] for values in fields]
    score = np.array([hit["_score"] for hit in hits], dtype=np.float64)
    bm25 = np.array([scores.get("text", 0.0) for scores in clause_scores], dtype=np.float64)
    log10_fov = _first_values(fields, plan.fov_fields)
    scale = scale_term(fov, log10_fov, formula.sigma) if fov else None
    text = text_term(bm25, formula.text_k) if plan.terms else None
    meaning = _reported_meaning(plan, clause_scores)
    visual, image_text = _derive_terms(plan, score, scale, text, meaning, clause_scores)
    decades = np.full(len(hits), np.nan) if plan.log10_fov is None else np.abs(log10_fov - plan.log10_fov)
    # a candidate of score 0 is one that its shard did not rescore: it is beyond the lists
    order = np.lexsort((np.array(ids, dtype=str), -score))
    if plan.only_term or plan.has_unscored:
        order = order[score[order] > 0]
    visual, scale, text, image_text, meaning = (
        term if term is None else term[order] for term in (visual, scale, text, image_text, meaning)
    )
    sorted_ids = [ids[n] for n in order.tolist()]
    return Candidates(sorted_ids, score[order], visual, scale, text, image_text, meaning, bm25[order], decades[order])


def _reported_meaning(plan: QueryPlan, clause_scores: Sequence[Mapping[str, float]]) -> Floats | None:
    """Return the meaning term of each hit, from the cosine that a filter reports: all panels pass it."""
    if not plan.has_meaning:
        return None
    cosines = np.array([scores[MEANING_QUERY_NAME] for scores in clause_scores], dtype=np.float64) - 1.0
    return meaning_term(cosines, plan.request.formula.meaning_response)


def _first_values(fields: Sequence[Mapping[str, Sequence[float]]], names: Sequence[str]) -> Floats:
    """Return for each hit the value of the first field that it has, NaN if it has none of them."""
    unknown = (math.nan,)
    found = np.full(len(fields), math.nan)
    for name in reversed(names):
        values = np.array([each.get(name, unknown)[0] for each in fields], dtype=np.float64)
        found = np.where(np.isnan(values), found, values)
    return found


def _derive_terms(
    plan: QueryPlan,
    score: Floats,
    scale: Floats | None,
    text: Floats | None,
    meaning: Floats | None,
    clause_scores: Sequence[Mapping[str, float]],
) -> tuple[Floats | None, Floats | None]:
    """Return the visual and the image_text term, computed from the scores and the known terms."""
    formula, weights = plan.request.formula, plan.weights
    rest, mass = np.zeros(len(score)), np.zeros(len(score))
    if scale is not None:
        counts = ~np.isnan(scale) if formula.missing != "penalize" else np.ones(len(score), dtype=bool)
        rest += weights.scale * np.where(np.isnan(scale), 0.0, scale)
        mass += weights.scale * counts
    if text is not None:
        rest, mass = rest + weights.text * text, mass + weights.text
    if meaning is not None:
        rest, mass = rest + weights.of("meaning") * meaning, mass + weights.of("meaning")
    image_text = None
    if clause_scores and COSINE_QUERY_NAME in clause_scores[0]:  # all panels pass this filter, so every hit has it
        cosines = np.array([scores[COSINE_QUERY_NAME] for scores in clause_scores], dtype=np.float64) - 1.0
        image_text = image_text_term(cosines, formula.response)
        rest, mass = rest + weights.of("image_text") * image_text, mass + weights.of("image_text")
    elif plan.has_text_vector and weights.of("image_text") > 0:
        image_text = _solve_term(score, rest, mass, weights.of("image_text"))
    visual = _solve_term(score, rest, mass, weights.visual) if plan.has_vector and weights.visual > 0 else None
    return visual, image_text


def _solve_term(score: Floats, rest: Floats, mass: Floats, weight: float) -> Floats:
    """Return the one unknown term: the scores minus `rest`, the weighted sum of the other terms, of weights `mass`."""
    return np.clip((score * (mass + weight) - rest) / weight, 0.0, 1.0)


def read_result(plan: QueryPlan, answer: dict[str, Any]) -> SearchResult:
    """Return the result that an answer of Elasticsearch holds, best panel first, ties by id."""
    found = read_candidates(plan, answer["hits"]["hits"])
    best = found.best_panels(plan.request.top)
    detail: dict[str, Any] = {"took_ms": answer.get("took"), "candidates": len(found)}
    if plan.is_exhaustive:
        total = answer["hits"]["total"]["value"]
        return SearchResult(best, True, total, detail | {"exact_by": "all scored", "candidates": total})
    exact, bound = check_threshold(plan, found)
    if bound is not None:
        detail["bound"] = bound
    detail["exact_by"] = "threshold" if exact else None
    return SearchResult(best, exact, len(found), detail)


def check_threshold(plan: QueryPlan, found: Candidates) -> tuple[bool, float | None]:
    """Return whether the best panels can no longer change, and the highest score of a panel outside the lists.

    The test takes the lists of nearest vectors as the graph returns them. It allows for their order, which is that of
    vectors rounded to bytes.
    """
    if len(found) < plan.list_length:
        return True, None  # fewer than requested: these are all the panels that match the filters
    bound = _score_bound(plan, found)
    return bool(found.score[plan.request.top - 1] > bound), bound


def _score_bound(plan: QueryPlan, found: Candidates) -> float:
    weights, formula = plan.weights, plan.request.formula
    half = WINDOW_DECADES * formula.sigma
    inside = found.decades <= half  # False where either is unknown
    visual = _visual_bound(plan, found.visual)
    text_mass = weights.text if plan.terms else 0.0
    text, text_inside = (weights.text * bound for bound in _text_bounds(plan, found, inside))
    without_scale = (weights.visual * visual + text) / (weights.visual + text_mass)
    if plan.request.field_of_view_nm is None or weights.scale == 0:
        return without_scale
    mass = weights.visual + weights.scale + text_mass
    edge = math.exp(-0.5 * WINDOW_DECADES**2)
    bounds = [(weights.visual * visual + weights.scale * edge + text) / mass]
    if np.count_nonzero(inside) >= plan.list_length and found.visual is not None:  # fewer: no others are inside
        visual_inside = min(visual, _visual_bound(plan, found.visual[inside]))
        bounds.append((weights.visual * visual_inside + weights.scale + text_inside) / mass)
    if formula.missing == "neutral":
        bounds.append(without_scale)
    elif formula.missing == "penalize":
        bounds.append((weights.visual * visual + text) / mass)
    return max(bounds)


def _visual_bound(plan: QueryPlan, visual: Floats | None) -> float:
    """Return the largest visual term of a panel that a list of nearest vectors left out.

    The candidates contain the whole list, so the last entry of the list is their k-th nearest. On several shards they
    contain the list of each: their k-th nearest is as near as the last entry of any.
    """
    return 1.0 if visual is None else min(1.0, _kth_largest(visual, plan.list_length) + plan.extent.vector_error)


def _text_bounds(plan: QueryPlan, found: Candidates, inside: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the largest text term of a panel outside the lists: of any panel, and of one inside the window.

    Matches are ordered by BM25, counted twice inside the window; the candidates contain at least 2 k of them.
    """
    if not plan.text_clause or len(found) < plan.max_candidates:
        return 0.0, 0.0  # every panel with one of the words is among the candidates
    last = _kth_largest(np.where(inside, 2 * found.bm25, found.bm25), 2 * plan.list_length)
    if last <= 0:
        return 1.0, 1.0
    k = plan.request.formula.text_k
    return float(text_term(last, k)), float(text_term(last / 2, k))


def _kth_largest(values: Floats, k: int) -> float:
    return float(np.partition(values, -k)[-k])
