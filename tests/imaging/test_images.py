"""Image files of every kind become RGB; errors name damaged, empty and huge ones."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mirsearch.errors import ImageError, UsageError
from mirsearch.imaging.images import (
    content_hash,
    crop,
    is_image_head,
    is_image_name,
    open_picture,
    picture_size,
    read_pages,
    thumbnail,
)
from mirsearch.settings import Limits

pytestmark = pytest.mark.filterwarnings(r"ignore::UserWarning:PIL\..*")

RAMP = np.tile(np.linspace(0, 255, 80).astype(np.uint8), (60, 1))
"""Gray (60, 80): dark on the left, light on the right."""
COLOR = np.dstack([RAMP, RAMP[:, ::-1], np.full_like(RAMP, 40)])


def save_image(path: Path, array: np.ndarray, mode: str | None = None, **options: object) -> Path:
    picture = Image.fromarray(array)
    (picture.convert(mode) if mode else picture).save(path, **options)
    return path


def is_close(found: np.ndarray, wanted: np.ndarray, tolerance: float = 3.0) -> bool:
    wanted = np.repeat(wanted[:, :, None], 3, axis=2) if wanted.ndim == 2 else wanted
    assert found.shape == wanted.shape
    return float(np.abs(found.astype(float) - wanted).mean()) <= tolerance


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "gif", "bmp", "webp"])
def test_every_format_gives_the_same_picture(tmp_path: Path, suffix: str) -> None:
    page = open_picture(save_image(tmp_path / f"a.{suffix}", RAMP))
    assert page.pixels.dtype == np.uint8
    assert page.number == 0
    assert page.nm_per_px is None
    assert is_close(page.pixels, RAMP)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("L", "png"), ("LA", "png"), ("P", "png"), ("RGBA", "png"), ("RGBA", "webp"), ("P", "gif"), ("P", "tif"),
     ("CMYK", "jpg"), ("CMYK", "tif"), ("YCbCr", "jpg"), ("YCbCr", "tif"), ("RGBA", "tif"), ("LA", "tif")],
)  # fmt: skip
def test_every_mode_gives_the_same_picture(tmp_path: Path, mode: str, suffix: str) -> None:
    assert is_close(open_picture(save_image(tmp_path / f"a.{suffix}", RAMP, mode)).pixels, RAMP)


def test_colors_stay_in_their_places(tmp_path: Path) -> None:
    for name in ("a.png", "a.tif", "a.bmp"):
        assert np.array_equal(open_picture(save_image(tmp_path / name, COLOR)).pixels, COLOR)
    deep = COLOR.astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "deep.png"), deep[:, :, ::-1])
    tifffile.imwrite(tmp_path / "deep.tif", deep, photometric="rgb")
    tifffile.imwrite(tmp_path / "planes.tif", deep.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    for name in ("deep.png", "deep.tif", "planes.tif"):
        assert is_close(open_picture(tmp_path / name).pixels, COLOR)


def test_one_bit(tmp_path: Path) -> None:
    bits = (RAMP > 127).astype(np.uint8) * 255
    for name in ("a.png", "a.tif", "a.bmp", "a.gif"):
        assert np.array_equal(open_picture(save_image(tmp_path / name, bits, "1")).pixels[:, :, 0], bits)


@pytest.mark.parametrize("dtype", ["u2", "i2", "u4", "i4", "f4", "f8", "i1"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_deep_samples_are_stretched(tmp_path: Path, dtype: str, compression: str | None) -> None:
    samples = (RAMP.astype(float) / 255 * 100 + (-20 if dtype[0] != "u" else 10)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", samples, compression=compression)
    pixels = open_picture(tmp_path / "a.tif").pixels
    assert (pixels.min(), pixels.max()) == (0, 255)
    assert is_close(pixels, RAMP, 4.0)


def test_a_hot_pixel_does_not_set_the_contrast(tmp_path: Path) -> None:
    samples = RAMP.astype(np.uint16) + 1000
    samples[3, 3] = 65535
    tifffile.imwrite(tmp_path / "a.tif", samples)
    wanted = RAMP.copy()
    wanted[3, 3] = 255
    assert is_close(open_picture(tmp_path / "a.tif").pixels, wanted)


def test_floats_that_are_no_numbers(tmp_path: Path) -> None:
    samples = RAMP.astype(np.float32)
    samples[0, :3] = np.nan, np.inf, -np.inf
    tifffile.imwrite(tmp_path / "a.tif", samples)
    assert is_close(open_picture(tmp_path / "a.tif").pixels, RAMP)
    tifffile.imwrite(tmp_path / "b.tif", np.full((5, 5), np.nan, np.float32))
    assert not open_picture(tmp_path / "b.tif").pixels.any()


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressions_of_deep_tiffs(tmp_path: Path, compression: str) -> None:
    Image.fromarray(RAMP.astype(np.uint16) * 200).save(tmp_path / "a.tif", compression=compression)
    assert is_close(open_picture(tmp_path / "a.tif").pixels, RAMP)


def test_white_is_zero(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", RAMP.astype(np.uint16), photometric="miniswhite")
    assert is_close(open_picture(tmp_path / "a.tif").pixels, 255 - RAMP)


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    clear = np.dstack([COLOR, np.zeros_like(RAMP)])
    assert (open_picture(save_image(tmp_path / "a.png", clear)).pixels == 255).all()
    cv2.imwrite(str(tmp_path / "deep.png"), clear.astype(np.uint16) * 257)
    assert (open_picture(tmp_path / "deep.png").pixels == 255).all()


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_pages_of_a_tiff(tmp_path: Path, dtype: str, bigtiff: bool) -> None:
    stack = np.stack([np.roll(RAMP, 20 * n, axis=1) for n in range(3)]).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack", bigtiff=bigtiff)
    pages = list(read_pages(tmp_path / "a.tif"))
    assert [page.number for page in pages] == [0, 1, 2]
    for page, wanted in zip(pages, stack, strict=True):
        assert is_close(page.pixels, wanted.astype(np.uint8))


@pytest.mark.parametrize("tagged", [False, True])
def test_smaller_levels_of_a_pyramid_are_left_out(tmp_path: Path, tagged: bool) -> None:
    large = np.kron(RAMP, np.ones((8, 8), np.uint8))
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        for level in (1, 2, 4):
            kind = 1 if tagged and level > 1 else 0
            tiff.write(large[::level, ::level], tile=(64, 64), subfiletype=kind, metadata=None)
    pages = list(read_pages(tmp_path / "a.tif"))
    assert [page.pixels.shape for page in pages] == [(480, 640, 3)]


def test_pages_past_the_limit_are_told(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.stack([RAMP] * 5), photometric="minisblack")
    pages = read_pages(tmp_path / "a.tif", Limits(image_pages=3))
    assert [next(pages).number for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ImageError, match=r"a\.tif: more than 3 pages"):
        next(pages)


@pytest.mark.parametrize("name", ["a.gif", "a.webp"])
def test_the_first_picture_of_an_animation(tmp_path: Path, name: str) -> None:
    later = Image.fromarray(np.full_like(RAMP, 200))
    save_image(tmp_path / name, RAMP, save_all=True, append_images=[later], lossless=True)
    pages = list(read_pages(tmp_path / name))
    assert len(pages) == 1
    assert is_close(pages[0].pixels, RAMP)


@pytest.mark.parametrize(("orientation", "rotate"), [(3, lambda a: a[::-1, ::-1]), (6, lambda a: np.rot90(a, -1)),
                                                     (8, np.rot90), (2, lambda a: a[:, ::-1])])  # fmt: skip
def test_pictures_are_upright(tmp_path: Path, orientation: int, rotate: object) -> None:
    tag = Image.Exif()
    tag[0x0112] = orientation
    wanted = rotate(RAMP)  # type: ignore[operator]
    save_image(tmp_path / "a.jpg", RAMP, exif=tag)
    save_image(tmp_path / "a.png", RAMP, exif=tag)
    save_image(tmp_path / "a.tif", RAMP, tiffinfo={274: orientation})
    save_image(tmp_path / "deep.tif", RAMP.astype(np.uint16) * 100, tiffinfo={274: orientation})
    for name in ("a.jpg", "a.png", "a.tif", "deep.tif"):
        pixels = open_picture(tmp_path / name).pixels
        assert is_close(pixels, wanted), name
        assert picture_size(tmp_path / name) == (pixels.shape[1], pixels.shape[0])


def test_the_content_counts_not_the_name(tmp_path: Path) -> None:
    path = save_image(tmp_path / "a.png", RAMP)
    wrong = path.rename(tmp_path / "a.tif")
    assert is_close(open_picture(wrong).pixels, RAMP)
    assert is_image_head(wrong.read_bytes())


def png_with_size(width: int, height: int) -> bytes:
    """Return a PNG whose header gives a size that its few bytes of pixels don't have."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )


