"""Adding figures through the server: what comes in, what is kept, and that nothing ends the server or the index."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import signal
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from starlette.testclient import TestClient

from mirsearch.corpus import figure_id
from mirsearch.indexes import open_index
from mirsearch.query import Filters
from mirsearch.settings import workspace
from mirsearch.transfer.places import picture_files
from mirsearch.web.app import create_app
from mirsearch.web.site import Site
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support.cli_runner import run
from tests.support.job_site import (
    add_files,
    empty_index,
    files_below,
    form_files,
    ingest_site,
    program,
    small_picture,
    wait_for,
    wait_for_end,
)
from tests.support.serving import ServedArticle, ServedFigure, WorldWriter, random_png, run_server
from tests.support.web_site import ADDRESS, BROWSER, Served, open_site


@pytest.fixture
def location(tmp_path: Path) -> str:
    return empty_index(str(tmp_path / "index"))


@pytest.fixture
def site(location: str) -> Iterator[Site]:
    site = ingest_site(location)
    yield site
    site.close()


def climbing_zip(number: int) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("inside.png", small_picture(number))
        for name in ("../../climbed.png", "/climbed.png", "a/../../../climbed.png"):
            archive.writestr(name, small_picture(number + 1))
    return data.getvalue()


@pytest.mark.parametrize("backend", BACKENDS)
def test_files_become_figures(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if backend == "elasticsearch":
        monkeypatch.setenv("MIRSEARCH_WORKSPACE", str(tmp_path / "workspace"))
    location = empty_index(new_location(backend, request, tmp_path_factory))
    uploads = workspace(location) / "uploads"
    site = ingest_site(location)
    try:
        client = program(site)
        files = {
            "study/captions.csv": b"file,caption\none.png,Gold rods\ngone.png,Nothing\n",
            "study/one.png": small_picture(1), "../../../two.png": small_picture(2), "study/torn.png": b"\x89PNG torn",
            "study/.hidden.png": small_picture(3), "packed.zip": climbing_zip(4),
        }  # fmt: skip
        job_id = add_files(client, files)["id"]
        lines = told_until_the_end(client, job_id)
        assert '"state": "done"' in lines[-1]
        job = client.get(f"/api/v1/jobs/{job_id}").json()
        assert (job["state"], job["message"], job["added"]) == ("done", "", 3), job
        assert {each["file"] for each in job["failures"]} >= {"study/torn.png", "study/captions.csv:3"}
        assert all(each["reason"] for each in job["failures"])
        assert str(uploads) not in str(job)
        names = files_below(uploads)
        assert [name.partition("/")[2] for name in names] == ["packed.zip", "study/one.png", "two.png"]
        assert not list(uploads.parents[1].rglob("*climbed*"))
        figure = client.get(f"/api/v1/figures/{figure_id(_hash(files['study/one.png']))}").json()
        assert figure["caption"] == "Gold rods"
        hits = client.post("/api/v1/search", data={"text": "rods"}).json()["hits"]
        assert [hit["figure"] for hit in hits] == [figure["id"]]
        assert client.get(f"/iiif/{figure['id']}/full/max/0/default.jpg").status_code == 200
        page = program(site).get(f"/jobs/{job_id}", headers=BROWSER).text
        assert "torn.png" in page
        assert "http-equiv" not in page
        assert 'href="/add"' in page
        with closing(open_index(location)) as index:
            assert [each.input for each in index.failures() if "climbed" not in each.input] == []
            assert not index.entries("folders")
        twice = wait_for_end(client, add_files(client, files)["id"])
        assert (twice["counts"]["new"], twice["counts"]["already_there"]) == (0, 3)
        assert files_below(uploads) == names
    finally:
        site.close()
    if backend == "embedded":
        check_moved(Path(location), tmp_path / "elsewhere", figure["id"], files["study/one.png"])


def told_until_the_end(client: TestClient, job_id: str) -> list[str]:
    with client.stream("GET", f"/api/v1/jobs/{job_id}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        return [line for line in stream.iter_lines() if line.startswith("data: ")]


def check_moved(location: Path, moved: Path, figure: str, picture: bytes) -> None:
    """Added pictures go where the index goes, and what the server notes of its jobs stays out of backups."""
    shutil.move(location, moved)
    with closing(open_index(str(moved))) as index:
        (panel, *_) = [each for each in index.select_panels(Filters()) if each.figure.id == figure]
    assert panel.figure.image is not None
    assert Path(panel.figure.image).read_bytes() == picture
    assert Path(panel.figure.image).is_relative_to(moved)
    kept = {Path(name).name for name, _ in picture_files(moved / "acquired")}
    assert {"one.png", "two.png", "packed.zip"} <= kept
    assert not [name for name in kept if name.startswith("jobs.")]


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_stopped_killed_and_interrupted_jobs_lose_nothing(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRSEARCH_THREADS", "1")
    pictures = {f"{number:02}.png": small_picture(100 + number) for number in range(10)}
    site = ingest_site(location)
    client = program(site)
    job_id, other = (add_files(client, files)["id"] for files in (pictures, {"a.png": small_picture(99)}))
    assert client.post(f"/api/v1/jobs/{other}/cancel").json()["state"] == "cancelled"

    def has_begun(job: dict[str, Any]) -> bool:
        return bool(job["state"] == "running" and job["progress"].get("new", 0) > 0)

    wait_for(client, job_id, has_begun)
    for child in children("job_child"):
        os.kill(child, signal.SIGKILL)
    killed = wait_for_end(client, job_id)
    assert killed["state"] == "failed"
    assert "signal 9" in killed["message"]
    assert 0 <= figure_count(location) < 10
    assert client.get("/healthz").status_code == 200

    client.post(f"/api/v1/jobs/{job_id}/again")
    wait_for(client, job_id, lambda job: job["state"] == "running")
    site.close()
    assert children("job_child") == []
    site = ingest_site(location)
    try:
        client = program(site)
        told = client.get(f"/api/v1/jobs/{job_id}").json()
        assert told["state"] == "interrupted"
        assert "server stopped" in told["message"]
        with closing(open_index(location)) as index, index.writer():
            client.post(f"/api/v1/jobs/{job_id}/again")
            wait_for(client, job_id, lambda job: job["progress"].get("phase") == "waiting")
            time.sleep(0.5)  # it goes on only when the other writer has ended
            assert client.get(f"/api/v1/jobs/{job_id}").json()["progress"]["phase"] == "waiting"
        done = wait_for_end(client, job_id)
        assert (done["state"], done["added"], figure_count(location)) == ("done", 10, 10)
        assert client.post(f"/api/v1/jobs/{job_id}/again").status_code == 409
    finally:
        site.close()
    assert run("verify", "--index", location).code == 0


def figure_count(location: str) -> int:
    with closing(open_index(location)) as index:
        return int(index.stats()["figures"])


def children(words: str) -> list[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=False
    )
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if words in line]


def test_a_keyword_brings_figures_of_articles(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = WorldWriter(tmp_path / "world")
    world.add(
        ServedArticle(700_001, [ServedFigure(data=random_png(1)), ServedFigure(name="gr2.png", caption="Retention.")])
    )
    client = program(site)
    with run_server(world.write()) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("MIRSEARCH_CACHE", str(tmp_path / "cache"))
        answer = client.post("/api/v1/jobs", data={"keyword": "nano", "max_articles": "3"})
        assert answer.status_code == 202, answer.text
        job = wait_for_end(client, answer.json()["id"])
    assert (job["state"], job["counts"]["new"], job["added"]) == ("done", 1, 1), job
    assert job["asked"] == {"keyword": ["nano"], "max_articles": 3}
    figure = client.get(f"/api/v1/figures/{job['figures'][0]}").json()
    assert figure["article"]["doi"] == "10.5555/served.700001"
    page = client.get(f"/jobs/{job['id']}", headers=BROWSER).text
    assert "1 articles taken" in page
    assert f"/figures/{figure['id']}" in page


def test_what_can_not_be_added_is_told_and_kept_nowhere(site: Site, location: str) -> None:
    client = program(site)
    uploads = Path(location) / "acquired" / "uploads"
    for fields, files, status, words in (
        ({}, {}, 400, "nothing to add"),
        ({}, {"empty.png": b""}, 400, "empty"),
        ({"keyword": "nano"}, {"a.png": small_picture(1)}, 400, "two jobs"),
        ({"keyword": "nano", "source": "folder"}, {}, 400, "--source folder"),
        ({"keyword": "nano", "since": "soon"}, {}, 400, "--since"),
        ({"keyword": "nano", "in": "cellar"}, {}, 422, "in"),
        ({"keyword": "nano", "max_figures": "-1"}, {}, 422, "max_figures"),
        ({"pages": "x"}, {"a.png": small_picture(1)}, 400, "--pages"),
        ({"source": "cellar"}, {"a.png": small_picture(1)}, 400, "--source"),
        ({"index": "/etc"}, {"a.png": small_picture(1)}, 422, "index"),
        ({"max_articles": "3"}, {"a.png": small_picture(1)}, 400, "--max-articles"),
    ):
        answer = client.post("/api/v1/jobs", data=fields, files=form_files(files) or None)
        assert answer.status_code == status, (fields, answer.text)
        assert words in answer.json()["detail"], (fields, answer.json())
    assert client.get("/api/v1/jobs").json() == {"jobs": []}
    assert not uploads.exists() or files_below(uploads) == []
    for path in ("", "/events", "/cancel", "/again"):
        ask = client.post if path in ("/cancel", "/again") else client.get
        assert ask(f"/api/v1/jobs/nothing{path}").status_code == 404


def test_other_sites_and_forms_without_a_token_add_nothing(site: Site) -> None:
    client = program(site)
    files = form_files({"a.png": small_picture(1)})
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        for path in ("/jobs", "/api/v1/jobs"):
            assert client.post(path, files=files, headers=headers).status_code == 403
    assert client.post("/jobs", files=files).status_code == 403
    assert client.post("/jobs", files=files, data={"form_token": "0" * 64}).status_code == 403
    with_cookies = TestClient(create_app(site), base_url=ADDRESS, cookies={"mirsearch_form": "x" * 20})
    assert with_cookies.post("/api/v1/jobs", files=files).status_code == 403
    assert client.get("/api/v1/jobs").json() == {"jobs": []}


def test_nothing_is_added_unless_it_is_allowed(served: Served) -> None:
    before = files_below(Path(served.location))
    closed = open_site(served.location)
    client = program(closed)
    answers = [
        client.post("/api/v1/jobs", files=form_files({"a.png": small_picture(1)})),
        client.post("/jobs", files=form_files({"a.png": small_picture(1)})),
        client.post("/api/v1/jobs", data={"keyword": "nano"}), client.post("/api/v1/jobs/x/again"),
        *(client.get(path) for path in ("/add", "/jobs", "/jobs/x", "/api/v1/jobs", "/api/v1/jobs/x/events")),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [403] * len(answers)
    assert all("--allow-ingest" in answer.json()["remedy"] for answer in answers)
    assert 'href="/add"' not in client.get("/", headers=BROWSER).text
    closed.close()
    assert files_below(Path(served.location)) == before


def test_a_request_beyond_the_limits_is_refused_before_it_is_read(site: Site) -> None:
    headers = {"content-length": str(4 << 30), "content-type": "multipart/form-data; boundary=b"}
    for path in ("/jobs", "/api/v1/jobs"):
        answer = program(site).post(path, content=b"--b--", headers=headers)
        assert answer.status_code == 413
        assert "several parts" in answer.json()["remedy"]
