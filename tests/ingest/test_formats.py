"""A folder with a file of each format goes in with the right pixel sizes; a stack ends early and goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.support.cli_runner import run
from tests.support.format_writing import write_czi, write_dm, write_lif, write_ser
from tests.support.formats_needed import format_or_skip


def cells(seed: int, side: int = 96) -> np.ndarray:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    spots = sum(np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 40.0) for cy, cx in random.uniform(0, side, (8, 2)))
    return np.asarray(spots * 3000 + random.normal(200, 20, (side, side))).clip(0, 60_000).astype(np.uint16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    format_or_skip("mrcfile")
    import h5py
    import mrcfile

    folder = tmp_path_factory.mktemp("formats") / "data"
    folder.mkdir()
    write_dm(folder / "a.dm4", cells(1), 0.5, "nm", 4)
    write_ser(folder / "b.ser", cells(2)[None], 2e-9)
    with mrcfile.new(folder / "c.mrc") as file:
        file.set_data(cells(3).astype(np.float32))
        file.voxel_size = 40.0
    write_czi(folder / "d.czi", {(0, 0): cells(4), (1, 0): cells(5)}, "<x/>")
    write_lif(folder / "e.lif", (cells(6)[None] // 20).astype(np.uint8), 95 * 2e-7, ("Green",))
    with h5py.File(folder / "f.emd", "w") as file:
        group = file.create_group("Data/Image/1")
        group["Data"] = cells(7)[:, :, None]
        told = {"BinaryResult": {"PixelSize": {"width": "8e-9"}, "PixelUnitX": "m", "Detector": "HAADF"}}
        group["Metadata"] = np.frombuffer(json.dumps(told).encode().ljust(300, b"\0"), np.uint8)[:, None]
    Image.fromarray((cells(8) // 20).astype(np.uint8)).save(folder / "g.jp2")
    metadata = {"axes": "ZYX", "PhysicalSizeX": 65.0, "PhysicalSizeXUnit": "nm"}
    tifffile.imwrite(folder / "h.ome.tif", np.stack([cells(9), cells(10)]), metadata=metadata)
    (folder / "i.bcf").write_bytes(b"unknown")
    return folder


def test_a_folder_with_a_file_of_each_format(folder: Path) -> None:
    index = folder.parent / "index"
    told = json.loads(run("ingest", folder, "--index", index, "--format", "json").out)
    assert told["failures"] == []
    assert told["figures"]["new"] == 8
    assert [(item["kind"], item["files"]) for item in told["skipped"]] == [(".bcf files", 1)]
    out = folder.parent / "panels.jsonl"
    run("export", "--index", index, "--output", out)
    sizes: dict[str, set[float | None]] = {}
    for line in out.read_text("utf-8").splitlines():
        panel = json.loads(line)
        name = panel["image"].split("#")[0].rsplit("/", 1)[-1]
        scale = panel["scale"]
        sizes.setdefault(name, set()).add(None if scale is None else round(scale["nm_per_px"], 3))
    assert sizes == {
        "a.dm4": {0.5}, "b.ser": {2.0}, "c.mrc": {4.0}, "d.czi": {None}, "e.lif": {200.0}, "f.emd": {8.0},
        "g.jp2": {None}, "h.ome.tif": {65.0},
    }  # fmt: skip
    hits = json.loads(run("query", folder / "a.dm4", "--index", index, "--format", "json").out)["hits"]
    assert hits[0]["image"] == str(folder / "a.dm4")
    again = json.loads(run("ingest", folder, "--index", index, "--format", "json").out)
    assert (again["figures"]["new"], again["figures"]["already_there"]) == (0, 8)
    reanalyzed = json.loads(run("reanalyze", "--all", "--force", "--index", index, "--format", "json").out)
    assert (reanalyzed["figures"]["reanalyzed"], reanalyzed["failures"]) == (8, [])
