"""The first pass over all panels: approximate scores in float32 that select the few panels that can be among the best.

ranking.py then scores these few in float64, so that the result is the same as if it had scored all panels. The first
pass has an upper bound on the difference between a float32 score and the exact score. A panel whose score is more than
twice this bound below the k-th best score of the first pass can't be among the best k.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mirsearch.indexes.embedded.buffers import BorrowedArrays, Float32Array
from mirsearch.indexes.embedded.vectors.matrix_file import RowTable
from mirsearch.ranking import TERMS, Formula

_UNIT_ROUNDOFF = 2.0**-24
"""Largest relative error of one rounding to float32."""
_ROUNDINGS = 64
"""Upper bound on the number of roundings in a score, each of a value ≤ 1."""
_GAUSSIAN_MAX_SLOPE = 0.61
"""Upper bound on the slope of exp(-x²/2), which is steepest at x = 1."""
_MAX_EXPONENT = 80.0
"""Largest absolute exponent. Beyond it, an exponential is 0 and a sigmoid 0 or 1 in float32. Subnormals are slow."""
_MAX_MARGIN = 0.01
"""Largest useful error bound. Above it, the first pass saves too little, and all panels are scored exactly."""
_MIN_OTHER_SHARE = 1e-3
"""Smallest share of the other weights for which float32 can rank panels without a field of view."""
_MAX_KEPT_FACTORS = 4
_GROUPS_PER_RESULT = 16
"""Number of groups of rows whose best score is used for the bound, as a multiple of the number of results."""


@dataclass(frozen=True, slots=True)
class ScoreColumns:
    """The columns that a score needs: log10 of the field of view (infinite: none), 1/norm of the vector, and whether
    the row has a field of view (None: all have). `max_abs_log10_fov` is the largest finite |log10 of a field of view|.
    """

    log10_fov: Float32Array
    inverse_norm: Float32Array
    has_fov: NDArray[np.bool_] | None
    max_abs_log10_fov: float
    _factors: dict[float, Float32Array] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def from_table(cls, table: RowTable, rows: NDArray[np.intp] | None = None) -> ScoreColumns:
        """Return the columns of a table of rows, or of some of them."""
        chosen = slice(None) if rows is None else rows
        log10_fov, inverse_norm = table.log10_fov[chosen], table.inverse_norm[chosen]
        without_fov = np.isnan(log10_fov)
        return cls(
            np.where(without_fov, np.inf, log10_fov).astype(np.float32),
            np.asarray(inverse_norm, dtype=np.float32),
            ~without_fov if without_fov.any() else None,
            float(np.abs(log10_fov[~without_fov]).max(initial=0.0)),
        )

    def missing_scale_factor(self, other_share: float) -> Float32Array:
        """Return 1/`other_share` for rows without a field of view and 1 for the others. Kept for the next query."""
        factor = self._factors.get(other_share)
        if factor is None:
            assert self.has_fov is not None
            factor = np.where(self.has_fov, np.float32(1), np.float32(1 / other_share))
            if len(self._factors) >= _MAX_KEPT_FACTORS:
                self._factors.clear()
            self._factors[other_share] = factor
        return factor


class FirstPass:
    """Adds up the terms of one query in place. Each array has one value per row."""

    def __init__(
        self, formula: Formula, columns: ScoreColumns, term_names: frozenset[str], arrays: BorrowedArrays
    ) -> None:
        weights = formula.weights
        shares = {name: weights.of(name) if name in term_names else 0.0 for name in TERMS}
        weight_sum = sum(shares.values())
        self._share = {name: value / weight_sum if weight_sum > 0 else 0.0 for name, value in shares.items()}
        self._formula = formula
        self._columns = columns
        self._term_names = term_names
        self._arrays = arrays
        self._total: Float32Array | None = None
        self._margin = _ROUNDINGS * _UNIT_ROUNDOFF
        self._unknown = 0.0
        self._bounded = math.isfinite(weight_sum)
        self._scores: Float32Array | None = None

    def add_scale(self, query_log10_fov: float) -> None:
        """Add the scale term. It is 0 for a row without a field of view."""
        sigma, max_decades = self._formula.sigma, self._columns.max_abs_log10_fov + abs(query_log10_fov)
        margin = _GAUSSIAN_MAX_SLOPE / sigma * 4 * _UNIT_ROUNDOFF * max_decades
        if margin > _MAX_MARGIN or not 1e-6 < sigma < 1e6:
            self._bounded = False
            return
        self._margin += margin
        log10_fov = self._columns.log10_fov
        term = np.subtract(log10_fov, np.float32(query_log10_fov), out=self._arrays.take(len(log10_fov)))
        term *= term
        term *= np.float32(-0.5 / sigma**2)
        np.maximum(term, np.float32(-_MAX_EXPONENT), out=term)
        np.exp(term, out=term)
        term *= np.float32(self._share["scale"])
        self._add(term)

    def add_text(self, bm25: Float32Array) -> None:
        """Add the text term for BM25 scores ≥ 0. Overwrites the array."""
        k = self._formula.text_k
        if not 1e-20 < k < 1e20:
            self._bounded = False
            return
        bm25 /= np.add(bm25, np.float32(k), out=self._arrays.take(len(bm25)))
        bm25 *= np.float32(self._share["text"])
        self._add(bm25)

    def add_visual(self, dots: Float32Array, query_inverse_norm: float, error: float = 0.0) -> None:
        """Add the visual term for dot products with the query vector. The error of their cosines is at most `error`."""
        self._margin += self._max_share("visual") * error / 2
        term = np.multiply(dots, self._columns.inverse_norm, out=self._arrays.take(len(dots)))
        share = self._share["visual"]
        term *= np.float32(share * query_inverse_norm / 2)
        term += np.float32(share / 2)
        np.clip(term, np.float32(0), np.float32(share), out=term)
        self._add(term)

    def add_image_text(self, dots: Float32Array, query_inverse_norm: float, error: float = 0.0) -> None:
        """Add the image_text term for dot products with the vector of the text. `error` as for the visual term."""
        self._add_sigmoid(
            "image_text", self._formula.response, dots, self._columns.inverse_norm, query_inverse_norm, error
        )

    def add_meaning(
        self, inverse_norm: Float32Array, dots: Float32Array, query_inverse_norm: float, error: float = 0.0
    ) -> None:
        """Add the meaning term for dot products of sentence vectors. `inverse_norm` has 1/norm of those of the rows."""
        self._add_sigmoid("meaning", self._formula.meaning_response, dots, inverse_norm, query_inverse_norm, error)

    def leave_out(self, name: str) -> None:
        """Leave a term out whose values are not known: the scores of this pass count it as 0, its bounds as up to 1."""
        self._unknown += self._max_share(name)

    def _add_sigmoid(
        self, name: str, response: tuple[float, float], dots: Float32Array, inverse_norm: Float32Array,
        query_inverse_norm: float, error: float,
    ) -> None:  # fmt: skip
        """Add a term 1/(1 + exp(-(a·cosine + b)))."""
        slope, bias = response
        margin = (abs(slope) + abs(bias)) * 4 * _UNIT_ROUNDOFF  # the slope of a sigmoid is at most 1/4
        if margin > _MAX_MARGIN:
            self._bounded = False
            return
        self._margin += margin + self._max_share(name) * abs(slope) * error / 4
        term = np.multiply(dots, inverse_norm, out=self._arrays.take(len(dots)))
        term *= np.float32(-slope * query_inverse_norm)
        term -= np.float32(bias)
        np.clip(term, np.float32(-_MAX_EXPONENT), np.float32(_MAX_EXPONENT), out=term)
        np.exp(term, out=term)
        term += np.float32(1)
        np.divide(np.float32(self._share[name]), term, out=term)
        self._add(term)

    def _add(self, term: Float32Array) -> None:
        if self._total is None:
            self._total = term
        else:
            self._total += term

    def candidates(
        self, top: int, filtered_out: NDArray[np.bool_] | None, excluded: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        """Return rows, ascending, that include the best `top` rows and all ties, and no excluded rows."""
        row_count = len(self._columns.inverse_norm)
        score = self._normalized_scores() if self._bounded and self._total is not None else None
        if score is None:
            mask = np.ones(row_count, dtype=bool) if filtered_out is None else ~filtered_out
            mask[excluded] = False
            return np.flatnonzero(mask)
        self._scores = score
        if filtered_out is not None:
            np.copyto(score, -np.inf, where=filtered_out)
        score[excluded] = -np.inf
        lower_bound = float(_top_score_bound(score, top)) - 2 * self._margin - self._unknown
        if self._term_names == {"text"}:  # a row without any of the words is no result
            return np.flatnonzero(score > max(lower_bound, 0.0))
        return np.flatnonzero(score >= lower_bound) if lower_bound > -np.inf else np.flatnonzero(score > -np.inf)

    def best_rows(self, rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
        """Return the `count` best of some rows by the scores of this pass, ascending by row."""
        if self._scores is None or len(rows) <= count:
            return rows
        best: NDArray[np.intp] = np.sort(rows[np.argpartition(self._scores[rows], -count)[-count:]])
        return best

    def rows_reaching(self, rows: NDArray[np.intp], score: float) -> NDArray[np.intp]:
        """Return those of some rows whose exact score can be as high as `score`."""
        return rows if self._scores is None else rows[self._scores[rows] >= score - self._margin - self._unknown]

    def _max_share(self, term: str) -> float:
        """Return the largest share that a term has in the score of any row."""
        share, other_share = self._share[term], self._share_without_scale()
        scale_may_be_missing = (
            "scale" in self._term_names and self._formula.missing == "neutral" and self._columns.has_fov is not None
        )
        return share / other_share if scale_may_be_missing and other_share > 0 else share

    def _share_without_scale(self) -> float:
        """Return the share of all terms except the scale term."""
        return sum(share for name, share in self._share.items() if name != "scale")

    def _normalized_scores(self) -> Float32Array | None:
        """Return the sum of the terms divided by the weights that each row has. None if float32 is not exact enough."""
        assert self._total is not None
        has_fov = self._columns.has_fov
        if "scale" not in self._term_names or has_fov is None or self._formula.missing == "penalize":
            return self._total
        other_share = self._share_without_scale()
        if self._formula.missing == "exclude" or other_share == 0:
            np.copyto(self._total, -np.inf, where=~has_fov)
            return self._total
        if other_share < _MIN_OTHER_SHARE:
            return None
        self._total *= self._columns.missing_scale_factor(other_share)
        return self._total


def _top_score_bound(score: Float32Array, top: int) -> np.float32:
    """Return a close lower bound of the `top`-th best score, or -inf if there are fewer rows.

    It is the `top`-th best of the maxima of many groups of rows: at least `top` rows reach it.
    """
    groups = min(len(score), max(_GROUPS_PER_RESULT * top, 256))
    if top > groups:
        return np.float32(-np.inf)
    group_size = len(score) // groups
    group_maxima = score[: group_size * groups].reshape(group_size, groups).max(axis=0) if group_size > 1 else score
    return np.float32(np.partition(group_maxima, -top)[-top])
