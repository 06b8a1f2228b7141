"""From Elasticsearch's hits to scored panels, and whether a panel outside the candidates could be better.

The test is the threshold of Fagin, Lotem, Naor (2003), "Optimal aggregation algorithms for middleware": no panel that
none of the lists holds can score more than the last entries of the lists allow together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.indexes.elasticsearch.query import COSINE, FOV, PANEL, WINDOW_DECADES, Asked
from mirsearch.query import ScoredPanel, SearchResult
from mirsearch.ranking import Floats, image_text_term, scale_term, text_term

ROUNDING = 0.009
"""How far the visual term may be from what vectors rounded to bytes say, by which the graph orders them.

Twice the most seen: 0.0037 with 48 dims, 0.0043 with 272, 0.0020 with 2,048. With half a byte it is 0.018 at 272
dims, with a bit 0.11: too much to tell by whether an answer is exact.
"""

_NOTHING: Mapping[str, float] = {}
_UNKNOWN = (math.nan,)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Scored panels, best first, each array (n,): NaN where a panel lacks the value, None where the query does.

    `decades` are those from the query's field of view.
    """

    ids: list[str]
    score: Floats
    visual: Floats | None
    scale: Floats | None
    text: Floats | None
    image_text: Floats | None
    bm25: Floats
    decades: Floats

    def __len__(self) -> int:
        return len(self.ids)

    def best(self, count: int) -> list[ScoredPanel]:
        """The first few, as an answer has them."""
        rows = range(min(count, len(self)))
        visual, scale, text, said = (
            _plain(each, len(rows)) for each in (self.visual, self.scale, self.text, self.image_text)
        )
        distance = [None if each is None else 2.0 * (1.0 - each) for each in visual]
        score = self.score.tolist()
        return [ScoredPanel(self.ids[n], score[n], distance[n], visual[n], scale[n], text[n], said[n]) for n in rows]


def _plain(values: Floats | None, count: int) -> list[float | None]:
    if values is None:
        return [None] * count
    return [None if math.isnan(each) else each for each in values[:count].tolist()]


def candidates(asked: Asked, hits: list[dict[str, Any]]) -> Candidates:
    """The hits with their terms; the visual one follows from the score, which Elasticsearch made of exact terms."""
    formula, fov = asked.request.formula, asked.request.field_of_view_nm
    named = [hit.get("matched_queries") or _NOTHING for hit in hits]
    fields = [hit["fields"] for hit in hits]
    ids: list[str] = [each[PANEL][0] for each in fields]
    score = np.array([hit["_score"] for hit in hits], dtype=np.float64)
    bm25 = np.array([each.get("text", 0.0) for each in named], dtype=np.float64)
    places = np.array([each.get(FOV, _UNKNOWN)[0] for each in fields], dtype=np.float64)
    scale = scale_term(fov, places, formula.sigma) if fov else None
    text = text_term(bm25, formula.text_k) if asked.words else None
    visual, said = _not_told(asked, score, scale, text, named)
    decades = np.full(len(hits), np.nan) if asked.log10_fov is None else np.abs(places - asked.log10_fov)
    order = [n for n in range(len(hits)) if score[n] > 0 or not asked.alone]
    order.sort(key=lambda n: (-score[n], ids[n]))
    visual, scale, text, said = (each if each is None else each[order] for each in (visual, scale, text, said))
    sorted_ids = [ids[n] for n in order]
    return Candidates(sorted_ids, score[order], visual, scale, text, said, bm25[order], decades[order])


def _not_told(
    asked: Asked, score: Floats, scale: Floats | None, text: Floats | None, named: Sequence[Mapping[str, float]]
) -> tuple[Floats | None, Floats | None]:
    """The visual and the image_text term, of the scores and the terms that are known."""
    formula, weights = asked.request.formula, asked.weights
    rest, mass = np.zeros(len(score)), np.zeros(len(score))
    if scale is not None:
        counts = ~np.isnan(scale) if formula.missing != "penalize" else np.ones(len(score), dtype=bool)
        rest += weights.scale * np.where(np.isnan(scale), 0.0, scale)
        mass += weights.scale * counts
    if text is not None:
        rest, mass = rest + weights.text * text, mass + weights.text
    said = None
    if named and COSINE in named[0]:  # a filter that lets all pass: every hit has it
        cosines = np.array([each[COSINE] for each in named], dtype=np.float64) - 1.0
        said = image_text_term(cosines, formula.response)
        rest, mass = rest + weights.of("image_text") * said, mass + weights.of("image_text")
    elif asked.said and weights.of("image_text") > 0:
        said = _left_over(score, rest, mass, weights.of("image_text"))
    visual = _left_over(score, rest, mass, weights.visual) if asked.vector and weights.visual > 0 else None
    return visual, said


