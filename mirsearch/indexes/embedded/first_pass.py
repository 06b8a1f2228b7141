"""The first pass over all panels: scores in float32, near enough to tell which few can be among the best.

Those few are then scored by ranking.py in float64, so that an answer is the same as if every panel had been. What lets
the others go is a bound on how far a float32 score can lie from the exact one: no panel further than twice that below
the k-th best of the first pass can be among the best k.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mirsearch.indexes.embedded.buffers import Lent, Single
from mirsearch.indexes.embedded.vectors.matrix_file import Rows
from mirsearch.ranking import TERMS, Formula

_UNIT = 2.0**-24
"""The largest relative error of one rounding to float32."""
_ROUNDINGS = 64
"""More roundings than any score goes through, each of a value ≤ 1."""
_STEEPEST = 0.61
"""exp(-x²/2) changes by less than this a unit of x (at x = 1)."""
_STRONGEST = 80.0
"""Beyond this an exponential is 0, and a sigmoid 0 or 1, to float32; what is still smaller is slow to compute with."""
_WIDEST = 0.01
"""A margin above this saves too little: every panel is then scored exactly."""
_LEAST_OTHERS = 1e-3
"""Share of the other weights below which float32 doesn't tell panels without a field of view apart."""
_FACTORS = 4
_GROUPS = 16
"""Groups of rows whose best is looked at, as a multiple of what is asked for."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What a score needs of each row: log10 of its field of view (infinite: none), 1/norm of its vector, and
    whether it has a field of view (None: all have); `reach` is the largest finite |log10 of a field of view|."""

    log10_fov: Single
    inverse_norm: Single
    has_fov: NDArray[np.bool_] | None
    reach: float
    _factors: dict[float, Single] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, rows: Rows) -> Columns:
        """The columns of a table of rows."""
        lacks = np.isnan(rows.log10_fov)
        return cls(
            np.where(lacks, np.inf, rows.log10_fov).astype(np.float32),
            np.asarray(rows.inverse_norm, dtype=np.float32),
            ~lacks if lacks.any() else None,
            float(np.abs(rows.log10_fov[~lacks]).max(initial=0.0)),
        )

    def factor(self, others: float) -> Single:
        """1/`others` where there is no field of view and 1 where there is one, kept for the next question."""
        found = self._factors.get(others)
        if found is None:
            assert self.has_fov is not None
            found = np.where(self.has_fov, np.float32(1), np.float32(1 / others))
            if len(self._factors) >= _FACTORS:
                self._factors.clear()
            self._factors[others] = found
        return found

    def take(self, kept: NDArray[np.intp]) -> Columns:
        """Some of the rows alone."""
        has_fov = None if self.has_fov is None else self.has_fov[kept]
        return Columns(self.log10_fov[kept], self.inverse_norm[kept], has_fov, self.reach)


