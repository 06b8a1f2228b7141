from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirsearch.corpus import Origin, Panel
from mirsearch.errors import IndexMismatchError, NotFoundError, UsageError
from mirsearch.indexes import open_index
from mirsearch.indexes.base import FigureRecord
from mirsearch.indexes.embedded.database import schema as sqlite_schema
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.query import Filters, SearchRequest, StoredPanel
from mirsearch.ranking import Formula, Missing, Weights, combine, scale_term, visual_term
from tests.support import index_records as made

RECORDS = [made.record(number, panels=1 + number % 4) for number in range(24)]
PANELS = [(panel, each) for each in RECORDS for panel in each.panels]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[EmbeddedIndex]:
    with EmbeddedIndex.open(str(tmp_path / "index"), create=made.IDENTITY) as opened:
        yield opened


@pytest.fixture
def full(index: EmbeddedIndex) -> EmbeddedIndex:
    fill(index, RECORDS)
    return index


def fill(index: EmbeddedIndex, records: list[FigureRecord]) -> None:
    with index.writer() as writer:
        for record in records:
            writer.put(record)


def test_a_panel_comes_back_as_it_was_put(full: EmbeddedIndex) -> None:
    for record in RECORDS:
        stored = full.figure_panels(record.figure.id)
        assert [stored_panel.panel for stored_panel in stored] == list(record.panels)
        assert stored[0].figure == record.figure
        for position, panel in enumerate(record.panels):
            assert np.abs(full.vector(panel.id) - record.vectors[position]).max() < 1e-3
            assert full.thumbnail(panel.id) == record.thumbnails[position]
    some = [PANELS[9][0].id, PANELS[2][0].id]
    assert [record.panel.id for record in full.panels(some)] == some


def test_what_is_missing_is_named(full: EmbeddedIndex) -> None:
    with pytest.raises(NotFoundError, match="nowhere-a"):
        full.panels([PANELS[0][0].id, "nowhere-a"])
    with pytest.raises(NotFoundError, match="nowhere-a"):
        full.vector("nowhere-a")
    assert full.thumbnail("nowhere-a") is None
    assert full.figure_panels("nowhere") == []
    assert full.known_figures(["nowhere"]) == {}


def brute_force(request: SearchRequest) -> list[tuple[str, float]]:
    vectors = np.concatenate([each.vectors for each in RECORDS]).astype(np.float16).astype(np.float64)
    query = np.asarray(request.vector, dtype=np.float16).astype(np.float64)
    cosine = vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
    fields_of_view = np.array([panel.field_of_view_nm or np.nan for panel, _ in PANELS])
    scale = None
    if request.field_of_view_nm is not None:
        scale = scale_term(request.field_of_view_nm, np.log10(fields_of_view), request.formula.sigma)
    score = combine(request.formula, visual_term(1 - cosine), scale)
    pairs = [(panel.id, value) for (panel, _), value in zip(PANELS, score, strict=True) if value > -np.inf]
    return sorted(pairs, key=lambda pair: (-round(pair[1], 9), pair[0]))


