"""The graph builder: poolings compared with numpy, batches of any size, and no more blocks than needed."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from mirsearch.extractors.efficientnet import graph as graphs
from mirsearch.extractors.efficientnet.extractor import open_session, weights_path
from mirsearch.extractors.efficientnet.levels import HEAD_CHANNELS, Level, Recipe
from mirsearch.extractors.efficientnet.weights import read_state_dict
from mirsearch.extractors.graph_builder import GraphBuilder


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    return read_state_dict(weights_path())


def pooled(level: Level, values: np.ndarray) -> np.ndarray:
    graph = GraphBuilder()
    result = graphs._pool(graph, "x", level)
    graph.nodes.append(onnx.helper.make_node("Identity", [result], ["y"]))
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, values.shape)
    y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, values.shape[:2])
    body = onnx.helper.make_graph(graph.nodes, "pool", [x], [y], graph.constants)
    model = onnx.helper.make_model(body, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return open_session(model.SerializeToString()).run(None, {"x": values})[0]


def test_poolings_equal_numpy() -> None:
    values = np.random.default_rng(1).random((2, 5, 7, 4), dtype=np.float32) * 6
    assert np.allclose(pooled(Level("head"), values), values.mean(axis=(2, 3)), atol=1e-5)
    assert np.allclose(pooled(Level("head", "std"), values), values.std(axis=(2, 3)), atol=1e-5)
    gem = (values.astype(np.float64) ** 3).mean(axis=(2, 3)) ** (1 / 3)
    assert np.allclose(pooled(Level("head", "gem"), values), gem, atol=1e-4)
    assert np.allclose(pooled(Level("head", "gem", p=1), values), values.mean(axis=(2, 3)), atol=1e-5)
    assert np.isfinite(pooled(Level("head", "gem"), np.zeros_like(values))).all()


def test_an_unknown_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match="median"):
        pooled(Level("head", "median"), np.ones((1, 2, 3, 3), np.float32))


def test_a_batch_gives_what_its_images_give_alone(weights: dict[str, np.ndarray]) -> None:
    levels = (Level("block4", "std", 0.5), Level("head", "gem"))
    means = {level.key: np.zeros(level.channels, np.float32) for level in levels}
    model = graphs.descriptor_model(weights, Recipe(levels, 64, False, ""), means)
    onnx.checker.check_model(model)
    run = open_session(model.SerializeToString())
    images = np.random.default_rng(2).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    together = run.run(None, {"image": images})[0]
    alone = np.concatenate([run.run(None, {"image": image[None]})[0] for image in images])
    assert together.shape == (3, 40 + HEAD_CHANNELS)
    assert np.abs(together - alone).max() < 1e-5
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    shares = np.linalg.norm(together[:, :40], axis=1) / np.linalg.norm(together[:, 40:], axis=1)
    assert np.allclose(shares, 0.5, atol=1e-4)  # the weights of the levels


def test_nothing_is_built_past_the_last_level(weights: dict[str, np.ndarray]) -> None:
    def convolutions(*taps: str) -> int:
        model = graphs.pooled_model(weights, [Level(tap) for tap in taps], 64)
        return sum(node.op_type == "Conv" for node in model.graph.node)

    assert convolutions("block0") == 3
    assert convolutions("block7", "block2") == convolutions("block7") == 3 + 7 * 3
    assert convolutions("head") == 3 + 15 * 3 + 1
