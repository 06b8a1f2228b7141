"""Shards, copies and kinds of vectors of an index: what was chosen, what the cluster has, and what an answer claims."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

pytest.importorskip("elasticsearch")
from mirsearch.errors import UsageError
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, Index
from mirsearch.indexes.elasticsearch import query as elasticsearch_query
from mirsearch.indexes.elasticsearch.admin import create_index, server_version
from mirsearch.indexes.elasticsearch.layout import Layout
from mirsearch.indexes.elasticsearch.migrate import migrate
from mirsearch.indexes.elasticsearch.quantization import BINARY_SINCE, largest_error
from mirsearch.indexes.elasticsearch.server import parse_version
from tests.support.index_corpus import EXTRACTOR, MadeCorpus

WIDE = ExtractorIdentity("made", "1", 96)
CORPUS = MadeCorpus(seed=4, dims=WIDE.dims)


def laid_out(index: Index) -> tuple[int, int, str]:
    """Return the shards, copies and kind of vectors of the index that answers now."""
    client, name = index._client, index.location.rpartition("/")[2]  # type: ignore[attr-defined]
    (found,) = client.indices.get(index=name).body.values()
    own: dict[str, Any] = found["settings"]["index"]
    kind = found["mappings"]["properties"]["vector"]["index_options"]["type"]
    return int(own["number_of_shards"]), int(own["number_of_replicas"]), str(kind)


def test_a_choice_stays_through_migrations_until_another_is_made(es_location: str) -> None:
    assert create_index(es_location, EXTRACTOR, Layout(shards=2, replicas=0))
    assert not create_index(es_location, EXTRACTOR)
    with open_index(es_location) as index:  # type: ignore[attr-defined]
        assert laid_out(index) == (2, 0, "int8_hnsw")
        with index.writer() as writer:
            for record in MadeCorpus().records(3):
                writer.put(record)
        panels = index.stats()["panels"]
        migrate(es_location)
        assert laid_out(index) == (2, 0, "int8_hnsw")
        migrate(es_location, layout=Layout(shards=3))
        assert laid_out(index) == (3, 0, "int8_hnsw")
        assert index.stats()["panels"] == panels


def test_a_component_of_the_administrator_changes_new_indexes(es_location: str, es_url: str) -> None:
    from elasticsearch import Elasticsearch

    with Elasticsearch(es_url) as client:
        custom = {"settings": {"index": {"codec": "best_compression", "number_of_shards": 2}}}
        client.cluster.put_component_template(name="mirsearch@custom", template=custom)
        try:
            create_index(es_location, EXTRACTOR)
        finally:
            client.cluster.delete_component_template(name="mirsearch@custom")
    with open_index(es_location) as index:  # type: ignore[attr-defined]
        assert laid_out(index)[0] == 2


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (Layout(shards=0), "out of range"),
        (Layout(replicas=-1), "out of range"),
        (Layout(vectors="int4_hnsw"), "no kind of vectors"),
        (Layout(vectors="bbq_hnsw"), "at least 64 dims|has no bbq_hnsw"),
    ],
)
def test_a_layout_that_cannot_be(layout: Layout, words: str, es_location: str) -> None:
    with pytest.raises(UsageError, match=words):
        create_index(es_location, EXTRACTOR, layout)


def test_vectors_of_a_bit_a_number_claim_no_wrong_answer(es_location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from elasticsearch import Elasticsearch

    with Elasticsearch(es_location.rpartition("/")[0]) as client:
        if parse_version(server_version(client)) < BINARY_SINCE:
            pytest.skip("this server has no vectors of a bit a number")
    monkeypatch.setattr(elasticsearch_query, "MAX_EXACT_DOCUMENTS", 0)
    create_index(es_location, WIDE, Layout(vectors="bbq_hnsw"))
    with open_index(es_location) as index:  # type: ignore[attr-defined]
        with index.writer() as writer:
            for record in CORPUS.records(250):
                writer.put(record)
        assert laid_out(index)[2] == "bbq_hnsw"
        refused = 0
        for request in CORPUS.requests(12):
            found = index.search(request)
            exact = index.search(dataclasses.replace(request, exact=True))
            refused += not found.exact
            if found.exact:
                wanted = [each.score for each in exact.panels]
                assert [each.score for each in found.panels] == pytest.approx(wanted, abs=1e-5)
        assert refused  # their rounding is too coarse to tell


def test_the_bounds_hold_what_was_measured() -> None:
    measured = {"int8_hnsw": ((272, 0.0043), (2048, 0.002)), "bbq_hnsw": ((272, 0.11), (2048, 0.037))}
    for kind, errors in measured.items():
        for dims, error in errors:
            assert 2 * error <= largest_error(kind, dims) <= 4.6 * error
    assert largest_error("unknown", 272) == 1.0
