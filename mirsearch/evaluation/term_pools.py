"""The terms of what judged queries find, kept apart, so that many formulas can be tried without asking the index."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mirsearch.indexes.base import Index
from mirsearch.query import ScoredPanel, SearchRequest
from mirsearch.ranking import TERMS, Formula, Weights, combine, scale_term, text_term

POOL = 500
"""Panels that each question adds to a pool: the best by all terms, and the best by each term alone."""
_WIDE = 1.0
"""σ in decades with which pools are asked: distances of scale can be told from the term up to six decades."""
_LEAST_TERM = 1e-12

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TermPool:
    """What a query found by any of its terms: terms (n,) by name, NaN where a panel lacks one, and its relevant panels.

    `decades` (n,) are the differences of scale, `bm25` (n,) the scores of words; None where the query has no such term.
    `others` are terms that no fitted parameter changes. `relevant` (n,) are flags; `total` counts all that is relevant.
    """

    decades: Floats | None
    bm25: Floats | None
    others: Mapping[str, Floats]
    relevant: NDArray[np.bool_]
    total: int

    @property
    def terms(self) -> frozenset[str]:
        """Return the names of the terms that the query has."""
        own = {"scale": self.decades, "text": self.bm25}
        return frozenset([*self.others, *(name for name, values in own.items() if values is not None)])

    def average_precision(self, formula: Formula) -> float:
        """Return the average precision of the pool's order by a formula."""
        terms: dict[str, Floats] = dict(self.others)
        if self.decades is not None:
            terms["scale"] = scale_term(1.0, self.decades, formula.sigma)
        if self.bm25 is not None:
            terms["text"] = text_term(self.bm25, formula.text_k)
        scores = combine(formula, **terms)
        hits = self.relevant[np.argsort(-scores, kind="stable")]
        ranks = np.flatnonzero(hits) + 1
        return float((np.arange(1, len(ranks) + 1) / ranks).sum() / self.total)


def make_pool(index: Index, request: SearchRequest, relevant: Mapping[str, int]) -> TermPool:
    """Ask an index by all terms and by each alone, and return what was found, in the order of ids."""
    found: dict[str, ScoredPanel] = {}
    for formula in _asked_formulas(request):
        pooled = dataclasses.replace(request, formula=formula, top=POOL)
        found |= {scored.panel_id: scored for scored in index.search(pooled).panels}
    panels = [found[name] for name in sorted(found)]
    wanted = {panel for panel, grade in relevant.items() if grade > 0}
    terms = {name: values for name in TERMS if (values := _values(panels, name)) is not None}
    scale, text = terms.pop("scale", None), terms.pop("text", None)
    k = request.formula.text_k
    return TermPool(
        None if scale is None else _WIDE * np.sqrt(-2 * np.log(np.maximum(scale, _LEAST_TERM))),
        None if text is None else k * text / np.maximum(1 - text, _LEAST_TERM),
        terms,
        np.array([scored.panel_id in wanted for scored in panels], bool),
        len(wanted),
    )


def _values(panels: Sequence[ScoredPanel], name: str) -> Floats | None:
    """Return a term of panels, (n,), NaN where there is none; None where no panel has it."""
    values = [getattr(scored, name) for scored in panels]
    if all(value is None for value in values):
        return None
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _asked_formulas(request: SearchRequest) -> Iterator[Formula]:
    """Yield the formulas with which a pool is gathered: as asked, and with one term that the request has alone."""
    wide = dataclasses.replace(request.formula, sigma=_WIDE, missing="neutral")
    yield wide
    asked: dict[str, Callable[[], bool]] = {
        "visual": lambda: request.vector is not None,
        "scale": lambda: request.field_of_view_nm is not None,
        "text": lambda: bool(request.text),
    }
    for term, is_asked in asked.items():
        if is_asked():
            alone = dict.fromkeys(asked, 0.0) | {term: 1.0}
            rest = {name: 0.0 for name in TERMS if name not in asked}
            yield dataclasses.replace(wide, weights=Weights(**alone, **rest))
