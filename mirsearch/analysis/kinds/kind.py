"""Determine what a panel shows and how it was imaged, from features of its pixels and the words about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.kinds.features import Features, feature, measure_features
from mirsearch.analysis.kinds.model import CLASSES, DRAWN, KIND_OF, Model, StagedModel, load_model, load_staged_model

LEAST_PROBABILITY = 0.5
"""Probability from which a kind or a technique is told; below it, it is unknown."""

SURELY_DRAWN = 0.9
"""Probability of a drawing, by the features alone, from which a panel is surely drawn.

Chosen on papers of class_truth.csv and panel_truth.csv that the model hadn't seen: 81 of 101 drawings reach it, and
none of 138 pictures.
"""

_MOST_DARK = 0.2
"""Largest share of dark pixels in a panel that is surely drawn; chosen on drawn composites."""

_SURE_OF_SORT = 0.75
"""Probability of a plot, or of a schematic, by the features alone, from which the network isn't run for a panel that is
surely drawn."""

TEMPERATURE = 0.8
"""Factor of all scores of the model of features and texture, chosen with WORDS_WEIGHT by the likelihood of papers that
the models hadn't seen, captions included. The model of features alone is left as it is fitted."""

WORDS_WEIGHT = 2.0
"""Factor of the words' votes for techniques against the log probabilities of the pixels."""

_DIFFRACTION_WORDS_WEIGHT = 0.8
"""The same for diffraction: captions of micrographs name the FFTs and patterns beside them."""

_KIND_WORDS_WEIGHT = 0.7
"""Factor of the words' votes for kinds."""

_MOST_WORDS_MOVE = 1.0
"""Most by which words can change the logarithm of the odds of drawn against imaged: the pixels decide it."""

_LEAST_IMAGED = 0.02
"""Share of the probability of all pictures that is spread evenly over their classes, so that clear words can outweigh
pixels that are too sure, and classes that no model knows have a chance."""

_UNMODELED = {"STM": "micrograph"}
"""Techniques that no model knows, only words name, and their kind."""

_NAMES = (*CLASSES, *_UNMODELED)
_KINDS = {**KIND_OF, **_UNMODELED}
_IS_DRAWN = np.array([_KINDS[name] in DRAWN for name in _NAMES])
_TRANSMISSION = ("TEM", "HRTEM", "Cryo-TEM")
"""Techniques that are all TEM: where none of them is likely enough but all together are, TEM is told."""

_TECHNIQUE_OF = {"diffraction": "diffraction"} | {
    name: name for name in _NAMES if _KINDS[name] in ("micrograph", "map")
}
del _TECHNIQUE_OF["map"]


@dataclass(frozen=True, slots=True)
class Classification:
    """Kind (of corpus.KINDS) and technique (of corpus.TECHNIQUES, or None), each with its probability.

    A kind less likely than one half is "unknown", such a technique None; both then have the confidence 0.
    `surely_drawn` is True where the pixels leave practically no doubt that the panel is a plot or a schematic.
    """

    kind: str
    kind_confidence: float
    technique: str | None
    technique_confidence: float
    surely_drawn: bool = False


def classify_panel(pixels: Pixels, caption: str = "", text: str = "") -> Classification:
    """Classify a panel by its pixels, uint8 (h, w, 3), the words about it, and the text read inside it by OCR.

    The network that measures texture is not run for plots and schematics that the features tell for sure.
    """
    return classify_by(load_model("features"), load_staged_model(), pixels, caption, text)


def classify_by(
    by_features: Model, by_both: StagedModel, pixels: Pixels, caption: str = "", text: str = ""
) -> Classification:
    """Classify a panel by the given models: one of features alone, one of features and texture."""
    features = measure_features(pixels)
    probabilities = by_features.probabilities(features)
    surely_drawn = is_surely_drawn(features, probabilities)
    if not surely_drawn or probabilities[_IS_DRAWN[: len(CLASSES)]].max() < _SURE_OF_SORT:
        from mirsearch.analysis.kinds.texture import measure_texture

        probabilities = by_both.probabilities(np.concatenate([features, measure_texture(pixels)]))
    return judge(probabilities, caption, text, surely_drawn)


def kind_from_pixels(pixels: Pixels) -> str:
    """Return the kind of a panel, uint8 (h, w, 3), by its features alone: no network is loaded or run."""
    return judge(load_model("features").probabilities(measure_features(pixels)), "", "", False).kind


