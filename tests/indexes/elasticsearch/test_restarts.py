"""Kill a node while an index is written: requests wait for its restart, and fail with one line if it stays down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mirsearch.corpus import Origin
from mirsearch.errors import IndexAccessError
from mirsearch.indexes import open_index
from mirsearch.indexes.base import Failure
from mirsearch.query import Filters
from tests.support.es_fixtures import node_or_skip
from tests.support.es_node import Node
from tests.support.index_corpus import EXTRACTOR, MadeCorpus

pytest.importorskip("elasticsearch")
from mirsearch.indexes.elasticsearch import writer as elasticsearch_writer

CORPUS = MadeCorpus(seed=9)


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node for these tests alone, as they kill it."""
    started = node_or_skip()
    try:
        yield started.start()
    finally:
        started.stop()


def test_every_request_of_a_writer_waits_for_a_node_that_restarts(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elasticsearch_writer, "CHUNK_BYTES", 1)  # makes it a large load, which changes settings
    location = f"{node.url}/waited-for"
    records = list(CORPUS.records(60))
    ids = [each.figure.id for each in records]
    index = open_index(location, create=EXTRACTOR)
    with ThreadPoolExecutor(6) as pool:
        with index.writer() as writer:
            for record in records:
                writer.put(record)
                writer.commit()
            assert "1s" in json.dumps(node.call("GET", "/waited-for/_settings/index.refresh_interval"))
            node.kill()
            waiting = [
                pool.submit(index.known_figures, ids),
                pool.submit(index.figure_notes, ids),
                pool.submit(index.failures),
                pool.submit(index.stats),
                pool.submit(writer.add_origin, ids[0], Origin("jats", "elsewhere")),
                pool.submit(lambda: list(index.select_panels(Filters()))),
            ]
            node.start()
            known, notes, failures, stats, _, panels = [each.result() for each in waiting]
            assert set(known) == set(notes) == set(ids)
            assert (failures, stats["figures"]) == ([], 60)
            assert len(panels) == stats["panels"]
            writer.record_failures([Failure("a.png", "read", "damaged")])
            node.kill()
            started = pool.submit(node.start)  # meanwhile the session commits, restores settings and unlocks
        started.result()
    assert "refresh_interval" not in json.dumps(node.call("GET", "/waited-for/_settings/index.refresh_interval"))
    with index.writer():  # the lock was released
        assert [each.input for each in index.failures()] == ["a.png"]
    assert len(index.known_figures(ids[:1])[ids[0]].origins) == 2
    index.close()


def test_a_node_that_stays_down_ends_a_load_with_one_line(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRSEARCH_ES_PATIENCE", "2")
    index = open_index(f"{node.url}/gone", create=EXTRACTOR)
    records = list(CORPUS.records(4))

    def load() -> None:
        with index.writer() as writer:
            writer.put(records[0])
            writer.commit()
            node.kill()
            for record in records:
                writer.put(record)
            writer.commit()

    with pytest.raises(IndexAccessError, match=r"nothing answers at|closed the connection"):
        load()
    node.start()
    with index.writer() as writer:
        for record in records:
            writer.put(record)
    assert index.stats()["figures"] == 4
    index.close()
