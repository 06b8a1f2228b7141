"""Determine what a panel shows and how it was imaged, from features of its pixels and the words of its caption."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.kinds.features import PanelFeatures, measure_features
from mirsearch.analysis.kinds.technique import technique_log_probs

_UNKNOWN_PROBABILITY = 0.02
"""Probability that the pixels give to a technique which the discriminants don't know."""

_LOWEST_LOG_PROB = -6.0
"""Least log probability that the pixels give to a technique, so that clear words can outweigh them."""

_WORDS_WEIGHT = 2.0
"""Factor of the words' votes against the log probabilities of the pixels."""

_PHOTO_CONFIDENCE = 0.8
"""Least probability of a technique in a photograph; below it the photograph has none."""

_SURELY_DRAWN = 0.93
"""Value of the feature `drawn` from which a panel has no technique; its texture is then not measured."""


@dataclass(frozen=True, slots=True)
class Classification:
    """Kind (of corpus.KINDS) and technique (of corpus.TECHNIQUES, or None), each with a confidence in [0, 1]."""

    kind: str
    kind_confidence: float
    technique: str | None
    technique_confidence: float
    surely_drawn: bool = False


def classify_panel(pixels: Pixels, caption: str = "", text: str = "") -> Classification:
    """Classify a panel by its pixels, uint8 (h, w, 3), the words about it, and the words printed in it."""
    features = measure_features(pixels)
    log_probs = technique_log_probs(pixels) if features.drawn < _SURELY_DRAWN else {}
    kind, kind_confidence = classify_kind(features, caption, log_probs)
    technique, technique_confidence = _classify_technique(log_probs, caption, kind)
    surely_drawn = kind in ("plot", "schematic") and features.drawn >= _SURELY_DRAWN and features.dark < 0.2
    return Classification(kind, kind_confidence, technique, technique_confidence, surely_drawn)


def kind_from_pixels(pixels: Pixels) -> str:
    """Return the kind of a panel, uint8 (h, w, 3), by its features alone: no network is loaded or run."""
    return classify_kind(measure_features(pixels), "", {})[0]


def classify_kind(features: PanelFeatures, caption: str, log_probs: Mapping[str, float]) -> tuple[str, float]:
    """Return the kind of a panel and its probability, by a score for each kind.

    The pixels decide between drawn and imaged; the words help to choose among the kinds of each.
    """
    words, votes = _caption_votes(caption)
    imaging_votes = max(votes.values(), default=0.0)
    drawn_score = features.drawn * (1 - features.map_like)
    drawn, imaged = 6 * (drawn_score - 0.5), 6 * (0.5 - drawn_score)
    painted = max(0.0, features.flat - 0.5) * features.color * (1 - features.map_like)
    tinted = min(1.0, features.tint + features.color) * (1 - features.dark)
    no_technique = bool(caption) and not votes
    map_score = features.map_like * (0.5 + math.exp(log_probs.get("EDX", -9.0)))
    sketch = 4 * min(0.4, features.color - 0.08) - 2.0 * (features.axes - 0.3) * (drawn > 0)
    scores = {
        "plot": drawn + 2.0 * (features.axes - 0.3) + min(1.6, words.get("plot", 0.0)),
        "schematic": max(drawn, 22 * painted - 1) + sketch + 1.8 * words.get("schematic", 0) * (0.4 if votes else 1.0),
        "micrograph": imaged + 1.0 + 0.4 * words.get("micrograph", 0.0) + 0.5 * imaging_votes,
        "photo": imaged - 0.6 + 1.1 * words.get("photo", 0.0) + 1.5 * tinted + 1.6 * tinted * no_technique,
        "map": imaged - 1.0 + 2.5 * map_score + 0.7 * words.get("map", 0.0) * (0.4 + features.map_like)
               + 0.5 * imaging_votes,
        "diffraction": imaged - 1.2 + 4.5 * features.spots
                       + 1.2 * words.get("diffraction", 0.0) * (0.3 + features.spots),
    }  # fmt: skip
    return _most_probable(scores)


def _classify_technique(log_probs: Mapping[str, float], caption: str, kind: str) -> tuple[str | None, float]:
    """Return the technique of a panel that shows a picture, and its probability; drawings have none."""
    if kind in ("plot", "schematic") or not log_probs:
        return None, 0.0
    if kind == "diffraction":
        return "diffraction", 0.8
    name, confidence = best_technique(log_probs, caption, kind)
    return (None, 0.0) if kind == "photo" and confidence < _PHOTO_CONFIDENCE else (name, confidence)


def best_technique(log_probs: Mapping[str, float], caption: str, kind: str) -> tuple[str | None, float]:
    """Return the technique that pixels (log probabilities) and words support most, and its probability."""
    _, votes = _caption_votes(caption)
    if kind == "micrograph":
        votes.pop("diffraction", None)
    unknown = math.log(_UNKNOWN_PROBABILITY)
    names = [*log_probs, *(name for name in votes if name not in log_probs)]
    scores = {
        name: max(log_probs.get(name, unknown), _LOWEST_LOG_PROB) + _WORDS_WEIGHT * votes.get(name, 0.0)
        for name in names
    }
    if kind == "map":
        scores["EDX"] = scores.get("EDX", unknown) + 1.5
    return _most_probable(scores)


def _most_probable(scores: dict[str, float]) -> tuple[str, float]:
    """Return the name with the highest score and its probability: the softmax of the scores."""
    best = max(scores, key=lambda name: scores[name])
    total = sum(math.exp(score - scores[best]) for score in scores.values())
    return best, 1 / total


def _caption_votes(caption: str) -> tuple[dict[str, float], dict[str, float]]:
    """Return the votes of a caption's words for kinds and for techniques."""
    if not caption:  # as for the image of a query, which so need not compile the patterns
        return {}, {}
    from mirsearch.analysis.kinds.words import kind_votes, technique_votes

    return kind_votes(caption), technique_votes(caption)
