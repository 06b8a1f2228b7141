"""Fits projections to an index: trains on some articles, validates on a part of them, measures on the other articles.

A projection is a whitening or a linear head of a metric.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import UsageError
from mirsearch.extractors.base import Extractor
from mirsearch.extractors.trained import Projection
from mirsearch.indexes.base import Index
from mirsearch.training.corpus_vectors import Corpus, PairRule, held_out_mask, weak_pairs
from mirsearch.training.crops import embed_crops, positive_pairs
from mirsearch.training.evaluation import Change, compare_vectors, precisions_by_measure
from mirsearch.training.head import HeadSettings, HeadTrainer, TrainingItems
from mirsearch.training.whitening import SHRINKAGE, discriminative_whitening, pca_whitening

Method = Literal["pca", "discriminative"]
ProgressReport = Callable[[str, int, int], None]
"""Called with the name of the current task, the number of completed steps, and the number of all steps."""

POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)
_VALIDATION_SHARE = 0.3
_PATIENCE = 8
"""Training of a head stops after this many epochs without a better score on the validation part."""


@dataclass(frozen=True, slots=True)
class Split:
    """The share of articles held out for testing, and the seed that selects them."""

    share: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise UsageError(
                f"a held-out share of {self.share} leaves no articles to train or to test on",
                "give a number between 0 and 1",
            )


@dataclass(frozen=True)
class LearnedProjection:
    """A projection, the settings of its training for the card, and the number of pairs it was learned from."""

    projection: Projection
    settings: Mapping[str, Any]
    pairs: int
    without_image: int = 0


@dataclass(frozen=True)
class FittedProjection:
    """A projection, its effect on the held-out articles, and its settings and data for the card."""

    projection: Projection
    changes: Mapping[str, Change]
    settings: Mapping[str, Any]
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WhiteningOptions:
    """Options of a whitening; `dims` None keeps all, `power` None takes the best of POWERS on a validation part."""

    method: Method = "pca"
    dims: int | None = None
    power: float | None = None
    alike: PairRule = "figure"


@dataclass(frozen=True, slots=True)
class MetricOptions:
    """Options of a metric: crops per panel, numbers kept (None: all), the rule for pairs, settings of the head."""

    crops: int = 2
    dims: int | None = None
    alike: PairRule = "figure"
    head: HeadSettings = field(default_factory=HeadSettings)


def fit_projection(corpus: Corpus, split: Split, learn: Callable[[Corpus], LearnedProjection]) -> FittedProjection:
    """Learn from the training articles of a split, and measure the effect on the held-out ones."""
    test = held_out_mask(corpus, split.share, split.seed)
    learned = learn(corpus.subset(~test))
    before = corpus.subset(test)
    changes = compare_vectors(before, before.with_vectors(learned.projection.apply(before.vectors)))
    data = {
        "panels_learned": int((~test).sum()),
        "articles_learned": len(np.unique(corpus.articles[~test])),
        "panels_held_out": int(test.sum()),
        "articles_held_out": len(np.unique(corpus.articles[test])),
        "pairs": learned.pairs,
        "panels_without_image": learned.without_image,
        "truth": "weak: panels of a figure, of one technique and scale; techniques as mirsearch reads them",
    }
    return FittedProjection(learned.projection, changes, dict(learned.settings) | asdict(split), data)


def learn_whitening(training: Corpus, options: WhiteningOptions, seed: int = 0) -> LearnedProjection:
    """Learn a whitening of a corpus's vectors."""
    size = options.dims or training.vectors.shape[1]

    def whiten(part: Corpus, power: float) -> Projection:
        if options.method == "pca":
            return pca_whitening(part.vectors, size, power)
        return discriminative_whitening(part.vectors, weak_pairs(part, options.alike), size, power)

    power = _best_power(training, seed, whiten) if options.power is None else options.power
    settings = asdict(options) | {"dims": size, "power": power, "shrinkage": SHRINKAGE}
    return LearnedProjection(whiten(training, power), settings, len(weak_pairs(training, options.alike)))


def _best_power(training: Corpus, seed: int, whiten: Callable[[Corpus, float], Projection]) -> float:
    mask = _validation_mask(training, seed)
    if mask is None:
        return 0.5
    learning, validation = training.subset(~mask), training.subset(mask)
    scores = [mean_precision(validation, whiten(learning, power)) for power in POWERS]
    return POWERS[int(np.argmax(scores))]


def _validation_mask(training: Corpus, seed: int) -> NDArray[np.bool_] | None:
    """Return a mask of the training panels to validate on, or None if there are too few articles."""
    try:
        return held_out_mask(training, _VALIDATION_SHARE, seed + 1)
    except UsageError:
        return None


def mean_precision(corpus: Corpus, projection: Projection) -> float:
    """Return the mean, over the weak measures, of the mean average precision with a projection."""
    precisions = precisions_by_measure(corpus.with_vectors(projection.apply(corpus.vectors)))
    means = [float(np.nanmean(values)) for values in precisions.values() if not np.isnan(values).all()]
    return float(np.mean(means)) if means else 0.0


def learn_metric(
    index: Index, training: Corpus, extractor: Extractor, options: MetricOptions, seed: int, report: ProgressReport
) -> LearnedProjection:
    """Learn a linear head for the extractor's vectors; a part of the training articles selects the epoch."""
    size = options.dims or training.vectors.shape[1]
    mask = _validation_mask(training, seed)
    learning, validation = (training, None) if mask is None else (training.subset(~mask), training.subset(mask))
    pairs = weak_pairs(learning, options.alike)
    crops = embed_crops(index, learning, pairs, extractor, options.crops, seed, partial(report, "crops"))
    vectors = np.concatenate([learning.vectors, crops.vectors])
    owners = np.concatenate([np.arange(len(learning)), crops.owners])
    items = TrainingItems(vectors, owners, positive_pairs(len(learning), crops, pairs, seed))
    head = replace(options.head, seed=seed)
    projection, epoch = _train_head(HeadTrainer(learning, items, size, head), validation, head.epochs, report)
    settings = asdict(head) | {"dims": size, "crops": options.crops, "alike": options.alike, "epoch": epoch}
    return LearnedProjection(projection, settings, len(items.pairs), crops.without_image)


def _train_head(
    trainer: HeadTrainer, validation: Corpus | None, epochs: int, report: ProgressReport
) -> tuple[Projection, int]:
    """Return the head of the best epoch on the validation part (0: the initial head), or of the last without one."""
    best, best_epoch = trainer.projection, 0
    best_score = -np.inf if validation is None else mean_precision(validation, best)
    for epoch in range(1, epochs + 1):
        trainer.train_epoch()
        report("epochs", epoch, epochs)
        score = float(epoch) if validation is None else mean_precision(validation, trainer.projection)
        if score > best_score:
            best, best_epoch, best_score = trainer.projection, epoch, score
        elif epoch - best_epoch >= _PATIENCE:
            break
    return best, best_epoch
