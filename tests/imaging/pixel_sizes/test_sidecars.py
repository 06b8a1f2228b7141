"""Pixel sizes in the text files that Hitachi, JEOL and Tescan write beside their images."""

from __future__ import annotations

import pytest
from PIL import Image

from mirsearch.imaging.images import read_pages

HITACHI = "[SemImageFile]\r\nInstructName=S-4800\r\nDataSize=1280x960\r\nPixelSize=4.96\r\n"
JEOL = "$CM_FORMAT JEOL/EM\n$CM_FULL_SIZE 1280 960\n$$SM_MICRON_BAR 142\n$$SM_MICRON_MARKER 10um\n"
TESCAN = (
    "[MAIN]\r\nDevice=MIRA3\r\nImageStripSize=100\r\nPixelSizeX=5.4e-009\r\nPixelSizeY=5.4e-009\r\n[SEM]\r\nHV=1\r\n"
)


def nm_of(folder, size: tuple[int, int], text: str | bytes, beside: str, name: str = "a.png") -> float | None:
    for path in folder.iterdir():
        path.unlink()
    Image.new("L", size).save(folder / name)
    (folder / beside).write_bytes(text if isinstance(text, bytes) else text.encode())
    return next(read_pages(folder / name)).nm_per_px


@pytest.mark.parametrize(
    ("text", "size", "nm"),
    [
        (HITACHI, (1280, 960), 4.96),
        (HITACHI, (640, 480), 9.92),
        (HITACHI, (1280, 890), 4.96),  # its databar cut off
        (HITACHI, (500, 500), None),  # a part of it
        (HITACHI.replace("4.96", "0"), (1280, 960), None),
        (HITACHI.replace("DataSize=1280x960\r\n", ""), (640, 480), 4.96),
        (HITACHI.replace("[SemImageFile]", "[Other]"), (1280, 960), None),
        (JEOL, (1280, 960), 10_000 / 142),
        (JEOL, (1280, 1024), 10_000 / 142),  # with its databar
        (JEOL, (640, 512), 20_000 / 142),
        (JEOL, (640, 480), 20_000 / 142),
        (JEOL, (640, 600), None),
        (JEOL.replace("10um", "10 deg"), (1280, 960), None),
        (TESCAN, (1024, 1124), 5.4),
        (TESCAN, (1024, 1024), 5.4),
        (TESCAN, (1024, 868), 5.4),
        (TESCAN, (512, 562), 10.8),
        (TESCAN, (512, 434), 10.8),
        (TESCAN + "ViewFieldsCountX=2\r\n", (2048, 1124), 5.4),
        (TESCAN + "ViewFieldsCountX=2\r\n", (1024, 562), 10.8),
    ],
)
@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_texts_are_compared_with_the_size_of_the_picture(tmp_path, text, size, nm, coding):
    found = nm_of(tmp_path, size, text.encode(coding), "a.txt")
    assert found == (None if nm is None else pytest.approx(nm, rel=1e-3))


@pytest.mark.parametrize(
    ("name", "beside", "found"),
    [("a.png", "a.TXT", True), ("a.tif", "a-tif.hdr", True), ("a.tif", "a.hdr", True), ("a.png", "b.hdr", False),
     ("a.b.png", "a.b.txt", True)],
)  # fmt: skip
def test_names_of_files_beside(tmp_path, name, beside, found):
    assert (nm_of(tmp_path, (1024, 1124), TESCAN, beside, name) is not None) == found


def test_the_tags_of_a_tiff_come_before_the_text_beside_it(tmp_path):
    (tmp_path / "a.txt").write_text(HITACHI)
    exif = Image.Exif()
    exif[34682] = "[Scan]\nPixelWidth=7e-9\n"
    Image.new("L", (1280, 960)).save(tmp_path / "a.tif", exif=exif)
    assert next(read_pages(tmp_path / "a.tif")).nm_per_px == pytest.approx(7)


def test_the_text_beside_a_tiff_comes_before_its_resolution_tags(tmp_path):
    (tmp_path / "a.txt").write_text(HITACHI)
    Image.new("L", (1280, 960)).save(tmp_path / "a.tif", x_resolution=1e6, y_resolution=1e6, resolution_unit=3)
    assert next(read_pages(tmp_path / "a.tif")).nm_per_px == pytest.approx(4.96)


def test_other_texts_and_huge_ones_are_no_metadata(tmp_path):
    assert nm_of(tmp_path, (64, 48), "A caption about PixelSize = 5 nm.\n", "a.txt") is None
    assert nm_of(tmp_path, (1280, 960), HITACHI + " " * (2 << 20), "a.txt") is None
    assert nm_of(tmp_path, (64, 48), b"\xff\xfe" + bytes(range(256)) * 4, "a.txt") is None
