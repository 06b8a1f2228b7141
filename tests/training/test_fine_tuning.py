"""Fine-tuning a whole network: a small one with random weights, by the same code as the large ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.cli_runner import run
from tests.support.tiny_models import resnet_checkpoint
from tests.support.torch_needed import torch_or_skip

torch = torch_or_skip("torchvision")

from mirsearch.cli.parts import ExtractorChoice, load_extractor
from mirsearch.corpus import Article, Figure, Origin, Panel, figure_id, panel_ids
from mirsearch.errors import UsageError
from mirsearch.imaging import images
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord
from mirsearch.models.artifact import read_artifact
from mirsearch.synthetic.fields import View, make_rng
from mirsearch.synthetic.specimens.families import specimen
from mirsearch.training import head
from mirsearch.training.corpus_vectors import read_corpus
from mirsearch.training.fine_tuning import (
    LOSSES,
    NetworkOptions,
    NetworkTrainer,
    RunOptions,
    TunedNetwork,
    embed_corpus,
    tune_network,
)
from mirsearch.training.fitting import Split

pytestmark = pytest.mark.usefixtures("offline")
SPEC = "resnet18-gem:side=32,scales=1"
FAMILIES = ("spheres", "particles_on_film")
SIDE = 80


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Use one thread: a network this small is slower on two."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIRSEARCH_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make an index of six articles with two panels each, and the weights of its extractor."""
    folder = tmp_path_factory.mktemp("tuned")
    weights = resnet_checkpoint(torch, folder)
    extractor = load_extractor(ExtractorChoice(SPEC, weights, "cpu"))
    index = open_index(
        str(folder / "index"), create=ExtractorIdentity(extractor.name, extractor.version, extractor.dims)
    )
    with index.writer() as writer:
        for number in range(6):
            shown, rng = specimen(number, FAMILIES[number % 2]), make_rng(number, 3)
            parts = [shown.micrograph(View(SIDE, SIDE, shown.nm_per_px(0.4)), rng) for _ in range(2)]
            path = folder / f"{number}.png"
            Image.fromarray(np.concatenate(parts, axis=1)).save(path)
            name = figure_id(images.content_hash(path))
            boxes = [(SIDE * at, 0, SIDE * at + SIDE, SIDE) for at in range(2)]
            panels = tuple(
                Panel(box, None, "micrograph", 1.0, shown.technique, 1.0, id=each)
                for box, each in zip(boxes, panel_ids(name, [Panel(box) for box in boxes]), strict=True)
            )
            article, origins = Article(f"doi:10.1/{number}"), (Origin("f", str(path)),)
            told = Figure(name, 2 * SIDE, SIDE, article=article, origins=origins)
            small = tuple(images.thumbnail(part) for part in parts)
            writer.put(FigureRecord(told, panels, extractor.embed(parts), small))
    index.close()
    return folder / "index", weights


def test_tuning_lowers_the_loss_and_gives_another_identity(made: tuple[Path, Path]) -> None:
    index = open_index(str(made[0]))
    extractor = load_extractor(ExtractorChoice(SPEC, made[1], "cpu"))
    corpus = read_corpus(index, 100)
    before, version = embed_corpus(index, corpus, extractor), extractor.version
    assert np.allclose(before, corpus.vectors, atol=2e-3)  # an index keeps half precision
    trainer = NetworkTrainer(index, corpus, extractor, NetworkOptions(margin=0.5, rate=1e-4, seed=1))
    losses = [trainer.train_epoch(lambda *_: None) for _ in range(2)]
    trainer.finish()
    assert losses[-1] < losses[0]
    assert extractor.version != version
    assert not np.allclose(embed_corpus(index, corpus, extractor), before, atol=1e-3)
    assert not any(each.requires_grad for each in extractor.network.module.parameters())
    index.close()


