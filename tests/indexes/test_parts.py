"""Several images under one letter, doubtful scales and bars without a length, on both indexes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from mirsearch.corpus import Figure, LoneBar, Origin, Panel, ScaleReading, panel_ids
from mirsearch.field_filters import FieldFilter, parse_field_filters
from mirsearch.indexes import open_index
from mirsearch.indexes.base import FigureRecord, Index
from mirsearch.ingest.correcting import correct_panel, undo_corrections
from mirsearch.query import Filters, SearchRequest
from mirsearch.ranking import Formula, Weights
from mirsearch.search.answer import stored_json
from mirsearch.search.scale_options import ScaleOptions
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support import index_records

GROUP = (0, 0, 300, 100)
SURE = ScaleReading(2.0, 100.0, 50.0, (10, 80, 60, 84), "100 nm", "label", 0.95)
SHARED = dataclasses.replace(SURE, source="shared", confidence=0.7)
DOUBTFUL = ScaleReading(50.0, 5_000.0, 100.0, (210, 80, 290, 84), "5 µm", "label", 0.3)
READ = (
    Panel((0, 0, 100, 100), "b", "micrograph", 0.9, "SEM", 0.9, "grains", "100 nm", SURE, part=1, group=GROUP,
          heading="DAPI 0 h"),
    Panel((100, 0, 200, 100), "b", "gel", 0.9, "TEM", 0.42, "grains", "", SHARED, part=2, group=GROUP,
          heading="Merge", inset_of="b1"),
    Panel((200, 0, 300, 100), "b", "micrograph", 0.9, None, 0.0, "grains", "5 um", part=3, group=GROUP,
          doubtful_scale=DOUBTFUL),
    Panel((0, 100, 300, 200), "c", "micrograph", 0.9, "AFM", 0.5, "grains", bar=LoneBar((1, 180, 40, 183), 38.8)),
)  # fmt: skip
FIGURE = "00000000000000ff"
IDS = tuple(f"{FIGURE}-{key}" for key in ("b1", "b2", "b3", "c"))
PANELS = tuple(dataclasses.replace(panel, id=name, figure_id=FIGURE) for panel, name in zip(READ, IDS, strict=True))
STORED = (PANELS[0], dataclasses.replace(PANELS[1], technique=None), *PANELS[2:])
"""The panels as an index keeps them: a technique that is a guess is none."""
VECTORS = index_records.vectors(7, 1).repeat(len(PANELS), axis=0)
MENTIONS = ("Grains grow with time (Fig. 2).", "Figure 2b shows α-Fe₂O₃.")
RECORD = FigureRecord(
    Figure(FIGURE, 300, 200, "Figure 2", "grains", origins=(Origin("folder", "2.png"),), mentions=MENTIONS),
    PANELS, VECTORS, tuple(f"jpeg {name}".encode() for name in IDS),
)  # fmt: skip


@pytest.fixture(scope="module", params=BACKENDS)
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    opened = open_index(new_location(request.param, request, tmp_path_factory), create=index_records.IDENTITY)
    with opened.writer() as writer:
        writer.put(RECORD)
        writer.put(index_records.record(1))
    yield opened
    opened.close()


def test_sentences_of_the_article_are_searched_by_the_letter_they_name(index: Index) -> None:
    def found(text: str) -> dict[str, float]:
        panels = index.search(SearchRequest(text=text, top=99)).panels
        return {
            each.panel_id.removeprefix(f"{FIGURE}-"): each.text or 0.0 for each in panels if FIGURE in each.panel_id
        }

    assert found("fe2o3").keys() == {"b1", "b2", "b3"}
    assert found("time").keys() == found('"grow with time"').keys() == {"b1", "b2", "b3", "c"}
    assert max(found("time").values()) < min(found("grains").values())


def selected(index: Index, **conditions: object) -> list[str]:
    """Return the ends of the ids of the figure's panels that pass the filters."""
    names = [stored.panel.id for stored in index.select_panels(Filters(**conditions))]  # type: ignore[arg-type]
    return [name.rpartition("-")[2] for name in names if name.startswith(FIGURE)]


def test_the_ids_are_letter_and_part() -> None:
    assert panel_ids(FIGURE, READ) == list(IDS)


def test_every_field_comes_back(index: Index) -> None:
    assert tuple(stored.panel for stored in index.figure_panels(FIGURE)) == STORED
    assert tuple(stored.panel for stored in index.panels(IDS)) == STORED


def test_a_heading_is_searched_with_the_words(index: Index) -> None:
    for text, name in (("dapi", "b1"), ('"0 h"', "b1"), ("merge", "b2")):
        found = index.search(SearchRequest(text=text)).panels
        assert [each.panel_id for each in found] == [f"{FIGURE}-{name}"]
    assert selected(index, label_text="merge") == ["b2"]
    assert selected(index, fields=(FieldFilter("panel.heading", ("merge",)),)) == ["b2"]


def test_a_doubtful_scale_counts_where_it_is_asked_for(index: Index) -> None:
    assert selected(index, has_scale=True) == ["b1", "b2"]
    assert selected(index, has_scale=False) == ["b3", "c"]
    assert selected(index, has_scale=True, doubtful=True) == ["b1", "b2", "b3"]
    assert selected(index, has_scale=False, doubtful=True) == ["c"]
    assert selected(index, fov_min_nm=4_000, fov_max_nm=6_000) == []
    assert selected(index, fov_min_nm=4_000, fov_max_nm=6_000, doubtful=True) == ["b3"]
    assert selected(index, doubtful=True) == ["b1", "b2", "b3", "c"]


