"""`mirsearch index`, `reembed` and `dashboards` as typed."""

from __future__ import annotations

import dataclasses
import json
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mirsearch import settings
from mirsearch.corpus import Figure, Origin, Panel, figure_id, panel_ids
from mirsearch.imaging.images import content_hash, thumbnail
from mirsearch.indexes import open_index
from mirsearch.indexes.base import FigureRecord
from tests.support.cli_runner import run as run_command
from tests.support.es_node import free_port
from tests.support.index_corpus import EXTRACTOR, MadeCorpus

pytest.importorskip("elasticsearch")


def run(*words: str) -> tuple[int, str]:
    done = run_command(*words, code=None)
    return done.code, done.out + done.err


def test_an_index_in_a_folder_needs_none_of_it(tmp_path: Path) -> None:
    for words in (["index", "create"], ["index", "migrate"], ["index", "rollback"]):
        code, output = run(*words, "--index", str(tmp_path / "folder"))
        assert code == 2
        assert "is not on Elasticsearch" in output


def test_dashboards_as_a_file(tmp_path: Path) -> None:
    target = tmp_path / "board.ndjson"
    code, output = run("dashboards", "write", str(target), "--index", "http://localhost:9200/mine")
    assert code == 0, output
    kinds = [json.loads(line)["type"] for line in target.read_text().splitlines()]
    assert kinds == ["index-pattern", "search", "dashboard"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["query", "--text", "gold", "--index", "http://127.0.0.1:PORT/x"], 1, "nothing answers at http://127.0.0.1:"),
        (["stats", "--index", "URL/nowhere"], 1, "there is no index nowhere"),
        (
            ["ingest", "PICTURE", "--index", "URL/Upper"],
            2,
            "does not end with an index name that Elasticsearch accepts",
        ),
        (["query", "--text", "gold", "--top", "10001", "--index", "HERE"], 2, "10001"),
        (["query", "--text", "gold", "--filter", "vector=1", "--index", "HERE"], 2, "no field is named 'vector'"),
        (
            ["query", "--text", "gold", "--index", "http://a:secret@127.0.0.1:PORT/x"],
            2,
            "must not contain a user or password",
        ),
        (["ingest", "PICTURE", "--index", "HERE"], 1, "was built with made 1"),
        (["show", "nothing", "--index", "HERE"], 1, "has the id, DOI or file name 'nothing'"),
        (["index", "rollback", "--index", "HERE"], 1, "no older index"),
    ],
)
def test_what_goes_wrong_is_one_line_with_what_to_do(
    words: list[str], code: int, message: str, es_location: str, es_url: str, tmp_path: Path
) -> None:
    picture = tmp_path / "picture.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (120, 160, 3), dtype=np.uint8)).save(picture)
    open_index(es_location, create=EXTRACTOR).close()
    values = {"PORT": str(free_port()), "URL": es_url, "HERE": es_location, "PICTURE": str(picture)}
    for name, value in values.items():
        words = [word.replace(name, value) for word in words]
    ended, line = run(*words)
    assert (ended, line.count("\n")) == (code, 1), line
    assert message in line
    assert line.startswith("mirsearch: ")
    assert line.endswith(")\n")  # the remedy
    assert "secret" not in line


def test_an_address_with_a_slash_at_its_end_is_the_same_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIRSEARCH_WORKSPACE", raising=False)
    assert settings.workspace("http://host:9200/figures/") == settings.workspace("http://host:9200/figures")
    assert settings.workspace("http://host:9200/figures") != settings.workspace("http://host:9200/other")


def test_create_and_roll_back(es_location: str) -> None:
    code, output = run("index", "rollback", "--index", es_location)
    assert (code, "there is no index" in output) == (1, True)
    code, output = run("index", "create", "--index", es_location)
    assert (code, output) == (0, f"created {es_location}\n")
    code, output = run("index", "create", "--index", es_location)
    assert (code, "renewed" in output) == (0, True)
    code, output = run("index", "migrate", "--index", es_location)
    assert (code, "-000002" in output) == (0, True)
    code, output = run("index", "rollback", "--index", es_location)
    assert (code, "to test-" in output and "-000001;" in output) == (0, True)


