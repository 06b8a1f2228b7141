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


def examples(language: str, page: str = PAGE) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


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


ADDING = (REPOSITORY / "docs" / "adding.md").read_text(encoding="utf-8")


def test_the_examples_that_add_figures(
    beside_demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import threading

    from mirsearch.web.app import create_app
    from mirsearch.web.server import open_socket, serve_forever
    from tests.support.job_site import empty_index, ingest_site, program

    (beside_demo / "demo" / "captions.csv").write_text("file,caption\nquery_1_image.png,Fibers\n", encoding="utf-8")
    monkeypatch.setenv(
        "MIRSEARCH_EUROPEPMC_URL", "http://127.0.0.1:1"
    )  # nobody answers there, and nobody else is asked
    site = ingest_site(empty_index(str(tmp_path / "index")))
    with open_socket("127.0.0.1", 0) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        threading.Thread(target=serve_forever, args=(create_app(site), listening), daemon=True).start()
        lines = [line for text in examples("sh", ADDING) for line in text.splitlines() if line.startswith("curl")]
        told = []
        for line in lines:
            done = subprocess.run(
                ["bash", "-c", line.replace(TOLD_ADDRESS, address)], capture_output=True, text=True, check=True
            )
            told.append(json.loads(done.stdout))
        assert [job["id"] for job in reversed(told[-1]["jobs"])] == [job["id"] for job in told[:-1]]
        assert [job["asked"] for job in told[:-1]][1] == {"keyword": ["nanowires"], "in": "title", "max_articles": 5}
        client = program(site)
        for job in told[:-1]:
            client.post(f"/api/v1/jobs/{job['id']}/cancel")
        (example,) = examples("python", ADDING)
        names: dict[str, object] = {}
        exec(example.replace(TOLD_ADDRESS, address), names)
        assert "done" in capsys.readouterr().out
        job = names["job"]
        assert isinstance(job, dict)
        assert (job["state"], job["title"], job["added"]) == ("done", "rods/one.png", 1)
        site.stop()
    site.close()


def test_the_addresses_that_add_figures_are_those_of_the_server(address: str) -> None:
    import requests

    described = requests.get(f"{address}/api/v1/openapi.json", timeout=30).json()["paths"]
    known = {
        (method.upper(), path.replace("{job_id}", "ID"))
        for path, methods in described.items() if "/jobs" in path for method in methods
    }  # fmt: skip
    assert set(re.findall(r"`(GET|POST|DELETE) (/api/v1/jobs[\w/]*)`", ADDING)) == known
