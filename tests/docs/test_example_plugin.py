"""The example plug-in of docs/ is installed as a third party's package, and both its parts are used."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import REPOSITORY

PLUGIN = REPOSITORY / "docs" / "example_plugin"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the package is installed, away from the one that runs the tests."""
    pytest.importorskip("hatchling", reason="building the plug-in needs hatchling (extra dev)")
    pytest.importorskip("pip", reason="installing the plug-in needs pip")
    root = tmp_path_factory.mktemp("plugin")
    shutil.copytree(PLUGIN, root / "package")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
               "--disable-pip-version-check", "--target", str(root / "site"), str(root / "package")]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {**os.environ, "PYTHONPATH": str(root / "site")}


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Scans with sidecars, one of them damaged, one without; and an image of no instrument."""
    random = np.random.default_rng(3)
    folder = tmp_path / "data" / "scans"
    folder.mkdir(parents=True)
    for number, name in enumerate(("rods", "grains", "bad", "none")):
        coarse = random.integers(0, 255, (8 * (number + 1), 96), np.uint8)
        Image.fromarray(np.repeat(coarse, 96 // coarse.shape[0], axis=0)).save(folder / f"{name}.png")
        text = f"[scan]\npixel_nm = {2.5 * (number + 1)}\nsample = silver {name}\ncomment = SEM image\n"
        if name != "none":
            (folder / f"{name}.vss").write_text("pixel" if name == "bad" else text)
    Image.fromarray(random.integers(0, 255, (96, 96), np.uint8)).save(tmp_path / "data" / "plain.png")
    return tmp_path / "data"


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mirsearch", *arguments], capture_output=True, text=True, check=False, env=environment
    )


def test_both_parts_are_listed(installed: dict[str, str]) -> None:
    code = (
        "import json; from mirsearch import plugins;"
        "print(json.dumps([[p.group, p.name, p.package, p.error] for p in plugins.list_plugins(try_loading=True)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=installed)
    listed = json.loads(done.stdout)
    assert ["sources", "vacuscope", "mirsearch-vacuscope", None] in listed
    assert ["extractors", "graylevels", "mirsearch-vacuscope", None] in listed


def test_its_source_and_its_extractor_are_used(installed: dict[str, str], scans: Path, tmp_path: Path) -> None:
    index = str(tmp_path / "index")
    done = run(installed, "ingest", str(scans), "--index", index, "--extractor", "graylevels", "--format", "json")
    assert done.returncode == 1, "two scans could not be used"
    summary = json.loads(done.stdout.strip().splitlines()[-1])
    text = json.dumps(summary)
    assert "no pixel size" in text
    assert "no such sidecar file" in text

    stats = json.loads(run(installed, "stats", "--index", index, "--format", "json").stdout)
    assert (stats["figures"], stats["dims"]) == (3, 48)
    assert "graylevels" in json.dumps(stats["extractor"])

    query = str(scans / "scans" / "grains.png")
    asked = run(installed, "query", query, "--index", index, "--nm-per-px", "5", "--format", "json")
    assert asked.returncode == 0, asked.stderr
    first = json.loads(asked.stdout)["hits"][0]
    assert first["visual_distance"] < 0.001
    assert first["scale"]["nm_per_px"] == 5.0
    assert first["scale"]["source"] == "metadata"
    assert first["caption"] == "silver grains. SEM image"
    assert Path(first["image"]).name == "grains.png"


def test_an_index_of_the_plugin_says_so_where_it_is_missing(
    installed: dict[str, str], scans: Path, tmp_path: Path
) -> None:
    index = str(tmp_path / "index")
    run(installed, "ingest", str(scans / "plain.png"), "--index", index, "--extractor", "graylevels")
    without = {key: value for key, value in installed.items() if key != "PYTHONPATH"}
    asked = run(without, "query", str(scans / "plain.png"), "--index", index)
    assert asked.returncode != 0
    assert "graylevels" in asked.stderr
    assert "Traceback" not in asked.stderr