def _left_over(score: Floats, rest: Floats, mass: Floats, weight: float) -> Floats:
    """The values of the one term that is not known, of the scores and what the others add."""
    return np.clip((score * (mass + weight) - rest) / weight, 0.0, 1.0)


def result(asked: Asked, answer: dict[str, Any]) -> SearchResult:
    """Everything an answer of Elasticsearch tells, best panel first, ties by id."""
    found = candidates(asked, answer["hits"]["hits"])
    best = found.best(asked.request.top)
    detail: dict[str, Any] = {"took_ms": answer.get("took"), "candidates": len(found)}
    if asked.exhaustive:
        total = answer["hits"]["total"]["value"]
        return SearchResult(best, True, total, detail | {"exact_by": "all scored", "candidates": total})
    exact, bound = threshold(asked, found)
    if bound is not None:
        detail["bound"] = bound
    detail["exact_by"] = "threshold" if exact else None
    return SearchResult(best, exact, len(found), detail)


def threshold(asked: Asked, found: Candidates) -> tuple[bool, float | None]:
    """Whether the best can no longer change, and the most that a panel outside the lists could score.

    The lists of nearest vectors are taken as the graph gives them; that they were ordered by vectors rounded to bytes
    is allowed for.
    """
    if len(found) < asked.nearest:
        return True, None  # fewer than asked for: these are all that the filters leave
    bound = _bound(asked, found)
    return bool(found.score[asked.request.top - 1] > bound), bound


def _bound(asked: Asked, found: Candidates) -> float:
    weights, formula = asked.weights, asked.request.formula
    half = WINDOW_DECADES * formula.sigma
    inside = found.decades <= half  # False where either is unknown
    looks = _last(asked, found.visual)
    text_mass = weights.text if asked.words else 0.0
    text, text_inside = (weights.text * each for each in _text_left(asked, found, inside))
    without = (weights.visual * looks + text) / (weights.visual + text_mass)
    if asked.request.field_of_view_nm is None or weights.scale == 0:
        return without
    mass = weights.visual + weights.scale + text_mass
    edge = math.exp(-0.5 * WINDOW_DECADES**2)
    bounds = [(weights.visual * looks + weights.scale * edge + text) / mass]
    if np.count_nonzero(inside) >= asked.nearest and found.visual is not None:  # fewer are all there are
        near = min(looks, _last(asked, found.visual[inside]))
        bounds.append((weights.visual * near + weights.scale + text_inside) / mass)
    if formula.missing == "neutral":
        bounds.append(without)
    elif formula.missing == "penalize":
        bounds.append((weights.visual * looks + text) / mass)
    return max(bounds)


def _last(asked: Asked, visual: Floats | None) -> float:
    """The most that the visual term of a panel can be that a list of nearest vectors left out.

    The candidates hold the whole list, so the list's last is their k-th nearest.
    """
    return 1.0 if visual is None else min(1.0, _from_top(visual, asked.nearest) + ROUNDING)


def _text_left(asked: Asked, found: Candidates, inside: NDArray[np.bool_]) -> tuple[float, float]:
    """The most that the text term of a panel outside the lists can be: anywhere, and inside the window.

    Matches are taken in the order of BM25, twice that inside the window; at least 2 k of them are there.
    """
    if not asked.text or len(found) < asked.gathered:
        return 0.0, 0.0  # every panel with one of the words is among the candidates
    last = _from_top(np.where(inside, 2 * found.bm25, found.bm25), 2 * asked.nearest)
    if last <= 0:
        return 1.0, 1.0
    k = asked.request.formula.text_k
    return float(text_term(last, k)), float(text_term(last / 2, k))


def _from_top(values: Floats, place: int) -> float:
    """The value at a place, counted from 1, in falling order."""
    return float(np.partition(values, -place)[-place])