@pytest.mark.parametrize("missing", ["neutral", "penalize", "exclude"])
@pytest.mark.parametrize("weights", [Weights(), Weights(visual=0, scale=1)])
def test_a_doubtful_scale_ranks_where_it_is_asked_for(index: Index, missing: str, weights: Weights) -> None:
    formula = Formula(weights, missing=missing)  # type: ignore[arg-type]
    request = SearchRequest(VECTORS[0], 5_000.0, formula=formula, exact=True)
    for vector in (VECTORS[0], None):
        plain = index.search(dataclasses.replace(request, vector=vector)).panels
        asked = index.search(dataclasses.replace(request, vector=vector, filters=Filters(doubtful=True))).panels
        assert {each.panel_id: each.scale for each in plain}.get(IDS[2]) is None
        found = {each.panel_id: each for each in asked}
        assert found[IDS[2]].scale == pytest.approx(1.0, abs=1e-6)
        assert found[IDS[0]].scale == pytest.approx({each.panel_id: each for each in plain}[IDS[0]].scale, abs=1e-6)
        assert asked[0].panel_id == IDS[2]
        if vector is not None and weights.visual:
            assert found[IDS[2]].visual == pytest.approx(1.0, abs=1e-3)


def test_what_needs_a_person_can_be_listed(index: Index) -> None:
    for text, names in (
        ("scale.doubtful=true", ["b3"]),
        ("scale.doubtful=false", ["b1", "b2", "c"]),
        ("scale.doubtful_field_of_view_nm=4000..", ["b3"]),
        ("scale.lone_bar=true", ["c"]),
        ("scale.lone_bar=false", ["b1", "b2", "b3"]),
        ("scale.source=shared", ["b2"]),
        ("panel.kind=gel", ["b2"]),
        ("panel.part=2..", ["b2", "b3"]),
        ("panel.inset_of=b1", ["b2"]),
    ):
        assert selected(index, fields=parse_field_filters([text], float)) == names, text


def test_a_technique_below_one_half_is_none(index: Index) -> None:
    assert selected(index, techniques=("TEM",)) == []
    assert selected(index, techniques=("AFM", "SEM")) == ["b1", "c"]
    assert selected(index, fields=(FieldFilter("panel.technique", ("*",)),)) == ["b1", "c"]
    correct_panel(index, IDS[1], {"technique": "TEM"}, ScaleOptions())
    assert selected(index, techniques=("TEM",)) == ["b2"]
    undo_corrections(index, [IDS[1]])
    assert selected(index, techniques=("TEM",)) == []


def test_the_contents_are_counted(index: Index) -> None:
    counts = index.stats()
    assert (counts["with_doubtful_scale"], counts["with_lone_bar"]) == (1, 1)
    assert counts["with_scale"] == 2 + 2  # and the other figure
    assert counts["scale_sources"]["shared"] == 1
    assert counts["kinds"]["gel"] == 1
    assert (counts["techniques"]["AFM"], counts["techniques"]["unknown"]) == (1, 2)


def test_a_correction_takes_the_doubtful_reading_and_the_lone_bar_as_its_bar(index: Index) -> None:
    doubtful = correct_panel(index, IDS[2], {}, ScaleOptions(length_nm=500.0)).panel
    assert (doubtful.doubtful_scale, doubtful.scale) == (
        None, ScaleReading(5.0, 500.0, 100.0, DOUBTFUL.bar, "5 µm", "user"),
    )  # fmt: skip
    lone = correct_panel(index, IDS[3], {}, ScaleOptions(length_nm=388.0)).panel
    assert lone.bar is None
    assert lone.scale == ScaleReading(10.0, 388.0, 38.8, (1, 180, 40, 183), None, "user")
    assert selected(index, has_scale=True) == ["b1", "b2", "b3", "c"]
    assert (index.stats()["with_doubtful_scale"], index.stats()["with_lone_bar"]) == (0, 0)
    assert undo_corrections(index, [FIGURE]) == 2
    assert tuple(stored.panel for stored in index.figure_panels(FIGURE)) == STORED


def test_a_reading_without_a_length_is_not_stored(index: Index) -> None:
    nonsense = ScaleReading(float("inf"), 5.0)
    panels = (dataclasses.replace(PANELS[0], scale=None, doubtful_scale=nonsense), *PANELS[1:])
    with index.writer() as writer:
        writer.put(dataclasses.replace(RECORD, panels=panels))
    assert index.panels(IDS[:1])[0].panel.doubtful_scale is None
    with index.writer() as writer:
        writer.put(RECORD)
    assert np.allclose(index.vector(IDS[0]), VECTORS[0], atol=1e-3)


def test_the_sentences_that_mention_a_figure_come_back_and_survive_without_new_ones(index):
    assert all(stored.figure.mentions == MENTIONS for stored in index.figure_panels(FIGURE))
    without = dataclasses.replace(RECORD, figure=dataclasses.replace(RECORD.figure, mentions=()))
    with index.writer() as writer:
        writer.put(without)
    assert {stored.figure.mentions for stored in index.figure_panels(FIGURE)} == {MENTIONS}
    assert stored_json(index.panels([IDS[0]])[0])["mentions"] == list(MENTIONS)
