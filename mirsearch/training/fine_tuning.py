"""Fine-tunes a whole network on pairs of a corpus's panels, with hard negatives. Needs PyTorch; a GPU helps.

After Radenović, Tolias, Chum: Fine-tuning CNN image retrieval with no human annotation (TPAMI 2019): running means stay
fixed, and pictures pass the network one by one. Hoffer, Ailon (2015) for the triplets.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from mirsearch.errors import MirsearchError, UsageError
from mirsearch.extractors.base import Extractor
from mirsearch.extractors.torch.extractor import TorchExtractor
from mirsearch.extractors.torch.files import fill_network
from mirsearch.indexes.base import Index
from mirsearch.ingest.reembedding import PanelImages
from mirsearch.models.artifact import Card, read_artifact, write_artifact
from mirsearch.training.checkpoints import LAST, read_checkpoint, write_checkpoint
from mirsearch.training.corpus_vectors import Corpus, PairRule, dissimilar_mask, held_out_mask, weak_pairs
from mirsearch.training.crops import panel_pixels, random_crop, scale_shares
from mirsearch.training.evaluation import Change, compare_vectors
from mirsearch.training.fitting import ProgressReport, Split
from mirsearch.training.head import Loss

_HARDEST = 5
_BATCH = 8
_WEIGHT_DECAY = 1e-5
_EMBED_BATCH = 32


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """Options of fine-tuning; `margin` as for a head, `triples` is their number in an epoch."""

    loss: Loss = "triplet"
    margin: float = 0.2
    epochs: int = 3
    rate: float = 1e-5
    triples: int = 500
    alike: PairRule = "figure"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The progress callback, the folder of checkpoints (None: no checkpoints), and whether to continue from them."""

    report: ProgressReport
    folder: Path | None = None
    resume: bool = False


class NetworkTrainer:
    """Fine-tunes an extractor's network in place, then updates its identity. Each epoch has its own seed."""

    def __init__(self, index: Index, corpus: Corpus, extractor: TorchExtractor, options: NetworkOptions) -> None:
        self._index, self._corpus, self._options, self._extractor = index, corpus, options, extractor
        self._images = PanelImages(cast(Extractor, extractor))
        pairs = weak_pairs(corpus, options.alike)
        self._shares = scale_shares(corpus, pairs)
        alone = np.repeat(np.arange(len(corpus))[:, None], 2, axis=1)
        self._pairs = np.concatenate([pairs, alone])
        self._vectors = corpus.vectors
        self._rng = np.random.default_rng((options.seed, 0))
        self._base = f"{extractor.name} {extractor.version}"
        self.losses: list[float] = []
        self._module = extractor.network.module
        self._module.eval().requires_grad_(True)  # too few pictures to estimate the running means again
        self._device = next(self._module.parameters()).device
        self._optimizer = torch.optim.Adam(self._module.parameters(), lr=options.rate, weight_decay=_WEIGHT_DECAY)

    def train_epoch(self, report: ProgressReport) -> float:
        """Train on a sample of the pairs; return the mean loss. The vectors before the epoch decide the negatives."""
        self._rng = np.random.default_rng((self._options.seed, len(self.losses)))
        sample = self._rng.permutation(len(self._pairs))[: self._options.triples]
        losses = []
        self._optimizer.zero_grad()
        for number, position in enumerate(sample, start=1):
            loss = self._train_triple(*self._pairs[position])
            if loss is not None:
                losses.append(loss)
            if number % _BATCH == 0 or number == len(sample):
                self._optimizer.step()
                self._optimizer.zero_grad()
            report("pictures", number, len(sample))
        if not losses:
            raise UsageError(
                "no two pictures certainly show different things: there is nothing to learn", "ingest more articles"
            )
        self._vectors = embed_corpus(self._index, self._corpus, self._extractor)
        self.losses.append(float(np.mean(losses)))
        return self.losses[-1]

    def save(self, folder: Path) -> None:
        """Write a checkpoint in one step."""
        state = {"net": self._module.state_dict(), "optimizer": self._optimizer.state_dict(), "losses": self.losses}
        write_checkpoint(folder, state | {"run": self._run})

    def resume(self, folder: Path) -> None:
        """Continue from a folder's checkpoint; UsageError if it belongs to another run."""
        state = read_checkpoint(folder)
        if state.get("run") != self._run:
            raise UsageError(
                f"{folder / LAST} was begun with other weights, settings or figures",
                "give another --run, or the same weights and settings",
            )
        fill_network(self._module, state["net"], folder / LAST)
        self._optimizer.load_state_dict(state["optimizer"])
        self.losses = [float(loss) for loss in state["losses"]]
        self._vectors = embed_corpus(self._index, self._corpus, self._extractor)

    @property
    def _run(self) -> dict[str, Any]:
        """What must be the same to continue a run. The number of epochs may differ."""
        panels = hashlib.sha256("\n".join(each.panel.id for each in self._corpus.panels).encode()).hexdigest()
        return asdict(self._options) | {"epochs": 0, "base": self._base, "panels": panels}

    def finish(self) -> None:
        """Prepare the network for use as an extractor."""
        self._module.requires_grad_(False)
        self._extractor.update_identity()

    def _train_triple(self, anchor: int, positive: int) -> float | None:
        """Add the gradient of one triple; return its loss, or None if a picture or a negative is missing."""
        negative = self._choose_negative(int(anchor))
        rows = [] if negative is None else [self._embed_crop(int(number)) for number in (anchor, positive, negative)]
        if not rows or any(row is None for row in rows):
            return None
        loss = LOSSES[self._options.loss](*rows, self._options.margin)
        value = float(loss.detach())
        if not np.isfinite(value):
            raise MirsearchError("training failed: its loss is not a finite number", "try a smaller --rate")
        if value > 0:
            (loss / _BATCH).backward()
        return value

    def _choose_negative(self, anchor: int) -> int | None:
        different = np.flatnonzero(dissimilar_mask(self._corpus, np.array([anchor]))[0])
        if not len(different):
            return None
        nearest = different[np.argsort(-(self._vectors[different] @ self._vectors[anchor]))[:_HARDEST]]
        return int(self._rng.choice(nearest))

    def _embed_crop(self, number: int) -> Any:
        """Return the vector of a random crop of a panel, with its gradient graph, or None if there is no picture."""
        pixels = panel_pixels(self._index, self._images, self._corpus.panels[number])
        if pixels is None:
            return None
        crop = random_crop(pixels, float(self._shares[number]), self._rng)
        prepared = self._extractor.network.preparation(crop)
        return self._module(torch.from_numpy(prepared[None].copy()).to(self._device))[0]


