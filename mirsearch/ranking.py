"""The hybrid score: the one definition, used by every index. Imports nothing of ours.

For a query q and a panel d each term lies in [0, 1]:

- visual  v = 1 - vd/2, vd the cosine distance of the two vectors;
- scale   s = exp(-(Δ/σ)²/2), Δ = log10(field of view of q / of d);
- text    t = BM25/(BM25 + k), 0 where the query has text and the panel does not match;
- image_text  i = 1/(1 + exp(-(a·c + b))), c the cosine of the panel's vector and that of the query's words, where the
  extractor puts both into one space.

score = Σ wᵢ·termᵢ / Σ wᵢ over the terms that both sides have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Missing = Literal["neutral", "penalize", "exclude"]
"""What a panel without a scale gets when the query has one: `neutral` leaves the term out, `penalize` counts it as 0,
`exclude` drops the panel."""

TERMS = ("visual", "scale", "text", "image_text")
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the terms, ≥ 0, at least one > 0. Only their ratios matter. `image_text` is as `text` if not given."""

    visual: float = 0.6
    scale: float = 0.3
    text: float = 0.3
    image_text: float | None = None

    def __post_init__(self) -> None:
        values = (self.visual, self.scale, self.text, *(() if self.image_text is None else (self.image_text,)))
        if not all(np.isfinite(value) and value >= 0 for value in values) or sum(values) == 0:
            raise ValueError("weights must be finite, ≥ 0 and not all 0")

    def of(self, term: str) -> float:
        """The weight of a term of TERMS."""
        value = getattr(self, term)
        return float(self.text if value is None else value)


@dataclass(frozen=True, slots=True)
class Formula:
    """Everything the score depends on besides query and panel: weights, σ in decades, BM25's half-way k, `missing`.

    `response` is a and b of the image_text term; the extractor tells them.
    """

    weights: Weights = Weights()
    sigma: float = 0.3
    text_k: float = 5.0
    missing: Missing = "neutral"
    response: tuple[float, float] = (25.0, -6.25)

    def __post_init__(self) -> None:
        if not (self.sigma > 0 and self.text_k > 0):
            raise ValueError("sigma and text_k must be > 0")
        if not all(np.isfinite(value) for value in self.response):
            raise ValueError("the response to words must be finite")


def visual_term(distance: ArrayLike) -> Floats:
    """1 - vd/2 of cosine distances vd in [0, 2]; any shape, clipped to [0, 1]."""
    return np.clip(1.0 - np.asarray(distance, dtype=np.float64) / 2.0, 0.0, 1.0)


def scale_term(query_fov_nm: float, log10_fov: ArrayLike, sigma: float) -> Floats:
    """Gaussian of the decades between the query's field of view (nm) and log10 of the panels'; NaN stays NaN."""
    decades: Floats = np.asarray(log10_fov, dtype=np.float64) - np.log10(query_fov_nm)
    term: Floats = np.exp(-0.5 * (decades / sigma) ** 2)
    return term


def text_term(bm25: ArrayLike, k: float) -> Floats:
    """BM25/(BM25 + k) of scores ≥ 0 (larger is better): 0.5 where BM25 equals k."""
    scores = np.maximum(np.asarray(bm25, dtype=np.float64), 0.0)
    return scores / (scores + k)


def image_text_term(cosine: ArrayLike, response: tuple[float, float]) -> Floats:
    """1/(1 + exp(-(a·c + b))) of cosines c of panels with the query's words; any shape, in (0, 1)."""
    strength = response[0] * np.asarray(cosine, dtype=np.float64) + response[1]
    term: Floats = 1.0 / (1.0 + np.exp(-np.clip(strength, -700.0, 700.0)))
    return term


def combine(
    formula: Formula,
    visual: Floats | None = None,
    scale: Floats | None = None,
    text: Floats | None = None,
    image_text: Floats | None = None,
) -> Floats:
    """Weighted mean of the terms, shape (n,). None: the query lacks it; NaN in `scale`: the panel lacks it.

    Panels that `missing="exclude"` drops, and panels with no term of positive weight, get -inf.
    """
    given = {"visual": visual, "scale": scale, "text": text, "image_text": image_text}
    present = {name: term for name, term in given.items() if term is not None}
    if not present:
        raise ValueError("a query needs at least one term")
    size = len(next(iter(present.values())))
    total = np.zeros(size)
    mass: Floats | float = 0.0
    dropped = np.zeros(size, dtype=bool)
    for name, term in present.items():
        weight = formula.weights.of(name)
        absent = np.isnan(term)
        if not absent.any():
            total += weight * term
            mass = mass + weight
            continue
        if name == "scale" and formula.missing == "exclude":
            dropped |= absent
        total += np.where(absent, 0.0, weight * term)
        mass = mass + (weight if formula.missing == "penalize" else weight * ~absent)
    score: Floats = np.divide(total, mass, out=np.full(size, -np.inf), where=np.broadcast_to(np.greater(mass, 0), size))
    score[dropped] = -np.inf
    return score
