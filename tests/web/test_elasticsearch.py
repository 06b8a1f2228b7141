"""The same pages on an index of Elasticsearch."""

from __future__ import annotations

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from starlette.testclient import TestClient

from mirsearch.synthetic.corpus import write_corpus
from mirsearch.web.app import create_app
from tests.support.web_site import ADDRESS, BROWSER, fill_index, open_site


def test_pages_and_api_answer_from_elasticsearch(es_location: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("served")
    truth = write_corpus(folder, 2, 11)
    fill_index(es_location, folder, truth.figures)
    site = open_site(es_location)
    try:
        client = TestClient(create_app(site), base_url=ADDRESS, headers=BROWSER)
        first = client.get("/").text
        assert "technique=SEM" in first
        for address in ("/search?text=image", "/search?technique=SEM", "/corpus", "/healthz"):
            answer = client.get(address)
            assert answer.status_code == 200, (address, answer.text)
            assert es_location not in answer.text
        hits = client.post("/api/v1/search", data={"text": "image"}).json()["hits"]
        assert hits
        best = hits[0]
        like = client.get(f"/search.json?like={best['id']}").json()
        assert best["id"] not in [hit["id"] for hit in like["hits"]]
        assert client.get(f"/figures/{best['figure']}").status_code == 200
        assert client.get(f"/iiif/{best['figure']}/full/max/0/default.jpg").status_code == 200
        missing = client.get("/api/v1/panels/nothing")
        assert missing.status_code == 404
        assert es_location not in missing.text
    finally:
        site.close()
