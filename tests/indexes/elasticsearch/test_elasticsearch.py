"""Compare the index on a real Elasticsearch with the embedded index, and test its protocol."""

from __future__ import annotations

import dataclasses
import json
import statistics
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mirsearch.corpus import Origin
from mirsearch.errors import IndexBusyError, NotFoundError
from mirsearch.indexes import open_index
from mirsearch.indexes.base import FigureRecord, Index
from mirsearch.query import Filters, SearchRequest
from tests.support.index_corpus import EXTRACTOR, MadeCorpus

pytest.importorskip("elasticsearch")
from mirsearch.indexes.elasticsearch import query as elasticsearch_query
from mirsearch.indexes.elasticsearch.extent import Extent

FIGURES = 1_500
CORPUS = MadeCorpus()


def fill(index: Index, figures: int) -> None:
    with index.writer() as writer:
        for record in CORPUS.records(figures):
            writer.put(record)


@pytest.fixture(autouse=True)
def always_gather_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Query the small index of these tests as if it were large: otherwise every panel would be scored."""
    monkeypatch.setattr(elasticsearch_query, "MAX_EXACT_DOCUMENTS", 0)


@pytest.fixture(scope="module")
def pair(es_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Index, Index]]:
    """The embedded index and the one on Elasticsearch, with the same panels, at least 5,000."""
    from mirsearch.indexes.elasticsearch.admin import drop_index

    location = f"{es_url}/test-pair"
    drop_index(location)
    embedded = open_index(str(tmp_path_factory.mktemp("pair") / "index"), create=EXTRACTOR)
    cluster = open_index(location, create=EXTRACTOR)
    fill(embedded, FIGURES)
    fill(cluster, FIGURES)
    yield embedded, cluster
    embedded.close()
    cluster.close()
    drop_index(location)


@pytest.fixture(scope="module")
def split(pair: tuple[Index, Index]) -> Iterator[Index]:
    """The same panels on three shards of one node."""
    from mirsearch.indexes.elasticsearch.admin import create_index, drop_index
    from mirsearch.indexes.elasticsearch.copying import copy_documents
    from mirsearch.indexes.elasticsearch.layout import Layout

    location = f"{pair[1].location}-split"
    drop_index(location)
    create_index(location, EXTRACTOR, Layout(shards=3, replicas=0))
    index = open_index(location)
    client, name = index._client, location.rpartition("/")[2]  # type: ignore[attr-defined]
    copy_documents(client, pair[1]._physical, name, lambda: None, lambda _: None)  # type: ignore[attr-defined]
    client.indices.refresh(index=name)
    yield index
    index.close()
    drop_index(location)


@pytest.fixture
def index(es_location: str) -> Iterator[Index]:
    opened = open_index(es_location, create=EXTRACTOR)
    yield opened
    opened.close()


def test_both_hold_the_same(pair: tuple[Index, Index]) -> None:
    embedded, cluster = pair
    ours, theirs = cluster.stats(), embedded.stats()
    assert ours["panels"] >= 5_000
    assert len(set(ours["newest_figures"])) == len(theirs["newest_figures"])  # the server notes whole seconds only
    for name in set(theirs) - {"bytes", "created_by", "schema_version", "newest_figures"}:
        assert ours[name] == theirs[name], name


@pytest.mark.parametrize("exact", [True, False])
def test_looks_and_scale_rank_as_in_the_embedded_index(pair: tuple[Index, Index], exact: bool) -> None:
    embedded, cluster = pair
    for request in CORPUS.requests(60, text=False, exact=exact):
        theirs, ours = embedded.search(request), cluster.search(request)
        assert [each.score for each in ours.panels] == pytest.approx([each.score for each in theirs.panels], abs=1e-4)
        assert ours.exact or not exact
        by_id = {each.panel_id: each for each in theirs.panels}
        for mine in ours.panels:
            other = by_id.get(mine.panel_id)
            if other is None:  # then it ties with the last panel of the other list
                assert mine.score == pytest.approx(theirs.panels[-1].score, abs=1e-4)
                continue
            for term in ("visual", "scale"):
                our_term, their_term = getattr(mine, term), getattr(other, term)
                wanted = their_term if their_term is None else pytest.approx(their_term, abs=1e-4)
                assert our_term == wanted, (term, request)


@pytest.mark.parametrize("exact", [True, False])
def test_with_words_most_of_the_top_ten_are_the_same(pair: tuple[Index, Index], exact: bool) -> None:
    embedded, cluster = pair
    shared = []
    for request in CORPUS.requests(100, exact=exact):
        if request.text is None:
            continue
        theirs = {each.panel_id for each in embedded.search(request).panels}
        ours = {each.panel_id for each in cluster.search(request).panels}
        assert len(ours) == len(theirs)
        shared.append(len(ours & theirs) / max(1, len(theirs)))
    assert len(shared) == 40
    assert statistics.mean(shared) >= 0.8


def test_an_answer_that_claims_to_be_exact_is_the_exact_one(pair: tuple[Index, Index]) -> None:
    _, cluster = pair
    claimed = 0
    for request in CORPUS.requests(50):
        found = cluster.search(request)
        if not found.exact:
            continue
        claimed += 1
        exact = cluster.search(dataclasses.replace(request, exact=True))
        assert [each.score for each in found.panels] == pytest.approx([each.score for each in exact.panels], abs=1e-5)
    assert claimed >= 25


def test_a_wrong_answer_of_few_candidates_is_not_called_exact(
    pair: tuple[Index, Index], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With short lists the threshold must refuse answers that differ from the full ranking."""
    monkeypatch.setattr(elasticsearch_query, "CANDIDATES_PER_LIST", 1)  # lists of 8: four times `top`
    _, cluster = pair
    refused = 0
    for request in CORPUS.requests(50):
        narrow = dataclasses.replace(request, top=2)
        found = cluster.search(narrow)
        exact = cluster.search(dataclasses.replace(narrow, exact=True))
        same = [each.panel_id for each in found.panels] == [each.panel_id for each in exact.panels]
        assert same or not found.exact
        refused += not found.exact
    assert refused


