"""Each format is read with its samples, pixel size, axes and names; damage and other kinds are told."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mirsearch.errors import ImageError
from mirsearch.readers.base import Plane
from mirsearch.readers.figures import open_figures
from mirsearch.readers.find import find_reader
from mirsearch.settings import LIMITS
from tests.support.format_writing import write_czi, write_dm, write_lif, write_nd2, write_ser
from tests.support.formats_needed import format_or_skip

RANDOM = np.random.default_rng(7)


def ramp(height: int = 30, width: int = 40, step: int = 7) -> NDArray[np.uint16]:
    return (np.arange(height * width, dtype=np.uint32).reshape(height, width) * step % 60_000).astype(np.uint16)


def read(path: Path, reader: str) -> tuple[list[Plane], list[NDArray[Any]], str]:
    """Return the planes, their samples and the description that a file's reader gives."""
    found = find_reader(path)
    assert found.name == reader
    with found.open(path, LIMITS) as file:
        return list(file.planes), [file.samples(at).copy() for at in range(len(file.planes))], file.description


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("dtype", ["<u2", "<i4", "<f4", "<u1"])
def test_digital_micrograph(tmp_path: Path, version: int, dtype: str) -> None:
    pixels = (ramp() % 200).astype(dtype)
    path = write_dm(tmp_path / f"a.dm{version}", pixels, 0.25, "nm", version)
    (plane,), (samples,), words = read(path, "dm")
    assert (plane.width, plane.height, plane.nm_per_px) == (40, 30, 0.25)
    assert (plane.kind, plane.technique) == ("micrograph", "STEM")
    assert (samples == pixels).all()
    assert words == "image, STEM, 200 kV"


@pytest.mark.parametrize(
    ("unit", "nm"), [("µm", 1e3), ("Å", 0.1), ("pm", 1e-3), ("1/nm", None), ("", None), ("s", None)]
)
def test_units_of_digital_micrograph(tmp_path: Path, unit: str, nm: float | None) -> None:
    (plane,), _, _ = read(write_dm(tmp_path / "a.dm3", ramp(), 1.0, unit), "dm")
    assert plane.nm_per_px == (None if nm is None else pytest.approx(nm))
    assert plane.kind == ("diffraction" if unit == "1/nm" else "micrograph")


def test_a_stack_and_a_transform_of_digital_micrograph(tmp_path: Path) -> None:
    stack = np.stack([ramp(step=step) for step in (1, 3, 5)])
    planes, samples, _ = read(write_dm(tmp_path / "a.dm4", stack, version=4), "dm")
    assert [plane.t for plane in planes] == [0, 1, 2]
    assert all((own == plane).all() for own, plane in zip(samples, stack, strict=True))
    transform = (RANDOM.random((30, 40)) + 1j).astype("<c8")
    write_dm(tmp_path / "fft.dm3", transform, 0.1, "1/nm")
    with open_figures(tmp_path / "fft.dm3") as figures:
        (figure,) = figures
        assert figure.images[0].read(lambda plane: None).shape == (30, 40, 3)


def test_ser(tmp_path: Path) -> None:
    stack = np.stack([ramp(step=step) for step in (1, 3)])
    planes, samples, _ = read(write_ser(tmp_path / "a.ser", stack, 2e-10), "ser")
    assert [(plane.t, plane.nm_per_px) for plane in planes] == [(0, pytest.approx(0.2)), (1, pytest.approx(0.2))]
    assert all((own == plane).all() for own, plane in zip(samples, stack, strict=True))
    (plane,), _, _ = read(write_ser(tmp_path / "b.ser", stack[:1], 1e8), "ser")
    assert (plane.nm_per_px, plane.kind, plane.technique) == (None, "diffraction", "diffraction")
    with pytest.raises(ImageError, match="spectra"), open_figures(write_ser(tmp_path / "c.ser", stack, 1.0, 0x4120)):
        pass


def test_mrc(tmp_path: Path) -> None:
    mrcfile = format_or_skip("mrcfile")
    stack = np.stack([ramp(step=step) for step in (1, 3, 5)]).astype(np.int16)
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(stack)
        file.set_volume()
        file.voxel_size = 13.5
    planes, samples, _ = read(tmp_path / "a.mrc", "mrc")
    assert [(plane.z, plane.nm_per_px) for plane in planes] == [(at, pytest.approx(1.35)) for at in range(3)]
    assert all((own == plane[::-1]).all() for own, plane in zip(samples, stack, strict=True))
    with mrcfile.new(tmp_path / "b.mrc") as file:
        file.set_data(stack[0].astype(np.float32))
    (plane,), _, _ = read(tmp_path / "b.mrc", "mrc")
    assert (plane.nm_per_px, plane.z, plane.kind) == (None, None, "micrograph")