@pytest.mark.parametrize("missing", ["neutral", "penalize", "exclude"])
@pytest.mark.parametrize("fov", [None, 3_000.0])
def test_search_ranks_all_panels_as_the_formula(full: EmbeddedIndex, missing: Missing, fov: float | None) -> None:
    formula = Formula(Weights(0.5, 0.7, 0.1), missing=missing)
    request = SearchRequest(made.vectors(99, 1)[0], fov, formula=formula, top=1000)
    result = full.search(request)
    expected = brute_force(request)
    assert result.exact
    assert result.considered == len(PANELS)
    assert [each.panel_id for each in result.panels] == [name for name, _ in expected]
    assert np.allclose([each.score for each in result.panels], [value for _, value in expected], atol=1e-6)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedIndex]:
    """Open an index with 1,000 panels: many are similar, some were deleted."""
    with EmbeddedIndex.open(str(tmp_path_factory.mktemp("many") / "index"), create=made.IDENTITY) as opened:
        fill(opened, [made.record(number, 4, seed=number % 90) for number in range(260)])
        with opened.writer() as writer:
            writer.delete_figures([made.record(number).figure.id for number in range(0, 30, 3)])
        yield opened


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 200), st.sampled_from([None, 40.0, 3e3, 1e9]),
    st.sampled_from([None, "gold", "carbon nanotubes", "image of 111", "nothing"]),
    st.sampled_from([Weights(), Weights(1, 0, 0), Weights(0, 1, 1), Weights(1e-5, 1, 0)]),
    st.sampled_from(["neutral", "penalize", "exclude"]), st.sampled_from([1, 3, 10, 200]),
    st.sampled_from([Filters(), Filters(kinds=("micrograph",)), Filters(year_to=2016), Filters(has_scale=False)]),
)  # fmt: skip
def test_the_top_results_are_the_first_of_the_full_ranking(
    many: EmbeddedIndex, seed: int, fov: float | None, text: str | None, weights: Weights, missing: Missing, top: int,
    filters: Filters,
) -> None:  # fmt: skip
    vector = made.vectors(seed, 1)[0] if seed % 3 else None
    if vector is None and fov is None and text is None:
        return
    formula = Formula(weights, sigma=(0.3, 0.01, 1e-7)[seed % 3], missing=missing)
    excluded = frozenset(panel.id for panel in made.record(seed).panels[:1])
    request = SearchRequest(vector, fov, text, formula, filters, 100_000, exclude=excluded)
    full_result = many.search(request)
    top_result = many.search(dataclasses.replace(request, top=top))
    assert top_result.panels == full_result.panels[:top]
    assert top_result.considered == full_result.considered
    assert not excluded & {panel.panel_id for panel in full_result.panels}
    order = [(-panel.score, panel.panel_id) for panel in full_result.panels]
    assert order == sorted(order)


def test_a_panel_finds_itself_first(full: EmbeddedIndex) -> None:
    for panel, each in PANELS[::5]:
        best = full.search(SearchRequest(each.vectors[each.panels.index(panel)], top=1)).panels[0]
        assert best.panel_id == panel.id
        assert best.visual_distance is not None
        assert best.visual_distance < 1e-3
        assert (best.scale, best.text) == (None, None)


def test_terms_are_none_where_query_or_panel_lacks_them(full: EmbeddedIndex) -> None:
    request = SearchRequest(made.vectors(99, 1)[0], 1e3, "gold nanorods", top=1000)
    by_id = {panel.id: panel for panel, _ in PANELS}
    result = full.search(request)
    assert len(result.panels) == len(PANELS)
    for each in result.panels:
        panel = by_id[each.panel_id]
        assert (each.scale is None) == (panel.scale is None)
        assert each.text is not None
        assert (each.text > 0) == ("gold" in panel.caption)


def test_ties_are_ordered_by_id_at_the_end_of_the_results_too(index: EmbeddedIndex) -> None:
    same = made.vectors(5, 1)[0]
    records = [made.record(number, 4) for number in range(8)]
    fill(index, [dataclasses.replace(each, vectors=np.tile(same, (4, 1))) for each in records])
    ids = sorted(panel.id for each in records for panel in each.panels)
    for top in (1, 7, 32):
        found = index.search(SearchRequest(same, top=top)).panels
        assert [each.panel_id for each in found] == ids[:top]


def test_excluded_panels_are_not_hits(full: EmbeddedIndex) -> None:
    panel, each = PANELS[0]
    request = SearchRequest(each.vectors[0], exclude=frozenset([panel.id, "nowhere"]), top=1000)
    result = full.search(request)
    assert panel.id not in {one.panel_id for one in result.panels}
    assert result.considered == len(PANELS) - 1


