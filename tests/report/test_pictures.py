"""Pictures of hits: from the original while it is there and unchanged, else the stored one."""

from __future__ import annotations

import dataclasses
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mirsearch.corpus import Origin, figure_id
from mirsearch.imaging.images import content_hash
from mirsearch.query import StoredPanel
from mirsearch.readers import originals
from mirsearch.report import pictures
from mirsearch.report.pictures import Picture, PictureLoader
from tests.support.report_answers import jpeg, make_answer, stored, texture


def size(picture: Picture | None) -> tuple[int, int]:
    assert picture is not None
    return Image.open(io.BytesIO(picture.jpeg)).size


def located(panel: StoredPanel, *locations: str) -> StoredPanel:
    origins = tuple(Origin("folder", location) for location in locations)
    return StoredPanel(panel.panel, dataclasses.replace(panel.figure, origins=origins))


def test_the_original_is_used_at_a_bounded_size(tmp_path: Path) -> None:
    panel, small = stored(0, tmp_path, "")
    assert size(PictureLoader().panel_picture(panel, small)) == (400, 300)
    assert size(PictureLoader(side=100).panel_picture(panel, small)) == (100, 75)
    assert size(PictureLoader().panel_picture(panel, small, originals=False)) == (160, 120)


def test_the_crop_is_the_panels(tmp_path: Path) -> None:
    panel, small = stored(0, tmp_path, "")
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[100:200, 200:400] = 255
    Image.fromarray(pixels).save(tmp_path / "half.png")
    figure = dataclasses.replace(panel.figure, id=figure_id(content_hash(tmp_path / "half.png")))
    part = StoredPanel(dataclasses.replace(panel.panel, box=(200, 100, 400, 200)), figure)
    picture = PictureLoader().panel_picture(located(part, str(tmp_path / "half.png")), small)
    assert picture is not None
    assert (picture.width, picture.height) == (200, 100)
    assert np.asarray(Image.open(io.BytesIO(picture.jpeg))).min() > 250


@pytest.mark.parametrize("case", ["gone", "resized", "damaged", "empty", "folder", "web", "nul", "no origin"])
def test_an_original_that_cannot_be_used_gives_way(tmp_path: Path, case: str) -> None:
    panel, small = stored(0, None, "")
    path = tmp_path / "figure.png"
    if case == "resized":
        Image.fromarray(texture(0, 90, 80)).save(path)
    elif case == "damaged":
        path.write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    elif case == "empty":
        path.write_bytes(b"")
    where = {"folder": str(tmp_path), "web": "https://127.0.0.1:1/figure.png", "nul": "a\0b"}.get(case, str(path))
    moved = located(panel, *(() if case == "no origin" else (where,)))
    assert size(PictureLoader().panel_picture(moved, small)) == (160, 120)
    assert PictureLoader().panel_picture(moved, None) is None
    assert PictureLoader().panel_picture(moved, b"<svg onload=alert(1)>") is None


def test_an_older_origin_serves_when_the_newest_is_gone(tmp_path: Path) -> None:
    panel, small = stored(0, tmp_path, "")
    kept = panel.figure.image
    assert kept is not None
    assert size(PictureLoader().panel_picture(located(panel, kept, str(tmp_path / "gone.png")), small)) == (400, 300)


def test_a_huge_original_is_not_decoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    panel, small = stored(0, tmp_path, "")
    monkeypatch.setattr(pictures, "MAX_ORIGINAL_PIXELS", 400 * 300 - 1)
    assert size(PictureLoader().panel_picture(panel, small)) == (160, 120)


def test_a_box_outside_its_figure_falls_back(tmp_path: Path) -> None:
    panel, small = stored(0, tmp_path, "")
    outside = StoredPanel(dataclasses.replace(panel.panel, box=(5000, 5000, 5100, 5100)), panel.figure)
    assert size(PictureLoader().panel_picture(outside, small)) == (160, 120)


def replace_file(path: Path, seed: int, keep_times: bool = True) -> None:
    """Draw another picture of the same size into a file; with `keep_times`, its date says that it is the old one."""
    before = path.stat()
    with Image.open(path) as opened:
        width, height = opened.size
    Image.fromarray(texture(seed, width, height)).save(path)
    if keep_times:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("keep_times", [True, False])
def test_a_replaced_file_of_the_same_size_is_never_shown(tmp_path: Path, keep_times: bool) -> None:
    panel, small = stored(0, tmp_path, "")
    loader = PictureLoader()
    first = loader.panel_picture(panel, small)
    assert first is not None
    assert (size(first), first.note) == ((400, 300), "")
    replace_file(tmp_path / "figure0.png", 77, keep_times)
    shown = PictureLoader().panel_picture(panel, small)
    assert shown is not None
    assert (shown.jpeg, shown.note) == (small, pictures.NOTES["changed"])
    (tmp_path / "figure0.png").unlink()
    gone = PictureLoader().panel_picture(panel, small)
    assert gone is not None
    assert (gone.jpeg, gone.note) == (small, pictures.NOTES["missing"])


def test_a_file_that_changes_while_it_is_read_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    panel, small = stored(0, tmp_path, "")
    read = originals.images.read_pages

    def replace_and_read(path: Path, *limits: object) -> object:
        replace_file(tmp_path / "figure0.png", 78)
        return read(path, *limits)

    monkeypatch.setattr(originals.images, "read_pages", replace_and_read)
    shown = PictureLoader().panel_picture(panel, small)
    assert shown is not None
    assert (shown.jpeg, shown.note) == (small, pictures.NOTES["changed"])


def test_a_file_is_hashed_once_while_it_stays_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    panel, small = stored(0, tmp_path, "")
    path, hashed = tmp_path / "figure0.png", []
    monkeypatch.setattr(originals, "_SETTLED_SECONDS", -1.0)
    monkeypatch.setattr(originals.images, "content_hash", lambda file: hashed.append(file) or content_hash(file))
    for _ in range(3):
        assert size(PictureLoader().panel_picture(panel, small)) == (400, 300)
    assert len(hashed) == 1
    replace_file(path, 79)
    assert size(PictureLoader().panel_picture(panel, small)) == (160, 120)
    assert len(hashed) == 2


def test_a_query_by_id_stands_for_the_panels_own_size() -> None:
    view = dataclasses.replace(make_answer(count=0).query, pixels=texture(1, 80, 60), box=(0, 0, 800, 600))
    picture = PictureLoader().query_picture(view)
    assert picture is not None
    assert (picture.width, picture.height) == (800, 600)
    assert picture.data_url.startswith("data:image/jpeg;base64,")
    assert PictureLoader().query_picture(dataclasses.replace(view, pixels=None)) is None


def test_stored_pictures_must_be_jpegs() -> None:
    panel, _ = stored(0, None, "")
    out = io.BytesIO()
    Image.fromarray(texture(0, 20, 20)).save(out, "PNG")
    assert PictureLoader().panel_picture(panel, out.getvalue()) is None
    assert PictureLoader().panel_picture(panel, jpeg(texture(0, 20, 20))) is not None
