"""Trains a scale-bar detector: an epoch after the other, a checkpoint after each, going on where it was stopped."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mirsearch.analysis.scalebars.faster_rcnn import Detections
from mirsearch.errors import MirsearchError, UsageError
from mirsearch.extractors.torch.files import WeightsError, fill_network, read_weights
from mirsearch.training.checkpoints import BEST, LAST, read_checkpoint, write_checkpoint
from mirsearch.training.detection_data import Sample, Source, augment, fit_sample, random_window
from mirsearch.training.detection_metrics import DetectionScores, measure_detections
from mirsearch.training.detector_net import NetSettings, build_net

_WARM_UP_EPOCHS = 0.7
_FINAL_RATE_SHARE = 0.02
"""Share of the learning rate that is left at the end."""

_MAX_GRADIENT_NORM = 5.0
_WEIGHT_DECAY = 1e-4
ProgressReport = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How a detector is trained; `figures` drawn ones an epoch, `rate` the highest learning rate.

    Each picture is shown `views` times an epoch, each time another part of it of `window` px (0: all of it).
    """

    net: NetSettings = field(default_factory=NetSettings)
    epochs: int = 20
    figures: int = 150
    views: int = 3
    window: int = 160
    batch: int = 4
    rate: float = 1e-3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class EpochResult:
    """What came of one epoch: its number from 1, the mean loss, and the scores on what was held out."""

    number: int
    loss: float
    scores: DetectionScores


class DetectorTrainer:
    """One training run in a folder: `last.pt` and `best.pt` are its checkpoints, by AP50 of bars."""

    def __init__(
        self, settings: TrainingSettings, source: Source, folder: Path, device: str = "cpu", weights: Path | None = None
    ) -> None:
        torch.manual_seed(settings.seed)
        self._settings, self._source, self._folder, self._device = settings, source, folder, device
        self.net = build_net(settings.net, weights).to(device)
        self._optimizer = torch.optim.AdamW(self.net.parameters(), lr=settings.rate, weight_decay=_WEIGHT_DECAY)
        self._tested = [fit_sample(sample, settings.net.side) for sample in source.held_out()]
        if not any(len(sample.boxes) for sample in self._tested):
            raise UsageError("there is nothing to measure the detector on", "annotate at least five pictures")
        self.history: list[dict[str, Any]] = []

    @property
    def done(self) -> int:
        """How many epochs are done."""
        return len(self.history)

    def resume(self) -> None:
        """Take up where the folder's last checkpoint stands; WeightsError where it is none of this network."""
        path = self._folder / LAST
        told = read_checkpoint(self._folder)
        try:
            fill_network(self.net, told["net"], path)
            self._optimizer.load_state_dict(told["optimizer"])
            self.history = list(told["history"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WeightsError(f"{path} is no checkpoint of this training: {error}", "give another --run") from None

    def run(self, report: ProgressReport, told: Callable[[EpochResult], None]) -> None:
        """The epochs that are left, each followed by its scores and a checkpoint."""
        self._folder.mkdir(parents=True, exist_ok=True)
        while self.done < self._settings.epochs:
            loss = self._epoch(self.done, report)
            found = EpochResult(self.done + 1, loss, self.measure())
            best = max((each["ap50"] or 0.0 for each in self.history), default=-1.0)
            self.history.append({"loss": round(loss, 4)} | found.scores.as_json())
            self._save(LAST)
            if (self.history[-1]["ap50"] or 0.0) > best:
                self._save(BEST)
            told(found)

    def measure(self) -> DetectionScores:
        """The scores on what is held out, at the network's scale."""
        return measure_detections(detect(self.net, self._tested, self._device), self._tested)

    def load_best(self) -> None:
        """Take the weights of the best epoch."""
        path = self._folder / BEST
        fill_network(self.net, read_weights(path)["net"], path)

    def _epoch(self, number: int, report: ProgressReport) -> float:
        """One pass over what the source shows; the mean loss."""
        rng = np.random.default_rng((self._settings.seed, number))
        torch.manual_seed(self._settings.seed * 100_003 + number)
        samples = self._source.epoch(number)
        if not samples:
            raise UsageError("there are no pictures to learn from", "give more --figures, or --annotations")
        order = rng.permutation(np.repeat(np.arange(len(samples)), self._settings.views))
        size = min(self._settings.batch, len(samples))
        steps = len(order) // size
        self.net.train()
        losses = []
        for step in range(steps):
            report(f"epoch {number + 1}", step, steps)
            chosen = [self._view(samples[place], rng) for place in order[step * size : (step + 1) * size]]
            losses.append(self._step(chosen, number + step / steps))
        return float(np.mean(losses))

    def _view(self, sample: Sample, rng: np.random.Generator) -> Sample:
        seen = fit_sample(augment(sample, rng), self._settings.net.side)
        return random_window(seen, self._settings.window, rng) if self._settings.window else seen

    def _step(self, seen: Sequence[Sample], progress: float) -> float:
        """One step of the optimizer; the loss. MirsearchError where it is no number any more."""
        targets = [
            {"boxes": torch.from_numpy(each.boxes).to(self._device),
             "labels": torch.from_numpy(each.classes).to(self._device)} for each in seen
        ]  # fmt: skip
        found = self.net([to_tensor(each).to(self._device) for each in seen], targets)
        loss = sum(found.values())
        if not math.isfinite(float(loss.detach())):
            raise MirsearchError("the training went astray: its loss is no number", "a smaller --rate may help")
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate(progress)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), _MAX_GRADIENT_NORM)
        self._optimizer.step()
        return float(loss.detach())

    def _rate(self, progress: float) -> float:
        """The learning rate after so many epochs: a short rise, then half a cosine (Loshchilov, Hutter 2017)."""
        warm = min(1.0, 0.05 + progress / _WARM_UP_EPOCHS)
        falling = 0.5 * (1 + math.cos(math.pi * min(1.0, progress / self._settings.epochs)))
        return self._settings.rate * warm * (_FINAL_RATE_SHARE + (1 - _FINAL_RATE_SHARE) * falling)

    def _save(self, name: str) -> None:
        state = {
            "net": self.net.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "history": self.history,
            "settings": asdict(self._settings),
        }
        write_checkpoint(self._folder, state, name)


def read_settings(folder: Path) -> TrainingSettings:
    """The settings of a run that was begun; UsageError where the folder holds none."""
    try:
        told = dict(read_checkpoint(folder)["settings"])
        return TrainingSettings(NetSettings(**told.pop("net")), **told)
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{folder / LAST} is no checkpoint of a detector: {error}", "give another --run") from None


def to_tensor(sample: Sample) -> Any:
    """A sample's pixels as a tensor float32 (3, h, w) in 0 … 1."""
    return torch.from_numpy(sample.pixels.astype(np.float32).transpose(2, 0, 1) / 255)


def detect(net: Any, samples: Sequence[Sample], device: str, batch: int = 8) -> list[Detections]:
    """What a network finds in samples that were fitted to its canvas."""
    net.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(samples), batch):
            for each in net([to_tensor(sample).to(device) for sample in samples[start : start + batch]]):
                boxes, marks, classes = (each[key].cpu().numpy() for key in ("boxes", "scores", "labels"))
                found.append(Detections(boxes, marks, classes))
    return found
