"""Send the requests printed in docs/ to a real node."""

from __future__ import annotations

import json
import re
import urllib.request

import pytest

from mirsearch.indexes import open_index
from mirsearch.indexes.elasticsearch.mapping import SCRIPT_ID
from mirsearch.query import SearchRequest
from tests.conftest import REPOSITORY
from tests.support.index_corpus import EXTRACTOR, MadeCorpus

pytest.importorskip("elasticsearch")
DOCS = REPOSITORY / "docs"


def requests(page: str) -> list[tuple[str, str]]:
    """Return the path and body of each JSON block that begins with a request line."""
    blocks = re.findall(r"```json\n(?:GET|POST) (\S+)\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    return blocks


def test_every_printed_query_finds_panels(es_location: str, es_url: str) -> None:
    index = open_index(es_location, create=EXTRACTOR)
    record = next(MadeCorpus(seed=6).records(1))
    with index.writer() as writer:
        for each in MadeCorpus(seed=6).records(60):
            writer.put(each)
    name = es_location.rpartition("/")[2]
    tops = []
    vector = json.dumps([float(value) for value in record.vectors[0]])
    replacements = (
        ("VECTOR", vector),
        ("PANEL-ID", record.panels[0].id),
        ('{"panel.technique": "SEM"}', '{"doc_type": "panel"}'),
    )
    for path, printed in requests("hybrid-without-mirsearch.md"):
        body = printed
        for word, value in replacements:
            body = body.replace(word, value)
        call = urllib.request.Request(
            f"{es_url}/{path.replace('figures', name)}", body.encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(call) as answer:
            hits = json.load(answer)["hits"]["hits"]
        assert hits
        tops.append((hits[0]["_id"], hits[0]["_score"]))
    request = SearchRequest(vector=record.vectors[0], field_of_view_nm=10**3.3)
    best = index.search(request).panels[0]
    assert tops[-1] == (best.panel_id, pytest.approx(best.score, abs=1e-6))
    index.close()


def test_the_pages_name_the_script_that_is_installed() -> None:
    assert SCRIPT_ID in (DOCS / "hybrid-without-mirsearch.md").read_text(encoding="utf-8")


def test_the_privileges_printed_are_those_tested() -> None:
    from tests.indexes.elasticsearch.test_secure import INGESTING, SEARCHING

    printed = [json.loads(body) for _, body in requests("security.md")]
    roles = [next(iter(each["role_descriptors"].values()))["index"][0] for each in printed]
    assert [each["privileges"] for each in roles] == [SEARCHING, INGESTING]
    assert all(each["names"] == ["figures", "figures-0*"] for each in roles)
