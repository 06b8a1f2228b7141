"""`mirsearch export --dataset`: pictures, boxes, shards, description, rights; on both indexes."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import tarfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mirsearch
from mirsearch.corpus import Article, Figure, Origin, figure_id
from mirsearch.imaging.images import thumbnail
from mirsearch.indexes import open_index
from tests.support.cli_runner import run
from tests.support.index_records import IDENTITY, article, record


@pytest.fixture(params=["embedded", "elasticsearch"])
def location(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return str(tmp_path / "index") if request.param == "embedded" else request.getfixturevalue("es_location")


def _draw(path: Path, number: int, size: tuple[int, int] = (200, 80), **options: object) -> str:
    pixels = np.random.default_rng(number).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)  # type: ignore[arg-type]
    return figure_id(hashlib.sha256(path.read_bytes()).hexdigest())


def _fill(location: str, folder: Path) -> dict[str, str]:
    """Write a figure of each sort, and return their ids by name."""
    folder.mkdir(exist_ok=True)
    rotated = Image.Exif()
    rotated[0x0112] = 6
    files: dict[str, tuple[dict[str, object], dict[str, object]]] = {
        "plain.png": ({}, {}), "plain.jpg": ({}, {}), "page.tif": ({}, {}),
        "turned.jpg": ({"size": (80, 200), "exif": rotated}, {}), "gone.png": ({}, {}), "changed.png": ({}, {}),
        "unlicensed.png": ({}, {"article": article(1, license=None)}),
        "closed.png": ({}, {"article": article(2, id="doi:closed", license="All rights reserved")}),
        "nd.png": ({}, {"article": article(3, id="doi:nd", license="CC BY-ND 4.0")}),
        "others.png": ({}, {"permission_note": "Reproduced with permission of Elsevier"}),
    }  # fmt: skip
    ids: dict[str, str] = {}
    with closing(open_index(location, create=IDENTITY)) as index, index.writer() as writer:
        for number, (name, (options, changes)) in enumerate(files.items()):
            ids[name] = _draw(folder / name, number, **options)  # type: ignore[arg-type]
            made = record(number, panels=2, id=ids[name])
            origins = (Origin("folder", str(folder / name)),)
            own: Article = article(50, license="CC BY 4.0")
            figure: Figure = dataclasses.replace(made.figure, origins=origins, article=own)
            figure = dataclasses.replace(figure, **changes)  # type: ignore[arg-type]
            small = tuple(thumbnail(np.full((80, 100, 3), 9, np.uint8), 50) for _ in made.panels)
            writer.put(dataclasses.replace(made, figure=figure, thumbnails=small))
    (folder / "gone.png").unlink()
    _draw(folder / "changed.png", 999)
    return ids


def test_a_dataset_has_pictures_boxes_credits_and_a_description(location: str, tmp_path: Path) -> None:
    ids = _fill(location, tmp_path / "files")
    told = run("export", "--dataset", tmp_path / "set", "--shards", "--index", location)
    assert f"{tmp_path / 'set'}: 8 panels in 4 pictures\n  CC BY 4.0: 8 panels\n" == told.out
    for reason in ("its file is gone", "its file has changed", "no license is known", "none of Creative Commons",
                   "cc-by-nd does not allow", "another holder"):  # fmt: skip
        assert f"2 panels were left out: {reason}" in told.err or reason in told.err
    coco = json.loads((tmp_path / "set" / "annotations.json").read_text())
    assert {image["figure"] for image in coco["images"]} == {ids[name] for name in
            ("plain.png", "plain.jpg", "page.tif", "turned.jpg")}  # fmt: skip
    for image in coco["images"]:
        path = tmp_path / "set" / image["file_name"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == image["sha256"]
        with Image.open(path) as opened:
            assert opened.size == (image["width"], image["height"])
        assert image["made_from"] == ("file" if image["figure"] in (ids["plain.png"], ids["plain.jpg"]) else "pixels")
        boxes = [each for each in coco["annotations"] if each["image_id"] == image["id"]]
        assert [each["bbox"] for each in boxes] == [[0, 0, 100, 80], [100, 0, 100, 80]]
    by_id = {each["id"]: each["name"] for each in coco["categories"]}
    assert {by_id[each["category_id"]] for each in coco["annotations"]} <= {"micrograph", "diffraction", "plot"}
    assert [each["name"] for each in coco["licenses"]] == ["CC BY 4.0"]
    assert "CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)" in (tmp_path / "set" / "CREDITS.txt").read_text()
    rows = [json.loads(line) for line in (tmp_path / "set" / "panels.jsonl").read_text().splitlines()]
    assert {row["panel"] for row in rows} == {each["panel"] for each in coco["annotations"]}
    _check_shards(tmp_path / "set", coco)
    _check_description(tmp_path / "set")


def _check_shards(folder: Path, coco: dict[str, list[dict[str, object]]]) -> None:
    samples: dict[str, dict[str, bytes]] = {}
    for path in sorted((folder / "shards").iterdir()):
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, ending = member.name.partition(".")
                samples.setdefault(key, {})[ending] = tar.extractfile(member).read()  # type: ignore[union-attr]
    assert len(samples) == len(coco["images"])
    for sample in samples.values():
        assert len(sample) == 3
        told = json.loads(sample["json"])
        picture = sample.get("png") or sample["jpg"]
        assert hashlib.sha256(picture).hexdigest() == told["image"]["sha256"]
        assert len(told["panels"]) == 2
        with Image.open(io.BytesIO(picture)) as opened:
            assert opened.size == (told["image"]["width"], told["image"]["height"])


def _check_description(folder: Path) -> None:
    described = json.loads((folder / "croissant.json").read_text())
    assert described["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    files = {each["contentUrl"]: each["sha256"] for each in described["distribution"] if "contentUrl" in each}
    assert set(files) == {"annotations.json", "panels.jsonl", "CREDITS.txt"}
    for name, digest in files.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    (panels,) = described["recordSet"]
    columns = [each["source"]["extract"]["column"] for each in panels["field"]]
    first = json.loads((folder / "panels.jsonl").read_text().splitlines()[0])
    assert columns == list(first)


def test_thumbnails_and_what_may_not_be_passed_on_come_only_if_asked_for(location: str, tmp_path: Path) -> None:
    ids = _fill(location, tmp_path / "files")
    run("export", "--dataset", tmp_path / "set", "--thumbnails", "--any-license", "--index", location)
    coco = json.loads((tmp_path / "set" / "annotations.json").read_text())
    assert {image["figure"] for image in coco["images"]} == set(ids.values())
    small = [image for image in coco["images"] if image["made_from"] == "thumbnail"]
    assert {image["figure"] for image in small} == {ids["gone.png"], ids["changed.png"]}
    assert len(small) == 4
    assert all((image["width"], image["height"]) == (50, 40) for image in small)
    scaled = [each for each in coco["annotations"] if each["made_from"] == "thumbnail" and each["nm_per_px"]]
    whole = {each["panel"]: each for each in (stored.to_dict() | {"panel": stored.id}
             for stored in mirsearch.open(location).list(filter="figure.id=" + ids["changed.png"]))}  # fmt: skip
    for each in scaled:
        if each["panel"] in whole:
            assert each["nm_per_px"] == pytest.approx(2 * whole[each["panel"]]["scale"]["nm_per_px"])


def test_filters_choose_the_panels(tmp_path: Path) -> None:
    location = str(tmp_path / "index")
    _fill(location, tmp_path / "files")
    with closing(mirsearch.open(location)) as corpus:
        summary = corpus.export_dataset(tmp_path / "set", filter="panel.kind=micrograph")
    coco = json.loads((tmp_path / "set" / "annotations.json").read_text())
    assert 0 < len(coco["annotations"]) == summary.panels < 8
    assert {each["category_id"] for each in coco["annotations"]} == {1}
    lines = run("export", "--kind", "micrograph", "--technique", "SEM", "--index", location).out.splitlines()
    assert lines
    assert {(json.loads(line)["kind"], json.loads(line)["technique"]) for line in lines} == {("micrograph", "SEM")}


def test_wrong_calls_are_told(tmp_path: Path) -> None:
    location = str(tmp_path / "index")
    _fill(location, tmp_path / "files")
    for words in (("--dataset", tmp_path / "files"), ("--dataset", tmp_path / "no" / "where"), ("--shards",),
                  ("--dataset", tmp_path / "set", "--vectors"), ("--dataset", location)):  # fmt: skip
        assert run("export", *words, "--index", location, code=2).err
    assert not (tmp_path / "set").exists()
