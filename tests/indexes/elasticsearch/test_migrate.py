"""Change an index behind its alias while it answers: migrate, reembed and rollback, also after interruptions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from mirsearch.corpus import Origin
from mirsearch.errors import IndexBusyError, IndexMismatchError, NotFoundError
from mirsearch.field_filters import FieldFilter
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, Index
from mirsearch.query import Filters, SearchRequest, StoredPanel
from tests.support.index_corpus import EXTRACTOR, MadeCorpus

pytest.importorskip("elasticsearch")
FIGURES = 60
CORPUS = MadeCorpus(seed=21)
OTHER = ExtractorIdentity("other", "2", 32)


@pytest.fixture
def index(es_location: str) -> Iterator[Index]:
    opened = open_index(es_location, create=EXTRACTOR)
    with opened.writer() as writer:
        for record in CORPUS.records(FIGURES):
            writer.put(record)
    yield opened
    opened.close()


def everything(location: str) -> list[StoredPanel]:
    opened = open_index(location)
    try:
        return list(opened.select_panels(Filters()))
    finally:
        opened.close()


def vector_of(panel: StoredPanel) -> np.ndarray:
    seed = int.from_bytes(panel.panel.id.encode()[-6:], "big")
    vector = np.random.default_rng(seed).normal(size=OTHER.dims)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def embed(panels: Sequence[StoredPanel]) -> np.ndarray:
    return np.stack([vector_of(each) for each in panels])


def test_migrate_copies_everything_and_switches(index: Index) -> None:
    from mirsearch.indexes.elasticsearch.generations import rollback
    from mirsearch.indexes.elasticsearch.migrate import migrate

    before = everything(index.location)
    request = SearchRequest(vector=CORPUS.vector(3, np.random.default_rng(1)), text="gold film")
    scores = [(each.panel_id, each.score) for each in index.search(request).panels]
    seen: list[int] = []
    moved = migrate(index.location, lambda done, _all: seen.append(done))
    assert (moved.old[-7:], moved.new[-7:]) == ("-000001", "-000002")
    assert moved.documents == len(before) + FIGURES
    assert seen[-1] == moved.documents
    assert everything(index.location) == before
    again = [(each.panel_id, each.score) for each in index.search(request).panels]  # opened before the switch
    assert [each[0] for each in again] == [each[0] for each in scores]
    assert [each[1] for each in again] == pytest.approx([each[1] for each in scores], abs=1e-6)
    fresh = open_index(index.location, create=EXTRACTOR)
    with fresh.writer() as writer:
        writer.delete_figures([before[0].figure.id])
    fresh.close()
    assert len(everything(index.location)) < len(before)
    back = rollback(index.location)
    assert back.new == moved.old
    assert everything(index.location) == before
    with pytest.raises(NotFoundError, match="no older index"):
        rollback(index.location)


def test_an_interrupted_migration_continues_even_if_the_corpus_changed(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mirsearch.indexes.elasticsearch import migrate as elasticsearch_migrate

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(elasticsearch_migrate, "move_alias", cut)
        with pytest.raises(KeyboardInterrupt):
            elasticsearch_migrate.migrate(index.location)
    gone, changed, *_ = CORPUS.records(FIGURES)
    with index.writer() as writer:  # the old index still answers and takes writes
        writer.delete_figures([gone.figure.id])
        writer.put(changed)
    moved = elasticsearch_migrate.migrate(index.location)
    assert moved.new.endswith("-000002")
    after = everything(index.location)
    assert gone.figure.id not in {each.figure.id for each in after}
    assert len(after) == sum(len(each.panels) for each in CORPUS.records(FIGURES)) - len(gone.panels)


def test_an_interrupted_reembedding_continues_and_switches_at_the_end(index: Index) -> None:
    from mirsearch.indexes.elasticsearch.migrate import reembed

    before = everything(index.location)
    calls: list[int] = []

    def cut_short(panels: Sequence[StoredPanel]) -> np.ndarray:
        calls.append(len(panels))
        if len(calls) == 3:
            raise RuntimeError("an image is gone")
        return embed(panels)

    with pytest.raises(RuntimeError, match="an image is gone"):
        reembed(index.location, OTHER, cut_short)
    assert open_index(index.location).extractor == EXTRACTOR
    with index.writer() as writer:
        writer.delete_figures([before[0].figure.id])
    left = [each for each in before if each.figure.id != before[0].figure.id]
    moved = reembed(index.location, OTHER, embed)
    assert moved.new.endswith("-000002")
    fresh = open_index(index.location, create=OTHER)
    assert list(fresh.select_panels(Filters())) == left
    for each in left[::23]:
        assert fresh.vector(each.panel.id) == pytest.approx(vector_of(each), abs=1e-6)
        assert fresh.thumbnail(each.panel.id) == f"jpeg {each.panel.id}".encode()
    found = fresh.search(SearchRequest(vector=vector_of(left[5]), top=1)).panels[0]
    assert (found.panel_id, found.visual) == (left[5].panel.id, pytest.approx(1.0, abs=1e-5))
    fresh.close()


def test_words_of_other_rules_are_refused_and_migration_splits_them_again(index: Index) -> None:
    from mirsearch.indexes.elasticsearch.migrate import migrate

    client, physical = index._client, index._physical  # type: ignore[attr-defined]
    before = everything(index.location)
    request = SearchRequest(text="gold film", exact=True)
    scores = [(each.panel_id, each.score) for each in index.search(request).panels]
    vectors = {each.panel.id: index.vector(each.panel.id) for each in before[::31]}
    meta = client.indices.get_mapping(index=physical)[physical]["mappings"]["_meta"]
    client.update_by_query(
        index=physical,
        query={"term": {"doc_type": "panel"}},
        script="ctx._source.words = ['all': 'otherwise']; ctx._source.caption_terms = ['otherwise']",
        refresh=True,
    )
    failure = {"doc_type": "failure", "ingested_at": "2026-01-02", "failure": {"input": "a.png", "stage": "read"}}
    client.index(index=physical, id="failure:1", document=failure)
    for words, remedy in (("0", f"mirsearch index migrate --index {index.location}"), ("999", "a later one")):
        meta["mirsearch"]["words"] = words
        client.indices.put_mapping(index=physical, meta=meta)
        with pytest.raises(IndexMismatchError, match="words") as refused:
            open_index(index.location)
        assert remedy in refused.value.remedy
    moved = migrate(index.location)
    assert moved.documents == len(before) + FIGURES + 1
    fresh = open_index(index.location, create=EXTRACTOR)
    assert list(fresh.select_panels(Filters())) == before
    again = [(each.panel_id, each.score) for each in fresh.search(request).panels]
    assert again == [(name, pytest.approx(score, abs=1e-6)) for name, score in scores]
    for name, vector in vectors.items():
        assert fresh.vector(name) == pytest.approx(vector, abs=1e-6)
    fresh.close()


@pytest.mark.parametrize("words", ["0", None])
def test_migration_fills_the_fields_that_are_made_from_origins(index: Index, words: str | None) -> None:
    from mirsearch.indexes.elasticsearch.migrate import migrate

    record = next(CORPUS.records(1))
    origins = (Origin("pmc", "https://example.org/1.jpg"), Origin("file", "/tmp/1.jpg"))
    with index.writer() as writer:
        writer.replace_origins(record.figure.id, origins)
    client, physical = index._client, index._physical  # type: ignore[attr-defined]
    earlier = "ctx._source.figure.remove('locations'); ctx._source.remove('image_url')"
    query = {"bool": {"should": [{"term": {"doc_type": "panel"}}, {"term": {"doc_type": "figure"}}]}}
    client.update_by_query(index=physical, query=query, script=earlier, refresh=True)
    assert not index.has_origin("pmc", origins[0].location)  # type: ignore[attr-defined]
    if words is not None:  # then mirsearch writes every document, otherwise the server copies
        meta = client.indices.get_mapping(index=physical)[physical]["mappings"]["_meta"]
        meta["mirsearch"]["words"] = words
        client.indices.put_mapping(index=physical, meta=meta)
    migrate(index.location)
    assert index.has_origin("pmc", origins[0].location)  # type: ignore[attr-defined]
    clause = {"term": {"image_url": origins[0].location}}
    assert client.count(index=index.location.rpartition("/")[2], query=clause)["count"] == 1 + len(record.panels)


def test_guessed_techniques_of_an_earlier_version_are_none(index: Index) -> None:
    from mirsearch.indexes.elasticsearch.migrate import migrate

    client, physical = index._client, index._physical  # type: ignore[attr-defined]
    certain = list(index.select_panels(Filters(techniques=("SEM",))))
    guessed = [each.panel.id for each in certain[: len(certain) // 2]]
    client.update_by_query(
        index=physical, query={"ids": {"values": guessed}}, script="ctx._source.panel.technique_confidence = 0.42",
        refresh=True,
    )  # fmt: skip
    raw = {"bool": {"filter": [{"ids": {"values": guessed}}, {"term": {"panel.technique": "SEM"}}]}}
    assert client.count(index=index.location.rpartition("/")[2], query=raw)["count"] == len(guessed)
    asked = Filters(fields=(FieldFilter("panel.technique", ("sem",)),))

    def check(opened: Index) -> None:
        assert [each.panel.technique for each in opened.panels(guessed)] == [None] * len(guessed)
        for filters in (Filters(techniques=("SEM",)), asked):
            assert list(opened.select_panels(filters)) == certain[len(guessed) :]
        counts = opened.stats()
        assert counts["techniques"]["SEM"] == len(certain) - len(guessed)
        assert sum(counts["techniques"].values()) == counts["panels"]

    check(index)
    migrate(index.location)
    check(index)
    assert client.count(index=index.location.rpartition("/")[2], query=raw)["count"] == 0


def test_nobody_migrates_while_another_writes(index: Index) -> None:
    from mirsearch.indexes.elasticsearch.migrate import migrate

    with index.writer(), pytest.raises(IndexBusyError, match="another process"):
        migrate(index.location)


def test_rollback_goes_to_the_index_that_the_present_one_was_made_from(index: Index) -> None:
    from mirsearch.indexes.elasticsearch.generations import list_generations, prune, rollback
    from mirsearch.indexes.elasticsearch.migrate import migrate

    def states() -> list[tuple[str, str, int]]:
        return [(each.name[-7:], each.state, each.panels) for each in list_generations(index.location)]

    panels = len(everything(index.location))
    added = list(CORPUS.records(FIGURES + 1))[-1]
    migrate(index.location)
    rollback(index.location)
    with index.writer() as writer:
        writer.put(added)
    more = panels + len(added.panels)
    assert migrate(index.location).new.endswith("-000003")
    assert states() == [("-000001", "before", more), ("-000002", "old", panels), ("-000003", "answers", more)]
    assert [each.name[-7:] for each in prune(index.location, dry_run=True)] == ["-000002"]
    assert rollback(index.location).new.endswith("-000001")
    assert len(everything(index.location)) == more
    assert rollback(index.location, f"{index.location.rpartition('/')[2]}-000003").new.endswith("-000003")
    with pytest.raises(NotFoundError, match="is no finished index"):
        rollback(index.location, "something-000001")
    prune(index.location)
    assert states() == [("-000001", "before", more), ("-000003", "answers", more)]
    prune(index.location, everything=True)
    assert states() == [("-000003", "answers", more)]
    assert len(everything(index.location)) == more
    with pytest.raises(NotFoundError, match="no older index"):
        rollback(index.location)
