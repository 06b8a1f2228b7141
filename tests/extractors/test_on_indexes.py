"""Every extractor with small random weights: ingest, query and export on both back-ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.cli_runner import run
from tests.support.tiny_models import CLIP, clip_checkpoint, resnet_checkpoint, timm_checkpoint
from tests.support.torch_needed import torch_or_skip

torch = torch_or_skip("torchvision", "open_clip", "timm")

from mirsearch.extractors.factory import open_extractor
from mirsearch.extractors.onnx.export import MAX_DIFFERENCE, probe_images
from mirsearch.extractors.trained import KIND, Projection
from mirsearch.models.artifact import Card, write_artifact

pytestmark = pytest.mark.usefixtures("offline", "nobody_asked")
GEM = "resnet18-gem:side=96"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def chosen(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return the name of each extractor on a command line, with its weights."""
    resnet, small = resnet_checkpoint(torch, folder), timm_checkpoint(torch, folder)
    return {
        "gem": (GEM, "--extractor-weights", resnet),
        "clip": (f"open-clip:{CLIP}/{clip_checkpoint(torch, folder)}",),
        "timm": ("timm:test_vit", "--extractor-weights", small),
        "trained": (f"trained:{_trained(folder, resnet)}", "--extractor-weights", resnet),
    }


def _trained(folder: Path, weights: Path) -> Path:
    """Write a random projection for the small ResNet."""
    base = open_extractor(GEM, weights)
    rng = np.random.default_rng(3)
    projection = Projection(
        rng.normal(0, 0.01, base.dims).astype(np.float32), rng.normal(size=(base.dims, 20)).astype(np.float32)
    )
    card = Card("random", KIND, {"name": base.name, "version": base.version, "dims": base.dims})
    write_artifact(folder / "random.mirmodel", card, projection.payloads())
    return folder / "random.mirmodel"


@pytest.fixture(scope="module")
def exported(chosen: dict[str, tuple[object, ...]], folder: Path) -> dict[str, tuple[Path, dict[str, object]]]:
    """Export each once; return the file and the command's output."""
    made = {}
    for name, spec in chosen.items():
        file = folder / f"exported-{name}.mirmodel"
        told = run("models", "export", *spec, "--output", file, "--device", "cpu", "--format", "json").json()
        made[name] = file, told
    return made


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures")
    for number, pixels in enumerate(probe_images(2)):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.mark.parametrize("backend", ["embedded", "elasticsearch"])
@pytest.mark.parametrize("name", ["gem", "clip", "timm", "trained"])
def test_ingested_with_asked_with_and_exported(
    name, backend, chosen, exported, figures, tmp_path, monkeypatch, request
):
    monkeypatch.setenv("MIRSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MIRSEARCH_MODELS", str(tmp_path / "models"))
    index = tmp_path / "index" if backend == "embedded" else request.getfixturevalue("es_location")
    run("ingest", figures, "--index", index, "--extractor", *chosen[name], "--device", "cpu")
    asked = ("query", figures / "1.png", "--no-scale", "--all-kinds", "--format", "json", "--index")
    found = run(*asked, index).json()["hits"]  # by the weights as they were found at the ingest
    assert found[0]["visual_distance"] == pytest.approx(0, abs=2e-3)
    assert found[1]["visual_distance"] > 1e-3

    file, told = exported[name]
    stats = run("stats", "--index", index, "--format", "json").json()
    assert told["largest_difference"] <= MAX_DIFFERENCE
    assert (told["name"], told["version"], told["dims"]) == (
        stats["extractor"], stats["extractor_version"], stats["dims"],
    )  # fmt: skip
    again = run(*asked, index, "--extractor", f"onnx:{file}").json()["hits"]
    _same(again, found)
    if backend == "embedded":
        run("ingest", figures, "--index", tmp_path / "other", "--extractor", f"onnx:{file}")
        _same(run(*asked, tmp_path / "other").json()["hits"], found)


def _same(hits: list[dict[str, object]], others: list[dict[str, object]]) -> None:
    assert [hit["id"] for hit in hits] == [hit["id"] for hit in others]
    assert [hit["visual_distance"] for hit in hits] == pytest.approx([h["visual_distance"] for h in others], abs=1e-3)