def triplet_loss(anchor: Any, positive: Any, negative: Any, margin: float) -> Any:
    """Return max(0, margin + |a-p|² - |a-n|²) of unit vectors."""
    return torch.relu(margin + ((anchor - positive) ** 2).sum() - ((anchor - negative) ** 2).sum())


def contrastive_loss(anchor: Any, positive: Any, negative: Any, margin: float) -> Any:
    """Return ½|a-p|² + ½max(0, margin - |a-n|)² of unit vectors."""
    distance = (((anchor - negative) ** 2).sum() + 1e-12).sqrt()
    return 0.5 * ((anchor - positive) ** 2).sum() + 0.5 * torch.relu(margin - distance) ** 2


LOSSES: dict[str, Callable[..., Any]] = {"triplet": triplet_loss, "contrastive": contrastive_loss}


def embed_corpus(index: Index, corpus: Corpus, extractor: TorchExtractor) -> NDArray[np.float32]:
    """Return the vectors float32 (n, dims) of a corpus's panels. A panel without a picture keeps its vector."""
    images = PanelImages(cast(Extractor, extractor))
    vectors = corpus.vectors.copy()
    pictures = [panel_pixels(index, images, panel) for panel in corpus.panels]
    available = [number for number, picture in enumerate(pictures) if picture is not None]
    for start in range(0, len(available), _EMBED_BATCH):
        batch = available[start : start + _EMBED_BATCH]
        vectors[batch] = extractor.embed([picture for n in batch if (picture := pictures[n]) is not None])
    return vectors


@dataclass(frozen=True)
class TunedNetwork:
    """Results of fine-tuning: the changes on the held-out articles, the losses by epoch, and the card's data."""

    changes: dict[str, Change]
    losses: tuple[float, ...]
    data: dict[str, Any]


def tune_network(
    index: Index, corpus: Corpus, extractor: TorchExtractor, options: NetworkOptions, split: Split, run: RunOptions
) -> TunedNetwork:
    """Fine-tune a network on the training articles; measure it on the held-out ones, embedded before and after."""
    test = held_out_mask(corpus, split.share, split.seed)
    before = corpus.subset(test)
    before = before.with_vectors(embed_corpus(index, before, extractor))
    trainer = NetworkTrainer(index, corpus.subset(~test), extractor, options)
    if run.resume and run.folder is not None:
        trainer.resume(run.folder)
    while len(trainer.losses) < options.epochs:
        trainer.train_epoch(run.report)
        if run.folder is not None:
            trainer.save(run.folder)
        run.report("epochs", len(trainer.losses), options.epochs)
    trainer.finish()
    after = before.with_vectors(embed_corpus(index, before, extractor))
    data = {
        "panels_learned": int((~test).sum()), "articles_learned": len(np.unique(corpus.articles[~test])),
        "panels_held_out": int(test.sum()), "articles_held_out": len(np.unique(corpus.articles[test])),
        "losses": [round(loss, 5) for loss in trainer.losses],
    }  # fmt: skip
    return TunedNetwork(compare_vectors(before, after), tuple(trainer.losses), data)


def save_network(
    tuned: TunedNetwork,
    extractor: TorchExtractor,
    base: str,
    options: NetworkOptions,
    path: Path,
    name_and_license: tuple[str, str],
) -> Card:
    """Write the tuned network as a model file that runs on onnxruntime. `base` names the extractor before tuning."""
    from mirsearch.extractors.onnx.export import export_extractor

    name, license_ = name_and_license
    export_extractor(cast(Extractor, extractor), path, name=name)
    artifact = read_artifact(path)
    payloads = {part: artifact.payload(part) for part in artifact.card.files}
    metrics = {measure: change.as_json() for measure, change in tuned.changes.items()} | dict(artifact.card.metrics)
    training = {"training": asdict(options) | tuned.data, "tuned from": base}
    card = dataclasses.replace(
        artifact.card, metrics=metrics, data=dict(artifact.card.data) | training, license=license_
    )
    return write_artifact(path, card, payloads)
