"""What a panel shows and how it was imaged, from a few statistics of its pixels and the words of its caption."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.kind_words import kind_votes, technique_votes
from mirsearch.analysis.look import Look, look_at
from mirsearch.analysis.technique import technique_odds

_RARE = 0.02
"""Probability the pixels give a technique that they cannot tell."""

_FLOOR = -6.0
_WORDS = 2.0
_SURE_OF_PHOTO = 0.8


@dataclass(frozen=True, slots=True)
class Judgment:
    """Kind (of corpus.KINDS) and technique (of corpus.TECHNIQUES, or None), each with a confidence in [0, 1]."""

    kind: str
    kind_confidence: float
    technique: str | None
    technique_confidence: float


def judge(pixels: Pixels, caption: str = "") -> Judgment:
    """Judge a panel from its pixels, uint8 (h, w, 3), and the words that speak of it."""
    look = look_at(pixels)
    kind, kind_confidence = _kind(look, caption)
    technique, technique_confidence = _technique(pixels, caption, kind)
    return Judgment(kind, kind_confidence, technique, technique_confidence)


def _kind(look: Look, caption: str) -> tuple[str, float]:
    """Kind by a score for each: the pixels' part, which decides drawn or taken, and the words' part."""
    words = kind_votes(caption)
    drawn = look.drawn
    scores = {
        "plot": 6 * (drawn - 0.5) + 2.0 * (look.axes - 0.3) + min(1.6, words.get("plot", 0.0)),
        "schematic": 6 * (drawn - 0.5)
        + 4 * (look.color - 0.08)
        - 2.0 * (look.axes - 0.3)
        + 1.3 * words.get("schematic", 0),
        "micrograph": 6 * (0.5 - drawn) + 1.0 + 0.6 * words.get("micrograph", 0.0),
        "photo": 6 * (0.5 - drawn)
        - 0.6
        + 0.9 * words.get("photo", 0.0)
        - 0.5 * words.get("micrograph", 0.0)
        + 2 * look.tint,
        "map": 6 * (0.5 - drawn) - 1.5 + 3.0 * look.map_like + 0.7 * words.get("map", 0.0),
        "diffraction": 6 * (0.5 - drawn) - 1.8 + 4.5 * look.spots + 1.2 * words.get("diffraction", 0.0),
    }
    return _softmax_best(scores)


def _technique(pixels: Pixels, caption: str, kind: str) -> tuple[str | None, float]:
    """Technique of a panel that shows a picture; drawings have none."""
    if kind in ("plot", "schematic"):
        return None, 0.0
    if kind == "diffraction":
        return "diffraction", 0.8
    name, confidence = best_technique(technique_odds(pixels), caption, kind)
    return (None, 0.0) if kind == "photo" and confidence < _SURE_OF_PHOTO else (name, confidence)


def best_technique(odds: Mapping[str, float], caption: str, kind: str) -> tuple[str | None, float]:
    """The technique that pixels (log probabilities) and words speak for together, and its probability."""
    votes = technique_votes(caption)
    if kind == "micrograph":
        votes.pop("diffraction", None)
    rare = math.log(_RARE)
    names = [*odds, *(name for name in votes if name not in odds)]
    scores = {name: max(odds.get(name, rare), _FLOOR) + _WORDS * votes.get(name, 0.0) for name in names}
    if kind == "map":
        scores["EDX"] = scores.get("EDX", rare) + 1.5
    return _softmax_best(scores)


def _softmax_best(scores: dict[str, float]) -> tuple[str, float]:
    best = max(scores, key=lambda name: scores[name])
    total = sum(math.exp(score - scores[best]) for score in scores.values())
    return best, 1 / total
