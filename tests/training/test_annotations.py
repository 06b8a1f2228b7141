"""Users' annotations: JSON of COCO and EXSCLAIM!, missing pictures, and malicious files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mirsearch.analysis.scalebars.faster_rcnn import BAR, LABEL
from mirsearch.errors import SourceError
from mirsearch.training.annotations import parse_annotations, read_annotations


def coco(**changes: Any) -> dict[str, Any]:
    told = {
        "images": [{"id": 7, "file_name": "one.png"}, {"id": 8, "file_name": "deep/two.png"}],
        "categories": [{"id": 1, "name": "Scale_Bar"}, {"id": 2, "name": "label"}, {"id": 3, "name": "arrow"}],
        "annotations": [
            {"image_id": 7, "category_id": 1, "bbox": [10, 80, 40, 3]},
            {"image_id": 7, "category_id": 2, "bbox": [12, 60, 30, 12]},
            {"image_id": 7, "category_id": 3, "bbox": [0, 0, 5, 5]},
            {"image_id": 99, "category_id": 1, "bbox": [0, 0, 5, 5]},
        ],
    }
    return told | changes


def square(x0: int, y0: int, x1: int, y1: int) -> list[dict[str, int]]:
    return [{"x": x0, "y": y0}, {"x": x0, "y": y1}, {"x": x1, "y": y1}, {"x": x1, "y": y0}]


EXSCLAIM = {
    "fig1.png": {
        "figure_name": "fig1.png",
        "master_images": [{"geometry": square(-1, 0, 100, 100)}, {"geometry": square(100, 0, 200, 100)}],
        "scale_bars": [{"geometry": square(10, 90, 50, 93)}, {"geometry": square(120, 90, 170, 94)}],
        "scale_labels": [{"text": "5 nm", "geometry": square(12, 70, 40, 85)}],
    }
}


def written(folder: Path, told: object, *pictures: tuple[str, int, int]) -> Path:
    for name, width, height in pictures:
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(folder / name)
    (folder / "told.json").write_text(json.dumps(told))
    return folder / "told.json"


def test_coco_is_read_by_the_names_of_its_categories(tmp_path: Path) -> None:
    read = read_annotations(written(tmp_path, coco(), ("one.png", 100, 90), ("deep/two.png", 50, 40)))
    assert (read.pictures, read.problems) == (2, ())
    sample = next(each for each in read.samples.samples if len(each.boxes))
    assert sample.pixels.shape == (90, 100, 3)
    assert sample.boxes.tolist() == [[10, 80, 50, 83], [12, 60, 42, 72]]
    assert sample.classes.tolist() == [BAR, LABEL]
    assert sample.lengths[0] == 40
    assert np.isnan(sample.lengths[1])


def test_exsclaim_is_read_panel_by_panel(tmp_path: Path) -> None:
    samples = read_annotations(written(tmp_path, EXSCLAIM, ("fig1.png", 200, 100))).samples.samples
    assert [each.pixels.shape for each in samples] == [(100, 100, 3)] * 2
    assert samples[0].boxes.tolist() == [[10, 90, 50, 93], [12, 70, 40, 85]]
    assert samples[1].boxes.tolist() == [[20, 90, 70, 94]]


def test_what_is_missing_is_told_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read = read_annotations(written(tmp_path, coco(), ("one.png", 100, 90)))
    assert len(read.samples.samples) == 1
    assert "two.png" in read.problems[0]
    assert "two.png" in caplog.text
    (tmp_path / "one.png").unlink()
    with pytest.raises(SourceError, match=r"none of the 2 pictures .*--images"):
        read_annotations(tmp_path / "told.json")


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "a/../../b.png", "", "..\\up.png"])
def test_names_that_climb_out_of_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    Image.fromarray(np.zeros((50, 50, 3), np.uint8)).save(tmp_path / "secret.png")
    inner = tmp_path / "inner"
    inner.mkdir()
    told = coco(images=[{"id": 7, "file_name": name}])
    with pytest.raises(SourceError):
        read_annotations(written(inner, told))


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ([], "is not an annotation file"),
        ({}, "is not an annotation file"),
        ({"a": {"b": 1}}, "is not an annotation file"),
        (coco(categories=[{"id": 1, "name": "cat"}]), r"no category is called bar .*cat"),
        (coco(categories=[]), r"the categories are: none"),
        (coco(annotations=[{"image_id": 7, "category_id": 1, "bbox": [1, 2, "x", 4]}]), "can't be used"),
        (
            coco(annotations=[{"image_id": 7, "category_id": 1, "bbox": [1, 2, float("inf"), 4]}]),
            "can't have the corners",
        ),
        (coco(annotations=[{"image_id": 7, "category_id": 1, "bbox": [1, 2, -9, 4]}]), "can't have the corners"),
        (coco(annotations=[{"image_id": 7}]), "KeyError"),
        ({"f": {"scale_bars": [{"geometry": []}]}}, "can't be used"),
    ],
)
def test_what_is_no_annotation_is_refused(told: Any, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        parse_annotations(told, "told.json")


def test_files_that_are_no_json_are_refused(tmp_path: Path) -> None:
    for content in (b"", b"{", b"[" * 100_000, b"\xff\xfe"):
        (tmp_path / "x.json").write_bytes(content)
        with pytest.raises(SourceError, match="is not JSON"):
            read_annotations(tmp_path / "x.json")
    with pytest.raises(SourceError, match="can't be read"):
        read_annotations(tmp_path / "absent.json")


@pytest.mark.data
def test_every_published_annotation_is_understood(shared_data: Path) -> None:
    told = json.loads((shared_data / "exsclaim_annotations" / "scale_bars_dataset_train.json").read_text())
    drawn = parse_annotations(told, "published")
    assert len(drawn) == len(told) > 1000
    bars = sum(each.classes.count(BAR) for each in drawn)
    assert bars == sum(len(each["scale_bars"]) for each in told.values()) > 1000
