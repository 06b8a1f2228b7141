"""Training on an index from the command line, with real vectors of drawn micrographs; use and refusal of models."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from mirsearch.cli.parts import load_extractor
from mirsearch.corpus import Article, Figure, Origin, Panel, ScaleReading, figure_id, panel_ids
from mirsearch.errors import IndexMismatchError
from mirsearch.extractors import factory
from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor
from mirsearch.extractors.onnx.export import MAX_DIFFERENCE, Parity, probe_images
from mirsearch.extractors.onnx.extractor import OnnxExtractor
from mirsearch.extractors.onnx.projection import append_projection
from mirsearch.extractors.trained import Projection, TrainedExtractor
from mirsearch.imaging import images
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord, Index
from mirsearch.models.artifact import ArtifactError, Card, read_artifact, write_artifact
from mirsearch.search.search import check_extractor
from mirsearch.synthetic.fields import View, make_rng
from mirsearch.synthetic.specimens.families import specimen
from mirsearch.training.corpus_vectors import build_corpus, read_corpus, weak_pairs
from mirsearch.training.crops import MIN_SIDE, embed_crops, positive_pairs, random_crop, scale_shares
from mirsearch.training.evaluation import Change
from mirsearch.training.fitting import FittedProjection, Split, WhiteningOptions, fit_projection, learn_whitening
from mirsearch.training.install import Destination, WorseModelError, save_projection
from tests.support.cli_runner import run
from tests.support.training_corpus import DIMS, make_corpus

FAMILIES = ("spheres", "pores", "particles_on_film", "tube_mat", "fibers", "element_map")
SIDE = 120


def figure(number: int, folder: Path, extractor: EfficientNetExtractor) -> FigureRecord:
    """Write a figure into `folder`: two panels of a drawn specimen, the second a closer view."""
    shown = specimen(number, FAMILIES[number % 4])
    nm_per_px = shown.nm_per_px(0.3)
    rng = make_rng(number, 7)
    parts = [shown.micrograph(View(SIDE, SIDE, nm_per_px / zoom), rng) for zoom in (1.0, 1.5)]
    whole = np.concatenate(parts, axis=1)
    path = folder / f"{number}.png"
    from PIL import Image

    Image.fromarray(whole).save(path)
    identity = figure_id(images.content_hash(path))
    boxes = [(0, 0, SIDE, SIDE), (SIDE, 0, 2 * SIDE, SIDE)]
    panels = tuple(
        Panel(
            box, None, "micrograph", 1.0, shown.technique, 1.0, scale=ScaleReading(nm_per_px / zoom), id=name,
            figure_id=identity,
        )
        for box, name, zoom in zip(boxes, panel_ids(identity, [Panel(box) for box in boxes]), (1.0, 1.5), strict=True)
    )  # fmt: skip
    crops = [images.crop(whole, box) for box in boxes]
    record = Figure(identity, 2 * SIDE, SIDE, article=Article(f"doi:10.1/{number}"), origins=(Origin("f", str(path)),))
    return FigureRecord(record, panels, extractor.embed(crops), tuple(images.thumbnail(crop) for crop in crops))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an index of twelve articles with one figure each."""
    folder = tmp_path_factory.mktemp("drawn")
    extractor = EfficientNetExtractor()
    index = open_index(str(folder / "index"), create=identity(extractor))
    with index.writer() as writer:
        for number in range(12):
            writer.put(figure(number, folder, extractor))
    index.close()
    return folder / "index"


def identity(extractor: object) -> ExtractorIdentity:
    return ExtractorIdentity(extractor.name, extractor.version, extractor.dims)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIRSEARCH_MODELS", str(tmp_path / "models"))
    # Whoever runs these tests at the same time makes the same models: what one located is not for the other.
    monkeypatch.setattr(factory, "_record_path", lambda: tmp_path / "located.json")
    return tmp_path / "models"


def test_a_trained_whitening_is_an_extractor_of_its_own(drawn: Path, models: Path) -> None:
    told = run("train", "whitening", "--index", drawn, "--name", "w1", "--dims", 40, "--power", 0.5, "--force",
               "--license", "CC0-1.0", "--format", "json").json()  # fmt: skip
    card = read_artifact(models / "w1.mirmodel", "projection").card
    assert told["extractor"] == "trained:w1"
    assert told["version"] == card.version
    assert card.license == "CC0-1.0"
    default = EfficientNetExtractor
    assert card.base == {"name": "efficientnet", "version": default.version, "dims": default.dims}
    assert set(card.metrics) == {"figure", "technique"}
    assert card.data["articles_held_out"] + card.data["articles_learned"] == 12

    extractor = load_extractor("trained:w1")
    assert (extractor.name, extractor.version, extractor.dims) == ("trained:w1", card.version, 40)
    picture = specimen(3, "pores").micrograph(View(100, 90, 10.0), make_rng(1))
    base = EfficientNetExtractor().embed([picture])
    assert np.allclose(extractor.embed([picture]), extractor.projection.apply(base), atol=1e-6)
    assert np.allclose(np.linalg.norm(extractor.embed([picture, picture]), axis=1), 1, atol=1e-5)
    index = open_index(str(drawn))
    with pytest.raises(IndexMismatchError):
        check_extractor(index, extractor)
    index.close()


