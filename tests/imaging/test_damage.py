"""Whatever a decoder raises or warns of is told with the file's name; a few bytes can't ask for a huge picture."""

from __future__ import annotations

import io
import logging
import lzma
import struct
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from mirsearch.errors import ImageError
from mirsearch.imaging.damage import check_expansion, report_damage
from mirsearch.imaging.images import open_picture, read_pages
from mirsearch.settings import LIMITS, Limits
from mirsearch.synthetic.fields import View, make_rng
from mirsearch.synthetic.specimens.families import specimen

SMALL = Limits(image_free_bytes=1 << 20)
"""The limits, for pictures that are small enough for a test."""


def test_a_cut_off_lzma_stream_is_the_files_failure(tmp_path: Path) -> None:
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, np.arange(2000, dtype=np.uint16).reshape(40, 50), compression="lzma")
    with tifffile.TiffFile(path) as tiff:
        offset, count = tiff.pages[0].dataoffsets[0], tiff.pages[0].databytecounts[0]
    content = bytearray(path.read_bytes())
    content[offset : offset + count] = lzma.compress(bytes(4000))[:60].ljust(count, b"\0")
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"cut\.tif: damaged or cut short"):
        open_picture(path)


class _OddError(Exception):
    """An error of a kind that no library has raised yet."""


@pytest.mark.parametrize("error", [_OddError("odd"), lzma.LZMAError("lzma"), zlib.error("zlib"), StopIteration()])
def test_any_error_of_a_decoder_names_the_file(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(ImageError, match=r"a\.png: damaged or cut short"), report_damage(tmp_path / "a.png"):
        raise error


def _fill_memory() -> None:
    np.zeros(1 << 62, np.uint8)  # numpy has a MemoryError of its own


def _fail_in_cpp() -> None:
    raise RuntimeError("std::bad_alloc")


@pytest.mark.parametrize("decode", [_fill_memory, _fail_in_cpp])
def test_short_memory_is_no_damage(tmp_path: Path, decode: Callable[[], None]) -> None:
    with pytest.raises(ImageError, match=r"a\.png: memory is short") as caught, report_damage(tmp_path / "a.png"):
        decode()
    assert "damaged" not in str(caught.value)
    assert "report" not in str(caught.value)


def _tall_tiff(path: Path, height: int) -> Path:
    """Write a TIFF whose only strip is said to have many more rows than bytes."""
    tifffile.imwrite(path, np.zeros((40, 50), np.uint8), photometric="minisblack")
    content = bytearray(path.read_bytes())
    for tag in (struct.pack("<HHI", 257, 4, 1), struct.pack("<HHI", 257, 3, 1)):
        if (at := content.find(tag)) >= 0:
            content[at : at + 12] = struct.pack("<HHII", 257, 4, 1, height)
    path.write_bytes(content)
    return path


def test_few_bytes_of_a_tiff_can_not_ask_for_gigabytes(tmp_path: Path) -> None:
    path = _tall_tiff(tmp_path / "tall.tif", 3_500_000)
    with pytest.raises(ImageError, match=r"tall\.tif: [\d,]+ bytes ask for 175,000,000 bytes"):
        open_picture(path)


def test_few_bytes_of_a_bmp_can_not_ask_for_gigabytes(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "BMP")
    content = bytearray(buffer.getvalue())
    content[18:26] = struct.pack("<II", 65_536, 2_048)
    (tmp_path / "wide.bmp").write_bytes(content)
    with pytest.raises(ImageError, match=r"wide\.bmp: \d+ bytes ask for 402,653,184 bytes"):
        open_picture(tmp_path / "wide.bmp")


def test_pages_that_share_their_bytes_count_together(tmp_path: Path) -> None:
    path = _tall_tiff(tmp_path / "one.tif", 1_000_000)
    check_expansion("one page", 50_000_000, path.stat().st_size, LIMITS)
    with pytest.raises(ImageError):
        check_expansion("two pages", 100_000_000, path.stat().st_size, LIMITS)


@pytest.mark.parametrize("seed", [1, 4, 7])
def test_drawn_micrographs_stay_far_below_the_limit(tmp_path: Path, seed: int) -> None:
    shown = specimen(seed)
    gray = Image.fromarray(shown.micrograph(View(800, 600, shown.nm_per_px(0.3)), make_rng(seed, 1))).convert("L")
    bits = gray.point(lambda value: 255 * (value > 128)).convert("1")
    gray.save(tmp_path / "gray.png", optimize=True)
    gray.save(tmp_path / "poor.webp", quality=5)
    bits.save(tmp_path / "bits.tif", compression="group4")
    bits.resize((2400, 1800)).save(tmp_path / "large.tif", compression="group4")
    for path in tmp_path.iterdir():
        decoded = open_picture(path, SMALL).pixels.size
        assert decoded < SMALL.image_expansion * path.stat().st_size


@pytest.mark.parametrize(("mode", "name"), [("L", "flat.png"), ("RGB", "flat.png"), ("1", "flat.png"), ("L", "a.gif")])
def test_flat_pictures_are_read(tmp_path: Path, mode: str, name: str) -> None:
    Image.new(mode, (3000, 3000), 1).save(tmp_path / name)
    assert open_picture(tmp_path / name, SMALL).pixels.shape == (3000, 3000, 3)


def test_a_warning_is_told_with_the_files_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "odd.png"
    Image.new("L", (20, 20)).save(path)
    with caplog.at_level(logging.WARNING), report_damage(path):
        warnings.warn("Truncated\n File Read", stacklevel=1)
    assert [record.getMessage() for record in caplog.records] == [f"{path}: Truncated File Read"]


@pytest.mark.filterwarnings("always")
def test_a_warning_of_pillow_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "odd.jpg"
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\x0f\x01\x02\0\xff\0\0\0\xff\xff\0\0"
    Image.new("L", (20, 20)).save(path, exif=exif)
    with caplog.at_level(logging.WARNING):
        open_picture(path)
        first = [record.getMessage() for record in caplog.records]
        open_picture(path)
    assert first
    assert all(text.startswith(f"{path}: ") for text in first)
    assert [record.getMessage() for record in caplog.records] == first * 2


def test_warnings_of_threads_are_kept_apart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def warn(number: int) -> None:
        with report_damage(tmp_path / f"{number}.png"):
            warnings.warn(f"odd {number}", stacklevel=1)

    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(4) as pool:
        list(pool.map(warn, range(40)))
    told = sorted(record.getMessage() for record in caplog.records)
    assert told == sorted(f"{tmp_path / f'{number}.png'}: odd {number}" for number in range(40))


def test_what_the_reader_of_a_page_raises_is_not_the_files_fault(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "two.tif", np.zeros((2, 40, 50), np.uint8))

    def use() -> None:
        for _ in read_pages(tmp_path / "two.tif"):
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        use()
