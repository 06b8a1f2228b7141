"""An index made by an earlier version opens on both back-ends and answers with the same panels and scores."""

from __future__ import annotations

import gzip
import json
import tarfile
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli_runner import run

OLD = Path(__file__).with_name("old")
ANSWERS = json.loads((OLD / "answers.json").read_text())
PRIVATE = ("uuid", "version", "creation_date", "provided_name", "routing")
"""Settings that a cluster makes for an index and takes from nobody."""


def send(method: str, url: str, body: str) -> dict[str, Any]:
    kind = "application/x-ndjson" if url.endswith("_bulk?refresh=true") else "application/json"
    request = urllib.request.Request(url, body.encode(), {"Content-Type": kind}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def document(stored: dict[str, Any]) -> dict[str, Any]:
    """A document as it was sent: vectors are kept apart from the rest."""
    return stored["_source"] | ({"vector": stored["vector"]} if stored["vector"] else {})


def restore(location: str) -> None:
    """Bring the index back under another name, as restoring a snapshot does."""
    dump = json.loads(gzip.decompress((OLD / "elasticsearch.json.gz").read_bytes()))
    base, _, alias = location.rpartition("/")
    with urllib.request.urlopen(base) as answer:
        if json.load(answer)["version"]["number"].startswith("8."):
            pytest.skip("the old index was made by a server of 9.x, and no older server takes it")
    (index,) = dump["index"].values()
    settings = {name: value for name, value in index["settings"]["index"].items() if name not in PRIVATE}
    for name, script in dump["scripts"]["metadata"]["stored_scripts"].items():
        send("PUT", f"{base}/_scripts/{name}", json.dumps({"script": script}))
    made = {
        "settings": {"index": settings},
        "mappings": index["mappings"],
        "aliases": {alias: {"is_write_index": True}},
    }
    send("PUT", f"{base}/{alias}-000001", json.dumps(made))
    lines = []
    for stored in dump["documents"]:
        action = {"_id": stored["_id"]} | ({"routing": stored["_routing"]} if stored["_routing"] else {})
        lines += [json.dumps({"index": action}), json.dumps(document(stored))]
    done = send("POST", f"{base}/{alias}-000001/_bulk?refresh=true", "\n".join(lines) + "\n")
    assert not done["errors"]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(OLD / "embedded.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return str(folder / "index")


def check(location: str, expected: list[dict[str, Any]], tolerance: float) -> None:
    for answer in expected:
        found = run("query", *answer["question"], "--top", "20", "--format", "json", "--index", location).json()
        hits = [(hit["id"], hit["score"]) for hit in found["hits"]]
        assert [panel for panel, _ in hits] == [panel for panel, _ in answer["hits"]], answer["question"]
        assert [score for _, score in hits] == pytest.approx([score for _, score in answer["hits"]], abs=tolerance)


def check_contents(location: str) -> None:
    stats = run("stats", "--index", location, "--format", "json").json()
    assert (stats["figures"], stats["panels"], stats["with_scale"]) == (8, 27, 21)
    (corrected,) = run("show", "1ed1c04ab10edaf6-b", "--index", location, "--format", "json").json()
    assert corrected["technique"] == "TEM"


def test_the_embedded_index_answers_as_before(embedded):
    check(embedded, ANSWERS["embedded"], 1e-9)
    check_contents(embedded)


def test_reading_it_again_without_its_files_changes_nothing(embedded):
    done = run("reanalyze", "--all", "--index", embedded, "--format", "json", code=1).json()
    assert (done["figures"]["missing"], done["figures"]["reanalyzed"]) == (8, 0)
    check(embedded, ANSWERS["embedded"], 1e-9)
    check_contents(embedded)


def test_the_index_on_elasticsearch_answers_as_before(es_location):
    restore(es_location)
    check(es_location, ANSWERS["elasticsearch"], 1e-6)
    check_contents(es_location)


def test_both_can_be_written_to(embedded, es_location):
    restore(es_location)
    for location in (embedded, es_location):
        run("correct", "b4fa59deaaf940f6-a", "--technique", "AFM", "--index", location)
        found = run("query", "--technique", "AFM", "--text", "spheres", "--index", location, "--format", "json").json()
        assert [hit["id"] for hit in found["hits"]] == ["b4fa59deaaf940f6-a"]
        run("correct", "b4fa59deaaf940f6-a", "--reset", "--index", location)