def write_bomb(path: Path) -> Path:
    """Write a small file that claims 30,000 × 30,000 pixels."""
    if path.suffix == ".png":
        path.write_bytes(png_with_size(30_000, 30_000))
    elif path.suffix == ".gif":
        save_image(path, RAMP)
        data = bytearray(path.read_bytes())
        data[6:10] = struct.pack("<HH", 30_000, 30_000)
        path.write_bytes(bytes(data))
    elif path.suffix == ".bmp":
        save_image(path, RAMP)
        data = bytearray(path.read_bytes())
        data[18:26] = struct.pack("<ii", 30_000, 30_000)
        path.write_bytes(bytes(data))
    elif path.suffix == ".jpg":
        save_image(path, RAMP)
        data = bytearray(path.read_bytes())
        start = data.index(b"\xff\xc0") + 5
        data[start : start + 4] = struct.pack(">HH", 30_000, 30_000)
        path.write_bytes(bytes(data))
    else:
        Image.new("1", (30_000, 30_000)).save(path, compression="group4")
    return path


@pytest.mark.parametrize("suffix", ["png", "gif", "bmp", "jpg", "tif"])
def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ImageError, match=r"30000 × 30000 pixels are more than the limit of 250,000,000") as caught:
        open_picture(write_bomb(tmp_path / f"bomb.{suffix}"))
    assert f"bomb.{suffix}" in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [("zero.png", b"", "empty file"), ("text.png", b"these are words", "not an image"),
     ("page.jpg", b"<html><body>blocked</body></html>", "not an image"), ("short.tif", b"II*\0", "damaged or cut"),
     ("head.png", b"\x89PNG\r\n\x1a\n", "damaged or cut"),
     ("head.webp", b"RIFF\x10\0\0\0WEBPVP8 ", "damaged or cut")],
)  # fmt: skip
def test_what_is_no_image_is_named(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError, match=told) as caught:
        open_picture(tmp_path / name)
    assert name in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "gif", "bmp", "webp"])
