"""Whitening and metric heads from an index: learn on some articles, choose on a part of them, measure on the rest."""

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
"""Told what is being done, how many steps are done, and of how many."""

POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)
_VALIDATION_SHARE = 0.3
_PATIENCE = 8
"""Epochs without a better score on the validation part after which a head is learned enough."""


@dataclass(frozen=True, slots=True)
class Split:
    """Which part of the articles is tested on, and the seed that chooses them."""

    share: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise UsageError(f"a held-out share of {self.share} leaves nothing", "give a number between 0 and 1")


@dataclass(frozen=True)
class LearnedProjection:
    """A projection, what a card tells of how it was learned, and from how many pairs."""

    projection: Projection
    settings: Mapping[str, Any]
    pairs: int
    without_image: int = 0


@dataclass(frozen=True)
class FittedProjection:
    """What was learned, how it did on the held-out articles, and what a card tells of it."""

    projection: Projection
    changes: Mapping[str, Change]
    settings: Mapping[str, Any]
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WhiteningOptions:
    """How a whitening is learned; `dims` None keeps all, `power` None takes the best of POWERS on a validation part."""

    method: Method = "pca"
    dims: int | None = None
    power: float | None = None
    alike: PairRule = "figure"


@dataclass(frozen=True, slots=True)
class MetricOptions:
    """How a metric is learned: crops of each panel, numbers kept (None: all), what counts as alike, and the head's."""

    crops: int = 2
    dims: int | None = None
    alike: PairRule = "figure"
    head: HeadSettings = field(default_factory=HeadSettings)


def fit_projection(corpus: Corpus, split: Split, learn: Callable[[Corpus], LearnedProjection]) -> FittedProjection:
    """Learn from the training articles of a split, and measure before and after on the held-out ones."""
    test = held_out_mask(corpus, split.share, split.seed)
    learned = learn(corpus.part(~test))
    before = corpus.part(test)
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
    """A whitening of a corpus's vectors."""
    size = options.dims or training.vectors.shape[1]

    def learned(part: Corpus, power: float) -> Projection:
        if options.method == "pca":
            return pca_whitening(part.vectors, size, power)
        return discriminative_whitening(part.vectors, weak_pairs(part, options.alike), size, power)

    power = _best_power(training, seed, learned) if options.power is None else options.power
    settings = asdict(options) | {"dims": size, "power": power, "shrinkage": SHRINKAGE}
    return LearnedProjection(learned(training, power), settings, len(weak_pairs(training, options.alike)))


def _best_power(training: Corpus, seed: int, learned: Callable[[Corpus, float], Projection]) -> float:
    inner = _validation_mask(training, seed)
    if inner is None:
        return 0.5
    learning, judging = training.part(~inner), training.part(inner)
    scores = [mean_precision(judging, learned(learning, power)) for power in POWERS]
    return POWERS[int(np.argmax(scores))]


def _validation_mask(training: Corpus, seed: int) -> NDArray[np.bool_] | None:
    """The part of the training panels that chooses between models; None where there are too few articles for one."""
    try:
        return held_out_mask(training, _VALIDATION_SHARE, seed + 1)
    except UsageError:
        return None


def mean_precision(corpus: Corpus, projection: Projection) -> float:
    """The mean of the weak measures' mean average precisions under a projection."""
    found = precisions_by_measure(corpus.with_vectors(projection.apply(corpus.vectors)))
    means = [float(np.nanmean(values)) for values in found.values() if not np.isnan(values).all()]
    return float(np.mean(means)) if means else 0.0


def learn_metric(
    index: Index, training: Corpus, extractor: Extractor, options: MetricOptions, seed: int, report: ProgressReport
) -> LearnedProjection:
    """A linear head over the extractor's vectors; the epoch is chosen on a part of the training articles."""
    size = options.dims or training.vectors.shape[1]
    inner = _validation_mask(training, seed)
    learning, judging = (training, None) if inner is None else (training.part(~inner), training.part(inner))
    pairs = weak_pairs(learning, options.alike)
    views = embed_crops(index, learning, pairs, extractor, options.crops, seed, partial(report, "crops"))
    vectors = np.concatenate([learning.vectors, views.vectors])
    owners = np.concatenate([np.arange(len(learning)), views.owners])
    items = TrainingItems(vectors, owners, positive_pairs(len(learning), views, pairs, seed))
    head = replace(options.head, seed=seed)
    projection, epoch = _train_head(HeadTrainer(learning, items, size, head), judging, head.epochs, report)
    settings = asdict(head) | {"dims": size, "crops": options.crops, "alike": options.alike, "epoch": epoch}
    return LearnedProjection(projection, settings, len(items.pairs), views.without_image)


def _train_head(
    trainer: HeadTrainer, judging: Corpus | None, epochs: int, report: ProgressReport
) -> tuple[Projection, int]:
    """The head of the best epoch on the judging part (0: as it began), or the last where there is no such part."""
    best, chosen = trainer.projection, 0
    top = -np.inf if judging is None else mean_precision(judging, best)
    for epoch in range(1, epochs + 1):
        trainer.epoch()
        report("epochs", epoch, epochs)
        now = float(epoch) if judging is None else mean_precision(judging, trainer.projection)
        if now > top:
            best, chosen, top = trainer.projection, epoch, now
        elif epoch - chosen >= _PATIENCE:
            break
    return best, chosen