def test_empty_and_invalid_requests_are_refused(full: EmbeddedIndex) -> None:
    with pytest.raises(UsageError):
        full.search(SearchRequest())
    with pytest.raises(IndexMismatchError, match="48 dims"):
        full.search(SearchRequest(np.ones(47, dtype=np.float32)))
    for bad in (np.nan, np.inf, 1e6):
        with pytest.raises(UsageError, match="not finite"):
            full.search(SearchRequest(np.full(48, bad, dtype=np.float32)))
    for view in (0.0, -3.0, np.nan, np.inf):
        with pytest.raises(UsageError, match="field of view"):
            full.search(SearchRequest(field_of_view_nm=view))
    assert full.search(SearchRequest(text="?!")).panels == []


def test_an_empty_index_has_no_results(index: EmbeddedIndex) -> None:
    assert index.search(SearchRequest(made.vectors(1, 1)[0], 100.0, "gold")).panels == []
    assert list(index.select_panels(Filters())) == []
    assert index.stats()["panels"] == 0


def test_a_figure_put_again_replaces_panels_and_merges_origins(full: EmbeddedIndex) -> None:
    first = RECORDS[3]
    again = made.record(3, 2, seed=77, id=first.figure.id, origins=(Origin("jats", "b.xml"), first.figure.origins[0]))
    before = full.stats()["panels"]
    fill(full, [again])
    stored = full.figure_panels(first.figure.id)
    assert [each.panel for each in stored] == list(again.panels)
    assert stored[0].figure.origins == (*first.figure.origins, Origin("jats", "b.xml"))
    assert full.stats()["panels"] == before - len(first.panels) + 2
    assert full.search(SearchRequest(again.vectors[1], top=1)).panels[0].panel_id == again.panels[1].id
    assert full.search(SearchRequest(first.vectors[0], top=1)).panels[0].visual_distance > 0.1  # type: ignore[operator]


def test_an_origin_is_stored_once(full: EmbeddedIndex) -> None:
    figure = RECORDS[0].figure
    with full.writer() as writer:
        for _ in range(2):
            writer.add_origin(figure.id, Origin("folder", "elsewhere.png", "2026-02-02T00:00:00Z"))
            writer.add_origin(figure.id, figure.origins[0])
        writer.add_origin("nowhere", Origin("folder", "x"))
    known = full.known_figures([figure.id])[figure.id]
    assert [each.location for each in known.origins] == ["figures/0.png", "elsewhere.png"]
    assert (known.caption, known.article_id) == (figure.caption, "doi:10.1000/a0")
    assert full.panels([RECORDS[0].panels[0].id])[0].figure.image == "elsewhere.png"


def test_article_fields_are_updated_if_not_empty(full: EmbeddedIndex) -> None:
    newer = made.article(0, title="Pelagic copepods", journal=None, year=None, license="", authors=(), retracted=True)
    fill(full, [made.record(50, 1, article=newer)])
    stored = full.figure_panels(RECORDS[0].figure.id)[0].figure.article
    assert stored == made.article(0, title="Pelagic copepods", retracted=True)
    hits = full.search(SearchRequest(text="copepod", top=100)).panels
    of_article = [panel.id for panel, each in PANELS[:100] if each.figure.article == made.article(0)]
    assert {each.panel_id for each in hits} == {*of_article, made.record(50, 1).panels[0].id}
    assert full.search(SearchRequest(text="0", top=100)).panels == []  # of the title before, "Made article 0"


def test_delete_leaves_nothing_of_a_figure(full: EmbeddedIndex) -> None:
    gone = [each.figure.id for each in RECORDS[:3]]
    with full.writer() as writer:
        assert writer.delete_figures([*gone, "nowhere", gone[0]]) == 3
    left = full.stats()
    assert left["figures"] == len(RECORDS) - 3
    assert left["articles"] == len(RECORDS) // 3 - 1
    assert full.known_figures(gone) == {}
    assert full.find_panels("doi:10.1000/a0") == []
    for each in RECORDS[:3]:
        best = full.search(SearchRequest(each.vectors[0], top=1)).panels[0]
        assert best.visual_distance is not None
        assert best.visual_distance > 0.1
    texts = full.search(SearchRequest(text="gold nanotube", top=1000)).panels
    assert not {panel.id for each in RECORDS[:3] for panel in each.panels} & {each.panel_id for each in texts}
    assert full.search(SearchRequest(RECORDS[5].vectors[0], top=1)).panels[0].panel_id == RECORDS[5].panels[0].id