def test_physical_indexes_are_laid_out_listed_and_pruned(es_location: str) -> None:
    where = ("--index", es_location)
    assert run("index", "create", *where, "--shards", "2", "--replicas", "0")[0] == 0
    code, output = run("index", "create", *where, "--shards", "3")
    assert (code, "exists already" in output) == (2, True)
    assert run("index", "migrate", *where, "--shards", "3")[0] == 0
    code, output = run("index", "list", *where)
    assert code == 0, output
    before, present = output.splitlines()
    assert "-000001  kept for `index rollback`" in before
    assert "2 shards, 0 replicas" in before
    assert "-000002  answers" in present
    assert "3 shards, 0 replicas, made from" in present
    assert (run("index", "prune", *where)) == (0, "nothing to delete\n")
    code, output = run("index", "prune", *where, "--all", "--dry-run")
    assert (code, "would delete" in output and "-000001" in output) == (0, True)
    assert run("index", "prune", *where, "--all")[0] == 2  # nobody is there to confirm
    assert run("index", "prune", *where, "--all", "--yes")[0] == 0
    code, output = run("index", "list", *where, "--format", "json")
    (left,) = json.loads(output)
    assert (left["name"][-7:], left["state"], left["shards"], left["vectors"]) == ("-000002", "answers", 3, "int8_hnsw")


def test_the_request_is_shown_and_any_client_may_send_it(es_location: str, es_url: str, tmp_path: Path) -> None:
    index = open_index(es_location, create=EXTRACTOR)
    picture = thumbnail(np.zeros((20, 30, 3), dtype=np.uint8))
    records = [
        dataclasses.replace(each, thumbnails=(picture,) * len(each.panels)) for each in MadeCorpus(seed=2).records(40)
    ]
    with index.writer() as writer:
        for record in records:
            writer.put(record)
    index.close()
    words = ["query", "--like", records[3].panels[0].id, "--text", "gold film", "--top", "5", "--index", es_location]
    code, output = run(*words, "--show-request")
    assert code == 0, output
    first, body = output.splitlines()
    method, path = first.split()
    assert method == "POST"
    call = urllib.request.Request(f"{es_url}/{path}", body.encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(call) as answer:
        hits = json.load(answer)["hits"]["hits"]
    sent = sorted((-hit["_score"], hit["fields"]["panel.id"][0]) for hit in hits)[:5]
    code, output = run(*words, "--format", "json")
    assert code == 0, output
    assert [(-hit["score"], hit["id"]) for hit in json.loads(output)["hits"]] == sent
    folder = tmp_path / "folder"
    open_index(str(folder), create=EXTRACTOR).close()
    code, output = run("query", "--text", "gold", "--show-request", "--index", str(folder))
    assert (code, "sends no requests" in output) == (2, True)


def test_reembed_reads_the_images_again(es_location: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(3)
    index = open_index(es_location, create=EXTRACTOR)
    ids = []
    with index.writer() as writer:
        for number in range(3):
            path = tmp_path / f"{number}.png"
            Image.fromarray(noise.integers(0, 255, (120, 160, 3), dtype=np.uint8)).save(path)
            name = figure_id(content_hash(path))
            boxes = [(0, 0, 80, 120), (80, 0, 160, 120)]
            read = [Panel(box, label=label, figure_id=name) for box, label in zip(boxes, "ab", strict=True)]
            panels = tuple(
                dataclasses.replace(panel, id=panel_id)
                for panel, panel_id in zip(read, panel_ids(name, read), strict=True)
            )
            vectors = np.eye(2, EXTRACTOR.dims, dtype=np.float32)
            figure = Figure(name, 160, 120, origins=(Origin("folder", str(path)),))
            writer.put(FigureRecord(figure, panels, vectors, (b"", b"")))
            ids += [panel.id for panel in panels]
    index.close()
    code, output = run("reembed", "--index", es_location)
    assert code == 0, output
    fresh = open_index(es_location)
    assert fresh.extractor.name == "efficientnet"
    vectors = np.stack([fresh.vector(each) for each in ids])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-4)
    assert len(np.unique(vectors.round(4), axis=0)) == len(ids)
    fresh.close()
    (tmp_path / "1.png").unlink()
    code, output = run("index", "rollback", "--index", es_location)
    assert code == 0, output
    code, output = run("reembed", "--index", es_location)
    assert (code, "is not where it was" in output, "1.png" in output) == (1, True, True)
    assert open_index(es_location).extractor == EXTRACTOR  # the old index answers on