def is_surely_drawn(features: Features, probabilities: NDArray[np.float64]) -> bool:
    """Return True if features and the probabilities (classes,) by them leave practically no doubt of a drawing.

    On a dark ground there is doubt: a rendering of neurons and their fluorescence look alike.
    """
    is_likely = probabilities[_IS_DRAWN[: len(CLASSES)]].sum() >= SURELY_DRAWN
    return bool(is_likely and feature(features, "dark") < _MOST_DARK)


def class_probabilities(pixels: NDArray[np.float64], caption: str = "", text: str = "") -> dict[str, float]:
    """Return the probability of each class by the pixels' probabilities (classes,) and by words.

    Words move probability among drawings and among pictures. They hardly move it from one to the other.
    """
    imaged = np.where(_IS_DRAWN, 0.0, 1.0)
    prior = np.concatenate([pixels, np.zeros(len(_UNMODELED))])
    drawn_share = float(np.clip(prior @ _IS_DRAWN, 1e-6, 1 - 1e-6))
    prior = prior * (1 - _LEAST_IMAGED * imaged) + (1 - drawn_share) * _LEAST_IMAGED * imaged / imaged.sum()
    voted = prior * np.exp(_votes(caption, text))
    drawn, pictured = float(voted @ _IS_DRAWN), float(voted @ imaged)
    odds = np.log(drawn_share / (1 - drawn_share))
    move = np.clip(np.log(max(drawn, 1e-12) / max(pictured, 1e-12)) - odds, -_MOST_WORDS_MOVE, _MOST_WORDS_MOVE)
    share = 1 / (1 + np.exp(-(odds + move)))
    joined = voted * np.where(_IS_DRAWN, share / max(drawn, 1e-12), (1 - share) / max(pictured, 1e-12))
    return {name: float(value) for name, value in zip(_NAMES, joined / joined.sum(), strict=True)}


def _votes(caption: str, text: str) -> NDArray[np.float64]:
    """Return what words add to the log probability of each class."""
    added = np.zeros(len(_NAMES))
    if not caption and not text:  # as for the image of a query, which so need not compile the patterns
        return added
    from mirsearch.analysis.kinds.printed import printed_votes
    from mirsearch.analysis.kinds.words import kind_votes, technique_votes

    techniques, kinds = technique_votes(caption), kind_votes(caption)
    printed = printed_votes(text)
    for number, name in enumerate(_NAMES):
        kind = _KINDS[name]
        weight = _DIFFRACTION_WORDS_WEIGHT if name == "diffraction" else WORDS_WEIGHT
        added[number] = weight * (techniques.get(name, 0.0) + printed.get(name, 0.0))
        if kind != "micrograph" and name not in techniques:
            added[number] += _KIND_WORDS_WEIGHT * kinds.get(kind, 0.0)
    return added


def judge(pixels: NDArray[np.float64], caption: str, text: str, surely_drawn: bool) -> Classification:
    """Return kind and technique, where likelier than one half, by the pixels' probabilities (classes,) and by words."""
    probabilities = class_probabilities(pixels, caption, text)
    kind, kind_confidence = most_probable_kind(probabilities)
    if kind_confidence < LEAST_PROBABILITY:
        kind, kind_confidence = "unknown", 0.0
    technique, confidence = most_probable_technique(probabilities)
    if kind in DRAWN or kind in ("photo", "gel") or confidence < LEAST_PROBABILITY:
        return Classification(kind, kind_confidence, None, 0.0, surely_drawn)
    return Classification(kind, kind_confidence, technique, confidence, surely_drawn)


def most_probable_kind(probabilities: Mapping[str, float]) -> tuple[str, float]:
    """Return the most likely kind by the probabilities of classes, and its probability."""
    sums: dict[str, float] = {}
    for name, value in probabilities.items():
        sums[_KINDS[name]] = sums.get(_KINDS[name], 0.0) + value
    best = max(sums, key=lambda kind: sums[kind])
    return best, sums[best]


def most_probable_technique(probabilities: Mapping[str, float]) -> tuple[str, float]:
    """Return the most likely technique by the probabilities of classes, and its probability."""
    best = max(_TECHNIQUE_OF, key=lambda name: probabilities[name])
    confidence = probabilities[best]
    together = sum(probabilities[name] for name in _TRANSMISSION)
    if confidence < LEAST_PROBABILITY <= together:
        return "TEM", together
    return _TECHNIQUE_OF[best], confidence
