"""Each answer of the API is as its OpenAPI text describes it, jobs and corrections among them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from starlette.testclient import TestClient

from mirsearch.web.app import create_app
from tests.support.job_site import PROGRAM, form_files, small_picture, wait_for_end
from tests.support.web_site import ADDRESS, Served, open_site


class Described:
    """A program that checks each answer against the description, and notes which operations it has asked."""

    def __init__(self, client: TestClient) -> None:
        self.client, self.text = client, client.get("/api/v1/openapi.json").json()
        self.asked: set[tuple[str, str]] = set()

    def ask(self, method: str, path: str, status: int = 200, **request: Any) -> Any:
        """Return the JSON of an answer, or the text of one that is no JSON."""
        answer = self.client.request(method, f"/api/v1{path}", **request)
        assert answer.status_code == status, answer.text
        described = self._operation(method, f"/api/v1{path}")["responses"]
        contents = described.get(str(status), described["default"])["content"]
        kind = answer.headers["content-type"].partition(";")[0]
        assert list(contents) == [kind]
        if kind == "text/event-stream":
            return answer.text
        schema = contents[kind]["schema"] | {"components": self.text["components"]}
        Draft202012Validator(schema).validate(answer.json())
        return answer.json()

    def _operation(self, method: str, path: str) -> dict[str, Any]:
        matching = (
            template for template in self.text["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
        )
        template = next(matching)
        self.asked.add((method.lower(), template))
        operation: dict[str, Any] = self.text["paths"][template][method.lower()]
        return operation

    @property
    def operations(self) -> set[tuple[str, str]]:
        """All operations that are described."""
        return {(method, path) for path, methods in self.text["paths"].items() for method in methods}


@pytest.fixture
def described(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Described]:
    location = str(tmp_path / "index")
    shutil.copytree(served.location, location)
    monkeypatch.setenv("MIRSEARCH_CACHE", str(tmp_path / "cache"))
    site = open_site(location, allow_corrections=True, ingest=())
    yield Described(TestClient(create_app(site), base_url=ADDRESS, headers=PROGRAM))
    site.close()


def test_answers_are_as_they_are_described(described: Described, served: Served) -> None:
    ask, stored = described.ask, served.stored[0]
    panel, figure = stored.panel.id, stored.figure
    assert ask("POST", "/search", data={"text": "image", "top": "3"})["hits"]
    ask("POST", "/search", 400)
    ask("POST", "/search", 422, data={"top": "many"})
    ask("POST", "/search", 422, files={"text": ("words.txt", b"image")})
    ask("GET", f"/panels/{panel}")
    ask("GET", "/panels/nothing", 404)
    ask("GET", f"/figures/{figure.id}")
    assert figure.article is not None
    ask("GET", f"/articles/{figure.article.id.replace('/', '%2F')}")
    ask("GET", "/facets")
    ask("POST", f"/panels/{panel}/correction", json={"kind": "map"})
    ask("POST", f"/panels/{panel}/correction", 422, json={"scale": 5})
    assert ask("GET", "/corrections")["corrections"]
    ask("DELETE", f"/panels/{panel}/correction")
    ask("GET", "/review", params={"top": 2})
    ask("GET", "/review", 422, params={"top": 0})

    job = ask("POST", "/jobs", 202, files=form_files({"one.png": small_picture(700), "torn.png": b"\x89PNG"}))["id"]
    ask("POST", "/jobs", 400)
    ask("POST", "/jobs", 422, data={"keyword": "nano", "max_figures": "many"})
    nul = ask("POST", "/jobs", 422, data={"keyword": "na\0no", "max_figures": "null"})
    assert nul["detail"] == "the request: keyword has a character of the code 0"
    assert ask("GET", "/jobs")["jobs"]
    assert wait_for_end(described.client, job)["state"] == "done"
    told = ask("GET", f"/jobs/{job}")
    assert (told["added"], told["failed"]) == (1, 1)
    ask("GET", "/jobs/nothing", 404)
    ask("POST", f"/jobs/{job}/cancel")
    ask("POST", f"/jobs/{job}/again", 409)
    (event,) = re.findall(r"^event: (\w+)\ndata: (.+)\n\n", ask("GET", f"/jobs/{job}/events"), re.MULTILINE)
    assert event[0] == "job"
    assert json.loads(event[1])["id"] == job
    assert described.asked == described.operations


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/v1/jobs", "GET, POST"), ("/api/v1/panels/x/correction", "DELETE, POST"), ("/api/v1/facets", "GET"),
        ("/search", "GET, HEAD, POST"),
    ],
)  # fmt: skip
def test_a_wrong_method_is_told_the_right_ones(client: TestClient, path: str, methods: str) -> None:
    answer = client.patch(path, headers={"accept": "application/json"})
    assert (answer.status_code, answer.headers["allow"]) == (405, methods)