def test_an_article_without_figures_is_deleted(index: EmbeddedIndex) -> None:
    fill(index, [made.record(0, 1)])
    fill(index, [made.record(0, 1, article=made.article(8))])
    assert index.stats()["articles"] == 1
    assert index.find_panels("10.1000/a8")
    fill(index, [made.record(0, 1, article=None)])
    assert index.figure_panels(made.record(0).figure.id)[0].figure.article == made.article(8)


def test_nothing_is_seen_before_commit_or_kept_after_a_failure(index: EmbeddedIndex) -> None:
    with pytest.raises(RuntimeError, match="stop"), index.writer() as writer:  # noqa: PT012 (what is tested is in it)
        writer.put(RECORDS[0])
        writer.commit()
        writer.put(RECORDS[1])
        assert set(index.known_figures([each.figure.id for each in RECORDS])) == {RECORDS[0].figure.id}
        assert len(index.search(SearchRequest(RECORDS[1].vectors[0], top=99)).panels) == len(RECORDS[0].panels)
        raise RuntimeError("stop")
    assert index.stats()["figures"] == 1
    fill(index, RECORDS[:2])
    assert index.stats()["figures"] == 2


def test_errors_of_the_caller_in_a_session_are_not_translated(index: EmbeddedIndex) -> None:
    with pytest.raises(FileNotFoundError), index.writer():
        Path("nowhere").read_text()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e6])
def test_vectors_that_can_not_be_stored_are_refused(index: EmbeddedIndex, bad: float) -> None:
    one = RECORDS[1]
    with index.writer() as writer:
        with pytest.raises(ValueError, match="not finite"):
            writer.put(dataclasses.replace(one, vectors=np.full_like(one.vectors, bad)))
        with pytest.raises(ValueError, match="shape"):
            writer.put(dataclasses.replace(one, vectors=one.vectors[:, 1:]))
    assert index.stats()["panels"] == 0


def test_hostile_text_is_stored_and_found(index: EmbeddedIndex) -> None:
    text = 'a "quoted\0" \ud800 NEAR( caption*: OR \x1b[31m; DROP TABLE panels; --'
    one = made.record(1, 1, caption=text)
    fill(index, [one])
    stored = index.figure_panels(one.figure.id)[0]
    assert stored.panel.caption == text.replace("\0", "").replace("\ud800", "?")
    with pytest.raises(UsageError, match="at character 19"):  # OR in capitals makes it an expression
        index.search(SearchRequest(text=text))
    for query in (
        text.replace("OR", "or"),
        '"quoted',
        "NEAR(",
        "caption : quoted",
        "* OR *",
        "'; --",
        '""',
        "drop table",
    ):
        hits = index.search(SearchRequest(text=query)).panels
        assert [each.panel_id for each in hits] == ([one.panels[0].id] if any(map(str.isalpha, query)) else [])


def ids(stored: list[StoredPanel]) -> list[str]:
    return [each.panel.id for each in stored]


def test_panels_are_found_by_every_kind_of_id(full: EmbeddedIndex) -> None:
    one = RECORDS[7]
    assert ids(full.find_panels(one.panels[1].id)) == [one.panels[1].id]
    of_figure = [panel.id for panel in one.panels]
    assert ids(full.find_panels(one.figure.id)) == of_figure
    assert ids(full.find_panels(one.figure.id[:6])) == of_figure
    assert full.find_panels(one.figure.id[:5]) == []
    names = (
        "doi:10.1000/a2",
        "10.1000/A2",
        "https://doi.org/10.1000/a2",
        "PMC1002",
        "pmcid:PMC1002",
        "pmc1002",
        "1002",
    )
    whole = sorted(panel.id for each in RECORDS[6:9] for panel in each.panels)
    for name in names:
        assert sorted(ids(full.find_panels(name))) == whole, name
    assert full.find_panels("") == []