def test_the_command_tunes_keeps_and_the_model_runs_without_torch(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIRSEARCH_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "tuned.mirmodel"
    words = ("train", "metric", "--whole", "--index", made[0], "--extractor", SPEC, "--extractor-weights", made[1],
             "--device", "cpu", "--epochs", 1, "--run", tmp_path / "run")  # fmt: skip
    told = run(*words, "--output", file, "--license", "CC0-1.0", "--format", "json").json()
    card = read_artifact(file).card
    assert told["extractor"] == f"onnx:{file}"
    assert card.license == "CC0-1.0"
    assert card.data["tuned from"].startswith("resnet18-gem")
    assert {"figure", "technique", "parity"} <= set(card.metrics)
    tuned = load_extractor(f"onnx:{file}")
    assert tuned.dims == 512
    assert tuned.version not in card.data["tuned from"]
    assert "--resume" in run(*words, code=2).err  # a run is never written over unasked
    again = run(*words, "--resume", "--output", file, "--format", "json").json()
    assert again["version"] == told["version"]  # nothing was left to do
    assert "for --whole" in run("train", "metric", "--index", made[0], "--resume", *words[5:9], code=2).err


def test_a_stopped_run_goes_on_as_if_it_had_not_been(made: tuple[Path, Path], tmp_path: Path) -> None:
    options = NetworkOptions(margin=0.5, rate=1e-4, triples=6, epochs=2, seed=1)

    def tuned(run: RunOptions, options: NetworkOptions = options) -> tuple[TunedNetwork, str]:
        index, extractor = open_index(str(made[0])), load_extractor(ExtractorChoice(SPEC, made[1], "cpu"))
        try:
            return tune_network(index, read_corpus(index, 100), extractor, options, Split(), run), extractor.version
        finally:
            index.close()

    def stop(what: str, done: int, of: int) -> None:
        if (what, done) == ("epochs", 1):
            raise KeyboardInterrupt

    whole, version = tuned(RunOptions(lambda *_: None))
    with pytest.raises(KeyboardInterrupt):
        tuned(RunOptions(stop, tmp_path))
    with pytest.raises(UsageError, match="begun with other"):
        tuned(RunOptions(stop, tmp_path, resume=True), replace(options, rate=2e-4))
    again, same = tuned(RunOptions(lambda *_: None, tmp_path, resume=True))
    assert (again.losses, same) == (whole.losses, version)
    assert [each.name for each in tmp_path.iterdir()] == ["last.pt"]
    with pytest.raises(UsageError, match="nothing to resume"):
        tuned(RunOptions(stop, tmp_path / "none", resume=True))


def test_an_interrupted_command_says_how_to_go_on(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIRSEARCH_CACHE", str(tmp_path / "cache"))
    words = ("train", "metric", "--whole", "--index", made[0], "--extractor", SPEC, "--extractor-weights", made[1],
             "--device", "cpu", "--run", tmp_path / "run", "--output", tmp_path / "x.mirmodel")  # fmt: skip

    def interrupted(*_: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(NetworkTrainer, "train_epoch", interrupted)
    assert "interrupted: no epoch is finished" in run(*words, code=130).err
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last.pt").write_bytes(b"")
    monkeypatch.setattr("mirsearch.training.fine_tuning.NetworkTrainer.resume", interrupted)
    assert "--resume continues" in run(*words, "--resume", code=130).err


def test_what_has_no_network_is_refused(made: tuple[Path, Path], tmp_path: Path) -> None:
    from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor

    own = EfficientNetExtractor()
    index = open_index(str(tmp_path / "i"), create=ExtractorIdentity(own.name, own.version, own.dims))
    from tests.support.index_records import record, vectors

    with index.writer() as writer:
        for number in range(8):
            drawn = record(number)
            writer.put(FigureRecord(drawn.figure, drawn.panels, vectors(number, 2, own.dims), drawn.thumbnails))
    index.close()
    assert (
        "is not a network that can be trained"
        in run("train", "metric", "--whole", "--index", tmp_path / "i", code=2).err
    )


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_losses_are_those_of_the_head(name: str) -> None:
    rng = np.random.default_rng(0)
    units = [each / np.linalg.norm(each) for each in rng.standard_normal((3, 8))]
    expected = head.LOSSES[name]([each[None] for each in units], 0.7)[0][0]
    assert float(LOSSES[name](*(torch.from_numpy(each) for each in units), 0.7)) == pytest.approx(expected, abs=1e-5)


def test_a_corpus_without_anything_unlike_is_refused(made: tuple[Path, Path]) -> None:
    index = open_index(str(made[0]))
    corpus = read_corpus(index, 100)
    extractor = load_extractor(ExtractorChoice(SPEC, made[1], "cpu"))
    alike = corpus.subset(corpus.techniques == corpus.techniques[0])
    with pytest.raises(UsageError, match="no two pictures certainly show different things"):
        NetworkTrainer(index, alike, extractor, NetworkOptions()).train_epoch(lambda *_: None)
    index.close()
