"""Several images under one letter: ranked each, shown as one hit of the letter; doubtful scales of a question."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

import numpy as np
import pytest

from mirsearch.corpus import Figure, Panel, ScaleReading, panel_ids
from mirsearch.indexes import open_index
from mirsearch.indexes.base import FigureRecord, Index
from mirsearch.search import folding
from mirsearch.search.answer import Answer, answer_json
from mirsearch.search.search import Question, ask
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support import index_records
from tests.support.cli_runner import run

COMPOSITE, PLAIN = "00000000000000aa", "00000000000000bb"
TARGET = index_records.vectors(1, 1)[0]
SIDE = index_records.vectors(2, 1)[0]


def near(distance: float) -> np.ndarray:
    """Return a vector of unit length that is the farther from TARGET the larger `distance` is."""
    vector = TARGET + distance * SIDE
    return vector / np.linalg.norm(vector)


def record(figure: str, panels: list[Panel], distances: list[float]) -> FigureRecord:
    named = tuple(
        dataclasses.replace(panel, id=name, figure_id=figure, kind="micrograph", caption="grains")
        for panel, name in zip(panels, panel_ids(figure, panels), strict=True)
    )
    vectors = np.stack([near(distance) for distance in distances])
    return FigureRecord(Figure(figure, 800, 900, "Figure 2"), named, vectors, (b"",) * len(named))


def parts(letter: str, count: int, top: int) -> list[Panel]:
    group = (0, top, 100 * count, top + 100)
    return [
        Panel((100 * at, top, 100 * at + 100, top + 100), letter, part=at + 1, group=group, heading=f"channel {at}")
        for at in range(count)
    ]


DOUBTFUL = ScaleReading(20.0, 500.0, 25.0, (5, 190, 30, 194), "500 nm", "label", 0.3)


@pytest.fixture(scope="module", params=BACKENDS)
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """Letter b of one figure has 64 images, c has 3, a has one; another figure has two panels without a letter."""
    opened = open_index(new_location(request.param, request, tmp_path_factory), create=index_records.IDENTITY)
    lone = Panel((0, 0, 100, 100), "a", doubtful_scale=DOUBTFUL)
    composite = [lone, *parts("b", 64, 100), *parts("c", 3, 200)]
    distances = [0.9, *(0.1 + 0.001 * at for at in range(64)), 0.5, 0.4, 0.6]
    plain = [Panel((0, 0, 50, 50)), Panel((50, 0, 100, 50))]
    with opened.writer() as writer:
        writer.put(record(COMPOSITE, composite, distances))
        writer.put(record(PLAIN, plain, [0.7, 0.8]))
    yield opened
    opened.close()


def answered(index: Index, **question: object) -> Answer:
    def no_extractor() -> None:
        raise AssertionError("an indexed panel needs no extractor")

    return ask(index, Question(**question), no_extractor)  # type: ignore[arg-type]


def names(answer: Answer) -> list[str]:
    return [hit.stored.panel.id.rpartition("-")[2] for hit in answer.hits]


def test_a_letter_is_one_hit_its_best_image_and_more_panels_are_asked_for(index: Index) -> None:
    answer = answered(index, like=f"{COMPOSITE}-a", top=2)
    assert names(answer) == ["2", "1"]  # nearest to the panel itself
    answer = answered(index, like=f"{COMPOSITE}-b1", top=5)
    assert names(answer) == ["b2", "c2", "1", "2", "a"]
    assert [hit.more for hit in answer.hits] == [62, 2, 0, 0, 0]  # b1 itself is the question
    assert [hit.rank for hit in answer.hits] == [1, 2, 3, 4, 5]
    assert [stored.panel.id[-2:] for _, stored in answer.hits[1].parts] == ["c1", "c3"]
    scores = [hit.scored.score for hit in answer.hits]
    assert scores == sorted(scores, reverse=True)
    assert all(scored.score <= answer.hits[0].scored.score for scored, _ in answer.hits[0].parts)
    assert answer.exact
    assert not any("--each" in note for note in answer.notes)


def test_the_json_tells_the_others_of_a_letter(index: Index) -> None:
    hits = answer_json(answered(index, like=f"{COMPOSITE}-b1", top=2))["hits"]
    assert [each["part"] for each in hits[1]["more"]] == [1, 3]
    assert [each["id"] for each in hits[1]["more"]] == [f"{COMPOSITE}-c1", f"{COMPOSITE}-c3"]
    assert hits[1]["score"] > hits[1]["more"][0]["score"] > hits[1]["more"][1]["score"]
    assert (hits[1]["panel"]["part"], hits[1]["panel"]["heading"]) == (2, "channel 1")
    assert hits[1]["panel"]["group"] == [0, 200, 300, 300]


def test_each_image_can_be_a_hit_of_its_own(index: Index) -> None:
    answer = answered(index, like=f"{COMPOSITE}-b1", top=66, each=True)
    assert names(answer) == [f"b{at}" for at in range(2, 65)] + ["c2", "c1", "c3"]
    assert {hit.more for hit in answer.hits} == {0}


def test_fewer_hits_than_asked_for_are_explained(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "MAX_PANELS_PER_HIT", 10)
    monkeypatch.setattr("mirsearch.search.search.MAX_PANELS_PER_HIT", 10)
    answer = answered(index, like=f"{COMPOSITE}-b1", top=2)
    assert (names(answer), answer.hits[0].more) == (["b2"], 62)
    assert "the best 20 panels are under 1 letters; --each shows every image" in answer.notes


def test_words_of_a_heading_find_its_image(index: Index) -> None:
    assert names(answered(index, text='"channel 63"', top=3)) == ["b64"]


def test_a_doubtful_scale_counts_only_if_asked_for(index: Index) -> None:
    plain = answered(index, like=f"{COMPOSITE}-a", top=3)
    assert (plain.query.scale, plain.query.field_of_view_nm) == (None, None)
    assert f"the scale of {COMPOSITE}-a is doubtful: it is not used; --doubtful uses it" in plain.notes
    asked = answered(index, like=f"{COMPOSITE}-a", top=3, doubtful=True)
    assert (asked.query.scale, asked.query.field_of_view_nm) == (DOUBTFUL, 2000.0)
    assert asked.notes == ()
    assert answered(index, like=f"{COMPOSITE}-c2").query.panel == "c2"
    assert answered(index, like=f"{COMPOSITE}-a", top=3, doubtful=True, use_scale=False).query.scale is None
    scored = {hit.stored.panel.id: hit.scored for hit in answered(
        index, like=f"{COMPOSITE}-b1", field_of_view_nm=2000.0, doubtful=True, top=9).hits}  # fmt: skip
    assert scored[f"{COMPOSITE}-a"].scale == pytest.approx(1.0, abs=1e-6)


def test_the_commands_take_the_options(index: Index) -> None:
    common = ("--like", f"{COMPOSITE}-b1", "--top", 3, "--index", index.location, "--format", "json")
    folded, each = run("query", *common).json(), run("query", *common, "--each").json()
    assert [len(hit["more"]) for hit in folded["hits"]] == [62, 2, 0]
    assert [hit["id"].rpartition("-")[2] for hit in each["hits"]] == ["b2", "b3", "b4"]
    filtered = run("query", *common, "--has-scale", "--doubtful").json()
    assert [hit["id"] for hit in filtered["hits"]] == [f"{COMPOSITE}-a"]
    assert filtered["query"]["filters"]["doubtful"] is True
    assert run("query", *common, "--has-scale").json()["hits"] == []
    lines = run("export", "--filter", "scale.doubtful=true", "--index", index.location).out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"{COMPOSITE}-a"]
    assert json.loads(lines[0])["doubtful_scale"]["field_of_view_nm"] == 2000
