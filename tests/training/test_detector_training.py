"""Training a scale-bar detector: it learns, continues from a checkpoint, and runs without torch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.cli_runner import run
from tests.support.torch_needed import torch_or_skip

torch = torch_or_skip("torchvision")

from mirsearch.analysis.scalebars.faster_rcnn import BAR, FasterRcnnDetector
from mirsearch.cli import train_scalebar_cmd
from mirsearch.errors import MirsearchError, UsageError
from mirsearch.extractors.torch.files import WeightsError
from mirsearch.models.artifact import read_artifact
from mirsearch.training.detection_data import (
    AnnotatedPictures,
    CombinedSources,
    DrawnFigures,
    draw_panel_samples,
    fit_sample,
)
from mirsearch.training.detector_export import build_onnx, largest_difference
from mirsearch.training.detector_net import NetSettings, build_net
from mirsearch.training.detector_training import (
    DetectorTrainer,
    TrainingSettings,
    detect,
    read_settings,
)

pytestmark = pytest.mark.usefixtures("offline")
SMALL = TrainingSettings(NetSettings("tiny", 128), epochs=2, figures=2, views=1, window=96, batch=2)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[DetectorTrainer, float]:
    """Return a detector after a few seconds of training, and its AP50 of bars before."""
    settings = TrainingSettings(epochs=2, figures=10, views=5, rate=2e-3)
    trainer = DetectorTrainer(settings, DrawnFigures(10, 6), tmp_path_factory.mktemp("run"))
    before = trainer.measure().ap50
    trainer.run(lambda *_: None, lambda _: None)
    return trainer, before


def test_it_learns_a_real_thing(learned: tuple[DetectorTrainer, float]) -> None:
    trainer, before = learned
    assert before < 0.02
    assert trainer.history[-1]["ap50"] > 0.2
    assert trainer.history[-1]["loss"] < trainer.history[0]["loss"]


def test_onnx_finds_what_the_network_finds(learned: tuple[DetectorTrainer, float]) -> None:
    trainer, _ = learned
    panels = [fit_sample(sample, 256) for seed in (900, 901) for sample in draw_panel_samples(seed)]
    model = build_onnx(trainer.net, 256)
    assert largest_difference(trainer.net, model, panels) < 0.02
    assert any(len(each.boxes) for each in detect(trainer.net, panels, "cpu"))
    broken = build_net(NetSettings())
    assert largest_difference(broken, model, panels) > 0.02


def test_a_stopped_run_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    source = DrawnFigures(SMALL.figures, 1)
    whole = DetectorTrainer(SMALL, source, tmp_path / "whole")
    whole.run(lambda *_: None, lambda _: None)

    stopped = DetectorTrainer(SMALL, source, tmp_path / "stopped")

    def stop(what: str, done: int, of: int) -> None:
        if what == "epoch 2" and done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped.run(stop, lambda _: None)
    settings = read_settings(tmp_path / "stopped")
    assert settings == SMALL
    again = DetectorTrainer(settings, source, tmp_path / "stopped")
    again.resume()
    assert again.epochs_done == 1
    again.run(lambda *_: None, lambda _: None)
    assert again.history == whole.history
    assert not [each for each in (tmp_path / "stopped").iterdir() if each.name.startswith(".")]


def test_the_command_trains_on_annotations_exports_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRSEARCH_MODELS", str(tmp_path / "models"))
    from PIL import Image

    panels = [sample for seed in range(20, 24) for sample in draw_panel_samples(seed) if (sample.classes == BAR).any()]
    told = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "bar"}, {"id": 2, "name": "label"}]}
    for number, sample in enumerate(panels):
        Image.fromarray(sample.pixels).save(tmp_path / f"{number}.png")
        told["images"].append({"id": number, "file_name": f"{number}.png"})
        for (x0, y0, x1, y1), kind in zip(sample.boxes.tolist(), sample.classes.tolist(), strict=True):
            box = [x0, y0, x1 - x0, y1 - y0]
            told["annotations"].append({"image_id": number, "category_id": kind, "bbox": box})
    (tmp_path / "mine.json").write_text(json.dumps(told))
    words = ("train", "scalebar", "--run", tmp_path / "run", "--annotations", tmp_path / "mine.json", "--figures", 0,
             "--epochs", 1, "--side", 96, "--device", "cpu", "--name", "mine")  # fmt: skip
    ran = run(*words)
    assert "runs (the default)" in ran.out
    card = read_artifact(tmp_path / "models" / "mine.mirmodel", "scalebar-detector").card
    assert card.data["annotated_pictures"] == len(panels)
    assert card.settings["side"] == 96
    assert {"network", "trained", "runs"} <= set(card.metrics)
    assert FasterRcnnDetector(str(tmp_path / "models" / "mine.mirmodel")).detect(panels[0].pixels) is not None
    assert "--resume" in run(*words, code=2).err
    again = run(*words, "--resume", "--format", "json").json()
    assert again["version"] == card.version  # nothing was left to do


def test_an_interrupted_command_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: object, samples: object, progress: float) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(DetectorTrainer, "_step", interrupted)
    monkeypatch.setattr(train_scalebar_cmd, "HELD_OUT_FIGURES", 2)
    ran = run("train", "scalebar", "--run", tmp_path / "run", "--figures", 1, "--side", 96,
              "--output", tmp_path / "x.mirmodel", code=130)  # fmt: skip
    assert "interrupted" in ran.err
    assert not (tmp_path / "x.mirmodel").exists()


@pytest.mark.parametrize("backbone", ["mobilenet", "resnet50"])
def test_the_larger_backbones_learn_export_and_take_weights(backbone: str, tmp_path: Path) -> None:
    import torchvision

    torch.manual_seed(1)
    classifier = getattr(torchvision.models, {"mobilenet": "mobilenet_v3_large"}.get(backbone, backbone))(weights=None)
    torch.save(classifier.state_dict(), tmp_path / "w.pth")
    net = build_net(NetSettings(backbone, 96), tmp_path / "w.pth")
    first = next(iter(net.backbone.body.parameters()))
    assert torch.equal(first, next(iter(classifier.parameters())))
    targets = [{"boxes": torch.tensor([[10.0, 60, 50, 70]]), "labels": torch.tensor([1])}] * 2
    losses = net([torch.rand(3, 96, 96)] * 2, targets)
    sum(losses.values()).backward()
    assert all(np.isfinite(float(each.detach())) for each in losses.values())
    assert first.grad is not None
    model = build_onnx(net, 96)
    sample = fit_sample(next(draw_panel_samples(3)), 96)
    assert largest_difference(net, model, [sample]) < 0.05
    with pytest.raises(WeightsError, match="does not fit"):
        build_net(NetSettings("resnet50" if backbone == "mobilenet" else "mobilenet", 96), tmp_path / "w.pth")


def test_what_can_not_be_trained_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no last\.pt"):
        read_settings(tmp_path)
    (tmp_path / "last.pt").write_bytes(b"no checkpoint")
    with pytest.raises(WeightsError):
        read_settings(tmp_path)
    torch.save({"net": {}}, tmp_path / "last.pt")
    with pytest.raises(MirsearchError, match="not a checkpoint"):
        read_settings(tmp_path)
    with pytest.raises(UsageError, match="nothing to measure"):
        DetectorTrainer(SMALL, CombinedSources((AnnotatedPictures(()),)), tmp_path)
    with pytest.raises(UsageError, match="no published weights"):
        build_net(NetSettings("tiny"), tmp_path / "w.pth")
