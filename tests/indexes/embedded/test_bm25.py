"""Compares the BM25 scores of the embedded index with a direct computation of the formula."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.query import Filters, SearchRequest
from mirsearch.ranking import Formula, Weights
from mirsearch.settings import TEXT_BOOSTS
from mirsearch.text.tokens import query_terms, tokens
from tests.support import index_records as made

CAPTIONS = [
    "Carbon nanotubes on silicon, SEM",
    "carbon black and a nanotube",
    "Carbon nanotube carbon nanotube",
    "Gold film; carbon support",
    "Carbonate minerals",
    "Schrödinger's crystal of carbon, 500 nm, made of α-Fe2O3 and TiO₂ (111)",
]
RECORDS = [
    made.record(number, 1, caption=caption, mentions=("Silver was seen.", "Copper made it grow.")[: number % 3])
    for number, caption in enumerate(CAPTIONS)
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedIndex]:
    with EmbeddedIndex.open(str(tmp_path_factory.mktemp("bm25") / "index"), create=made.IDENTITY) as opened:
        with opened.writer() as writer:
            for record in RECORDS:
                writer.put(record)
        yield opened


def expected_text_terms(query: str, k: float) -> dict[str, float]:
    columns = [
        (
            tokens(each.panels[0].caption),
            tokens(each.panels[0].text),
            tokens(each.figure.article.title or ""),
            tokens("\n".join(each.figure.mentions)),
        )
        for each in RECORDS
        if each.figure.article
    ]
    mean = sum(len(words) for row in columns for words in row) / len(columns)
    total = np.zeros(len(columns))
    for term in query_terms(query):
        counts = np.array([[occurrences(words, term) for words in row] for row in columns])
        panel_count = int((counts.sum(axis=1) > 0).sum())
        idf = math.log(1 + (len(columns) - panel_count + 0.5) / (panel_count + 0.5))
        weighted = counts @ np.array(list(TEXT_BOOSTS.values()))
        length = np.array([sum(map(len, row)) for row in columns])
        total += idf * weighted * 2.2 / (weighted + 1.2 * (0.25 + 0.75 * length / mean))
    return {each.panels[0].id: value / (value + k) for each, value in zip(RECORDS, total, strict=True) if value > 0}


def occurrences(words: list[str], term: tuple[str, ...]) -> int:
    return sum(tuple(words[start : start + len(term)]) == term for start in range(len(words)))


@pytest.mark.parametrize(
    "query",
    ["carbon", "carbon nanotube", '"carbon nanotube" sem', "gold copper silver", "tio2 fe2o3 500nm", "schrodinger"],
)
def test_scores_are_the_formulas(index: EmbeddedIndex, query: str) -> None:
    found = index.search(SearchRequest(text=query, top=99)).panels
    expected = expected_text_terms(query, 5.0)
    assert {each.panel_id: each.text for each in found} == pytest.approx(expected, rel=1e-5)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert found


def test_words_that_most_panels_have_still_count(index: EmbeddedIndex) -> None:
    found = index.search(SearchRequest(RECORDS[4].vectors[0], text="carbon", formula=Formula(Weights(0, 0, 1)), top=99))
    assert len(found.panels) == 6
    assert {each.panel_id for each in found.panels[-1:]} == {RECORDS[4].panels[0].id}
    assert found.panels[-1].text == 0
    assert all(each.text is not None and each.text > 0.01 for each in found.panels[:-1])


def test_text_alone_returns_only_what_matches(index: EmbeddedIndex) -> None:
    assert index.search(SearchRequest(text="basalt")).panels == []
    found = index.search(SearchRequest(text="basalt gold")).panels
    assert [each.panel_id for each in found] == [RECORDS[3].panels[0].id]
    ranked = [each.panel_id for each in index.search(SearchRequest(text="carbon nanotube")).panels]
    assert ranked[0] == RECORDS[2].panels[0].id
    assert ranked.index(RECORDS[0].panels[0].id) < ranked.index(RECORDS[3].panels[0].id)


def test_filters_do_not_change_a_score(index: EmbeddedIndex) -> None:
    whole = {each.panel_id: each.score for each in index.search(SearchRequest(text="carbon", top=99)).panels}
    part = index.search(SearchRequest(text="carbon", filters=Filters(has_scale=True), top=99)).panels
    assert part
    assert all(each.score == whole[each.panel_id] for each in part)
