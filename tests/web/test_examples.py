"""The examples of docs/serve.md, as they stand there, against a running server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from tests.conftest import REPOSITORY
from tests.support.web_site import Served

PAGE = (REPOSITORY / "docs" / "serve.md").read_text(encoding="utf-8")
TOLD_ADDRESS = "http://127.0.0.1:8765"


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def beside_demo(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the image that the examples ask with."""
    (tmp_path / "demo").mkdir()
    shutil.copy(served.query, tmp_path / "demo" / "query_1_image.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_examples_with_curl(beside_demo: Path, address: str) -> None:
    lines = [line for text in examples("sh") for line in text.splitlines() if line.startswith("curl")]
    assert len(lines) >= 2
    for line in lines:
        command = line.replace(TOLD_ADDRESS, address)
        assert command != line
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
        answer = json.loads(done.stdout)
        assert "hits" in answer, answer


def test_the_example_in_python(beside_demo: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = examples("python")
    names: dict[str, object] = {}
    exec(example.replace(TOLD_ADDRESS, address), names)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    assert isinstance(names["picture"], bytes)
    assert names["picture"].startswith(b"\xff\xd8")


def test_the_addresses_are_those_of_the_server(address: str) -> None:
    import requests

    described = requests.get(f"{address}/api/v1/openapi.json", timeout=30).json()["paths"]
    told = set(re.findall(r"`(?:GET|POST) (/api/v1/\w+)", PAGE))
    assert told == {re.match(r"/api/v1/\w+", path)[0] for path in described} | {"/api/v1/openapi"}  # type: ignore[index]
