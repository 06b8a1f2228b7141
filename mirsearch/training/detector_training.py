"""Trains a scale-bar detector. Each epoch ends with a checkpoint, from which training can continue."""

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
"""Share of the highest learning rate that remains at the end."""

_MAX_GRADIENT_NORM = 5.0
_WEIGHT_DECAY = 1e-4
ProgressReport = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Settings of a training run: `figures` drawn figures an epoch, `rate` is the highest learning rate.

    Each picture is shown `views` times an epoch, each time a different part of `window` px (0: the whole picture).
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
    """Results of an epoch: its number, from 1, the mean loss, and the scores on the test samples."""

    number: int
    loss: float
    scores: DetectionScores


class DetectorTrainer:
    """A training run in a folder, with the checkpoints `last.pt` and `best.pt` (by AP50 of bars)."""

    def __init__(
        self, settings: TrainingSettings, source: Source, folder: Path, device: str = "cpu", weights: Path | None = None
    ) -> None:
        torch.manual_seed(settings.seed)
        self._settings, self._source, self._folder, self._device = settings, source, folder, device
        self.net = build_net(settings.net, weights).to(device)
        self._optimizer = torch.optim.AdamW(self.net.parameters(), lr=settings.rate, weight_decay=_WEIGHT_DECAY)
        self._test_samples = [fit_sample(sample, settings.net.side) for sample in source.test_samples()]
        if not any(len(sample.boxes) for sample in self._test_samples):
            raise UsageError("there is nothing to measure the detector on", "annotate at least five pictures")
        self.history: list[dict[str, Any]] = []

    @property
    def epochs_done(self) -> int:
        """Number of completed epochs."""
        return len(self.history)

    def resume(self) -> None:
        """Continue from the folder's last checkpoint; WeightsError if it belongs to another network."""
        path = self._folder / LAST
        state = read_checkpoint(self._folder)
        try:
            fill_network(self.net, state["net"], path)
            self._optimizer.load_state_dict(state["optimizer"])
            self.history = list(state["history"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WeightsError(f"{path} is not a checkpoint of this training: {error}", "give another --run") from None

    def run(self, report: ProgressReport, on_epoch: Callable[[EpochResult], None]) -> None:
        """Train the remaining epochs. Each is followed by a checkpoint and a call of `on_epoch` with its result."""
        self._folder.mkdir(parents=True, exist_ok=True)
        while self.epochs_done < self._settings.epochs:
            loss = self._train_epoch(self.epochs_done, report)
            result = EpochResult(self.epochs_done + 1, loss, self.measure())
            best = max((entry["ap50"] or 0.0 for entry in self.history), default=-1.0)
            self.history.append({"loss": round(loss, 4)} | result.scores.as_json())
            self._save(LAST)
            if (self.history[-1]["ap50"] or 0.0) > best:
                self._save(BEST)
            on_epoch(result)

    def measure(self) -> DetectionScores:
        """Return the scores on the test samples, at the network's scale."""
        return measure_detections(detect(self.net, self._test_samples, self._device), self._test_samples)

    def load_best(self) -> None:
        """Load the weights of the best epoch."""
        path = self._folder / BEST
        fill_network(self.net, read_weights(path)["net"], path)

    def _train_epoch(self, number: int, report: ProgressReport) -> float:
        """Train on the source's samples of an epoch; return the mean loss."""
        rng = np.random.default_rng((self._settings.seed, number))
        torch.manual_seed(self._settings.seed * 100_003 + number)
        samples = self._source.training_samples(number)
        if not samples:
            raise UsageError("there are no pictures to learn from", "give more --figures, or --annotations")
        order = rng.permutation(np.repeat(np.arange(len(samples)), self._settings.views))
        size = min(self._settings.batch, len(samples))
        steps = len(order) // size
        self.net.train()
        losses = []
        for step in range(steps):
            report(f"epoch {number + 1}", step, steps)
            batch = [self._random_view(samples[place], rng) for place in order[step * size : (step + 1) * size]]
            losses.append(self._step(batch, number + step / steps))
        return float(np.mean(losses))

    def _random_view(self, sample: Sample, rng: np.random.Generator) -> Sample:
        fitted = fit_sample(augment(sample, rng), self._settings.net.side)
        return random_window(fitted, self._settings.window, rng) if self._settings.window else fitted

    def _step(self, batch: Sequence[Sample], progress: float) -> float:
        """Take one step of the optimizer and return the loss; MirsearchError if the loss is not finite."""
        targets = [
            {"boxes": torch.from_numpy(sample.boxes).to(self._device),
             "labels": torch.from_numpy(sample.classes).to(self._device)} for sample in batch
        ]  # fmt: skip
        losses = self.net([to_tensor(sample).to(self._device) for sample in batch], targets)
        loss = sum(losses.values())
        if not math.isfinite(float(loss.detach())):
            raise MirsearchError("training failed: its loss is not a finite number", "try a smaller --rate")
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate(progress)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), _MAX_GRADIENT_NORM)
        self._optimizer.step()
        return float(loss.detach())

    def _rate(self, progress: float) -> float:
        """Return the learning rate after `progress` epochs: a rise, then half a cosine (Loshchilov, Hutter 2017)."""
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
    """Return the settings of the run in a folder; UsageError if there is none."""
    try:
        values = dict(read_checkpoint(folder)["settings"])
        return TrainingSettings(NetSettings(**values.pop("net")), **values)
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{folder / LAST} is not a checkpoint of a detector: {error}", "give another --run"
        ) from None


def to_tensor(sample: Sample) -> Any:
    """Return a sample's pixels as a tensor float32 (3, h, w) in 0 … 1."""
    return torch.from_numpy(sample.pixels.astype(np.float32).transpose(2, 0, 1) / 255)


def detect(net: Any, samples: Sequence[Sample], device: str, batch: int = 8) -> list[Detections]:
    """Return what a network finds in fitted samples."""
    net.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(samples), batch):
            for output in net([to_tensor(sample).to(device) for sample in samples[start : start + batch]]):
                boxes, marks, classes = (output[key].cpu().numpy() for key in ("boxes", "scores", "labels"))
                found.append(Detections(boxes, marks, classes))
    return found