def scores(index: Index, request: SearchRequest) -> list[tuple[str, float]]:
    return [(each.panel_id, each.score) for each in index.search(request).panels]


def test_three_shards_answer_as_one_does(pair: tuple[Index, Index], split: Index) -> None:
    _, one = pair
    assert split.stats()["panels"] == one.stats()["panels"]
    assert [index._extent.read().shards for index in (one, split)] == [1, 3]  # type: ignore[attr-defined]
    compared = 0
    for request in CORPUS.requests(20, exact=True):
        wanted = scores(one, request)
        assert scores(split, request) == [(name, pytest.approx(score, abs=1e-6)) for name, score in wanted]
        gathered = split.search(dataclasses.replace(request, exact=False))
        if gathered.exact:
            compared += 1
            assert [each.score for each in gathered.panels] == pytest.approx([score for _, score in wanted], abs=1e-5)
    assert compared >= 8


def test_a_wrong_answer_of_several_shards_is_not_called_exact(split: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elasticsearch_query, "CANDIDATES_PER_LIST", 1)
    refused = claimed = 0
    for request in CORPUS.requests(40):
        narrow = dataclasses.replace(request, top=2)
        found = split.search(narrow)
        same = [name for name, _ in scores(split, dataclasses.replace(narrow, exact=True))]
        assert not found.exact or [each.panel_id for each in found.panels] == same
        refused, claimed = refused + (not found.exact), claimed + found.exact
    assert refused
    assert claimed


@pytest.mark.parametrize(
    ("documents", "shards", "length"),
    [(0, 1, 200), (80_000, 1, 200), (320_000, 1, 400), (1_280_000, 1, 800), (1_280_000, 4, 400), (10**9, 4, 625)],
)
def test_lists_grow_with_the_documents_of_a_shard(documents: int, shards: int, length: int) -> None:
    request = next(each for each in CORPUS.requests(9) if each.text and each.vector is not None)
    extent = Extent(documents, shards, 0.01)
    plan = elasticsearch_query.QueryPlan(request, extent=extent)
    assert plan.list_length == length
    assert not plan.is_exhaustive
    assert elasticsearch_query.QueryPlan(dataclasses.replace(request, top=400), extent=extent).list_length >= 1_600


def test_in_a_small_index_every_panel_is_scored(pair: tuple[Index, Index], monkeypatch: pytest.MonkeyPatch) -> None:
    _, cluster = pair
    request = next(each for each in CORPUS.requests(5) if each.text and each.vector is not None)
    path, body = cluster.show_request(request)  # type: ignore[attr-defined]
    assert "rescore" in body
    monkeypatch.setattr(elasticsearch_query, "MAX_EXACT_DOCUMENTS", 10_000)
    found = cluster.search(request)
    assert found.exact
    assert found.detail["exact_by"] == "all scored"
    assert cluster.show_request(request) == (  # type: ignore[attr-defined]
        path,
        elasticsearch_query.QueryPlan(dataclasses.replace(request, exact=True)).body(),
    )


