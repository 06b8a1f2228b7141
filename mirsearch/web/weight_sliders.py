"""The sliders of the search page: the weight of each term, and which of them a person has moved."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mirsearch.ranking import OPTIONAL_TERMS, TERMS, Weights

BASE = "weight_base"
"""The field of the form with the weights that count where no slider is moved."""
CONTROLS = (BASE, *(f"weight_{term}" for term in TERMS))
"""The fields of the form that stand for `weight`."""
_TITLES = {"visual": "Looks", "scale": "Scale", "text": "Words", "meaning": "Meaning"}


@dataclass(frozen=True, slots=True)
class Slider:
    """A slider from 0 to `most`."""

    term: str
    title: str
    value: str
    most: str


@dataclass(frozen=True, slots=True)
class WeightSliders:
    """All sliders; `base` is what BASE holds, `rest` are chosen weights that have no slider."""

    sliders: tuple[Slider, ...]
    base: str
    rest: tuple[str, ...]


def make_sliders(chosen: Sequence[str], own: Weights, has_meaning: bool) -> WeightSliders:
    """Return the sliders for weights `chosen` as TERM=NUMBER. `own` are those of the index.

    Meaning has a slider only where the index has sentence vectors. Until it is chosen, its weight follows that of the
    words.
    """
    given = _numbers(chosen)
    base = replace(own, text=given.get("text", own.text)) if _is_usable(given.get("text")) else own
    terms = [term for term in _TITLES if term != "meaning" or has_meaning]
    known = {term: _shown(own.of(term) if term not in OPTIONAL_TERMS else base.of(term)) for term in terms}
    values = {term: _shown(given[term]) if _is_usable(given.get(term)) else known[term] for term in terms}
    most = _shown(max(1.0, *map(float, values.values())))
    return WeightSliders(
        tuple(Slider(term, _TITLES[term], values[term], most) for term in terms),
        ",".join(f"{term}={value}" for term, value in known.items()),
        tuple(pair for pair in chosen if pair.partition("=")[0].strip() not in terms),
    )


def chosen_weights(controls: Mapping[str, str]) -> list[str]:
    """Return what sliders in `controls` (by the fields of the form) choose, as TERM=NUMBER; [] if none was moved.

    The weights of an optional term stand alone; the others only mean something together.
    """
    sliders = {term: controls[f"weight_{term}"] for term in TERMS if f"weight_{term}" in controls}
    base = {term: _shown(Weights().of(term)) for term in TERMS}
    base |= dict(pair.split("=", 1) for pair in controls.get(BASE, "").split(",") if "=" in pair)
    moved = {term for term, value in sliders.items() if value != base.get(term)}
    together = not moved.issubset(OPTIONAL_TERMS)
    return [
        f"{term}={value}" for term, value in sliders.items() if (term in moved if term in OPTIONAL_TERMS else together)
    ]


def _numbers(chosen: Sequence[str]) -> dict[str, float]:
    numbers = {}
    for pair in chosen:
        term, _, value = pair.partition("=")
        try:
            numbers[term.strip()] = float(value)
        except ValueError:  # the answer tells of it
            continue
    return numbers


def _is_usable(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and value >= 0


def _shown(value: float) -> str:
    return f"{round(value, 2):g}"
