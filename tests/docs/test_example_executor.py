"""The example executor of docs/ lies as an installed package would, is found, and hands figures to workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

EXECUTOR = REPOSITORY / "docs" / "example_executor"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder as site-packages has it after an installation: the package, and its entry points."""
    import shutil
    import tomllib

    project = tomllib.loads((EXECUTOR / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shutil.copytree(EXECUTOR / "src", tmp_path, dirs_exist_ok=True)
    info = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = "".join(
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in parts.items())
        for group, parts in project["entry-points"].items()
    )
    (info / "entry_points.txt").write_text(points)
    return tmp_path


def ask(site: Path, code: str) -> object:
    paths = [str(site), str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_it_is_found_by_its_entry_point(site: Path) -> None:
    code = (
        "import json; from mirsearch.executors.choice import check_executor; from mirsearch import plugins;"
        "print(json.dumps([check_executor('parsl:my.py'), plugins.load('executors', 'parsl').__name__]))"
    )
    assert ask(site, code) == ["parsl:my.py", "ParslWorkers"]


def test_figures_go_through_it(site: Path) -> None:
    pytest.importorskip("parsl", reason="needs parsl, which is no dependency")
    code = (
        "import json; from mirsearch.executors.choice import open_executor, worker_count;"
        "from tests.executors.test_choice import reverse; pool = open_executor('parsl');"
        "print(json.dumps([worker_count(pool), pool.submit(reverse, b'abc').result().decode()])); pool.shutdown()"
    )
    assert ask(site, code) == [2, "cba"]
