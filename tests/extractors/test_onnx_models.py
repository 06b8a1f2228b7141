"""Exported models: parity, identity, one file; open_clip and timm; `mirsearch models`; ingest, query without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.cli_runner import run
from tests.support.tiny_models import CLIP, clip_checkpoint, resnet_checkpoint, timm_checkpoint
from tests.support.torch_needed import torch_or_skip

torch = torch_or_skip("torchvision", "open_clip", "timm")

from mirsearch.errors import MirsearchError, UsageError
from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor
from mirsearch.extractors.onnx.export import MAX_DIFFERENCE, ExportedModel, Parity, export_extractor, probe_images
from mirsearch.extractors.onnx.extractor import OnnxExtractor
from mirsearch.extractors.onnx.facts import IMAGE_MODEL
from mirsearch.extractors.torch.gem import ResNet18Gem
from mirsearch.extractors.torch.openclip import OpenClipExtractor
from mirsearch.extractors.torch.timm_backbone import TimmExtractor
from mirsearch.models.artifact import ArtifactError, read_artifact

pytestmark = pytest.mark.usefixtures("offline")


@pytest.fixture(autouse=True)
def _own_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("MIRSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MIRSEARCH_MODELS", str(tmp_path / "models"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("weights")
    return {
        "clip": clip_checkpoint(torch, folder),
        "resnet": resnet_checkpoint(torch, folder),
        "timm": timm_checkpoint(torch, folder),
        "convolutions": timm_checkpoint(torch, folder, "test_resnet"),
    }


@pytest.fixture(scope="module")
def extractors(weights):
    return {
        "clip": OpenClipExtractor(f"{CLIP}/{weights['clip']}"),
        "gem": ResNet18Gem("side=96", weights=weights["resnet"]),
        "timm": TimmExtractor("test_vit", weights=weights["timm"]),
        "convolutions": TimmExtractor("test_resnet", weights=weights["convolutions"]),
        "efficientnet": EfficientNetExtractor(),
    }


@pytest.fixture(scope="module")
def exported(extractors, tmp_path_factory) -> dict[str, ExportedModel]:
    folder = tmp_path_factory.mktemp("exported")
    return {
        name: export_extractor(each, folder / f"{name}.mirmodel")
        for name, each in extractors.items()
        if name != "convolutions"
    }


@pytest.mark.parametrize("name", ["clip", "gem", "timm", "efficientnet"])
def test_an_exported_model_is_its_extractor(name, exported, extractors):
    made, model = exported[name], OnnxExtractor(str(exported[name].path))
    assert made.parity.difference <= MAX_DIFFERENCE
    there = (model.name, model.version, model.dims)
    assert there == (extractors[name].name, extractors[name].version, extractors[name].dims)
    images = probe_images(5)[1:]
    apart = Parity.between(extractors[name].embed(images), model.embed(images))
    assert apart.is_close
    assert read_artifact(made.path).card.metrics["parity"]["images"] >= 10


def test_the_text_tower_travels_with_its_words(exported, extractors):
    assert exported["clip"].has_text
    assert not exported["gem"].has_text
    model = OnnxExtractor(str(exported["clip"].path))
    texts = ["platelets", "a much longer text about spheres of 5 µm"]
    assert np.allclose(model.embed_text(texts), extractors["clip"].embed_text(texts), atol=1e-5)
    assert model.text_response == extractors["clip"].text_response
    assert not OnnxExtractor(str(exported["gem"].path)).has_text


def test_a_checkpoint_and_its_path_are_told_apart(weights, extractors, tmp_path):
    copied = tmp_path / "elsewhere.pt"
    copied.write_bytes(weights["clip"].read_bytes())
    same, other = (
        OpenClipExtractor(f"{CLIP}/{copied}"),
        OpenClipExtractor(CLIP, weights=clip_checkpoint(torch, tmp_path, 1)),
    )
    assert (same.name, same.version) == (f"open-clip:{CLIP}", extractors["clip"].version)
    assert other.version != same.version


@pytest.mark.parametrize(("precision", "least"), [("fp16", 0.9999), ("int8", 0.99)])
def test_rounded_models_tell_their_loss_and_are_not_taken_for_the_whole_one(precision, least, extractors, tmp_path):
    for name, suffix in (("convolutions", "onnx"), ("clip", "mirmodel")):
        made = export_extractor(extractors[name], tmp_path / f"{name}.{suffix}", precision=precision)
        assert least < made.parity.mean_cosine < 1
        assert made.facts.version == f"{extractors[name].version}+{precision}"
        model = OnnxExtractor(str(made.path))
        again = Parity.between(extractors[name].embed(probe_images()), model.embed(probe_images()))
        assert again.mean_cosine == pytest.approx(made.parity.mean_cosine, abs=1e-4)
    whole = export_extractor(extractors["convolutions"], tmp_path / "whole.onnx").path.stat().st_size
    assert (tmp_path / "convolutions.onnx").stat().st_size < 0.75 * whole


@pytest.mark.parametrize(
    ("spec", "words"),
    [("open-clip:", "needs a model"), ("open-clip:nothing/x", "no model"), (f"open-clip:{CLIP}/x.pt", "no such"),
     ("open-clip:ViT-B-32", "needs weights"), ("timm:nothing", "no model"), ("onnx:nothing", "no model"),
     ("onnx:no.onnx", "can't be read"), ("onnx:", "needs a file")],
)  # fmt: skip
def test_what_can_not_be_opened_is_told(spec, words):
    from mirsearch.extractors.factory import open_extractor

    with pytest.raises(MirsearchError, match=words) as refused:
        _ = open_extractor(spec).dims
    assert refused.value.remedy


def test_files_that_are_no_models_are_refused(exported, tmp_path):
    for name, content in (("a.onnx", b"no model"), ("b.mirmodel", b"no zip")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ArtifactError):
            OnnxExtractor(str(tmp_path / name)).embed(probe_images(1))
    bare = tmp_path / "foreign.onnx"
    from mirsearch.extractors.efficientnet.extractor import model_bytes

    bare.write_bytes(model_bytes())
    with pytest.raises(ArtifactError, match="no description of the model"):
        OnnxExtractor(str(bare))
    with pytest.raises(UsageError):
        export_extractor(EfficientNetExtractor(), tmp_path / "x.pdf")


@pytest.fixture
def figures(tmp_path) -> Path:
    folder = tmp_path / "figures"
    folder.mkdir()
    for number, pixels in enumerate(probe_images(3)):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def test_models_commands(weights, tmp_path):
    told = run("models", "export", "resnet18-gem:side=96", "--extractor-weights", weights["resnet"], "--name", "small",
               "--format", "json").json()  # fmt: skip
    assert told["largest_difference"] <= MAX_DIFFERENCE
    assert run("models", "list", "--format", "json").json()[0]["name"] == "small"
    assert "resnet18-gem" in run("models", "list").out
    assert run("models", "info", "small", "--format", "json").json()["kind"] == "extractor"
    assert "version" in run("models", "info", "small").out
    assert "it runs" in run("models", "verify", "small").out
    path = Path(told["path"])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert "mirsearch: " in run("models", "verify", "small", code=1).err


def _without_torch(*words: object, code: int = 0) -> str:
    """Run a command in a separate process that can neither import torch nor open a socket."""
    script = (
        "import sys, socket\n"
        "for name in ('torch', 'torchvision', 'open_clip', 'timm'): sys.modules[name] = None\n"
        "def refuse(*a, **k): raise OSError('no network here')\n"
        "socket.socket.connect = refuse\n"
        "from mirsearch.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script, *map(str, words)], capture_output=True, text=True,
                          env=dict(os.environ), check=False)  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_built_with_torch_and_asked_without_it(weights, figures, tmp_path):
    index, name = tmp_path / "index", "resnet18-gem:side=96"
    run("ingest", figures, "--index", index, "--extractor", name, "--extractor-weights", weights["resnet"])
    asked = ("query", figures / "1.png", "--index", index, "--no-scale", "--all-kinds", "--format", "json")
    refused = _without_torch(*asked, code=1)
    assert "mirsearch[torch]" in refused
    assert refused.count("\n") == 1
    run("models", "export", name, "--extractor-weights", weights["resnet"])
    found = json.loads(_without_torch(*asked))
    assert found["hits"][0]["visual_distance"] == pytest.approx(0, abs=1e-3)


def test_words_are_looked_for_in_pictures_without_torch(exported, figures, tmp_path):
    index, models = tmp_path / "index", tmp_path / "models"
    models.mkdir()
    (models / "clip.mirmodel").write_bytes(exported["clip"].path.read_bytes())
    run("ingest", figures, "--index", index, "--extractor", "onnx:clip")
    told = json.loads(_without_torch("query", "--text", "platelets", "--index", index, "--format", "json"))
    assert len(told["hits"]) >= 3
    assert all(0 < hit["terms"]["image_text"] < 1 for hit in told["hits"])


def test_a_file_is_ingested_with_and_found_again_by_the_query(exported, figures, tmp_path):
    index = tmp_path / "index"
    _without_torch("ingest", figures, "--index", index, "--extractor", f"onnx:{exported['timm'].path}")
    told = run("stats", "--index", index, "--format", "json").json()
    assert (told["extractor"], told["extractor_version"]) == ("timm:test_vit", exported["timm"].facts.version)
    _without_torch("query", figures / "0.png", "--index", index, "--no-scale", "--format", "json")


def test_the_bare_file_says_what_it_is(extractors, tmp_path):
    import onnx

    path = export_extractor(extractors["timm"], tmp_path / "x.onnx").path
    told = {each.key: each.value for each in onnx.load(path).metadata_props}
    assert json.loads(told["mirsearch"])["name"] == "timm:test_vit"
    assert IMAGE_MODEL == "model.onnx"
