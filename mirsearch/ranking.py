"""The hybrid score. Every index uses this definition. This module imports no other module of mirsearch.

For a query q and a panel d, each term lies in [0, 1]:

- visual  v = 1 - vd/2, where vd is the cosine distance of the two vectors;
- scale   s = exp(-(Δ/σ)²/2), where Δ = log10(field of view of q / field of view of d);
- text    t = BM25/(BM25 + k); 0 if the query has text and the panel does not match;
- image_text  i = 1/(1 + exp(-(a·c + b))), where c is the cosine of the panel's vector and the vector of the query's
  text, if the extractor embeds both in one space;
- meaning  m = 1/(1 + exp(-(a·c + b))), where c is the cosine of the sentence vectors of the query's words and of what
  is said of the panel, if the index has sentence vectors.

score = Σ wᵢ·termᵢ / Σ wᵢ over the terms that both the query and the panel have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Missing = Literal["neutral", "penalize", "exclude"]
"""The scale term of a panel without a scale, if the query has one: `neutral` leaves the term out, `penalize` sets it
to 0, `exclude` drops the panel."""

TERMS = ("visual", "scale", "text", "image_text", "meaning")
OPTIONAL_TERMS = ("image_text", "meaning")
"""Terms that only some indexes have. An answer tells of them where it used them."""
TEXT_PER_MEANING = 5.0
"""How much more the text term weighs than the meaning term, where nobody chose a weight for that."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the terms: all ≥ 0, at least one > 0. Only their ratios matter.

    `image_text` None: as `text`. `meaning` None: a fifth of `text`.
    """

    visual: float = 0.6
    scale: float = 0.3
    text: float = 0.3
    image_text: float | None = None
    meaning: float | None = None

    def __post_init__(self) -> None:
        optional = [value for value in (self.image_text, self.meaning) if value is not None]
        values = (self.visual, self.scale, self.text, *optional)
        if not all(value >= 0 for value in values) or not 0 < sum(values) < float("inf"):
            raise ValueError("weights must be finite, ≥ 0 and not all 0")

    def of(self, term: str) -> float:
        """Return the weight of a term of TERMS."""
        value = getattr(self, term)
        if value is None:
            return round(self.text / TEXT_PER_MEANING, 12) if term == "meaning" else float(self.text)
        return float(value)


@dataclass(frozen=True, slots=True)
class Formula:
    """All parameters of the score: the weights, σ in decades, the BM25 k where the text term is 0.5, and `missing`.

    `response` has a and b of the image_text term; they come from the extractor. `meaning_response` has those of the
    meaning term.
    """

    weights: Weights = Weights()
    sigma: float = 0.3
    text_k: float = 5.0
    missing: Missing = "neutral"
    response: tuple[float, float] = (25.0, -6.25)
    meaning_response: tuple[float, float] = (10.0, -5.0)

    def __post_init__(self) -> None:
        if not (self.sigma > 0 and self.text_k > 0):
            raise ValueError("sigma and text_k must be > 0")
        if not all(np.isfinite(value) for value in (*self.response, *self.meaning_response)):
            raise ValueError("the response parameters a and b must be finite")


def visual_term(distance: ArrayLike) -> Floats:
    """Return 1 - vd/2 for cosine distances vd in [0, 2] of any shape, clipped to [0, 1]."""
    return np.clip(1.0 - np.asarray(distance, dtype=np.float64) / 2.0, 0.0, 1.0)


def scale_term(query_fov_nm: float, log10_fov: ArrayLike, sigma: float) -> Floats:
    """Return exp(-(Δ/σ)²/2), where Δ are the decades between two fields of view.

    `query_fov_nm` is in nm, `log10_fov` is log10 of nm, for panels. NaN stays NaN.
    """
    decades: Floats = np.asarray(log10_fov, dtype=np.float64) - np.log10(query_fov_nm)
    with np.errstate(over="ignore"):  # more σ apart than a number can tell: the term is 0
        term: Floats = np.exp(-0.5 * (decades / sigma) ** 2)
    return term


def text_term(bm25: ArrayLike, k: float) -> Floats:
    """Return BM25/(BM25 + k) for scores ≥ 0 (larger is better): 0.5 where BM25 equals k."""
    scores = np.maximum(np.asarray(bm25, dtype=np.float64), 0.0)
    return scores / (scores + k)


def meaning_term(cosine: ArrayLike, response: tuple[float, float]) -> Floats:
    """Return 1/(1 + exp(-(a·c + b))) for cosines c between sentence vectors; any shape, in (0, 1)."""
    return image_text_term(cosine, response)


def image_text_term(cosine: ArrayLike, response: tuple[float, float]) -> Floats:
    """Return 1/(1 + exp(-(a·c + b))) for cosines c between panels and the query's text; any shape, in (0, 1)."""
    strength = response[0] * np.asarray(cosine, dtype=np.float64) + response[1]
    term: Floats = 1.0 / (1.0 + np.exp(-np.clip(strength, -700.0, 700.0)))
    return term


def combine(
    formula: Formula,
    visual: Floats | None = None,
    scale: Floats | None = None,
    text: Floats | None = None,
    image_text: Floats | None = None,
    meaning: Floats | None = None,
) -> Floats:
    """Return the weighted mean of the terms, shape (n,). None: the query lacks the term; NaN: the panel lacks it.

    Panels that `missing="exclude"` drops, and panels without a term of positive weight, get -inf.
    """
    query_terms = {"visual": visual, "scale": scale, "text": text, "image_text": image_text, "meaning": meaning}
    terms = {name: term for name, term in query_terms.items() if term is not None}
    if not terms:
        raise ValueError("a query needs at least one term")
    size = len(next(iter(terms.values())))
    weighted_sum = np.zeros(size)
    weight_sum: Floats | float = 0.0
    excluded = np.zeros(size, dtype=bool)
    for name, term in terms.items():
        weight = formula.weights.of(name)
        absent = np.isnan(term)
        if not absent.any():
            weighted_sum += weight * term
            weight_sum = weight_sum + weight
            continue
        if name == "scale" and formula.missing == "exclude":
            excluded |= absent
        weighted_sum += np.where(absent, 0.0, weight * term)
        weight_sum = weight_sum + (weight if formula.missing == "penalize" else weight * ~absent)
    score: Floats = np.divide(
        weighted_sum, weight_sum, out=np.full(size, -np.inf), where=np.broadcast_to(np.greater(weight_sum, 0), size)
    )
    score[excluded] = -np.inf
    return score
