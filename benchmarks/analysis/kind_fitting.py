"""Measure examples of kinds and techniques, and fit the models of mirsearch/analysis/kinds to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from benchmarks.analysis.kind_examples import Example
from mirsearch.analysis.kinds.features import FEATURE_NAMES, measure_features
from mirsearch.analysis.kinds.kind import TEMPERATURE
from mirsearch.analysis.kinds.model import CLASSES, Model, StagedModel, fit_model
from mirsearch.analysis.kinds.texture import measure_texture

DRAWN_WEIGHT = 0.3
"""How much a drawn picture counts against a real one, of 0.3, 0.6 and 1 the one with the best likelihood held out."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is fitted.

    `shares` tells how much the examples of each source count: those of others have no part. `least` is the least number
    of examples of a form with weights of its own: a rarer one joins the most frequent form of its class. `evenness` is
    the power of a form's total weight by which its pictures are divided: 1 makes all forms count the same.
    """

    shares: Mapping[str, float]
    least: int
    evenness: float
    penalty: float


FEATURES = Recipe(MappingProxyType({"known": 1.0}), 12, 0.7, 0.01)
"""The model of features alone. Of the penalties 0.003, 0.01 and 0.03 this has the best likelihood held out."""

KINDS = Recipe(
    MappingProxyType(
        {"known": 1.0, "marked known": 1.0, "forms": 0.25, "preprints": 0.15, "marked preprints": 0.15}
    ), 60, 0.5, 0.01,
)  # fmt: skip
"""The model of features and texture that tells kinds. With shares of 0.5 and 0.3 more photographs were micrographs."""

TECHNIQUES = Recipe(MappingProxyType({"known": 1.0, "marked known": 1.0, "forms": 0.3}), 60, 0.5, 0.02)
"""The model that tells classes within a kind. What captions of preprints tell of techniques made it worse."""


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Values of all examples: features and texture (n, …), class (n,), group, weight, realness, source, words."""

    features: np.ndarray
    textures: np.ndarray
    truth: np.ndarray
    groups: np.ndarray
    weights: np.ndarray
    real: np.ndarray
    sources: np.ndarray
    words: list[str]
    thumbnails: list[np.ndarray]

    @property
    def both(self) -> np.ndarray:
        """Features and texture together."""
        return np.hstack([self.features, self.textures])


def measure_examples(examples: Iterable[Example]) -> Examples:
    """Return the values of examples."""
    rows = [
        (measure_features(e.pixels), measure_texture(e.pixels), CLASSES.index(e.name), e.group, e.weight, e.real,
         e.source, e.words, e.pixels if e.real else e.pixels[:1, :1])
        for e in examples
    ]  # fmt: skip
    features, textures, truth, groups, weights, real, sources, words, pictures = zip(*rows, strict=True)
    return Examples(np.array(features), np.array(textures), np.array(truth), np.array(groups), np.array(weights),
                    np.array(real), np.array(sources), list(words), list(pictures))  # fmt: skip


def number_forms(features: np.ndarray, truth: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each example's form, and the class of each form: gray or colored, on light ground or not."""
    column = {name: features[:, number] for number, name in enumerate(FEATURE_NAMES)}
    gray = (column["gray_lit"] > 0.93) | (column["tinted"] + column["colored"] < 0.02)
    form = 4 * truth + 2 * (column["light"] > 0.5) + gray
    counts = Counter(form.tolist())
    for name in set(truth.tolist()):
        own = [key for key in counts if key // 4 == name]
        largest = max(own, key=lambda key: counts[key])
        for key in own:
            if counts[key] < least:
                form[form == key] = largest
    kept = np.unique(form)
    return np.searchsorted(kept, form), kept // 4


def _fit(values: np.ndarray, examples: Examples, chosen: np.ndarray, recipe: Recipe) -> Model:
    """Fit a model to the values (n, …) of the chosen examples by a recipe."""
    shares = np.array([recipe.shares.get(source, 0.0) for source in examples.sources])
    own = chosen & (shares > 0)
    forms, classes = number_forms(examples.features[own], examples.truth[own], recipe.least)
    drawn = np.array([group.startswith("drawn") for group in examples.groups[own]])
    weights = np.where(drawn, 2 * DRAWN_WEIGHT, 1.0) * examples.weights[own] * shares[own]
    for form in range(len(classes)):
        total = weights[forms == form].sum()
        weights[forms == form] /= max(total, 1e-9) ** recipe.evenness
    return fit_model(values[own], forms, classes, weights, recipe.penalty)


def fit_models(examples: Examples, chosen: np.ndarray) -> tuple[Model, StagedModel]:
    """Return the model of features alone, and that of features and texture, made less sure."""
    kinds, techniques = (
        _fit(examples.both, examples, chosen, recipe).tempered(TEMPERATURE) for recipe in (KINDS, TECHNIQUES)
    )
    return _fit(examples.features, examples, chosen, FEATURES), StagedModel(kinds, techniques)
