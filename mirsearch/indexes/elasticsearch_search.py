"""From Elasticsearch's hits to scored panels, and whether a panel outside the candidates could be better.

The test is the threshold of Fagin, Lotem, Naor (2003), "Optimal aggregation algorithms for middleware": no panel that
none of the lists holds can score more than the last entries of the lists allow together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mirsearch.indexes.elasticsearch_query import COSINE, FOV, PANEL, WINDOW_DECADES, Asked
from mirsearch.query import ScoredPanel, SearchResult
from mirsearch.ranking import image_text_term, scale_term, text_term

ROUNDING = 0.009
"""How far the visual term may be from what vectors rounded to bytes say, by which the graph orders them.

Twice the most seen: 0.0037 with 48 dims, 0.0043 with 272, 0.0020 with 2,048. With half a byte it is 0.018 at 272
dims, with a bit 0.11: too much to tell by whether an answer is exact.
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scored panel, its BM25, and decades from the query's field of view (None where either is unknown)."""

    scored: ScoredPanel
    bm25: float
    decades: float | None


def candidates(asked: Asked, hits: list[dict[str, Any]]) -> list[Candidate]:
    """The hits with their terms."""
    formula, fov = asked.request.formula, asked.request.field_of_view_nm
    bm25 = [float((hit.get("matched_queries") or {}).get("text", 0.0)) for hit in hits]
    places = np.array([hit["fields"].get(FOV, (np.nan,))[0] for hit in hits], dtype=np.float64)
    scales = scale_term(fov, places, formula.sigma).tolist() if fov else [math.nan] * len(hits)
    texts = text_term(bm25, formula.text_k).tolist() if asked.words else [None] * len(hits)
    return [
        _candidate(asked, hit, found, None if math.isnan(scale) else scale, text)
        for hit, found, scale, text in zip(hits, bm25, scales, texts, strict=True)
    ]


def _candidate(asked: Asked, hit: dict[str, Any], bm25: float, scale: float | None, text: float | None) -> Candidate:
    """One hit; the visual term follows from the score, which Elasticsearch made of exact terms."""
    named = hit.get("matched_queries") or {}
    formula, weights = asked.request.formula, asked.weights
    fields = hit["fields"]
    log10_fov = fields.get(FOV, [None])[0]
    fov = asked.request.field_of_view_nm
    score = float(hit["_score"])
    rest = mass = 0.0
    if fov and (scale is not None or formula.missing == "penalize"):
        rest, mass = weights.scale * (scale or 0.0), weights.scale
    if text is not None:
        rest, mass = rest + weights.text * text, mass + weights.text
    said = None
    if COSINE in named:
        said = float(image_text_term(named[COSINE] - 1.0, formula.response))
        rest, mass = rest + weights.of("image_text") * said, mass + weights.of("image_text")
    elif asked.said and weights.of("image_text") > 0:
        said = _left_over(score, rest, mass, weights.of("image_text"))
    visual = None
    if asked.vector and weights.visual > 0:
        visual = _left_over(score, rest, mass, weights.visual)
    distance = None if visual is None else 2.0 * (1.0 - visual)
    decades = None if asked.log10_fov is None or log10_fov is None else abs(float(log10_fov) - asked.log10_fov)
    return Candidate(ScoredPanel(fields[PANEL][0], score, distance, visual, scale, text, said), bm25, decades)


def _left_over(score: float, rest: float, mass: float, weight: float) -> float:
    """The value of the one term that is not known, of the score and what the others add."""
    return min(1.0, max(0.0, (score * (mass + weight) - rest) / weight))


def result(asked: Asked, answer: dict[str, Any]) -> SearchResult:
    """Everything an answer of Elasticsearch tells, best panel first, ties by id."""
    found = candidates(asked, answer["hits"]["hits"])
    if asked.alone:
        found = [each for each in found if each.scored.score > 0]
    found.sort(key=lambda each: (-each.scored.score, each.scored.panel_id))
    best = [each.scored for each in found[: asked.request.top]]
    detail: dict[str, Any] = {"took_ms": answer.get("took"), "candidates": len(found)}
    if asked.exhaustive:
        total = answer["hits"]["total"]["value"]
        return SearchResult(best, True, total, detail | {"exact_by": "all scored", "candidates": total})
    exact, bound = threshold(asked, found)
    if bound is not None:
        detail["bound"] = bound
    detail["exact_by"] = "threshold" if exact else None
    return SearchResult(best, exact, len(found), detail)


def threshold(asked: Asked, found: list[Candidate]) -> tuple[bool, float | None]:
    """Whether the best can no longer change, and the most that a panel outside the lists could score.

    The lists of nearest vectors are taken as the graph gives them; that they were ordered by vectors rounded to bytes
    is allowed for.
    """
    if len(found) < asked.nearest:
        return True, None  # fewer than asked for: these are all that the filters leave
    bound = _bound(asked, found)
    top = found[: asked.request.top]
    return len(top) == asked.request.top and top[-1].scored.score > bound, bound


def _bound(asked: Asked, found: list[Candidate]) -> float:
    weights, formula = asked.weights, asked.request.formula
    looks = _last(asked, found)
    text_mass = weights.text if asked.words else 0.0
    text, text_inside = (weights.text * each for each in _text_left(asked, found))
    without = (weights.visual * looks + text) / (weights.visual + text_mass)
    if asked.request.field_of_view_nm is None or weights.scale == 0:
        return without
    mass = weights.visual + weights.scale + text_mass
    edge = math.exp(-0.5 * WINDOW_DECADES**2)
    bounds = [(weights.visual * looks + weights.scale * edge + text) / mass]
    half = WINDOW_DECADES * formula.sigma
    inside = [each for each in found if each.decades is not None and each.decades <= half]
    if len(inside) >= asked.nearest:  # fewer are all there are
        bounds.append((weights.visual * min(looks, _last(asked, inside)) + weights.scale + text_inside) / mass)
    if formula.missing == "neutral":
        bounds.append(without)
    elif formula.missing == "penalize":
        bounds.append((weights.visual * looks + text) / mass)
    return max(bounds)


def _last(asked: Asked, found: list[Candidate]) -> float:
    """The most that the visual term of a panel can be that a list of nearest vectors left out.

    The candidates hold the whole list, so the list's last is their k-th nearest.
    """
    terms = sorted((each.scored.visual or 0.0 for each in found), reverse=True)
    return min(1.0, terms[asked.nearest - 1] + ROUNDING)


def _text_left(asked: Asked, found: list[Candidate]) -> tuple[float, float]:
    """The most that the text term of a panel outside the lists can be: anywhere, and inside the window.

    Matches are taken in the order of BM25, twice that inside the window; at least 2 k of them are there.
    """
    if not asked.text or len(found) < asked.gathered:
        return 0.0, 0.0  # every panel with one of the words is among the candidates
    half = WINDOW_DECADES * asked.request.formula.sigma
    ranks = [each.bm25 * (2 if each.decades is not None and each.decades <= half else 1) for each in found]
    last = sorted(ranks, reverse=True)[2 * asked.nearest - 1]
    if last <= 0:
        return 1.0, 1.0
    k = asked.request.formula.text_k
    return float(text_term(last, k)), float(text_term(last / 2, k))
