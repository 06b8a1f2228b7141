"""What a panel shows and how it was imaged, from a few statistics of its pixels and the words of its caption."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.kinds.features import PanelFeatures, measure_features
from mirsearch.analysis.kinds.technique import technique_log_probs
from mirsearch.analysis.kinds.words import kind_votes, technique_votes

_UNKNOWN_PROBABILITY = 0.02
"""Probability the pixels give a technique that they cannot tell."""

_LOWEST_LOG_PROB = -6.0
_WORDS_WEIGHT = 2.0
_PHOTO_CONFIDENCE = 0.8
_SURELY_DRAWN = 0.93
"""So drawn that no technique can have made it: the texture is not looked at."""


@dataclass(frozen=True, slots=True)
class Classification:
    """Kind (of corpus.KINDS) and technique (of corpus.TECHNIQUES, or None), each with a confidence in [0, 1]."""

    kind: str
    kind_confidence: float
    technique: str | None
    technique_confidence: float


def classify_panel(pixels: Pixels, caption: str = "") -> Classification:
    """Judge a panel from its pixels, uint8 (h, w, 3), and the words that speak of it."""
    look = measure_features(pixels)
    odds = technique_log_probs(pixels) if look.drawn < _SURELY_DRAWN else {}
    kind, kind_confidence = classify_kind(look, caption, odds)
    technique, technique_confidence = _classify_technique(odds, caption, kind)
    return Classification(kind, kind_confidence, technique, technique_confidence)


def kind_from_pixels(pixels: Pixels) -> str:
    """The kind of a panel, uint8 (h, w, 3), from how drawn it looks alone: no network is loaded or run."""
    return classify_kind(measure_features(pixels), "", {})[0]


def classify_kind(look: PanelFeatures, caption: str, odds: Mapping[str, float]) -> tuple[str, float]:
    """Kind by a score for each: the pixels' part, which decides drawn or taken, and the words' part."""
    words, votes = kind_votes(caption), technique_votes(caption)
    imaged = max(votes.values(), default=0.0)
    flatly = look.drawn * (1 - look.map_like)
    drawn, taken = 6 * (flatly - 0.5), 6 * (0.5 - flatly)
    painted = max(0.0, look.flat - 0.5) * look.color * (1 - look.map_like)
    tinted = min(1.0, look.tint + look.color) * (1 - look.dark)
    plain = bool(caption) and not votes
    mapped = look.map_like * (0.5 + math.exp(odds.get("EDX", -9.0)))
    sketch = 4 * min(0.4, look.color - 0.08) - 2.0 * (look.axes - 0.3) * (drawn > 0)
    scores = {
        "plot": drawn + 2.0 * (look.axes - 0.3) + min(1.6, words.get("plot", 0.0)),
        "schematic": max(drawn, 22 * painted - 1) + sketch + 1.8 * words.get("schematic", 0) * (0.4 if votes else 1.0),
        "micrograph": taken + 1.0 + 0.4 * words.get("micrograph", 0.0) + 0.5 * imaged,
        "photo": taken - 0.6 + 1.1 * words.get("photo", 0.0) + 1.5 * tinted + 1.6 * tinted * plain,
        "map": taken - 1.0 + 2.5 * mapped + 0.7 * words.get("map", 0.0) * (0.4 + look.map_like) + 0.5 * imaged,
        "diffraction": taken - 1.2 + 4.5 * look.spots + 1.2 * words.get("diffraction", 0.0) * (0.3 + look.spots),
    }  # fmt: skip
    return _most_probable(scores)


def _classify_technique(odds: Mapping[str, float], caption: str, kind: str) -> tuple[str | None, float]:
    """Technique of a panel that shows a picture; drawings have none."""
    if kind in ("plot", "schematic") or not odds:
        return None, 0.0
    if kind == "diffraction":
        return "diffraction", 0.8
    name, confidence = best_technique(odds, caption, kind)
    return (None, 0.0) if kind == "photo" and confidence < _PHOTO_CONFIDENCE else (name, confidence)


def best_technique(odds: Mapping[str, float], caption: str, kind: str) -> tuple[str | None, float]:
    """The technique that pixels (log probabilities) and words speak for together, and its probability."""
    votes = technique_votes(caption)
    if kind == "micrograph":
        votes.pop("diffraction", None)
    rare = math.log(_UNKNOWN_PROBABILITY)
    names = [*odds, *(name for name in votes if name not in odds)]
    scores = {name: max(odds.get(name, rare), _LOWEST_LOG_PROB) + _WORDS_WEIGHT * votes.get(name, 0.0) for name in names}
    if kind == "map":
        scores["EDX"] = scores.get("EDX", rare) + 1.5
    return _most_probable(scores)


def _most_probable(scores: dict[str, float]) -> tuple[str, float]:
    best = max(scores, key=lambda name: scores[name])
    total = sum(math.exp(score - scores[best]) for score in scores.values())
    return best, 1 / total
