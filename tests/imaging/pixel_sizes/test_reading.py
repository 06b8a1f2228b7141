"""How pixel sizes are asked for: page by page, in damaged files, without opening a file twice."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from mirsearch.imaging.images import read_pages
from mirsearch.imaging.pixel_sizes import pixel_size_nm

PIXELS = np.zeros((8, 8), np.uint8)
FEI = "[Beam]\r\nHV=5000\r\n[Scan]\r\nPixelWidth=1.25e-009\r\nPixelHeight=1.25e-009\r\n"


def write_tiff(folder: Path, **options) -> Path:
    path = folder / "image.tif"
    tifffile.imwrite(path, PIXELS, **options)
    return path


def tag(code: int, text: str) -> list[tuple]:
    return [(code, 2, len(text) + 1, text.encode() + b"\0", True)]


def test_each_page_is_asked_and_missing_pages_have_none(tmp_path):
    path = write_tiff(tmp_path, extratags=tag(34682, FEI), metadata=None)
    assert pixel_size_nm(path, 1) is None


@pytest.mark.parametrize("value", ["0", "-1e-9", "1e30", "nan", "nonsense"])
def test_impossible_sizes_are_none(tmp_path, value):
    text = f"[Scan]\r\nPixelWidth={value}\r\n"
    assert pixel_size_nm(write_tiff(tmp_path, extratags=tag(34682, text), metadata=None)) is None


def test_jeol_text_beside_the_image(tmp_path):
    (tmp_path / "a.txt").write_text("$CM_FORMAT JEOL/EM\n$$SM_MICRON_BAR 142\n$$SM_MICRON_MARKER 10um\n", "utf-8")
    assert pixel_size_nm(tmp_path / "a.bmp") == pytest.approx(10_000 / 142)


def test_hitachi_text_beside_the_image(tmp_path):
    (tmp_path / "a.txt").write_text("[SemImageFile]\r\nInstructName=S-4800\r\nPixelSize=4.96\r\n", "utf-8")
    assert pixel_size_nm(tmp_path / "a.tif") == pytest.approx(4.96)
    (tmp_path / "b.txt").write_text("PixelSize=4.96\n", "utf-8")
    assert pixel_size_nm(tmp_path / "b.jpg") is None


def test_missing_and_other_files_have_none(tmp_path):
    assert pixel_size_nm(tmp_path / "missing.tif") is None
    (tmp_path / "empty.tif").write_bytes(b"")
    assert pixel_size_nm(tmp_path / "empty.tif") is None
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    assert pixel_size_nm(tmp_path / "a.png") is None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 400), st.binary(min_size=1, max_size=40))
def test_damaged_files_have_none_or_a_sound_size(tmp_path_factory, offset, noise):
    path = write_tiff(tmp_path_factory.mktemp("tiff"), extratags=tag(34682, FEI), metadata=None)
    data = bytearray(path.read_bytes())
    data[offset : offset + len(noise)] = noise
    path.write_bytes(bytes(data))
    size = pixel_size_nm(path)
    assert size is None or 1e-4 <= size <= 1e6
    path.write_bytes(bytes(data)[: len(data) // 2] + struct.pack("<H", 7))
    pixel_size_nm(path)


@pytest.mark.data
def test_old_fei_files_without_a_pixel_size_have_none(shared_data):
    for path in sorted((shared_data / "nanoballs").glob("*.tif")):
        assert pixel_size_nm(path) is None


def test_a_tiff_is_known_by_its_first_bytes(tmp_path):
    path = write_tiff(tmp_path, extratags=tag(34682, FEI), metadata=None)
    assert pixel_size_nm(path.rename(tmp_path / "image.dat")) == pytest.approx(1.25)
    (tmp_path / "text.tif").write_text("PixelWidth=1.25e-009")
    assert pixel_size_nm(tmp_path / "text.tif") is None


def test_a_file_is_opened_once_for_all_its_pages(tmp_path, monkeypatch):
    path = tmp_path / "stack.tif"
    with tifffile.TiffWriter(path) as writer:
        for number in range(1, 25):
            text = f"[Scan]\r\nPixelWidth={number}e-009\r\n"
            writer.write(PIXELS + number, extratags=tag(34682, text), metadata=None)
    opened = []
    real = tifffile.TiffFile.__init__

    def counted(self, *args, **options):
        opened.append(args)
        real(self, *args, **options)

    monkeypatch.setattr(tifffile.TiffFile, "__init__", counted)
    pages = list(read_pages(path))
    assert [page.nm_per_px for page in pages] == pytest.approx(range(1, 25))
    assert [int(page.pixels[0, 0, 0]) for page in pages] == list(range(1, 25))
    assert len(opened) == 2  # once for the pixels, once for the tags


@pytest.mark.parametrize("compression", ["zlib", None])
def test_pages_of_different_sizes_follow_each_other(tmp_path, compression):
    path = tmp_path / "stack.tif"
    shapes = [(20 + 7 * n, 64 - 5 * n, 3)[: 2 + n % 2] for n in range(6)]
    with tifffile.TiffWriter(path) as writer:
        for number, shape in enumerate(shapes):
            writer.write(np.full(shape, 9 * number, np.uint8), compression=compression, metadata=None)
    found = [page.pixels for page in read_pages(path)]
    assert [pixels.shape for pixels in found] == [(*shape[:2], 3) for shape in shapes]
    assert (
        [int(pixels.max()) for pixels in found] == [9 * n for n in range(6)] == [int(pixels.min()) for pixels in found]
    )
