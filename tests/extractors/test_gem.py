"""GeM networks: formulas compared with numpy, weights in every layout, identity, and no use of the internet."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

from tests.support.cli_runner import run
from tests.support.torch_needed import torch_or_skip

torch = torch_or_skip("torchvision")

from mirsearch.errors import MissingDependencyError, UsageError
from mirsearch.extractors.torch.files import WeightsError
from mirsearch.extractors.torch.gem import GemExtractor, ResNet18Gem, ResNet50Gem
from mirsearch.extractors.torch.gem_net import EPSILON, GeM, GemNet, build_backbone, feature_layers

MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]


pytestmark = pytest.mark.usefixtures("offline")


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(4)
    made = build_backbone("resnet18").eval()
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # as after training, so that no map is all but constant
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory, network):
    place = tmp_path_factory.mktemp("weights")
    state = network.state_dict()
    features = feature_layers(network).state_dict()
    published = OrderedDict((f"features.{key}", value) for key, value in features.items())
    published["pool.p"] = torch.tensor([2.5])
    meta = {"architecture": "resnet18", "pooling": "gem", "local_whitening": False, "regional": False,
            "whitening": False, "mean": MEAN, "std": STD, "outputdim": 512}  # fmt: skip
    rng = np.random.default_rng(1)
    learned = {scale: {"m": rng.normal(0, 0.01, (512, 1)), "P": rng.normal(size=(512, 512))} for scale in ("ss", "ms")}
    whitened = published | {"whiten.weight": torch.randn(512, 512) / 20, "whiten.bias": torch.randn(512) / 20}
    torch.save(state, place / "torchvision.pth")
    torch.save(
        {"state_dict": {f"module.{key}": value for key, value in state.items()}, "epoch": 3}, place / "wrapped.pth"
    )
    torch.save(features, place / "features.pth")
    torch.save({"meta": meta, "state_dict": published}, place / "published.pth")
    torch.save({"meta": meta | {"Lw": {"retrieval-SfM-120k": learned}}, "state_dict": published}, place / "learned.pth")
    torch.save({"meta": meta | {"whitening": True}, "state_dict": whitened}, place / "whitened.pth")
    torch.save({"meta": meta | {"architecture": "resnet101"}, "state_dict": published}, place / "other.pth")
    torch.save({"meta": meta | {"regional": True}, "state_dict": published}, place / "regional.pth")
    return place


def image(height: int = 96, width: int = 64, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def gem(maps: np.ndarray, p: float) -> np.ndarray:
    """Return the generalized mean of (n, c, h, w), by its formula."""
    return (np.maximum(maps.astype(np.float64), EPSILON) ** p).mean(axis=(2, 3)) ** (1 / p)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("p", [1.0, 2.5, 3.0, 6.0])
def test_gem_is_the_generalized_mean(p):
    maps = torch.rand(2, 5, 7, 6) * 4 - 1
    assert np.allclose(GeM(p)(maps).detach().numpy(), gem(maps.numpy(), p), rtol=1e-5)


def at_scale(features: torch.nn.Module, pixels: torch.Tensor, scale: float, p: float) -> np.ndarray:
    if scale != 1.0:
        pixels = torch.nn.functional.interpolate(pixels, scale_factor=scale, mode="bilinear", align_corners=False)
    with torch.inference_mode():
        return unit(gem(features(pixels).numpy(), p))


def reference(network, picture: np.ndarray, scales: tuple[float, ...], p: float, mean=MEAN, std=STD) -> np.ndarray:
    """Return the multi-scale vector by its formula: the generalized mean, over scales, of unit GeM vectors."""
    pixels = torch.from_numpy(picture)[None].permute(0, 3, 1, 2) / 255.0 - torch.tensor(mean).reshape(1, 3, 1, 1)
    pixels = pixels / torch.tensor(std).reshape(1, 3, 1, 1)
    parts = np.stack([at_scale(feature_layers(network), pixels, scale, p) for scale in scales])
    return unit((parts**p).mean(axis=0) ** (1 / p))


def test_vectors_follow_the_formula_at_one_and_several_scales(folder, network):
    picture = image()
    for argument, scales in (("side=96,scales=1", (1.0,)), ("side=96,scales=1+0.7071+0.5", (1.0, 0.7071, 0.5))):
        found = ResNet18Gem(argument, weights=folder / "published.pth").embed([picture])
        assert np.allclose(found, reference(network, picture, scales, 2.5), atol=1e-5)
        assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_whitening_learned_afterwards_is_applied_by_its_formula(folder, network):
    for argument, scales, which in (("side=96,scales=1", (1.0,), "ss"), ("side=96,scales=1+0.5", (1.0, 0.5), "ms")):
        learned = torch.load(folder / "learned.pth", weights_only=False)["meta"]["Lw"]["retrieval-SfM-120k"][which]
        plain = reference(network, image(), scales, 2.5)
        expected = unit((plain - learned["m"].T) @ learned["P"].T)
        found = ResNet18Gem(argument, weights=folder / "learned.pth").embed([image()])
        assert np.allclose(found, expected, atol=1e-4)


def test_a_whitening_layer_works_at_each_scale_and_scales_are_averaged(folder, network):
    state = torch.load(folder / "whitened.pth", weights_only=True)["state_dict"]
    weight, bias = state["whiten.weight"].numpy(), state["whiten.bias"].numpy()
    parts = [unit(reference(network, image(), (scale,), 2.5) @ weight.T + bias) for scale in (1.0, 0.5)]
    found = ResNet18Gem("side=96,scales=1+0.5", weights=folder / "whitened.pth").embed([image()])
    assert np.allclose(found, unit(sum(parts) / 2), atol=1e-4)


def test_every_layout_of_the_same_weights_is_the_same_extractor(folder):
    plain, wrapped, features = (
        ResNet18Gem("side=96,scales=1", weights=folder / f"{name}.pth")
        for name in ("torchvision", "wrapped", "features")
    )
    assert plain.version == wrapped.version == features.version
    assert (plain.name, plain.dims) == ("resnet18-gem:side=96,scales=1", 512)
    assert np.array_equal(plain.embed([image()]), wrapped.embed([image()]))


def test_other_weights_and_other_settings_are_another_version(folder):
    versions = {
        ResNet18Gem(argument, weights=folder / f"{name}.pth").version
        for argument in ("side=96", "side=128")
        for name in ("torchvision", "published", "learned", "whitened")
    }
    assert len(versions) == 8


@pytest.mark.parametrize(
    ("name", "words"),
    [("other", "architecture 'resnet101'"), ("regional", "regional"), ("text", "can't be read"),
     ("code", "can't be read"), ("short", "can't be read"), ("none", "holds no named tensors"),
     ("odd", "does not fit")],
)  # fmt: skip
def test_what_is_no_weights_is_refused_in_one_line(folder, tmp_path, name, words):
    class Bomb:
        def __reduce__(self):
            return (print, ("this must never run",))

    path = folder / f"{name}.pth"
    if not path.exists():
        path = tmp_path / f"{name}.pth"
        state = torch.load(folder / "torchvision.pth", weights_only=True)
        if name == "text":
            path.write_text("not weights")
        elif name == "code":
            torch.save({"conv1.weight": Bomb()}, path)
        elif name == "short":
            path.write_bytes((folder / "torchvision.pth").read_bytes()[:5000])
        elif name == "none":
            torch.save({"epoch": 3}, path)
        else:
            torch.save(state | {"conv1.weight": torch.zeros(64, 3, 3, 3)}, path)
    with pytest.raises(WeightsError, match=words) as refused:
        _ = ResNet18Gem(weights=path).dims
    assert refused.value.remedy


def test_without_weights_and_network_it_says_what_to_do():
    with pytest.raises(MissingDependencyError, match=r"download\.pytorch\.org can't be reached.*--extractor-weights"):
        _ = ResNet50Gem().version


@pytest.mark.parametrize("argument", ["side=7", "scales=0", "scales=1+1000", "p=x", "depth=9", "side"])
def test_settings_that_can_not_be_are_refused(folder, argument):
    with pytest.raises(UsageError, match="resnet18-gem"):
        _ = ResNet18Gem(argument, weights=folder / "torchvision.pth").dims


@pytest.mark.parametrize(("name", "dims"), [("resnet50", 2048), ("resnet101", 2048), ("resnet152", 2048)])
def test_the_large_ones_have_2048_numbers(name, dims, tmp_path):
    kind = next(each for each in GemExtractor.__subclasses__() if each.architecture == name)
    with torch.device("meta"):
        from mirsearch.extractors.torch import gem_weights

        net = GemNet(feature_layers(build_backbone(kind.architecture)), mean=MEAN, std=STD)
    assert gem_weights.vector_length(net) == dims


def test_ingest_and_query_by_name_with_local_weights(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MIRSEARCH_CACHE", str(tmp_path / "cache"))
    from PIL import Image

    figures = tmp_path / "figures"
    figures.mkdir()
    for seed in range(2):
        Image.fromarray(image(200, 260, seed)).save(figures / f"{seed}.png")
    index, extractor = tmp_path / "index", "resnet18-gem:side=96"
    weights = folder / "torchvision.pth"
    run(
        "ingest", figures, "--index", index, "--extractor", extractor, "--extractor-weights", weights, "--device", "cpu"
    )
    told = run("stats", "--index", index, "--format", "json").json()
    assert (told["extractor"], told["dims"]) == (extractor, 512)
    found = run("query", figures / "1.png", "--index", index, "--no-scale", "--all-kinds", "--format", "json").json()
    assert found["hits"][0]["visual_distance"] == pytest.approx(0, abs=1e-3)
    other = run("query", figures / "1.png", "--index", index, "--extractor-weights", folder / "published.pth", code=1)
    assert "was built with resnet18-gem" in other.err


def test_a_device_that_is_not_there_is_refused(folder):
    if torch.cuda.is_available():
        pytest.skip("there is one here")
    with pytest.raises(UsageError, match="has no device cuda"):
        ResNet18Gem(weights=folder / "torchvision.pth", device="cuda")
    with pytest.raises(UsageError, match="no kind of device 'abacus'"):
        ResNet18Gem(weights=folder / "torchvision.pth", device="abacus")
