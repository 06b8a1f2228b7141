"""`mirsearch verify` on Elasticsearch: documents that don't fit together are told, and --repair makes them fit."""

from __future__ import annotations

import pytest

pytest.importorskip("elasticsearch")
from mirsearch.indexes import open_index
from mirsearch.indexes.elasticsearch.client import connect, parse_address
from mirsearch.indexes.meanings import MeaningIndex
from mirsearch.ingest.correcting import correct_panel
from mirsearch.query import Filters
from mirsearch.search.scale_options import ScaleOptions
from tests.support import index_records as made
from tests.support.cli_runner import run
from tests.support.made_meaning import MODEL, MadeSentences, made_sentences

__all__ = ["made_sentences"]

RECORDS = [made.record(number) for number in range(6)]


def told(location: str, code: int) -> set[tuple[str, str | None]]:
    shown = run("verify", "--index", location, "--format", "json", code=code).json()
    return {(fault["part"], fault["subject"]) for fault in shown["faults"]}


def test_faults_are_told_and_repaired(es_location: str) -> None:
    with open_index(es_location, create=made.IDENTITY) as index:
        with index.writer() as writer:
            for record in RECORDS:
                writer.put(record)
        correct_panel(index, RECORDS[2].panels[0].id, {"technique": "AFM"}, ScaleOptions())
    assert told(es_location, 0) == set()
    address = parse_address(es_location)
    client = connect(address)
    client.delete(index=address.name, id=RECORDS[0].panels[0].id)
    client.delete(index=address.name, id=RECORDS[1].figure.id)
    client.update(index=address.name, id=RECORDS[2].panels[0].id, doc={"vector": None})
    client.update(index=address.name, id=RECORDS[3].panels[1].id, doc={"extractor": {"version": "0"}})
    client.update(index=address.name, id=RECORDS[4].figure.id, doc={"figure_state": "writing"})
    client.indices.refresh(index=address.name)
    found = told(es_location, 3)
    assert {
        ("figure", RECORDS[0].figure.id), ("panel", RECORDS[1].panels[0].id), ("panel", RECORDS[1].panels[1].id),
        ("document", RECORDS[2].panels[0].id), ("document", RECORDS[3].panels[1].id), ("figure", RECORDS[4].figure.id),
    } <= found  # fmt: skip
    shown = run("verify", "--repair", "--index", es_location)
    assert "2 panels without a figure were deleted" in shown.out
    assert told(es_location, 0) == set()
    with open_index(es_location) as index:
        left = {each.figure.id for each in index.select_panels(Filters())}
        assert RECORDS[5].figure.id in left
        assert not left & {RECORDS[at].figure.id for at in (0, 1, 2, 3, 4)}
        failed = {failure.input for failure in index.failures()}
        assert RECORDS[0].figure.origins[0].location in failed
        assert index.known_figures([record.figure.id for record in RECORDS]).keys() == left
        with index.writer() as writer:
            for record in RECORDS:
                writer.put(record)
        assert index.panels([RECORDS[2].panels[0].id])[0].panel.technique == "AFM"
    assert told(es_location, 0) == set()
    client.close()


def test_sentence_vectors_are_checked_and_made_again(es_location: str, made_sentences: MadeSentences) -> None:
    with open_index(es_location, create=made.IDENTITY) as index:
        assert isinstance(index, MeaningIndex)
        index.add_meaning(MODEL)
        with index.writer() as writer:
            for record in RECORDS:
                writer.put(record)
    assert told(es_location, 0) == set()
    address = parse_address(es_location)
    client = connect(address)
    lost = [record.panels[0].id for record in RECORDS[:3]]
    damage = ({"meaning": None}, {"meaning": [0.5] * MODEL.dims}, {"meaning_key": "of another text"})
    for panel_id, change in zip(lost, damage, strict=True):
        client.update(index=address.name, id=panel_id, doc=change, refresh=True)
    assert told(es_location, 3) == {("meaning", panel_id) for panel_id in lost}
    made_sentences.embedded.clear()
    assert "the sentence vectors of 3 panels were made again" in run("verify", "--repair", "--index", es_location).out
    assert len(made_sentences.embedded) == 3
    assert told(es_location, 0) == set()
    client.close()
