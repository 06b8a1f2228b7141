"""Test detection with an ONNX model: its boxes are scaled to the picture's px and measured there, without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mirsearch.analysis.scalebars.faster_rcnn import (
    KIND,
    MIN_BOX_SIDE,
    MODEL_FILE,
    FasterRcnnDetector,
    fit_picture,
    grow_boxes,
)
from mirsearch.cli.parts import load_detector, load_ocr
from mirsearch.errors import PluginError, UsageError
from mirsearch.models.artifact import ArtifactError, Card, write_artifact
from mirsearch.search.query_image import ImageQuestion
from mirsearch.search.scale_options import ScaleOptions

SIDE = 128


def build_model(boxes: list[list[float]], scores: list[float], classes: list[int]) -> bytes:
    """Return an ONNX model that answers all pictures alike. It uses the picture, so that its shape is checked."""
    shape = len(scores)
    nodes = [
        helper.make_node("ReduceMin", ["image"], ["least"], keepdims=0),
        helper.make_node("Mul", ["least", "zero"], ["nothing"]),
        helper.make_node("Add", ["fixed", "nothing"], ["boxes"]),
        helper.make_node("Identity", ["marks"], ["scores"]),
        helper.make_node("Identity", ["kinds"], ["classes"]),
    ]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("image", TensorProto.FLOAT, [3, SIDE, SIDE])],
        [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [shape, 4]),
         helper.make_tensor_value_info("scores", TensorProto.FLOAT, [shape]),
         helper.make_tensor_value_info("classes", TensorProto.INT64, [shape])],
        [helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]),
         helper.make_tensor("fixed", TensorProto.FLOAT, [shape, 4], [edge for box in boxes for edge in box]),
         helper.make_tensor("marks", TensorProto.FLOAT, [shape], scores),
         helper.make_tensor("kinds", TensorProto.INT64, [shape], classes)],
    )  # fmt: skip
    built = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(built)
    return built.SerializeToString()


def install(folder: Path, content: bytes, **settings: object) -> str:
    path = folder / "d.mirmodel"
    write_artifact(path, Card("d", KIND, settings={"side": SIDE} | settings), {MODEL_FILE: content})
    return str(path)


def draw_picture() -> np.ndarray:
    """Return a picture of twice the network's side, with a bar of 81 px at (40, 200)."""
    pixels = np.full((256, 256, 3), 60, np.uint8)
    pixels[200:206, 40:121] = 255
    return pixels


def test_a_found_box_is_brought_to_the_picture_and_measured(tmp_path: Path) -> None:
    content = build_model([[22, 96, 59, 106], [10, 10, 60, 20], [5, 5, 9, 9]], [0.9, 0.4, 0.95], [1, 1, 2])
    bars = FasterRcnnDetector(install(tmp_path, content)).detect(draw_picture())
    assert [bar.score for bar in bars] == [pytest.approx(0.9), pytest.approx(0.4)]
    assert bars[0].box == (40, 200, 121, 206)  # measured, though the network's box was some px off
    assert bars[0].length_px == pytest.approx(81, abs=0.5)
    assert bars[1].box == (20, 20, 120, 40)  # nothing even is there: as the network says
    assert bars[1].length_px == 100


def test_boxes_outside_and_of_no_size_do_no_harm(tmp_path: Path) -> None:
    content = build_model([[-50, -50, -10, -10], [120, 120, 500, 500], [30, 30, 30, 30]], [0.9, 0.8, 0.7], [1, 1, 1])
    bars = FasterRcnnDetector(install(tmp_path, content)).detect(draw_picture())
    assert all(0 <= bar.box[0] < bar.box[2] <= 256 and 0 <= bar.box[1] < bar.box[3] <= 256 for bar in bars)
    assert FasterRcnnDetector(install(tmp_path, content)).detect(np.zeros((4, 300, 3), np.uint8)) == []


def test_it_finds_nothing_where_the_model_says_nothing(tmp_path: Path) -> None:
    assert FasterRcnnDetector(install(tmp_path, build_model([], [], []))).detect(draw_picture()) == []


def test_pictures_are_fitted_and_thin_boxes_grown() -> None:
    canvas, factor = fit_picture(np.full((50, 400, 3), 7, np.uint8), SIDE)
    assert factor == pytest.approx(SIDE / 400)
    assert (canvas[:16] == 7).all()
    assert (canvas[16:] == 128).all()
    assert fit_picture(np.zeros((10, 10, 3), np.uint8), SIDE)[1] == 2.0
    boxes = grow_boxes(np.array([[10, 20, 50, 22], [10, 0, 12, 40]], np.float32))
    assert boxes.tolist() == [
        [10, 21 - MIN_BOX_SIDE / 2, 50, 21 + MIN_BOX_SIDE / 2], [11 - MIN_BOX_SIDE / 2, 0, 11 + MIN_BOX_SIDE / 2, 40],
    ]  # fmt: skip


def test_it_is_named_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRSEARCH_MODELS", str(tmp_path))
    install(tmp_path, build_model([[22, 96, 59, 106]], [0.9], [1]))
    detector = load_detector("faster-rcnn:d")
    assert detector.name.startswith("faster-rcnn:d@")
    from PIL import Image

    Image.fromarray(draw_picture()).save(tmp_path / "p.png")
    question = ImageQuestion(tmp_path / "p.png", load_ocr("rapidocr"), detector, scale=ScaleOptions(length_nm=162.0))
    scale = question.resolve().scale
    assert scale is not None
    assert scale.nm_per_px == pytest.approx(2.0, rel=0.01)


def test_what_is_no_detector_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRSEARCH_MODELS", str(tmp_path))
    with pytest.raises(UsageError, match="needs the name or the file"):
        FasterRcnnDetector()
    with pytest.raises(PluginError, match="no model named 'absent'"):
        load_detector("faster-rcnn:absent")
    with pytest.raises(ArtifactError, match="side"):
        FasterRcnnDetector(install(tmp_path, b"", side=10**9))
    write_artifact(tmp_path / "p.mirmodel", Card("p", "projection"), {})
    with pytest.raises(ArtifactError, match="of kind projection"):
        load_detector("faster-rcnn:p")
    with pytest.raises(ArtifactError, match=r"model\.onnx can't be run"):
        FasterRcnnDetector(install(tmp_path, b"no onnx")).detect(draw_picture())
