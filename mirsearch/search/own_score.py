"""The parameters of the score that an index keeps as its own: weights, σ and k that were fitted to judged queries.

They stand in a list of the index (`Index.entries`), so copies and backups have them, too.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from mirsearch.errors import IndexAccessError
from mirsearch.indexes.base import Index
from mirsearch.ranking import TERMS, Formula, Weights
from mirsearch.search.option_values import OWN_SCORE

_DEFAULTS = "defaults"


@dataclass(frozen=True, slots=True)
class OwnScore:
    """The formula of an index, when it was fitted (UTC), and to how many queries. `gain`: of mAP, where held out."""

    formula: Formula
    fitted_at: str
    queries: int
    gain: float

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {**formula_parameters(self.formula), "fitted_at": self.fitted_at, "queries": self.queries,
                "gain": round(self.gain, 4)}  # fmt: skip

    @property
    def sentence(self) -> str:
        """Return in words what the index's own parameters are."""
        return (
            f"the weights, σ and k are this index's own: {parameters_text(self.formula)}"
            f" (fitted {self.fitted_at[:10]} to {self.queries:,} judged queries)"
        )


def formula_parameters(formula: Formula) -> dict[str, Any]:
    """Return the parameters that can be fitted, in plain JSON types. A term without a weight of its own is left out."""
    weights = {term: getattr(formula.weights, term) for term in TERMS}
    return {"weights": {term: weight for term, weight in weights.items() if weight is not None},
            "sigma": formula.sigma, "k": formula.text_k}  # fmt: skip


def parameters_text(formula: Formula) -> str:
    """Return the parameters in words: "visual 0.6, scale 0.3, text 0.3, σ 0.3, k 5"."""
    told = formula_parameters(formula)
    weights = ", ".join(f"{term} {weight:.3g}" for term, weight in told["weights"].items())
    return f"{weights}, σ {formula.sigma:.3g}, k {formula.text_k:.3g}"


def read_own_score(index: Index) -> OwnScore | None:
    """Return what an index keeps as its own, None if it keeps nothing. IndexAccessError if that can't be used."""
    kept = index.entries(OWN_SCORE).get(_DEFAULTS)
    if kept is None:
        return None
    try:
        known = {term: float(weight) for term, weight in kept["weights"].items() if term in TERMS}
        formula = Formula(dataclasses.replace(Weights(), **known), float(kept["sigma"]), float(kept["k"]))
        return OwnScore(formula, str(kept["fitted_at"]), int(kept["queries"]), float(kept["gain"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IndexAccessError(
            f"{index.location}: its own weights of the score can't be read: {error}",
            "remove them with: mirsearch evaluate --untune",
        ) from error


def own_formula(index: Index) -> Formula:
    """Return the formula with which an index is asked where nothing else is said: its own, else that of everybody."""
    own = read_own_score(index)
    return Formula() if own is None else own.formula


def write_own_score(index: Index, own: OwnScore) -> None:
    """Keep parameters as the index's own. IndexBusyError while another writes."""
    with index.writer() as writer:
        writer.write_entries(OWN_SCORE, {_DEFAULTS: own.as_json()})


def remove_own_score(index: Index) -> bool:
    """Let an index be asked with everybody's parameters again. Returns whether it had its own."""
    if _DEFAULTS not in index.entries(OWN_SCORE):
        return False
    with index.writer() as writer:
        writer.write_entries(OWN_SCORE, {}, removed=[_DEFAULTS])
    return True