def test_emd_of_velox(tmp_path: Path) -> None:
    h5py = format_or_skip("h5py")
    import json

    stack = np.stack([ramp(step=1), ramp(step=3)], axis=2)
    with h5py.File(tmp_path / "a.emd", "w") as file:
        for name, detector, unit in (("1", "HAADF", "m"), ("2", "BF-S", "m"), ("3", "BM-Ceta", "1/m")):
            told = {"BinaryResult": {"PixelSize": {"width": "1.5e-10"}, "PixelUnitX": unit, "Detector": detector},
                    "Optics": {"AccelerationVoltage": "300000"}}  # fmt: skip
            group = file.create_group(f"Data/Image/{name}")
            group["Data"] = stack if name == "3" else stack[:, :, :1]
            text = np.frombuffer(json.dumps(told).encode().ljust(500, b"\0"), np.uint8)
            group["Metadata"] = np.repeat(text[:, None], 2 if name == "3" else 1, axis=1)
    planes, samples, words = read(tmp_path / "a.emd", "hdf5")
    assert [(plane.channel_name, plane.technique, plane.kind) for plane in planes] == [
        ("HAADF", "STEM", "micrograph"), ("BF-S", "STEM", "micrograph"),
        ("BM-Ceta", "diffraction", "diffraction"), ("BM-Ceta", "diffraction", "diffraction"),
    ]  # fmt: skip
    assert [plane.nm_per_px for plane in planes] == [pytest.approx(0.15)] * 2 + [None] * 2
    assert (samples[0] == stack[:, :, 0]).all()
    assert (samples[3] == stack[:, :, 1]).all()
    assert words == "HAADF, STEM, 300 kV"


def test_emd_of_berkeley_hyperspy_and_images_of_hdf5(tmp_path: Path) -> None:
    h5py = format_or_skip("h5py")
    with h5py.File(tmp_path / "a.emd", "w") as file:
        group = file.create_group("data/scan")
        group.attrs["emd_group_type"] = 1
        group["data"] = ramp()
        for axis, size in (("dim1", 30), ("dim2", 40)):
            group[axis] = np.arange(size) * 0.5
            group[axis].attrs["units"] = "[n_m]"
    (plane,), (samples,), _ = read(tmp_path / "a.emd", "hdf5")
    assert (plane.nm_per_px, samples.tolist()) == (0.5, ramp().tolist())
    with h5py.File(tmp_path / "b.hspy", "w") as file:
        group = file.create_group("Experiments/rods")
        group["data"] = np.stack([ramp(), ramp(step=3)])
        for at, (scale, unit, navigate) in enumerate(((1.0, "s", True), (2.0, "µm", False), (2.0, "µm", False))):
            group.create_group(f"axis-{at}").attrs.update({"scale": scale, "units": unit, "navigate": navigate})
    planes, samples, _ = read(tmp_path / "b.hspy", "hdf5")
    assert [(plane.t, plane.nm_per_px) for plane in planes] == [(0, 2e3), (1, 2e3)]
    assert (samples[1] == ramp(step=3)).all()
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["picture"] = ramp()
        file["picture"].attrs["CLASS"] = np.bytes_("IMAGE")
        file["weights"] = RANDOM.random((50, 60))
        file["elsewhere"] = h5py.ExternalLink("b.hspy", "/Experiments/rods/data")
    planes, samples, _ = read(tmp_path / "c.h5", "hdf5")
    assert [samples.tolist() for samples in samples] == [ramp().tolist()]
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["weights"] = RANDOM.random((50, 60))
    with pytest.raises(ImageError, match="marked as an image"), open_figures(tmp_path / "d.h5"):
        pass


CZI_XML = """<ImageDocument><Metadata><Information><Image><Dimensions><Channels>
<Channel Id="Channel:0" Name="DAPI"><ContrastMethod>Fluorescence</ContrastMethod><Color>#FF0000FF</Color></Channel>
<Channel Id="Channel:1" Name="TL"><ContrastMethod>Brightfield</ContrastMethod></Channel>
</Channels></Dimensions></Image></Information><Scaling><Items>
<Distance Id="X"><Value>6.5E-08</Value></Distance></Items></Scaling></Metadata></ImageDocument>"""


@pytest.mark.parametrize("tiles", [1, 2])
def test_czi(tmp_path: Path, tiles: int) -> None:
    format_or_skip("imagecodecs")
    planes = {(channel, z): ramp(step=1 + channel + 2 * z) for channel in range(2) for z in range(3)}
    found, samples, _ = read(write_czi(tmp_path / "a.czi", planes, CZI_XML, tiles), "czi")
    assert [(plane.channel, plane.z) for plane in found] == [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)]
    assert [plane.nm_per_px for plane in found] == pytest.approx([65.0] * 6)
    assert [(plane.channel_name, plane.technique, plane.color) for plane in found[:2]] == [
        ("DAPI", "fluorescence", (0, 0, 255)), ("TL", "optical", None)
    ]  # fmt: skip
    for plane, own in zip(found, samples, strict=True):
        assert (own == planes[plane.channel or 0, plane.z or 0]).all()