def test_a_truncated_image_is_named(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (60, 80), np.uint8)
    path = save_image(tmp_path / f"a.{suffix}", noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match=f"a.{suffix}: damaged or cut short"):
        list(read_pages(path))


@pytest.mark.parametrize("compression", [None, "zlib", "tiff_lzw", "packbits"])
def test_a_truncated_deep_tiff_is_named(tmp_path: Path, compression: str | None) -> None:
    noise = np.random.default_rng(1).integers(0, 60_000, (60, 80), np.uint16)
    if compression in (None, "zlib"):
        tifffile.imwrite(tmp_path / "a.tif", noise, compression=compression)
    else:
        Image.fromarray(noise).save(tmp_path / "a.tif", compression=compression)
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageError, match=r"a\.tif: damaged or cut short"):
        list(read_pages(tmp_path / "a.tif"))


def test_only_the_error_speaks_of_damage(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (160, 180, 3), np.uint8)
    data = bytearray(save_image(tmp_path / "a.tif", noise, compression="tiff_lzw").read_bytes())
    data[2000:2400] = bytes(400)
    (tmp_path / "a.tif").write_bytes(bytes(data))
    with pytest.raises(ImageError, match="damaged or cut short"):
        open_picture(tmp_path / "a.tif")
    assert capfd.readouterr() == ("", "")


def test_missing_and_other_things_are_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such file"):
        open_picture(tmp_path / "none.png")
    with pytest.raises(ImageError, match="not a file"):
        open_picture(tmp_path)
    with pytest.raises(ImageError, match="can't be read"):
        open_picture("a\0b.png")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="not a file"):
        open_picture(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match="more than the limit of 10"):
        open_picture(save_image(tmp_path / "a.png", RAMP), Limits(image_bytes=10))
    with pytest.raises(ImageError, match="no such file"):
        content_hash(tmp_path / "none.png")


