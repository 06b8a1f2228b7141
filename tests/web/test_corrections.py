"""The review: what wants a look, how people put it right in place, and that nothing is written unless it is allowed."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from starlette.testclient import TestClient

from mirsearch.corpus import Panel, ScaleReading
from mirsearch.indexes import open_index
from mirsearch.indexes.base import FigureRecord
from mirsearch.ingest.correcting import rewrite_figures
from mirsearch.query import Filters, StoredPanel
from mirsearch.search.review import find_review
from mirsearch.synthetic.corpus import write_corpus
from mirsearch.web.app import create_app
from mirsearch.web.site import Site
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support.web_site import ADDRESS, BROWSER, fill_index, open_site
from tests.web.test_pages import Page

PROGRAM = {"accept": "application/json"}


def make_doubtful(location: str) -> None:
    """Let two scales be read as 700 nm, with little confidence, so that they want a look."""
    index = open_index(location)
    with_scale = [one for one in index.select_panels(Filters()) if one.panel.scale is not None]
    chosen = {one.panel.id for one in with_scale[:2]}
    with index.writer() as writer:
        for figure in dict.fromkeys(one.figure.id for one in with_scale[:2]):
            stored = index.figure_panels(figure)
            panels = tuple(_doubtful(one.panel) if one.panel.id in chosen else one.panel for one in stored)
            vectors = np.stack([index.vector(panel.id) for panel in panels])
            pictures = tuple(index.thumbnail(panel.id) or b"" for panel in panels)
            writer.put(FigureRecord(stored[0].figure, panels, vectors, pictures))
    index.close()


def _doubtful(panel: Panel) -> Panel:
    bar = None if panel.scale is None else panel.scale.bar
    reading = ScaleReading(7.0, 700.0, 100.0, bar, "700 nm", "label", 0.3)
    return dataclasses.replace(panel, scale=None, doubtful_scale=reading)


@pytest.fixture(scope="module", params=BACKENDS)
def location(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("reviewed")
    truth = write_corpus(folder / "figures", 3, 11)
    place = new_location(request.param, request, tmp_path_factory)
    fill_index(place, folder / "figures", truth.figures)
    make_doubtful(place)
    return place


@pytest.fixture
def site(location: str) -> Iterator[Site]:
    site = open_site(location, allow_corrections=True)
    yield site
    index = open_index(location)
    corrected = index.corrected_figures()
    if corrected:
        rewrite_figures(index, {figure: lambda notes: () for figure in corrected})
    index.close()
    site.close()


@pytest.fixture
def browser(site: Site) -> TestClient:
    return TestClient(create_app(site), base_url=ADDRESS, headers=BROWSER, follow_redirects=False)


def page_of(client: TestClient, address: str = "/review") -> Page:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def token_of(page: Page) -> str:
    return next(str(a["value"]) for tag, a in page.found if tag == "input" and a.get("name") == "form_token")


def queue_of(page: Page) -> list[str]:
    return [
        str(a["id"]).removeprefix("panel-") for tag, a in page.found if tag == "li" and a.get("class") == "to-review"
    ]


def stored(location: str, panel_id: str) -> StoredPanel:
    index = open_index(location)
    try:
        return index.panels([panel_id])[0]
    finally:
        index.close()


def test_the_queue_is_that_of_the_command(browser: TestClient, location: str) -> None:
    index = open_index(location)
    expected = [item.stored.panel.id for item in find_review(index, 12).items]
    index.close()
    page = page_of(browser)
    assert len(expected) >= 2
    assert queue_of(page) == expected
    told = browser.get("/api/v1/review", headers=PROGRAM).json()
    assert [item["panel"]["id"] for item in told["items"]] == expected
    assert told["counts"]["doubtful"] == 2
    assert "the reading is doubtful" in page.text


def test_a_drawn_bar_with_its_length_becomes_the_scale(browser: TestClient, location: str) -> None:
    page = page_of(browser)
    panel_id = queue_of(page)[0]
    box = stored(location, panel_id).panel.box
    bar = (box[0] + 10, box[1] + 12, box[0] + 90, box[1] + 15)
    form = {
        "form_token": token_of(page), "start": "1", "scale": "2 um", "bar": ",".join(map(str, bar)), "bar_px": "80",
        "kind": "diffraction", "was_kind": "micrograph", "technique": "SEM", "was_technique": "SEM",
    }  # fmt: skip
    answer = browser.post(f"/review/{panel_id}", data=form)
    assert answer.status_code == 303, answer.text
    after = stored(location, panel_id)
    assert after.panel.scale is not None
    assert (after.panel.scale.nm_per_px, after.panel.scale.bar, after.panel.scale.source) == (25.0, bar, "user")
    assert after.panel.kind == "diffraction"
    assert after.corrected_fields == ("kind", "scale")
    assert after.panel.doubtful_scale is None
    following = page_of(browser, answer.headers["location"])
    assert panel_id not in queue_of(following)
    assert "Corrected:" in following.text
    listed = browser.get("/api/v1/corrections", headers=PROGRAM).json()["corrections"]
    assert [each["panel"] for each in listed] == [panel_id]
    undone = browser.post(f"/review/{panel_id}", data={"form_token": token_of(following), "start": "1", "undo": "1"})
    assert undone.status_code == 303
    assert stored(location, panel_id).corrected_fields == ()
    assert panel_id in queue_of(page_of(browser))


def test_a_right_reading_is_confirmed_and_a_missing_one_denied(browser: TestClient, location: str) -> None:
    page = page_of(browser)
    told = browser.get("/api/v1/review", headers=PROGRAM).json()
    first, second = [item["panel"]["id"] for item in told["items"] if item["reason"] == "doubtful"]
    was = stored(location, first).panel.doubtful_scale
    assert was is not None
    assert "700 nm is right" in page.text
    for panel_id, field in ((first, "confirm"), (second, "no_scale")):
        assert browser.post(f"/review/{panel_id}", data={"form_token": token_of(page), field: "1"}).status_code == 303
    sure = stored(location, first).panel.scale
    assert sure is not None
    assert (sure.nm_per_px, sure.source, sure.confidence) == (was.nm_per_px, "user", 1.0)
    assert stored(location, second).panel.scale is None
    assert stored(location, second).corrected_fields == ("scale",)


def test_a_wrong_value_is_told_and_nothing_is_written(browser: TestClient, location: str) -> None:
    page = page_of(browser)
    panel_id = queue_of(page)[0]
    for fields, words in (
        ({"scale": "much"}, "much"),
        ({"scale": "500 nm", "bar": "0,0,999999,2"}, "not one of this panel"),
        ({"bar": "1,2,3"}, "bar"),
        ({"bar_px": "80"}, "Bar in px"),
        ({"kind": "sonar"}, "is not known"),
        ({"confirm": "1", "scale": "2 um"}, "give one of them"),
        ({}, "nothing is corrected"),
        ({"unknown": "1"}, "unknown"),
    ):
        answer = browser.post(f"/review/{panel_id}", data={"form_token": token_of(page), **fields})
        assert answer.status_code == 400, (fields, answer.text)
        told = Page(answer.text)
        assert words in told.text, fields
        assert "--" not in told.text.replace("--allow", "")
    assert stored(location, panel_id).corrected_fields == ()
    gone = browser.post("/review/nothing", data={"form_token": token_of(page), "scale": "2 um"})
    assert gone.status_code == 404


def test_forms_of_other_pages_write_nothing(browser: TestClient, site: Site, location: str) -> None:
    page = page_of(browser)
    panel_id, token = queue_of(page)[0], token_of(page)
    address, right = f"/review/{panel_id}", {"scale": "2 um", "bar_px": "80"}
    assert browser.post(address, data=right).status_code == 403
    assert browser.post(address, data={**right, "form_token": "0" * 64}).status_code == 403
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert browser.post(address, data={**right, "form_token": token}, headers=headers).status_code == 403
        api = f"/api/v1/panels/{panel_id}/correction"
        assert browser.post(api, json={"scale": "2 um"}, headers=headers).status_code == 403
        assert browser.delete(api, headers=headers).status_code == 403
    other = TestClient(create_app(site), base_url=ADDRESS, headers=BROWSER, follow_redirects=False)
    assert other.post(address, data={**right, "form_token": token}).status_code == 403  # without the cookie
    assert stored(location, panel_id).corrected_fields == ()


def test_programs_correct_through_the_api(site: Site, location: str) -> None:
    client = TestClient(create_app(site), base_url=ADDRESS, headers=PROGRAM)
    panel_id = client.get("/api/v1/review?top=1").json()["items"][0]["panel"]["id"]
    address = f"/api/v1/panels/{panel_id}/correction"
    told = client.post(address, json={"nm_per_px": 2.5, "technique": "TEM"}).json()
    assert told["scale"]["nm_per_px"] == 2.5
    assert told["technique"] == "TEM"
    assert told["corrected"] == ["technique", "scale"]
    assert client.post(address, json={"nm_per_px": -1}).status_code == 400
    assert client.post(address, json={"bar": [1, 2]}).status_code == 422
    assert client.post("/api/v1/panels/nothing/correction", json={"nm_per_px": 1}).status_code == 404
    assert client.delete(address).json()["corrected"] == []
    with_cookies = TestClient(create_app(site), base_url=ADDRESS, cookies={"mirsearch_form": "x" * 20})
    assert with_cookies.post(address, json={"nm_per_px": 1}).status_code == 403


def test_nothing_is_written_unless_it_is_allowed(location: str) -> None:
    closed = open_site(location)
    try:
        client = TestClient(create_app(closed), base_url=ADDRESS, headers=BROWSER, follow_redirects=False)
        page = page_of(client)
        panel_id = queue_of(page)[0]
        assert not [tag for tag, _ in page.found if tag == "form"]
        assert "Corrections are off" in page.text
        answers = [
            client.post(f"/review/{panel_id}", data={"scale": "2 um", "bar_px": "80"}),
            client.post(f"/api/v1/panels/{panel_id}/correction", json={"nm_per_px": 1}),
            client.delete(f"/api/v1/panels/{panel_id}/correction"),
        ]
        assert [answer.status_code for answer in answers] == [403, 403, 403]
        assert all("--allow-corrections" in answer.text for answer in answers)
        assert "Correct</a>" not in client.get(f"/figures/{panel_id.partition('-')[0]}").text
        assert stored(location, panel_id).corrected_fields == ()
    finally:
        closed.close()


def test_a_busy_index_is_told(browser: TestClient, location: str) -> None:
    page = page_of(browser)
    panel_id = queue_of(page)[0]
    index = open_index(location)
    with index.writer():
        answer = browser.post(f"/review/{panel_id}", data={"form_token": token_of(page), "no_scale": "1"})
    index.close()
    assert answer.status_code == 503
    assert re.search(r"writ|busy", Page(answer.text).text)


def test_any_panel_of_a_figure_can_be_corrected(browser: TestClient, location: str) -> None:
    panel_id = queue_of(page_of(browser))[0]
    figure = browser.get(f"/figures/{panel_id.partition('-')[0]}").text
    assert f"/review/{panel_id}" in figure
    page = page_of(browser, f"/review/{panel_id}")
    answer = browser.post(f"/review/{panel_id}", data={"form_token": token_of(page), "kind": "map", "was_kind": "x"})
    assert answer.headers["location"] == f"/review/{panel_id}?done={panel_id}"
    assert stored(location, panel_id).panel.kind == "map"
