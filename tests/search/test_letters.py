"""Images under letters: the embedded index finds them in one step, with the answer of a search and a second read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from mirsearch.corpus import Article, Figure, Panel, ScaleReading, panel_ids
from mirsearch.corrections import Correction
from mirsearch.indexes import open_index
from mirsearch.indexes.base import FigureRecord, Index, LetterIndex
from mirsearch.query import Filters, SearchRequest
from mirsearch.search import folding, search
from mirsearch.search.answer import Hit
from mirsearch.search.search import Question
from tests.support import index_records

FIGURES = 60
CORRECTED = f"{7:016x}"
FILTERS = {
    "none": Filters(),
    "not retracted": Filters(retracted=False),
    "one kind": Filters(kinds=("micrograph",)),
    "one year": Filters(year_from=2003, year_to=2003),
    "with doubtful scales": Filters(doubtful=True),
}


class TwoSteps:
    """An index without `search_letters`, like one of a plug-in."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def __getattr__(self, name: str) -> Any:
        if name == "search_letters":
            raise AttributeError(name)
        return getattr(self._index, name)


def record(number: int, rng: np.random.Generator) -> FigureRecord:
    """Return a figure of up to 12 panels: letter a has several images, or all have letters of their own."""
    count, identity, shared = int(rng.integers(2, 13)), f"{number:016x}", number % 3 != 0
    panels = [
        Panel(
            (100 * at, 0, 100 * at + 100, 90),
            "a" if shared and at < count - 1 else "abcdefghijklm"[at],
            kind=("micrograph", "plot")[int(rng.integers(2))],
            caption=f"grains of {('copper', 'iron', 'gold')[int(rng.integers(3))]}",
            part=at + 1 if shared and at < count - 1 else None,
            scale=ScaleReading(10 ** float(rng.uniform(-1, 2))) if rng.random() < 0.5 else None,
            doubtful_scale=ScaleReading(5.0, 500.0, 100.0, None, "500 nm", "label", 0.3) if at == 1 else None,
        )
        for at in range(count)
    ]
    named = tuple(
        dataclasses.replace(panel, id=name, figure_id=identity)
        for panel, name in zip(panels, panel_ids(identity, panels), strict=True)
    )
    article = Article(f"doi:10.1/{number // 4}", year=2000 + number % 7, retracted=number % 11 == 0)
    corrections = (Correction(named[0].box, named[0].label, {"kind": "map"}, named[0].id, part=named[0].part),)
    return FigureRecord(
        Figure(identity, 1200, 90, caption="grains", article=article if number % 5 else None),
        named,
        index_records.vectors(1000 + number, count),
        (b"",) * count,
        corrections=corrections if identity == CORRECTED else (),
    )


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    rng = np.random.default_rng(5)
    location = tmp_path_factory.mktemp("letters") / "index"
    with open_index(str(location), create=index_records.IDENTITY) as opened:
        with opened.writer() as writer:
            for number in range(FIGURES):
                writer.put(record(number, rng))
        yield opened


def hits_of(index: Index, request: SearchRequest, **options: Any) -> tuple[Hit, ...]:
    return search._search_panels(index, request, Question(top=request.top, **options))[1]


def requests(filters: Filters) -> list[SearchRequest]:
    vectors = index_records.vectors(9, 3)
    left_out = frozenset({f"{1:016x}-a.1", f"{2:016x}-a.2"})
    return [
        SearchRequest(vectors[0], 3000.0, "copper grains", filters=filters, top=10),
        SearchRequest(vectors[1], filters=filters, top=25, exclude=left_out),
        SearchRequest(text="gold", filters=filters, top=10),
        SearchRequest(vectors[2], 200.0, filters=filters, top=3, text_vector=vectors[0]),
        SearchRequest(field_of_view_nm=500.0, filters=filters, top=12),
    ]


@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("per_article", [0, 2])
@pytest.mark.parametrize("places", [search.MAX_PANELS_PER_FIGURE, 2])
def test_one_step_answers_as_a_search_and_a_second_read(
    index: Index, filters: Filters, per_article: int, places: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With few `places` for the panels of a figure, those that share no letter take some of them."""
    monkeypatch.setattr(search, "MAX_PANELS_PER_FIGURE", places)
    assert isinstance(index, LetterIndex)
    two_steps: Any = TwoSteps(index)
    assert not isinstance(two_steps, LetterIndex)
    shown = 0
    for request in requests(filters):
        hits = hits_of(index, request, per_article=per_article)
        assert hits == hits_of(two_steps, request, per_article=per_article)
        shown += sum(len(hit.parts) for hit in hits)
    assert shown > 5, "the questions must be about letters with several images"


def test_an_image_of_a_corrected_figure_tells_its_own_corrections(index: Index) -> None:
    """The figure was read for the hit; its corrections are read again, because each image has its own."""
    panels = index.figure_panels(CORRECTED)
    letter = (CORRECTED, "a")
    request = SearchRequest(index_records.vectors(9, 1)[0], top=500)
    for known in (panels[:1], panels[1:2]):
        found = index.search_letters(request, [letter], {stored.panel.id: stored for stored in known})  # type: ignore[attr-defined]
        corrected = {stored.panel.id: stored.corrected_fields for _, stored in found}
        assert len(corrected) > 2
        assert corrected == {panel_id: ("kind",) if panel_id == panels[0].panel.id else () for panel_id in corrected}


def test_a_question_that_asks_twice_reads_no_panel_twice(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "_MAX_EXTRA", 0)
    read: list[str] = []
    panels = type(index).panels
    monkeypatch.setattr(type(index), "panels", lambda self, ids: read.extend(ids) or panels(self, ids))
    searched: list[int] = []
    search_index = type(index).search
    monkeypatch.setattr(
        type(index), "search", lambda self, request: searched.append(request.top) or search_index(self, request)
    )
    hits_of(index, SearchRequest(index_records.vectors(9, 1)[0], top=20))
    assert len(searched) > 1
    assert len(read) == len(set(read)) > 20