def test_content_hash(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(range(256)) * 10_000)
    assert content_hash(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_thumbnail() -> None:
    large = np.kron(COLOR, np.ones((10, 10, 1), np.uint8))
    data = thumbnail(large, 200)
    small = Image.open(io.BytesIO(data))
    assert small.format == "JPEG"
    assert small.size == (200, 150)
    assert is_close(np.array(small), cv2.resize(COLOR, (200, 150)), 5.0)
    assert thumbnail(large.copy(), 200) == data
    assert Image.open(io.BytesIO(thumbnail(COLOR, 200))).size == (80, 60)
    assert Image.open(io.BytesIO(thumbnail(np.zeros((1, 5000, 3), np.uint8), 100))).size == (100, 1)


def test_crop() -> None:
    assert np.array_equal(crop(COLOR, (10, 20, 30, 50)), COLOR[20:50, 10:30])
    assert crop(COLOR, (-5, -5, 1000, 1000)).shape == COLOR.shape
    for box in ((90, 0, 95, 10), (5, 5, 5, 9), (9, 9, 5, 5)):
        with pytest.raises(UsageError, match="outside the picture of 80 × 60"):
            crop(COLOR, box)


def test_image_names() -> None:
    for name in ("a.PNG", "a.tiff", "b/c.JpEg", "x.webp"):
        assert is_image_name(Path(name))
    for name in (".a.png", "a.svg", "png", "a.png.txt"):
        assert not is_image_name(Path(name))


def make_samples() -> list[bytes]:
    """Return small files of every kind, deep and multi-page ones among them."""
    noise = np.random.default_rng(2).integers(0, 255, (12, 16), np.uint8)
    found = []
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"):
        out = io.BytesIO()
        Image.fromarray(noise).save(out, kind)
        found.append(out.getvalue())
    for array in (noise.astype(np.uint16), noise.astype(np.float32), np.stack([noise] * 3)):
        out = io.BytesIO()
        tifffile.imwrite(out, array, photometric="minisblack")
        found.append(out.getvalue())
    out = io.BytesIO()
    Image.fromarray(noise.astype(np.uint16)).save(out, "TIFF", compression="tiff_lzw")
    return [*found, out.getvalue()]


SAMPLES = make_samples()


@st.composite
def damaged_bytes(draw: st.DrawFn) -> bytes:
    """Draw an image's bytes, cut or with some changed; or any bytes, with or without an image's first ones."""
    data = bytearray(draw(st.sampled_from(SAMPLES)))
    how = draw(st.sampled_from(["cut", "change", "random", "head"]))
    if how == "cut":
        return bytes(data[: draw(st.integers(0, len(data)))])
    if how == "random":
        return draw(st.binary(max_size=200))
    if how == "head":
        return bytes(data[: draw(st.integers(4, 40))]) + draw(st.binary(max_size=200))
    for _ in range(draw(st.integers(1, 8))):
        data[draw(st.integers(0, min(len(data), 400) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=damaged_bytes())
def test_any_bytes_give_pictures_or_an_image_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.png"
    path.write_bytes(data)
    limits = Limits(image_pixels=1_000_000, image_pages=5)
    errors = []
    try:
        for page in read_pages(path, limits):
            assert page.pixels.dtype == np.uint8
            assert page.pixels.ndim == 3
            assert page.pixels.shape[2] == 3
            assert page.pixels.size <= 3_000_000
        picture_size(path, limits)
    except ImageError as error:
        errors.append(error)
    assert all("any.png" in error.message and error.remedy for error in errors)


@pytest.mark.data
def test_real_micrographs_are_read(shared_data: Path) -> None:
    files = sorted((shared_data / "nanoballs").rglob("*.tif"))[:5] + sorted((shared_data / "emps").glob("*.*"))[:10]
    files = [path for path in files if is_image_name(path)]
    assert files
    for path in files:
        assert open_picture(path).pixels.std() > 5, path.name


@pytest.mark.parametrize("suffix", [".bmp", ".jpg", ".png", ".tif"])
def test_the_text_file_of_a_microscope_counts_beside_any_picture(tmp_path: Path, suffix: str) -> None:
    image = tmp_path / f"a{suffix}"
    Image.fromarray(RAMP).save(image)
    assert open_picture(image).nm_per_px is None
    (tmp_path / "a.txt").write_text("[SemImageFile]\r\nPixelSize=4.96\r\n", encoding="latin-1")
    assert open_picture(image).nm_per_px == pytest.approx(4.96)


@pytest.mark.parametrize("big", [False, True])
def test_pages_cut_off_a_tiff_are_told(tmp_path: Path, big: bool) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path, bigtiff=big) as writer:
        for _ in range(3):
            writer.write(RAMP, contiguous=False)
    assert [page.number for page in read_pages(path)] == [0, 1, 2]
    with tifffile.TiffFile(path) as tiff:
        middle = tiff.pages[1].offset
    for end in (middle, middle + 1, middle + 20):  # before its list of tags, inside its length, inside the list
        short = tmp_path / f"short{end}.tif"
        short.write_bytes(path.read_bytes()[:end])
        read = []
        with pytest.raises(ImageError, match=rf"short{end}\.tif: damaged or cut short"):
            read.extend(page.number for page in iter(read_pages(short)))
        pages = read_pages(short)
        assert next(pages).number == 0
