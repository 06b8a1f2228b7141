"""The API answers as the command line does, and its errors have the command line's words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from PIL import Image
from starlette.testclient import TestClient

from mirsearch.corpus import Origin
from mirsearch.errors import MirsearchError
from mirsearch.field_filters import FieldFilter
from mirsearch.query import Filters, ScoredPanel
from mirsearch.ranking import Formula
from mirsearch.search.answer import Answer, Hit, QueryImage, QueryView, answer_json
from mirsearch.web import schema
from mirsearch.web.corpus import public_json
from mirsearch.web.responses import json_bytes, public_answer_json
from tests.support.cli_runner import run
from tests.support.web_site import Served


def search(client: TestClient, image: Path | None = None, **fields: Any) -> Any:
    files = {} if image is None else {"image": (str(image), image.read_bytes(), "application/octet-stream")}
    return client.post("/api/v1/search", data=fields, files=files)


def names_only(value: Any) -> Any:
    """What the command line prints, with names in place of paths, and without the time that it took."""
    if isinstance(value, list):
        return [names_only(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: Path(item).name if key == "image" and isinstance(item, str) else names_only(item)
        for key, item in value.items()
        if key != "took_ms"
    }


@pytest.mark.parametrize(
    ("with_image", "fields", "words"),
    [
        (True, {}, ()),
        (True, {"text": "image", "top": 3, "field_of_view": "3 um", "missing": "penalize"},
         ("--text", "image", "--top", "3", "--field-of-view", "3 um", "--missing", "penalize")),
        (True, {"crop": "10,10,200,150", "no_scale": "true", "weight": ["visual=1", "text=0"], "all_kinds": "1"},
         ("--crop", "10,10,200,150", "--no-scale", "-w", "visual=1", "-w", "text=0", "--all-kinds")),
        (False, {"text": '"image"', "technique": ["sem"], "year": "2000-"},
         ("--text", '"image"', "--technique", "sem", "--year", "2000-")),
        (False, {"text": "image", "filter": "figure.width=100..", "has_scale": "true", "fov": "1nm..1mm", "each": "1"},
         ("--text", "image", "--filter", "figure.width=100..", "--has-scale", "--fov", "1nm..1mm", "--each")),
        (False, {"text": "image", "per_article": 1, "min_score": 0.0001, "license": "cc"},
         ("--text", "image", "--per-article", "1", "--min-score", "0.0001", "--license", "cc")),
        (True, {"text": "caption:image NOT title:nothing"}, ("--text", "caption:image NOT title:nothing")),
        (True, {"text": "imag*", "require": "true"}, ("--text", "imag*", "--require")),
    ],
)  # fmt: skip
def test_a_search_answers_as_the_command_line(
    client: TestClient, served: Served, with_image: bool, fields: dict[str, Any], words: tuple[str, ...]
) -> None:
    image = served.query if with_image else None
    answer = search(client, image, **fields)
    assert answer.status_code == 200, answer.text
    asked = (str(image),) if image else ()
    expected = run("query", *asked, *words, "--index", served.location, "--format", "json").json()
    assert names_only(answer.json()) == names_only(expected)
    assert len(expected["hits"]) > 0
    schema.AnswerData.model_validate(answer.json())


def test_several_images_are_asked_with_together(client: TestClient, served: Served) -> None:
    images = [served.query, served.folder / "second.png"]
    picture = Image.open(served.query)
    picture.crop((0, 0, picture.width // 2, picture.height // 2)).save(images[1])
    files = [("image", (path.name, path.read_bytes(), "image/png")) for path in images]
    answer = client.post("/api/v1/search", data={"field_of_view": "3 um"}, files=files)
    words = (*images, "--field-of-view", "3 um", "--index", served.location, "--format", "json")
    assert names_only(answer.json()) == names_only(run("query", *words).json())
    refused = client.post("/api/v1/search", data={"panel": "a"}, files=files)
    assert (refused.status_code, refused.json()["remedy"]) == (400, "ask with one image at a time")


def test_a_panel_is_asked_with(client: TestClient, served: Served) -> None:
    some_id = served.stored[0].panel.id
    expected = run("query", "--like", some_id, "--index", served.location, "--format", "json").json()
    assert names_only(search(client, like=some_id).json()) == names_only(expected)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ()),
        ({"text": "a", "year": "soon"}, ("--text", "a", "--year", "soon")),
        ({"text": "a", "panel": "b"}, ("--text", "a", "--panel", "b")),
        ({"text": "a", "fov": "5um..1um"}, ("--text", "a", "--fov", "5um..1um")),
        ({"text": "a", "filter": "colour=red"}, ("--text", "a", "--filter", "colour=red")),
        ({"text": "a", "kind": "picture"}, ("--text", "a", "--kind", "picture")),
        ({"text": "a", "weight": "visual=-1"}, ("--text", "a", "--weight", "visual=-1")),
        ({"text": "a", "sigma": "0"}, ("--text", "a", "--sigma", "0")),
        ({"text": "gold AND"}, ("--text", "gold AND")),
        ({"text": "a", "label_text": "(a OR"}, ("--text", "a", "--label-text", "(a OR")),
    ],
)
def test_errors_have_the_words_of_the_command_line(
    client: TestClient, served: Served, fields: dict[str, Any], words: tuple[str, ...]
) -> None:
    answer = search(client, **fields)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    schema.ProblemDetails.model_validate(problem)
    told = run("query", *words, "--index", served.location, code=2).err
    assert told.strip() == f"mirsearch: {MirsearchError(problem['detail'], problem['remedy'])}"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"text": "a", "top": "many"}, "top"),
        ({"text": "a", "top": "1001"}, "top"),
        ({"text": "a", "colour": "red"}, "colour"),
        ({"text": "a", "sigma": "nan"}, "sigma"),
        ({"text": "a", "missing": "punish"}, "missing"),
        ({"text": "x" * 3000}, "text"),
        ({"text": "a", "kind": ["plot"] * 100}, "kind"),
    ],
)
def test_a_field_of_a_wrong_form_is_named(client: TestClient, fields: dict[str, Any], field: str) -> None:
    answer = search(client, **fields)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(field)


@pytest.mark.parametrize("data", [b"", b"no image", b"\x89PNG\r\n\x1a\n broken", b"II*\0" + b"\xff" * 40, b"GIF89a"])
def test_what_is_no_image_is_refused(client: TestClient, data: bytes) -> None:
    answer = client.post("/api/v1/search", files={"image": ("../../evil.png", data, "image/png")})
    assert answer.status_code in (400, 422)
    assert "mirsearch-queries" not in answer.text
    assert "/" not in answer.json()["detail"]


def test_numbers_out_of_all_range_are_told(client: TestClient, served: Served) -> None:
    for fields in (
        {"nm_per_px": "1e308"}, {"nm_per_px": "1e-320"}, {"scale": "500 nm", "bar_px": "1e-320"},
        {"weight": ["visual=1e308", "scale=1e308", "text=1e308"], "text": "image"}, {"sigma": "1e-320"},
    ):  # fmt: skip
        answer = search(client, served.query, **fields)
        assert answer.status_code in (200, 400), (fields, answer.text)


def test_panels_figures_and_articles_are_told(client: TestClient, served: Served) -> None:
    stored = served.stored[0]
    panel = client.get(f"/api/v1/panels/{stored.panel.id}")
    schema.PanelData.model_validate(panel.json())
    shown = run("show", stored.panel.id, "--index", served.location, "--format", "json").json()[0]
    assert panel.json()["scale"] == shown["scale"]
    assert set(panel.json()) == set(shown)
    figure = client.get(f"/api/v1/figures/{stored.figure.id}").json()
    schema.FigureData.model_validate(figure)
    assert stored.panel.id in [each["id"] for each in figure["panels"]]
    assert all("/" not in origin["location"] for origin in panel.json()["origins"])
    assert stored.figure.article is not None
    for name in (stored.figure.article.id, str(stored.figure.article.doi)):
        article = client.get(f"/api/v1/articles/{quote(name, safe='')}").json()
        schema.ArticleFigures.model_validate(article)
        assert stored.figure.id in article["figures"]
    facets = client.get("/api/v1/facets").json()
    schema.FacetCounts.model_validate(facets)
    assert sum(facets["kinds"].values()) == len(served.stored)


def test_what_is_not_there_is_not_found(client: TestClient, served: Served) -> None:
    for path in (
        "/api/v1/panels/nothing", "/api/v1/figures/nothing", "/api/v1/articles/10.1/nothing", "/api/v1/nothing",
        f"/api/v1/articles/{served.stored[0].panel.id}", "/api/v1/panels/%00", "/api/v1/figures/..%2f..%2fetc%2fpasswd",
        "/static/..%2fapp.py", "/static/app.py", "/pictures/nothing.jpg", "/queries/0.jpg",
    ):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 404, path
        if path.startswith("/api/"):
            schema.ProblemDetails.model_validate(answer.json())


def test_an_unchanged_answer_is_not_sent_again(client: TestClient, served: Served) -> None:
    stored = served.stored[0]
    for path in (
        f"/api/v1/panels/{stored.panel.id}", "/api/v1/facets", f"/pictures/{stored.panel.id}.jpg", "/static/web.js",
        f"/iiif/{stored.figure.id}/full/200,/0/default.jpg", f"/iiif/{stored.figure.id}/info.json",
    ):  # fmt: skip
        first = client.get(path)
        assert first.status_code == 200, path
        again = client.get(path, headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b""), path
        assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200


def test_the_description_names_all_addresses_and_fields(client: TestClient) -> None:
    description = client.get("/api/v1/openapi.json").json()
    assert set(description["paths"]) == {
        "/api/v1/search", "/api/v1/panels/{panel_id}", "/api/v1/figures/{figure_id}",
        "/api/v1/articles/{article_id}", "/api/v1/facets", "/api/v1/review", "/api/v1/corrections",
        "/api/v1/panels/{panel_id}/correction", "/api/v1/jobs", "/api/v1/jobs/{job_id}", "/api/v1/jobs/{job_id}/events",
        "/api/v1/jobs/{job_id}/cancel", "/api/v1/jobs/{job_id}/again",
    }  # fmt: skip
    body = description["paths"]["/api/v1/search"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    fields = body["properties"]
    assert {"image", "text", "like", "no_scale", "field_of_view", "top"} <= set(fields)
    assert all(field.get("description") for field in fields.values())
    job = description["paths"]["/api/v1/jobs"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert {"files", "keyword", "source", "in", "max_figures", "pages"} <= set(job["properties"])
    assert "cdn" not in json.dumps(description)
    assert client.get("/docs").status_code == 404


def test_no_answer_has_the_place_of_a_file(served: Served) -> None:
    first, other = (
        replace(stored, figure=replace(stored.figure, origins=(Origin("folder", f"/srv/figures/{n}.png"),)))
        for n, stored in enumerate(served.stored[:2])
    )
    scored = ScoredPanel(first.panel.id, 0.5)
    hit = Hit(1, scored, first, repeats=(other,), parts=((scored, other),), others=((scored, other),))
    asked = tuple(QueryImage(f"/tmp/up/{n}.png", None, (0, 0, 9, 9), None, None, None) for n in range(2))
    conditions = Filters(fields=(FieldFilter("source", ("folder",)),))
    query = QueryView("/tmp/up/0.png", images=asked, filters=conditions)
    answer = Answer(query, (hit, replace(hit, rank=2)), True, 2, 0.1, Formula())
    told = public_answer_json(answer)
    assert b"/srv" not in told
    assert b"/tmp" not in told
    assert b'"0.png"' in told
    assert told == json_bytes(public_json(answer_json(answer)))
