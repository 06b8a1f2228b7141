"""From Elasticsearch's hits to scored panels, and whether a panel outside the candidates could be better.

The test is the threshold of Fagin, Lotem, Naor (2003), "Optimal aggregation algorithms for middleware": no panel that
none of the lists holds can score more than the last entries of the lists allow together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from mirsearch.indexes.elasticsearch_query import FIRST, FOV, WINDOW_DECADES, Asked
from mirsearch.query import ScoredPanel, SearchResult
from mirsearch.ranking import scale_term, text_term

SAFETY = 2.0
"""How much larger than the largest error seen in a list that of an unseen panel's rounded vector is taken to be."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scored panel and the lists that brought it, with the scores they gave it."""

    scored: ScoredPanel
    bm25: float
    lists: dict[str, float]


def candidate(asked: Asked, hit: dict[str, Any]) -> Candidate:
    """One hit with its terms; the visual term follows from the score, which Elasticsearch made of exact terms."""
    matched = hit.get("matched_queries") or {}
    bm25 = float(matched.get("text", 0.0))
    formula, weights = asked.request.formula, asked.weights
    log10_fov = (hit.get("fields", {}).get(FOV) or [None])[0]
    fov = asked.request.field_of_view_nm
    scale = float(scale_term(fov, log10_fov, formula.sigma)) if fov and log10_fov is not None else None
    text = float(text_term(bm25, formula.text_k)) if asked.words else None
    score = float(hit["_score"])
    rest = mass = 0.0
    if fov and (scale is not None or formula.missing == "penalize"):
        rest, mass = weights.scale * (scale or 0.0), weights.scale
    if text is not None:
        rest, mass = rest + weights.text * text, mass + weights.text
    visual = None
    if asked.vector and weights.visual > 0:
        visual = min(1.0, max(0.0, (score * (mass + weights.visual) - rest) / weights.visual))
    distance = None if visual is None else 2.0 * (1.0 - visual)
    return Candidate(ScoredPanel(hit["_id"], score, distance, visual, scale, text), bm25, dict(matched))


def result(asked: Asked, answer: dict[str, Any]) -> SearchResult:
    """Everything an answer of Elasticsearch tells, best panel first, ties by id."""
    found = [candidate(asked, hit) for hit in answer["hits"]["hits"]]
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
    by_looks = [each for each in found if "nearest" in each.lists]
    if len(by_looks) < asked.nearest:
        return True, None  # fewer than asked for: these are all that the filters leave
    bound = _bound(asked, found, by_looks)
    top = found[: asked.request.top]
    return len(top) == asked.request.top and top[-1].scored.score > bound, bound


def _bound(asked: Asked, found: list[Candidate], by_looks: list[Candidate]) -> float:
    weights, formula = asked.weights, asked.request.formula
    looks = _lowest(by_looks, "nearest")
    text_mass = weights.text if asked.words else 0.0
    text = weights.text * _text_left(asked, found)
    without = (weights.visual * looks + text) / (weights.visual + text_mass)
    if asked.request.field_of_view_nm is None or weights.scale == 0:
        return without
    mass = weights.visual + weights.scale + text_mass
    edge = math.exp(-0.5 * WINDOW_DECADES**2)
    bounds = [(weights.visual * looks + weights.scale * edge + text) / mass]
    inside = [each for each in found if "nearest_in_window" in each.lists]
    if len(inside) >= asked.nearest:
        bounds.append((weights.visual * min(looks, _lowest(inside, "nearest_in_window")) + weights.scale + text) / mass)
    if formula.missing == "neutral":
        bounds.append(without)
    elif formula.missing == "penalize":
        bounds.append((weights.visual * looks + text) / mass)
    return max(bounds)


def _lowest(found: list[Candidate], name: str) -> float:
    """The most that the visual term of a panel can be that is not in this list of nearest vectors."""
    rounded = [each.lists[name] / FIRST for each in found]
    error = max(abs(near - (each.scored.visual or 0.0)) for near, each in zip(rounded, found, strict=True))
    return min(1.0, min(rounded) + SAFETY * error)


def _text_left(asked: Asked, found: list[Candidate]) -> float:
    """The most that the text term of a panel outside the lists can be."""
    if not asked.text or len(found) < 3 * asked.nearest:
        return 0.0  # every panel with one of the words is among the candidates
    by_text = [each for each in found if set(each.lists) == {"text"}]
    return (
        float(text_term(min((each.bm25 for each in by_text), default=math.inf), asked.request.formula.text_k))
        if by_text
        else 1.0
    )
