"""What whoever runs the server sees: health, numbers for Prometheus, and the access log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

import mirsearch
from mirsearch.errors import UsageError
from mirsearch.web.access import make_access
from mirsearch.web.access_log import AccessLog, AccessLogPlan
from mirsearch.web.app import create_app
from mirsearch.web.site import Site
from tests.support.web_site import ADDRESS, Served, open_site

_ORDER = ("route", "method", "status", "asked_with", "reason", "version", "le")
TOKEN = "a-token-of-enough-letters"


@pytest.fixture
def own_site(served: Served) -> Iterator[Site]:
    """A site of its own, whose numbers begin with nothing."""
    site = open_site(served.location)
    yield site
    site.close()


def asking(site: Site, peer: str = "127.0.0.1") -> TestClient:
    return TestClient(create_app(site), base_url=ADDRESS, client=(peer, 50000), follow_redirects=False)


def numbers(client: TestClient) -> dict[str, float]:
    """The numbers by name and labels; read by Prometheus' own parser."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        " ".join((sample.name, *(sample.labels[label] for label in _ORDER if label in sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_health_tells_the_version_and_asks_the_index(own_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client = asking(own_site)
    expected = {"status": "ok", "index": "reachable", "version": mirsearch.__version__}
    assert client.get("/healthz").json() == expected
    own_site.corpus.index.close()
    answer = client.get("/healthz")
    assert answer.status_code >= 500
    assert answer.headers["content-type"] == "application/problem+json"


def test_requests_searches_embeddings_and_refusals_are_counted(own_site: Site, served: Served) -> None:
    client = asking(own_site)
    image = {"image": ("a.png", served.query.read_bytes())}
    assert client.post("/api/v1/search", data={"text": "collagen"}).status_code == 200
    assert client.post("/api/v1/search", files=image).status_code == 200
    assert client.post("/api/v1/search", files={"image": ("a.png", b"\x89PNG no")}).status_code == 422
    assert client.get("/api/v1/panels/none").status_code == 404
    assert client.get(f"/api/v1/panels/{served.stored[0].panel.id}").status_code == 200
    assert client.get("/secret.php").status_code == 404
    assert client.get("/", headers={"host": "evil.example"}).status_code == 421
    client.request("BREW", "/coffee")
    found = numbers(client)
    assert found["mirsearch_requests_total /api/v1/search POST 200"] == 2
    assert found["mirsearch_requests_total /api/v1/search POST 422"] == 1
    assert found["mirsearch_requests_total /api/v1/panels/{panel_id} GET 404"] == 1
    assert found["mirsearch_requests_total /api/v1/panels/{panel_id} GET 200"] == 1
    assert found["mirsearch_requests_total none GET 404"] == 1
    assert found["mirsearch_requests_total none GET 421"] == 1
    assert found["mirsearch_request_seconds_count /api/v1/search"] == 3
    assert found["mirsearch_search_seconds_count words"] == found["mirsearch_search_seconds_count image"] == 1
    assert found["mirsearch_embedding_seconds_count"] == 1
    assert 0 < found["mirsearch_embedding_seconds_sum"] < found["mirsearch_search_seconds_sum image"]
    assert found["mirsearch_uploads_refused_total unreadable"] == 1
    assert found["mirsearch_panels"] == len(served.stored)
    assert found[f"mirsearch_build {mirsearch.__version__}"] == 1
    assert not any("secret" in name or "evil" in name or "BREW" in name for name in found)


def test_numbers_are_for_this_machine_or_a_token(own_site: Site, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{TOKEN}\n")
    tokens.chmod(0o600)
    own_site.access = make_access("0.0.0.0", token_file=tokens)
    here, elsewhere = asking(own_site), asking(own_site, "10.1.2.3")
    assert here.get("/metrics").status_code == 200
    assert elsewhere.get("/metrics").status_code == 401
    assert elsewhere.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    for name in ("x-forwarded-for", "forwarded", "x-real-ip", "via"):  # what a proxy on this machine passes on
        assert here.get("/metrics", headers={name: "10.1.2.3"}).status_code == 401
    own_site.access = make_access("0.0.0.0", auth_header="x-user", proxies=["10.1.2.3"])
    assert elsewhere.get("/metrics", headers={"x-user": "ada"}).status_code == 401


def log_lines(site: Site, target: Path, plan: AccessLogPlan, query: bytes) -> list[str]:
    site.access_log = AccessLog(plan)
    client = asking(site)
    client.get("/search", params={"text": "secret words", "image": "0" * 32})
    client.post("/api/v1/search", data={"text": "secret words"}, headers={"authorization": f"Bearer {TOKEN}"})
    posted = client.post("/search", files={"file": ("mine.png", query)})
    upload = posted.headers["location"].partition("image=")[2]
    client.get(f"/queries/{upload}.jpg")
    client.post("/login", data={"token": TOKEN})
    client.get('/nothing%0Ahere"', headers={"user-agent": "spy", "referer": "http://a/?text=secret"})
    text = target.read_text(encoding="utf-8")
    assert upload not in text
    assert TOKEN not in text
    assert "mine.png" not in text
    assert "spy" not in text
    return text.splitlines()


def test_the_log_has_one_line_a_request_without_images_words_and_tokens(
    own_site: Site, served: Served, tmp_path: Path
) -> None:
    target = tmp_path / "access.log"
    lines = log_lines(own_site, target, AccessLogPlan(str(target)), served.query.read_bytes())
    assert len(lines) == 6
    assert "secret" not in "".join(lines)
    form = r'\d{4}-\d\d-\d\dT[\d:.]+\+00:00 127\.0\.0\.1 "(GET|POST) /[^"\\]*(\\.[^"\\]*)*" \d{3} \d+ B [\d.]+ ms'
    for line in lines:
        assert re.fullmatch(form, line), line
    assert target.stat().st_mode & 0o077 == 0
    target.rename(tmp_path / "access.log.1")  # as logrotate does
    asking(own_site).get("/healthz")
    assert "/healthz" in target.read_text(encoding="utf-8")


def test_the_log_has_words_only_where_they_are_asked_for(own_site: Site, served: Served, tmp_path: Path) -> None:
    target = tmp_path / "access.jsonl"
    plan = AccessLogPlan(str(target), "json", has_words=True)
    lines = [json.loads(line) for line in log_lines(own_site, target, plan, served.query.read_bytes())]
    assert [line.get("words") for line in lines] == ["secret words"] * 2 + [None] * 4
    assert lines[1] | {"time": 0, "bytes": 0, "seconds": 0} == {
        "time": 0, "client": "127.0.0.1", "method": "POST", "path": "/api/v1/search", "status": 200, "bytes": 0,
        "seconds": 0, "words": "secret words",
    }  # fmt: skip
    assert lines[3]["path"] == "/queries/-"
    assert lines[5]["path"] == '/nothing\nhere"'


def test_a_log_that_cant_be_written_is_told_before_serving_and_ends_no_request(
    own_site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(UsageError, match="--access-log"):
        AccessLog(AccessLogPlan(str(tmp_path / "no" / "folder")))
    if Path("/dev/full").exists():
        own_site.access_log = AccessLog(AccessLogPlan("/dev/full"))
        client = asking(own_site)
        assert [client.get("/healthz").status_code for _ in range(3)] == [200] * 3
        assert caplog.text.count("the access log can't be written") == 1