class FirstPass:
    """Adds up the terms of one question in place; each array has one value a row."""

    def __init__(self, formula: Formula, columns: Columns, given: frozenset[str], lent: Lent) -> None:
        weights = formula.weights
        shares = {name: weights.of(name) if name in given else 0.0 for name in TERMS}
        whole = sum(shares.values())
        self._share = {name: value / whole if whole > 0 else 0.0 for name, value in shares.items()}
        self._formula = formula
        self._columns = columns
        self._given = given
        self._lent = lent
        self._total: Single | None = None
        self._margin = _ROUNDINGS * _UNIT
        self._sure = math.isfinite(whole)
        self._scores: Single | None = None

    def add_scale(self, query_log10_fov: float) -> None:
        """The scale term; 0 where a row has no field of view."""
        sigma, widest = self._formula.sigma, self._columns.reach + abs(query_log10_fov)
        margin = _STEEPEST / sigma * 4 * _UNIT * widest
        if margin > _WIDEST or not 1e-6 < sigma < 1e6:
            self._sure = False
            return
        self._margin += margin
        column = self._columns.log10_fov
        term = np.subtract(column, np.float32(query_log10_fov), out=self._lent.take(len(column)))
        term *= term
        term *= np.float32(-0.5 / sigma**2)
        np.maximum(term, np.float32(-_STRONGEST), out=term)
        np.exp(term, out=term)
        term *= np.float32(self._share["scale"])
        self._add(term)

    def add_text(self, bm25: Single) -> None:
        """The text term of BM25 scores ≥ 0, an array that is used up."""
        k = self._formula.text_k
        if not 1e-20 < k < 1e20:
            self._sure = False
            return
        bm25 /= np.add(bm25, np.float32(k), out=self._lent.take(len(bm25)))
        bm25 *= np.float32(self._share["text"])
        self._add(bm25)

    def add_visual(self, dots: Single, per_norm: float, error: float = 0.0) -> None:
        """The visual term of dot products with a query of length 1/`per_norm`, which put cosines off by ≤ `error`."""
        self._margin += self._weighted("visual") * error / 2
        term = np.multiply(dots, self._columns.inverse_norm, out=self._lent.take(len(dots)))
        share = self._share["visual"]
        term *= np.float32(share * per_norm / 2)
        term += np.float32(share / 2)
        np.clip(term, np.float32(0), np.float32(share), out=term)
        self._add(term)

    def add_image_text(self, dots: Single, per_norm: float, error: float = 0.0) -> None:
        """The image_text term of dot products with a text's vector of length 1/`per_norm`; `error` as above."""
        slope, bias = self._formula.response
        margin = (abs(slope) + abs(bias)) * 4 * _UNIT  # a sigmoid changes by at most a quarter of what goes in
        if margin > _WIDEST:
            self._sure = False
            return
        self._margin += margin + self._weighted("image_text") * abs(slope) * error / 4
        term = np.multiply(dots, self._columns.inverse_norm, out=self._lent.take(len(dots)))
        term *= np.float32(-slope * per_norm)
        term -= np.float32(bias)
        np.clip(term, np.float32(-_STRONGEST), np.float32(_STRONGEST), out=term)
        np.exp(term, out=term)
        term += np.float32(1)
        np.divide(np.float32(self._share["image_text"]), term, out=term)
        self._add(term)

    def _add(self, term: Single) -> None:
        if self._total is None:
            self._total = term
        else:
            self._total += term

    def candidates(self, top: int, veto: NDArray[np.bool_] | None, excluded: NDArray[np.intp]) -> NDArray[np.intp]:
        """Rows, in order, among which the best `top` are, and all that tie with them; none that is ruled out."""
        size = len(self._columns.inverse_norm)
        score = self._weighed() if self._sure and self._total is not None else None
        if score is None:
            mask = np.ones(size, dtype=bool) if veto is None else ~veto
            mask[excluded] = False
            return np.flatnonzero(mask)
        self._scores = score
        if veto is not None:
            np.copyto(score, -np.inf, where=veto)
        score[excluded] = -np.inf
        least = float(_at_least(score, top)) - 2 * self._margin
        if self._given == {"text"}:  # here what has no word is no answer, however few there are
            return np.flatnonzero(score > max(least, 0.0))
        return np.flatnonzero(score >= least) if least > -np.inf else np.flatnonzero(score > -np.inf)

    def nearest(self, at: NDArray[np.intp], count: int) -> NDArray[np.intp]:
        """The up to `count` best of some candidates as far as this pass can tell, in order."""
        if self._scores is None or len(at) <= count:
            return at
        best: NDArray[np.intp] = np.sort(at[np.argpartition(self._scores[at], -count)[-count:]])
        return best

    def reaching(self, at: NDArray[np.intp], least: float) -> NDArray[np.intp]:
        """Those of some candidates whose exact score can be as high as `least`."""
        return at if self._scores is None else at[self._scores[at] >= least - self._margin]

    def _weighted(self, term: str) -> float:
        """The largest share that a term has of any row's score."""
        share, others = self._share[term], self._others()
        neutral = "scale" in self._given and self._formula.missing == "neutral" and self._columns.has_fov is not None
        return share / others if neutral and others > 0 else share

    def _others(self) -> float:
        """What the terms but that of scale have of the score."""
        return sum(share for name, share in self._share.items() if name != "scale")

    def _weighed(self) -> Single | None:
        """The sum over the weights of what each row has; None where float32 can't tell."""
        assert self._total is not None
        has_fov = self._columns.has_fov
        if "scale" not in self._given or has_fov is None or self._formula.missing == "penalize":
            return self._total
        others = self._others()
        if self._formula.missing == "exclude" or others == 0:
            np.copyto(self._total, -np.inf, where=~has_fov)
            return self._total
        if others < _LEAST_OTHERS:
            return None
        self._total *= self._columns.factor(others)
        return self._total


def _at_least(score: Single, top: int) -> np.float32:
    """A lower bound, seldom far below it, of the `top`-th best score; -inf where there are not as many.

    The best of each of many groups of rows: the `top`-th best among those is reached by `top` rows at least.
    """
    groups = min(len(score), max(_GROUPS * top, 256))
    if top > groups:
        return np.float32(-np.inf)
    size = len(score) // groups
    best = score[: size * groups].reshape(size, groups).max(axis=0) if size > 1 else score
    return np.float32(np.partition(best, -top)[-top])