def test_only_large_segments_get_a_graph_and_both_kinds_find_the_same(
    es_location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mirsearch.indexes.elasticsearch import admin, mapping, server

    graphs = []
    for scanned in (100, mapping.FLAT_SEGMENT_PANELS):
        monkeypatch.setattr(mapping, "FLAT_SEGMENT_PANELS", scanned)
        index = open_index(es_location, create=EXTRACTOR)
        client, physical = index._client, index._physical  # type: ignore[attr-defined]
        fill(index, 300)
        client.options(request_timeout=120).indices.forcemerge(index=physical, max_num_segments=1)
        client.indices.refresh(index=physical)
        held = client.indices.stats(index=physical, metric="dense_vector")["_all"]["total"]["dense_vector"]
        graphs.append(held.get("off_heap", {}).get("total_vex_size_bytes"))
        for request in CORPUS.requests(12):
            found = index.search(request)
            exact = index.search(dataclasses.replace(request, exact=True))
            assert len(found.panels) == len(exact.panels)
            if found.exact:
                assert [each.score for each in found.panels] == pytest.approx(
                    [each.score for each in exact.panels], abs=1e-5
                )
        version = admin.server_version(client)
        index.close()
        admin.drop_index(es_location)
    if server.parse_version(version) >= mapping.FLAT_SEGMENTS_SINCE:
        assert graphs[0] > 0
        assert graphs[1] == 0


def test_reading_returns_what_was_written(pair: tuple[Index, Index]) -> None:
    embedded, cluster = pair
    stored = list(embedded.select_panels(Filters()))
    assert list(cluster.select_panels(Filters())) == stored
    some = [each.panel.id for each in stored[:40:3]][::-1]
    assert cluster.panels(some) == embedded.panels(some)
    assert [cluster.thumbnail(each) for each in some] == [embedded.thumbnail(each) for each in some]
    assert cluster.vector(some[0]) == pytest.approx(embedded.vector(some[0]), abs=1e-3)
    figures = list(dict.fromkeys(each.figure.id for each in stored))[:20]
    assert cluster.known_figures([*figures, "0" * 16]) == embedded.known_figures(figures)
    assert cluster.figure_panels(figures[3]) == embedded.figure_panels(figures[3])
    for some_id in (some[0], figures[2], figures[2][:12], "10.1/7", "doi:10.1/7", "PMC1009", "ffff", "nothing"):
        assert cluster.find_panels(some_id) == embedded.find_panels(some_id), some_id


@pytest.mark.parametrize("number", range(10))
def test_filters_leave_the_same_panels(pair: tuple[Index, Index], number: int) -> None:
    filters = list(dict.fromkeys(each.filters for each in CORPUS.requests(100)))[number + 1]
    ours, theirs = ([panel.panel.id for panel in index.select_panels(filters)] for index in pair)
    assert ours == theirs


def test_any_client_gets_the_same_answer_to_the_shown_request(pair: tuple[Index, Index], es_url: str) -> None:
    _, cluster = pair
    for request in CORPUS.requests(10):
        path, body = cluster.show_request(request)  # type: ignore[attr-defined]
        call = urllib.request.Request(
            f"{es_url}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(call) as answer:
            hits = json.load(answer)["hits"]["hits"]
        ranked = sorted(
            ((hit["_score"], hit["fields"]["panel.id"][0]) for hit in hits), key=lambda each: (-each[0], each[1])
        )
        ours = [(each.score, each.panel_id) for each in cluster.search(request).panels]
        assert ranked[: len(ours)] == ours


def test_a_replaced_figure_keeps_its_origins_and_loses_its_old_panels(index: Index) -> None:
    record = next(each for each in CORPUS.records(50) if len(each.panels) > 2)
    with index.writer() as writer:
        writer.put(record)
    moved = dataclasses.replace(record.figure, origins=(Origin("folder", "elsewhere.png"),), article=None, label=None)
    fewer = dataclasses.replace(
        record,
        figure=moved,
        panels=record.panels[:1],
        vectors=record.vectors[:1],
        thumbnails=record.thumbnails[:1],
    )
    with index.writer() as writer:
        writer.put(fewer)
    (left,) = index.figure_panels(record.figure.id)
    assert left.panel.id == record.panels[0].id
    assert [each.location for each in left.figure.origins] == [record.figure.origins[0].location, "elsewhere.png"]
    assert left.figure.article == record.figure.article
    assert index.stats()["panels"] == 1
    with pytest.raises(NotFoundError, match=record.panels[1].id):
        index.panels([record.panels[1].id])


def test_one_more_origin_changes_neither_vector_nor_picture(index: Index) -> None:
    record = next(CORPUS.records(1))
    with index.writer() as writer:
        writer.put(record)
        for _ in range(2):
            writer.add_origin(record.figure.id, Origin("jats", "https://example.org/a.png"))
        writer.add_origin("0" * 16, Origin("jats", "nowhere"))
    panel = record.panels[-1].id
    assert [each.source for each in index.panels([panel])[0].figure.origins] == ["folder", "jats"]
    known = index.known_figures([record.figure.id])[record.figure.id]
    assert [origin.source for origin in known.origins] == ["folder", "jats"]
    assert index.vector(panel) == pytest.approx(record.vectors[-1], abs=1e-6)
    assert index.thumbnail(panel) == record.thumbnails[-1]
    found = index.search(SearchRequest(vector=record.vectors[-1], top=1)).panels[0]
    assert (found.panel_id, found.visual) == (panel, pytest.approx(1.0, abs=1e-5))


def test_an_index_tells_what_was_fetched_from_where(index: Index) -> None:
    first, second = CORPUS.records(2)
    address, newer = "https://example.org/1.jpg", "http://example.org/newer.jpg"
    origins = (Origin("pmc", address), Origin("pmc", newer), Origin("file", "/tmp/1.jpg"))
    with index.writer() as writer:
        writer.put(dataclasses.replace(first, figure=dataclasses.replace(first.figure, origins=origins)))
        writer.put(second)
    assert index.has_origin("pmc", address)  # type: ignore[attr-defined]
    assert index.has_origin("pmc", newer)  # type: ignore[attr-defined]
    assert not index.has_origin("arxiv", address)  # type: ignore[attr-defined]
    assert not index.has_origin("pmc", f"{address}x")  # type: ignore[attr-defined]
    client, name = index._client, index.location.rpartition("/")[2]  # type: ignore[attr-defined]
    found = client.search(index=name, query={"term": {"figure.locations": address}}, size=20)["hits"]["hits"]
    assert len(found) == 1 + len(first.panels)
    assert {(hit["_source"]["image"], hit["_source"]["image_url"]) for hit in found} == {("/tmp/1.jpg", newer)}
    with index.writer() as writer:
        writer.delete_figures([first.figure.id])
    assert not index.has_origin("pmc", address)  # type: ignore[attr-defined]


def test_deleting_removes_figures_with_their_panels(index: Index) -> None:
    records = list(CORPUS.records(5))
    with index.writer() as writer:
        for record in records:
            writer.put(record)
    with index.writer() as writer:
        assert writer.delete_figures([records[0].figure.id, "0" * 16, records[1].figure.id]) == 2
        assert writer.delete_figures([records[0].figure.id]) == 0
    stats = index.stats()
    assert (stats["figures"], stats["panels"]) == (3, sum(len(each.panels) for each in records[2:]))
    with index.writer() as writer:  # put again after a delete in the same session
        writer.delete_figures([records[2].figure.id])
        writer.put(records[2])
    assert index.stats()["figures"] == 3


def test_an_error_discards_uncommitted_figures(index: Index) -> None:
    first, second = list(CORPUS.records(2))

    def cut_short() -> None:
        with index.writer() as writer:
            writer.put(first)
            writer.commit()
            assert set(index.known_figures([first.figure.id])) == {first.figure.id}
            writer.put(second)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        cut_short()
    assert set(index.known_figures([first.figure.id, second.figure.id])) == {first.figure.id}
    assert index.stats()["panels"] == len(first.panels)


def test_a_second_writer_is_refused_until_the_lock_is_released(index: Index, es_location: str) -> None:
    other = open_index(es_location)
    with index.writer() as writer:
        writer.put(next(CORPUS.records(1)))
        with pytest.raises(IndexBusyError, match="another process is writing"):
            other.writer().__enter__()
    with other.writer() as writer:
        writer.put(next(CORPUS.records(1)))
    other.close()


def test_a_large_load_restores_refresh_and_replicas(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    from mirsearch.indexes.elasticsearch import writer as elasticsearch_writer

    monkeypatch.setattr(elasticsearch_writer, "CHUNK_BYTES", 1)
    client, physical = index._client, index._physical  # type: ignore[attr-defined]
    before = client.indices.get_settings(index=physical)[physical]["settings"]["index"]
    records = list(CORPUS.records(70))
    with index.writer() as writer:
        for record in records[:-1]:
            writer.put(record)
            writer.commit()
        during = client.indices.get_settings(index=physical)[physical]["settings"]["index"]
        until = time.monotonic() + 60
        while len(list(index.select_panels(Filters()))) < sum(len(each.panels) for each in records[:-1]):
            assert time.monotonic() < until, "committed panels never become visible during the load"
            time.sleep(0.2)
        writer.put(records[-1])
    assert len(list(index.select_panels(Filters()))) == sum(len(each.panels) for each in records)
    after = client.indices.get_settings(index=physical)[physical]["settings"]["index"]
    assert during["refresh_interval"] == "1s"
    for name in ("refresh_interval", "number_of_replicas", "auto_expand_replicas"):
        assert after.get(name) == before.get(name)


def cut_off(index: Index, records: list[FigureRecord]) -> None:
    """Leave figures as a process does that is killed before it marks them as complete."""
    with index.writer() as writer:
        for record in records:
            writer.put(record)
        writer._send_gathered()  # type: ignore[attr-defined]
        writer.bulk.flush()  # type: ignore[attr-defined]
        writer._uncommitted.clear()  # type: ignore[attr-defined]  # so that nothing is rolled back
        raise KeyboardInterrupt


def test_an_incomplete_figure_is_unknown_and_can_be_written_again(index: Index) -> None:
    first, second = CORPUS.records(2)
    with index.writer() as writer:
        writer.put(first)
    longer = dataclasses.replace(first.figure, caption="a longer caption")
    with pytest.raises(KeyboardInterrupt):
        cut_off(index, [dataclasses.replace(first, figure=longer), second])
    assert index.known_figures([first.figure.id, second.figure.id]) == {}
    with index.writer() as writer:
        writer.add_origin(second.figure.id, Origin("jats", "elsewhere"))
        for record in (first, second):
            writer.put(record)
    known = index.known_figures([first.figure.id, second.figure.id])
    assert known[first.figure.id].origins == first.figure.origins
    assert known[second.figure.id].origins == (Origin("jats", "elsewhere"), *second.figure.origins)
    assert len(list(index.select_panels(Filters()))) == len(first.panels) + len(second.panels)


def test_a_document_with_bytes_in_it_is_the_json_of_its_parts() -> None:
    from mirsearch.indexes.elasticsearch.bulk import index_action

    for document in (
        {},
        {"vector": b"AAAA"},
        {"caption": "a \u2028 line\n\ud800", "vector": b"AA==", "thumbnail": b""},
    ):
        head, body = index_action("figures", "ab-c", document).lines
        assert json.loads(head) == {"index": {"_index": "figures", "_id": "ab-c"}}
        wanted = {name: each.decode() if isinstance(each, bytes) else each.replace("\ud800", "?")
                  for name, each in document.items()}  # fmt: skip
        assert json.loads(body) == wanted
        assert b"\n" not in body


def test_vectors_that_do_not_fit_are_refused(index: Index) -> None:
    record = next(CORPUS.records(1))
    for vectors in (record.vectors[:, :5], np.full_like(record.vectors, np.nan)):
        with pytest.raises(ValueError, match="vectors"), index.writer() as writer:
            writer.put(dataclasses.replace(record, vectors=vectors))
    assert index.stats()["panels"] == 0


def test_every_field_written_is_in_the_mapping_files(index: Index) -> None:
    from mirsearch.indexes.elasticsearch import mapping
    from mirsearch.indexes.elasticsearch.documents import figure_document, panel_documents

    fields = mapping.field_types()
    record = next(each for each in CORPUS.records(50) if each.figure.article and each.panels[0].scale)
    documents = panel_documents(record, EXTRACTOR, pack=True)
    documents.append(figure_document(record.figure, [], "complete", EXTRACTOR))

    def walk(value: object, name: str) -> Iterator[str]:
        if isinstance(value, dict) and fields.get(name) != "object":
            for key, inner in value.items():
                yield from walk(inner, f"{name}.{key}" if name else key)
        else:
            yield name

    written = {name for document in documents for name in walk(document, "")}
    assert written <= set(fields)


def test_the_mapping_and_the_documents_agree_how_often_a_word_is_repeated() -> None:
    from mirsearch.indexes.elasticsearch import mapping
    from mirsearch.indexes.elasticsearch.words import WORD_REPEATS

    panels = mapping.component_templates(8, (9, 4))["mirsearch-panels"]["template"]
    assert panels["settings"]["index"]["similarity"]["weighted_words"]["k1"] == pytest.approx(1.2 * WORD_REPEATS)


def test_mapping_files_are_found_in_a_source_tree() -> None:
    from mirsearch.indexes.elasticsearch import mapping

    names = {path.name for path in Path(mapping.mappings_folder()).iterdir()}
    assert {"panels.json", "articles.json", "vectors.json", "index-template.json", "hybrid-score.painless"} <= names