def test_a_prefix_of_two_figures_finds_neither(index: EmbeddedIndex) -> None:
    fill(index, [made.record(1, 1, id="abcdef0000000001"), made.record(2, 1, id="abcdef0000000002")])
    assert index.find_panels("abcdef") == []
    assert ids(index.find_panels("ABCDEF0000000002")) == ["abcdef0000000002-1"]


def test_stats_count(full: EmbeddedIndex) -> None:
    stats = full.stats()
    wanted = {
        "articles": 8, "figures": 24, "panels": len(PANELS), "extractor": "made", "dims": made.DIMS,
        "schema_version": sqlite_schema.CURRENT_VERSION,
        "with_scale": sum(panel.scale is not None for panel, _ in PANELS),
    }  # fmt: skip
    assert wanted.items() <= stats.items()
    assert stats["bytes"] > 10_000
    assert stats["kinds"] == {kind: sum(panel.kind == kind for panel, _ in PANELS) for kind in stats["kinds"]}
    assert sum(stats["licenses"].values()) == len(PANELS)
    assert set(stats["licenses"]) == {"cc-by", "cc-by-nc", "unknown"}
    assert stats["years"]["2010"] == sum(len(each.panels) for each in RECORDS[:3])


def test_select_streams_in_order_of_id_while_others_write(full: EmbeddedIndex) -> None:
    stream = full.select_panels(Filters())
    first = next(stream)
    with full.writer() as writer:
        writer.delete_figures([each.figure.id for each in RECORDS])
    rest = list(stream)
    assert [each.panel.id for each in (first, *rest)] == sorted(panel.id for panel, _ in PANELS)
    assert list(full.select_panels(Filters())) == []


def test_several_threads_search_while_one_writes(index: EmbeddedIndex) -> None:
    fill(index, RECORDS[:4])
    wrong: list[str] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            found = index.search(SearchRequest(RECORDS[2].vectors[0], 1e4, "nanotube", top=5)).panels
            if found[0].panel_id != RECORDS[2].panels[0].id:
                wrong.append(found[0].panel_id)
            index.panels([each.panel_id for each in found])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    with index.writer() as writer:
        for one in RECORDS[4:]:
            writer.put(one)
            writer.commit()
    done.set()
    for each in threads:
        each.join()
    assert wrong == []
    assert len(index.search(SearchRequest(RECORDS[2].vectors[0], top=999)).panels) == len(PANELS)


def test_a_reader_follows_what_another_writes(full: EmbeddedIndex) -> None:
    with EmbeddedIndex.open(full.location) as reader:
        one = made.record(60, 2)
        assert reader.search(SearchRequest(one.vectors[0], top=1)).panels[0].panel_id != one.panels[0].id
        fill(full, [one])
        assert reader.search(SearchRequest(one.vectors[0], top=1)).panels[0].panel_id == one.panels[0].id
        with full.writer() as writer:
            writer.delete_figures([one.figure.id])
        assert reader.search(SearchRequest(one.vectors[0], top=1)).panels[0].panel_id != one.panels[0].id


def test_panels_without_ids_get_them(index: EmbeddedIndex) -> None:
    bare = dataclasses.replace(
        RECORDS[2], panels=(Panel((0, 0, 9, 9), "a"), Panel((9, 0, 18, 9)), Panel((0, 9, 9, 18)))
    )
    fill(index, [bare])
    name = bare.figure.id
    assert ids(index.figure_panels(name)) == [f"{name}-a", f"{name}-2", f"{name}-3"]


def test_open_index_finds_the_folder_again(full: EmbeddedIndex) -> None:
    again = open_index(full.location)
    assert again.extractor == made.IDENTITY
    assert again.stats()["panels"] == len(PANELS)
    again.close()
