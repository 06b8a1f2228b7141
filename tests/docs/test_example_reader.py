"""The example reader of docs/ is installed as a third party's package, and reads what rosettasciio reads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

READER = REPOSITORY / "docs" / "example_reader"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the package is installed, away from the one that runs the tests."""
    pytest.importorskip("hatchling", reason="building the reader needs hatchling (extra dev)")
    pytest.importorskip("pip", reason="installing the reader needs pip")
    root = tmp_path_factory.mktemp("reader")
    shutil.copytree(READER, root / "package")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
               "--disable-pip-version-check", "--target", str(root / "site"), str(root / "package")]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    paths = [str(root / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def ask(environment: dict[str, str], code: str) -> object:
    command = [sys.executable, "-c", f"import json; {code}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_reader_is_listed_and_its_files_are_looked_at(installed: dict[str, str]) -> None:
    code = (
        "from pathlib import Path; from mirsearch.readers.find import is_readable_name, load_readers;"
        "print(json.dumps([[r.name for r in load_readers()][-1], is_readable_name(Path('a.bcf')),"
        "is_readable_name(Path('a.xyz'))]))"
    )
    assert ask(installed, code) == ["rosettasciio", True, False]


def test_a_surface_is_read(installed: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("rsciio", reason="needs rosettasciio (GPL-3), which is no dependency")
    code = (
        "import numpy as np; from rsciio.ripple import file_writer; from mirsearch.readers.figures import open_figures;"
        "from pathlib import Path; axes = [{'name': name, 'size': size, 'scale': 2.0, 'offset': 0.0, 'units': 'nm',"
        "'navigate': False, 'index_in_array': at} for at, (name, size) in enumerate((('y', 20), ('x', 30)))];"
        "file_writer('a.rpl', {'data': np.arange(600, dtype=np.uint16).reshape(20, 30), 'axes': axes,"
        "'metadata': {'General': {}, 'Signal': {'signal_type': ''}}, 'original_metadata': {}});"
        "figures = open_figures(Path('a.rpl')); figure = next(figures.__enter__());"
        "print(json.dumps([figure.width, figure.height, figure.images[0].nm_per_px]))"
    )
    environment = {**installed}
    done = subprocess.run(
        [sys.executable, "-c", f"import json; {code}"], capture_output=True, text=True, env=environment, cwd=tmp_path,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [30, 20, 2.0]
