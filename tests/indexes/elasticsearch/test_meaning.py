"""Sentence vectors on a cluster: the same scores as in the embedded index, and carried by all that moves an index."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, Index
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.indexes.meanings import MeaningIndex
from mirsearch.query import ScoredPanel, SearchRequest
from mirsearch.ranking import Formula, Weights
from tests.support import index_records as made
from tests.support.made_meaning import MODEL, MadeSentences, made_sentences

pytest.importorskip("elasticsearch")
__all__ = ["made_sentences"]

SILENT = made.record(30, 1, caption="", label=None)
SILENT = dataclasses.replace(SILENT, panels=(dataclasses.replace(SILENT.panels[0], caption="", text=""),))
RECORDS = [*(made.record(n, 1 + n % 3, mentions=(f"The rods of number {n} bend.",)) for n in range(24)), SILENT]


@pytest.fixture
def pair(es_location: str, tmp_path: Path, made_sentences: MadeSentences) -> Iterator[tuple[Index, EmbeddedIndex]]:
    """An index on a cluster, half of it written before it got sentence vectors, and the same as a folder."""
    cluster = open_index(es_location, create=made.IDENTITY)
    assert isinstance(cluster, MeaningIndex)
    put(cluster, RECORDS[:12])
    assert cluster.meaning() is None
    assert cluster.add_meaning(MODEL) == sum(len(record.panels) for record in RECORDS[:12])
    put(cluster, RECORDS[12:])
    with EmbeddedIndex.open(str(tmp_path / "folder"), create=made.IDENTITY) as folder:
        folder.add_meaning(MODEL)
        made.put(folder, RECORDS)
        yield cluster, folder
    cluster.close()


def put(index: Index, records: list) -> None:
    with index.writer() as writer:
        for record in records:
            writer.put(record)


def ask(index: Index, model: MadeSentences, **changes: object) -> dict[str, ScoredPanel]:
    asked = SearchRequest(made.vectors(500, 1)[0], 800.0, top=99, meaning_vector=model.embed_text(["rods bend"])[0])
    return {panel.panel_id: panel for panel in index.search(dataclasses.replace(asked, **changes)).panels}


def assert_same(one: dict[str, ScoredPanel], other: dict[str, ScoredPanel]) -> None:
    assert one.keys() == other.keys()
    for panel_id, panel in one.items():
        theirs = other[panel_id]
        for name in ("score", "visual", "scale", "meaning"):
            mine, its = getattr(panel, name), getattr(theirs, name)
            assert (mine is None) == (its is None), (panel_id, name)
            assert mine is None or abs(mine - its) < 1e-4, (panel_id, name)


def test_both_indexes_agree_and_migrations_carry_the_vectors(
    pair: tuple[Index, EmbeddedIndex], made_sentences: MadeSentences, tmp_path: Path
) -> None:
    from mirsearch.indexes.elasticsearch.migrate import migrate, reembed

    cluster, folder = pair
    heavy = Formula(Weights(meaning=0.5))
    for changes in ({}, {"vector": None}, {"vector": None, "field_of_view_nm": None}, {"formula": heavy}):
        assert_same(ask(folder, made_sentences, **changes), ask(cluster, made_sentences, **changes))
    words = {"text": "nanorods", "formula": heavy}
    by_words = ask(cluster, made_sentences, **words)
    assert all(0 <= panel.text <= 1 and panel.meaning is not None for panel in by_words.values())
    assert_same(ask(folder, made_sentences, meaning_vector=None), ask(cluster, made_sentences, meaning_vector=None))
    silent = RECORDS[-1].panels[0].id
    assert ask(cluster, made_sentences)[silent].meaning == pytest.approx(1 / (1 + np.exp(5.0)), abs=1e-6)

    made_sentences.embedded.clear()
    before = ask(cluster, made_sentences)
    migrate(cluster.location)
    assert_same(before, ask(cluster, made_sentences))
    other = ExtractorIdentity("other", "2", made.DIMS)
    reembed(cluster.location, other, lambda panels: np.stack([made.vectors(7, 1)[0] for _ in panels]))
    again = open_index(cluster.location)
    assert again.meaning() == MODEL
    found = ask(again, made_sentences, vector=None)
    assert_same(found, ask(folder, made_sentences, vector=None))
    with again.snapshot() as snapshot, EmbeddedIndex.open(str(tmp_path / "copy"), create=other) as copy:
        made_sentences.embedded.clear()
        copy.add_meaning(MODEL)
        made.put(copy, list(snapshot.records()))
        assert made_sentences.embedded == []
        assert_same(found, ask(copy, made_sentences, vector=None))
    again.remove_meaning()
    assert again.meaning() is None
    again.close()