def test_lif(tmp_path: Path) -> None:
    format_or_skip("liffile")
    channels = np.stack([(ramp() % 256), (ramp(step=3) % 256)]).astype(np.uint8)
    path = write_lif(tmp_path / "a.lif", channels, 39 * 1e-7, ("Green", "Gray"))
    planes, samples, _ = read(path, "lif")
    assert [(plane.channel, plane.color, plane.nm_per_px) for plane in planes] == [
        (0, (0, 255, 0), pytest.approx(100.0)), (1, None, pytest.approx(100.0))
    ]  # fmt: skip
    assert all((own == plane).all() for own, plane in zip(samples, channels, strict=True))


HEIC = (
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAVZtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAA"
    "AERAAAEAAQAAAAABegABAAAAAAAAAGMAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA1mlwcnAAAAC3"
    "aXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAA"
    "AwAeoCCBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAABBw"
    "aXhpAAAAAAMICAgAAAAXaXBtYQAAAAAAAAABAAEEgQIDBAAAAGttZGF0AAAAXygBrwY4PEtXPDCAzsYFz7kCr/Z342f+l2nyhQl+Qx/eQVs19uih"
    "A25OX7/Jvnk3B4mJs1hiVTrudGJu8AgA3cEjWiO4BhR3trN4+JIut/m3PpWcvP52QRZw2UvaDcMX"
)
"""The gray steps of the test below; the reader's library can't write them."""


def test_nd2(tmp_path: Path) -> None:
    format_or_skip("nd2")
    frames = RANDOM.integers(0, 4000, (3, 30, 40, 2), np.uint16)
    planes, samples, _ = read(write_nd2(tmp_path / "a.nd2", frames, 0.065, ("DAPI", "GFP")), "nd2")
    assert [(plane.channel, plane.channel_name, plane.z) for plane in planes[:3]] == [
        (0, "DAPI", 0), (1, "GFP", 0), (0, "DAPI", 1)
    ]  # fmt: skip
    assert [plane.nm_per_px for plane in planes] == pytest.approx([65.0] * 6)
    assert {plane.technique for plane in planes} == {"fluorescence"}
    for plane, own in zip(planes, samples, strict=True):
        assert (own == frames[plane.z or 0, :, :, plane.channel or 0]).all()


@pytest.mark.parametrize("suffix", [".jp2", ".avif", ".heic"])
def test_photos(tmp_path: Path, suffix: str) -> None:
    pixels = np.repeat((np.arange(64 * 64).reshape(64, 64) // 16 % 256).astype(np.uint8)[:, :, None], 3, axis=2)
    picture = Image.fromarray(pixels)
    if suffix == ".heic":
        format_or_skip("pi_heif")
        (tmp_path / "a.heic").write_bytes(base64.b64decode(HEIC))
    else:
        picture.save(tmp_path / f"a{suffix}", quality=100)
    (plane,), (samples,), _ = read(tmp_path / f"a{suffix}", "heic" if suffix == ".heic" else "photo")
    assert (plane.width, plane.height, plane.nm_per_px) == (64, 64, None)
    assert np.abs(samples.astype(int) - pixels).mean() < 4


@pytest.mark.parametrize("name", ["a.dm3", "a.ser", "a.mrc", "a.czi", "a.lif", "a.emd"])
def test_files_cut_short_are_told(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("dm3"):
        write_dm(path, ramp(), 1.0)
    elif name.endswith("ser"):
        write_ser(path, ramp()[None], 1e-9)
    elif name.endswith("czi"):
        write_czi(path, {(0, 0): ramp()}, CZI_XML)
    elif name.endswith("lif"):
        write_lif(path, (ramp()[None] % 255).astype(np.uint8), 1e-5, ("Green",))
    elif name.endswith("mrc"):
        with pytest.importorskip("mrcfile").new(path) as file:
            file.set_data(ramp().astype(np.int16))
    else:
        with pytest.importorskip("h5py").File(path, "w") as file:
            file["a"] = ramp()
    whole = path.read_bytes()
    for share in (0.3, 0.6):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ImageError, match=name.replace(".", r"\.")):
            read_all(path)


def read_all(path: Path) -> None:
    with open_figures(path) as figures:
        for figure in figures:
            figure.pixels()


def test_sizes_beyond_the_limit_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = write_ser(tmp_path / "a.ser", ramp()[None], 1e-9)
    content = bytearray(path.read_bytes())
    at = content.index(b"\x28\0\0\0\x1e\0\0\0")
    content[at : at + 8] = b"\xff\xff\0\0\xff\xff\0\0"
    path.write_bytes(content)
    with open_figures(path) as figures, pytest.raises(ImageError, match="65535 × 65535"):
        next(figures).pixels()