def test_an_index_of_a_trained_extractor_is_asked_with_it(drawn: Path, models: Path, tmp_path: Path) -> None:
    run("train", "whitening", "--index", drawn, "--power", 0.25, "--dims", 32, "--force")
    index = tmp_path / "other"
    run("ingest", drawn.parent / "1.png", "--index", index, "--extractor", "trained:whitening")
    assert run("stats", "--index", index, "--format", "json").json()["dims"] == 32
    asked = ("query", drawn.parent / "1.png", "--crop", f"0,0,{SIDE},{SIDE}", "--no-scale", "--index")
    assert run(*asked, index, "--format", "json").json()["hits"]
    refused = run(*asked, drawn, "--extractor", "trained:whitening", code=1)
    assert "was built with efficientnet" in refused.err
    run("train", "whitening", "--index", drawn, "--power", 0.75, "--dims", 32, "--force")
    changed = run(*asked, index, code=1)
    assert "trained:whitening" in changed.err


def test_without_the_extra_one_line_names_it(
    drawn: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for words in (("scalebar", "--run", tmp_path / "r"), ("metric", "--whole", "--index", drawn)):
        told = run("train", *words, code=1).err.strip()
        assert told.count("\n") == 0
        assert "pip install 'mirsearch[torch]'" in told
    run("train", "whitening", "--index", drawn, "--force")
    assert (models / "whitening.mirmodel").is_file()


def test_a_metric_is_learned_from_crops_and_partners(
    drawn: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    file = tmp_path / "m.mirmodel"
    ran = run("train", "metric", "--index", drawn, "--epochs", 3, "--crops", 1, "--output", file)
    assert "mAP, held out" in ran.out
    card = read_artifact(file).card
    assert card.settings["loss"] == "triplet"
    assert card.data["panels_without_image"] == 0
    assert not models.exists()
    assert TrainedExtractor(str(file)).dims == EfficientNetExtractor.dims


def test_what_does_no_better_is_not_installed(models: Path) -> None:
    corpus = make_corpus(noise=0.0)  # nothing is left to gain, and keeping two axes loses much
    fitted = fit_projection(corpus, Split(), lambda part: learn_whitening(part, WhiteningOptions("pca", 2, 0.0)))
    base = ExtractorIdentity("made", "1", DIMS)
    with pytest.raises(WorseModelError, match=r"not installed: .* does not rise .*--force installs it"):
        save_projection(fitted, base, Destination("worse"), "index")
    assert not models.exists()
    path, card = save_projection(fitted, base, Destination("worse", force=True), "index")
    assert path == models / "worse.mirmodel"
    assert card.metrics["figure"]["difference"] < 0


def test_what_does_better_is_installed(models: Path) -> None:
    options = WhiteningOptions("discriminative")
    fitted = fit_projection(make_corpus(noise=3.0), Split(), lambda part: learn_whitening(part, options))
    assert fitted.changes["figure"].difference > 0.05
    assert fitted.settings["power"] > 0
    good = FittedProjection(fitted.projection, {"figure": fitted.changes["figure"]}, fitted.settings, fitted.data)
    path, _ = save_projection(good, ExtractorIdentity("made", "1", DIMS), Destination("good"), "index")
    assert path.is_file()
    assert isinstance(good.changes["figure"], Change)


@pytest.mark.parametrize("name", ["../up", "a b"])
def test_a_name_that_is_none_is_told_before_anything_is_learned(name: str, drawn: Path, models: Path) -> None:
    assert "can't be a model's name" in run("train", "whitening", "--index", drawn, "--name", name, code=2).err


def test_a_model_of_another_base_is_refused(models: Path, tmp_path: Path) -> None:
    payloads = fit_projection(
        make_corpus(), Split(), lambda part: learn_whitening(part, WhiteningOptions("pca", 3, 0.5))
    )
    for base, message in (
        ({"name": "efficientnet", "version": "0", "dims": DIMS}, "was trained with efficientnet 0"),
        ({"name": "efficientnet", "version": EfficientNetExtractor.version, "dims": 282}, "does not fit its base"),
    ):
        write_artifact(tmp_path / "x.mirmodel", Card("x", "projection", base), payloads.projection.payloads())
        with pytest.raises(ArtifactError, match=message):
            TrainedExtractor(str(tmp_path / "x.mirmodel"))
    for content in (b"no npz", b""):
        write_artifact(tmp_path / "x.mirmodel", Card("x", "projection", base), {"projection.npz": content})
        with pytest.raises(ArtifactError, match="can't be read"):
            TrainedExtractor(str(tmp_path / "x.mirmodel"))


def test_partners_are_cropped_to_what_both_show(drawn: Path) -> None:
    index: Index = open_index(str(drawn))
    corpus = read_corpus(index, 1000)
    pairs = weak_pairs(corpus)
    shares = scale_shares(corpus, pairs)
    for one, other in pairs:
        widths = [shares[each] * 10.0 ** corpus.log_fov[each] for each in (one, other)]
        assert widths[0] == pytest.approx(widths[1])
    assert sorted(np.round(np.unique(shares.round(4)), 3)) == [0.667, 1.0]
    views = embed_crops(index, corpus, pairs, EfficientNetExtractor(), 1, 0)
    assert views.vectors.shape == (len(corpus), EfficientNetExtractor.dims)
    assert views.without_image == 0
    items = positive_pairs(len(corpus), views, pairs, 0)
    owners = np.concatenate([np.arange(len(corpus)), views.owners])
    assert (corpus.figures[owners[items[:, 0]]] == corpus.figures[owners[items[:, 1]]]).all()
    index.close()


def test_a_corpus_is_sampled_by_whole_articles_and_small_ones_are_refused(drawn: Path) -> None:
    index = open_index(str(drawn))
    some, more = read_corpus(index, 8), read_corpus(index, 12)
    assert len(some) == 8
    assert {each.panel.id for each in some.panels} <= {each.panel.id for each in more.panels}
    assert json.dumps(
        fit_projection(read_corpus(index, 24), Split(), lambda part: learn_whitening(part, WhiteningOptions())).data
    )
    index.close()


def test_crops_are_never_tiny() -> None:
    rng = np.random.default_rng(0)
    for shape in ((200, 300), (40, 500), (10, 10)):
        crop = random_crop(np.zeros((*shape, 3), np.uint8), 0.01, rng)
        assert crop.shape[0] >= min(MIN_SIDE, shape[0])
        assert crop.shape[1] >= min(MIN_SIDE, shape[1])
    assert build_corpus(make_corpus(4).panels, make_corpus(4).vectors).vectors.dtype == np.float32


def test_a_trained_model_is_exported_whole_and_without_torch(
    drawn: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    run("train", "whitening", "--index", drawn, "--name", "w2", "--dims", 24, "--power", 0.5, "--force",
        "--license", "CC0-1.0")  # fmt: skip
    trained, file = load_extractor("trained:w2"), tmp_path / "w2.mirmodel"
    told = run("models", "export", "trained:w2", "--output", file, "--format", "json").json()
    assert told["largest_difference"] <= MAX_DIFFERENCE
    assert (told["name"], told["version"], told["dims"]) == ("trained:w2", trained.version, 24)
    assert read_artifact(file).card.license == "CC0-1.0"
    model = OnnxExtractor(str(file))
    assert Parity.between(trained.embed(probe_images(3)), model.embed(probe_images(3))).is_close

    index = tmp_path / "other"
    run("ingest", drawn.parent / "1.png", "--index", index, "--extractor", "trained:w2")
    (models / "w2.mirmodel").unlink()
    asked = ("query", drawn.parent / "1.png", "--crop", f"0,0,{SIDE},{SIDE}", "--no-scale", "--index", index)
    assert "no model named 'w2'" in run(*asked, code=1).err
    found = run(*asked, "--extractor", f"onnx:{file}", "--format", "json").json()
    assert found["hits"][0]["visual_distance"] == pytest.approx(0, abs=2e-3)

    small = tmp_path / "small.mirmodel"  # an exported model can be rounded where there is no torch
    rounded = run(
        "models", "export", f"onnx:{file}", "--precision", "fp16", "--output", small, "--format", "json"
    ).json()
    assert rounded["version"] == f"{trained.version}+fp16"
    assert 0.999 < rounded["mean_cosine"] < 1
    assert small.stat().st_size < 0.7 * file.stat().st_size


def test_a_vector_that_vanishes_is_exported_as_one_that_does(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in ("image", "vector")]
    graph = helper.make_graph([helper.make_node("Identity", ["image"], ["vector"])], "same", ends[:1], ends[1:])
    same = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    rows = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    projection = Projection(rows[0], np.random.default_rng(1).standard_normal((3, 2)).astype(np.float32))
    found = onnxruntime.InferenceSession(append_projection(same, projection)).run(None, {"image": rows})[0]
    assert found[0].tolist() == [1, 0]
    assert np.allclose(found, projection.apply(rows), atol=1e-6)


def test_a_file_is_found_again_by_the_query(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRSEARCH_CACHE", str(tmp_path / "cache"))
    file, index = tmp_path / "mine.mirmodel", tmp_path / "other"
    run("train", "whitening", "--index", drawn, "--dims", 24, "--power", 0.5, "--output", file)
    run("ingest", drawn.parent / "1.png", "--index", index, "--extractor", f"trained:{file}")
    asked = ("query", drawn.parent / "1.png", "--crop", f"0,0,{SIDE},{SIDE}", "--no-scale", "--format", "json")
    assert run(*asked, "--index", index).json()["hits"]
