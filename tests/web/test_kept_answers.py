"""Answers are kept while the index is the same: they are found again, bounded, and never older than the index."""

from __future__ import annotations

import json
import shutil
from collections.abc import Hashable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from starlette.testclient import TestClient

from mirsearch.indexes import open_index
from mirsearch.search.own_score import OwnScore, remove_own_score, write_own_score
from mirsearch.web.app import create_app
from mirsearch.web.kept_answers import Content, KeptAnswers, make_content
from mirsearch.web.site import Site
from tests.support.web_site import ADDRESS, BROWSER, Served, open_site


class Counted:
    """Makes contents of so many bytes, and counts them."""

    def __init__(self, size: int = 10, status: int = 200) -> None:
        self.made, self._size, self._status = 0, size, status

    def __call__(self, commit: Hashable | None) -> Content:
        self.made += 1
        return make_content(bytes(self._size), self._status)


def test_a_content_is_made_once_for_a_commit() -> None:
    at, make = [1], Counted()
    kept = KeptAnswers(lambda: at[0])
    assert kept.get("a", make) is kept.get("a", make)
    assert make.made == 1
    at[0] = 2
    kept.get("a", make)
    assert make.made == 2
    kept.get("b", make)
    assert make.made == 3


def test_what_was_made_of_a_commit_that_is_gone_is_not_kept() -> None:
    at = [1]
    kept = KeptAnswers(lambda: at[0])
    kept.get("other", Counted())

    def make_while_another_asks(commit: Hashable | None) -> Content:
        assert commit == 1
        at[0] = 2
        kept.get("other", Counted())  # of the newer commit
        return make_content(b"of the older")

    kept.get("a", make_while_another_asks)
    assert kept.get("a", lambda _: make_content(b"of the newer")).data == b"of the newer"


def test_no_more_is_kept_than_there_is_room_for() -> None:
    kept, make = KeptAnswers(lambda: 1, most_bytes=100), Counted()
    for key in range(11):
        kept.get(key, make)
    kept.get(10, make)
    assert make.made == 11
    kept.get(0, make)  # it was asked for longest ago
    assert make.made == 12
    for large in (Counted(size=50), Counted(status=404)):
        kept.get("large or wrong", large)
        kept.get("large or wrong", large)
        assert large.made == 2


def test_without_commits_nothing_is_kept() -> None:
    kept, make = KeptAnswers(lambda: None), Counted()
    kept.get("a", make)
    kept.get("a", make)
    assert make.made == 2


@pytest.fixture
def own_site(served: Served, tmp_path: Path) -> Iterator[Site]:
    """A site of a copy of the index, which can be written to."""
    shutil.copytree(served.location, tmp_path / "index")
    site = open_site(str(tmp_path / "index"))
    yield site
    site.close()


def test_a_site_answers_the_same_until_the_index_changes(own_site: Site) -> None:
    client = TestClient(create_app(own_site), base_url=ADDRESS, headers=BROWSER)
    words = {"text": "SEM image"}
    asked = words | {"top": "100"}
    first, again = (client.post("/api/v1/search", data=asked) for _ in range(2))
    assert first.content == again.content, "also the time that the search took"
    known = {"if-none-match": first.headers["etag"]}
    assert client.post("/api/v1/search", data=asked, headers=known).status_code == 304
    of_page = client.get("/search.json", params=asked)
    assert client.get("/search.json", params=asked).content == of_page.content
    assert of_page.content != first.content, "a page has few hits of an article"
    page = client.get("/search", params=words)
    assert client.get("/search", params=words).headers["etag"] == page.headers["etag"]
    whole = words | {"per_article": "0"}
    shown, ten = (client.get("/search.json", params=each).json() for each in (whole, whole | {"top": "10"}))
    assert len(shown["hits"]) > len(ten["hits"]) == 10, "10 is the API's number of hits, not that of a page"
    told = own_site.metrics.text().decode()
    assert 'mirsearch_search_seconds_count{asked_with="words"} 9.0' in told, "those that were kept count, too"

    figures = own_site.corpus.counts()["figures"]
    index = open_index(own_site.corpus.location)  # as another program would
    hits = json.loads(first.content)["hits"]
    gone = hits[0]["figure"]
    with index.writer() as writer:
        writer.delete_figures([gone])
    index.close()
    left = client.post("/api/v1/search", data=asked).json()["hits"]
    assert [hit["id"] for hit in left] == [hit["id"] for hit in hits if hit["figure"] != gone]
    assert gone not in client.get("/search", params=words).text
    assert own_site.corpus.counts()["figures"] == figures - 1


def test_an_own_formula_is_followed_as_soon_as_it_is_written(own_site: Site) -> None:
    client = TestClient(create_app(own_site), base_url=ADDRESS, headers=BROWSER)
    everybodys = own_site.corpus.own_formula(own_site.corpus.commit())

    def sigmas() -> list[float]:
        return [client.post("/api/v1/search", data={"text": words}).json()["sigma"] for words in ("image", "SEM")]

    assert sigmas() == [everybodys.sigma] * 2
    index = open_index(own_site.corpus.location)  # as `mirsearch evaluate --tune` would
    write_own_score(index, OwnScore(replace(everybodys, sigma=0.5), "2026-01-01T00:00:00Z", 9, 0.1))
    assert sigmas() == [0.5] * 2
    remove_own_score(index)
    index.close()
    assert sigmas() == [everybodys.sigma] * 2
