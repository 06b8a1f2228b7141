from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirsearch.corpus import Article, Figure, Panel
from mirsearch.indexes.embedded.database.rows import read_numbers
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.query import Filters, SearchRequest
from tests.support import index_records as made

RECORDS = [made.record(number, panels=1 + number % 3) for number in range(20)]
RECORDS.append(made.record(98, 1, article=None))
RECORDS.append(made.record(97, 2, article=made.article(41, retracted=True)))
RECORDS.append(
    made.record(99, 1, article=made.article(40, journal="  ÅNGSTRÖM  Reports", license="Elsevier user license"))
)
QUERY = made.vectors(1, 1)[0]
Test = Callable[[Panel, Figure, Article], bool]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedIndex]:
    location = str(tmp_path_factory.mktemp("filters") / "index")
    with EmbeddedIndex.open(location, create=made.IDENTITY) as opened:
        with opened.writer() as writer:
            for record in RECORDS:
                writer.put(record)
        yield opened


def expected(test: Test) -> set[str]:
    nobody = Article("")
    return {
        panel.id for each in RECORDS for panel in each.panels if test(panel, each.figure, each.figure.article or nobody)
    }


def check(index: EmbeddedIndex, filters: Filters, test: Test) -> None:
    expected_ids = expected(test)
    assert [each.panel.id for each in index.select_panels(filters)] == sorted(expected_ids)
    result = index.search(SearchRequest(QUERY, filters=filters, top=1000))
    assert {each.panel_id for each in result.panels} == expected_ids
    assert result.considered == len(expected_ids)


def ccs(article: Article) -> bool:
    return bool(article.license) and "Els" not in str(article.license)


CASES: dict[str, tuple[Filters, Test]] = {
    "kinds": (Filters(kinds=("Micrograph", "PLOT")), lambda p, f, a: p.kind in ("micrograph", "plot")),
    "techniques": (Filters(techniques=("sem",)), lambda p, f, a: p.technique == "SEM"),
    "journals": (Filters(journals=("nano letters",)), lambda p, f, a: a.journal == "Nano Letters"),
    "journal beyond ASCII": (Filters(journals=("ångström reports",)), lambda p, f, a: "Reports" in (a.journal or "")),
    "retracted ones left out": (Filters(retracted=False), lambda p, f, a: not a.retracted),
    "retracted ones only": (Filters(retracted=True), lambda p, f, a: a.retracted),
    "license": (Filters(licenses=("cc-by",)), lambda p, f, a: a.license == "CC BY 4.0"),
    "license as address": (
        Filters(licenses=("https://creativecommons.org/licenses/by/4.0",)),
        lambda p, f, a: a.license == "CC BY 4.0",
    ),
    "two licenses": (Filters(licenses=("CC BY", "cc by-nc")), lambda p, f, a: ccs(a)),
    "beginning of a license": (Filters(licenses=("CC",)), lambda p, f, a: ccs(a)),
    "unknown license": (Filters(licenses=("elsevier",)), lambda p, f, a: "Els" in str(a.license)),
    "article id": (Filters(articles=("doi:10.1000/a2",)), lambda p, f, a: a.id == "doi:10.1000/a2"),
    "doi": (Filters(articles=("https://doi.org/10.1000/A2", "nothing")), lambda p, f, a: a.id == "doi:10.1000/a2"),
    "pmc": (Filters(articles=("pmc1003", "1004")), lambda p, f, a: a.pmcid in ("PMC1003", "PMC1004")),
    "label text": (Filters(label_text="mag KX"), lambda p, f, a: p.text == "Mag 20.0 kx"),
    "number in label text": (Filters(label_text="500nm"), lambda p, f, a: p.text == "500 nm"),
    "nothing in label text": (Filters(label_text="?"), lambda p, f, a: False),
    "nothing with quotes and small letters in label text": (Filters(label_text='500" or (mag'), lambda p, f, a: False),
    "conditions in label text": (
        Filters(label_text='"20.0 kx" OR 50* NOT mag'),
        lambda p, f, a: p.text in ("Mag 20.0 kx", "500 nm"),
    ),
    "from a year": (Filters(year_from=2013), lambda p, f, a: (a.year or 0) >= 2013),
    "to a year": (Filters(year_to=2013), lambda p, f, a: (a.year or 9999) <= 2013),
    "with scale": (Filters(has_scale=True), lambda p, f, a: p.scale is not None),
    "without scale": (Filters(has_scale=False), lambda p, f, a: p.scale is None),
    "field of view": (
        Filters(fov_min_nm=1_000, fov_max_nm=1_000),
        lambda p, f, a: p.field_of_view_nm == 1_000,
    ),
    "together": (
        Filters(kinds=("plot", "diffraction"), has_scale=True, year_from=2011, licenses=("cc-by-nc",)),
        lambda p, f, a: (
            p.kind != "micrograph" and p.scale is not None and "nc" in str(a.license) and (a.year or 0) > 2010
        ),
    ),
    "few": (
        Filters(articles=("10.1000/a1",), kinds=("plot",)),
        lambda p, f, a: a.id == "doi:10.1000/a1" and p.kind == "plot",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_filters_select_the_same_panels_in_lists_and_searches(index: EmbeddedIndex, name: str) -> None:
    filters, test = CASES[name]
    check(index, filters, test)


def test_each_case_selects_some_panels_but_not_all(index: EmbeddedIndex) -> None:
    everything = index.stats()["panels"]
    sizes = {name: len(expected(test)) for name, (_, test) in CASES.items()}
    assert all(0 < size < everything for name, size in sizes.items() if "nothing" not in name), sizes


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=40))
def test_no_value_of_a_filter_is_syntax(index: EmbeddedIndex, text: str) -> None:
    filters = Filters(
        kinds=("micrograph", text),
        journals=("Nano Letters", text),
        licenses=("cc-by", "x" + text),
        label_text=f"500 {text}",
    )
    names = {each.panel.id for each in index.select_panels(filters)}
    assert names <= expected(lambda p, f, a: p.kind == "micrograph" and a.journal == "Nano Letters")
    index.search(SearchRequest(text=text or "x", filters=filters))


def test_filters_follow_a_change(tmp_path_factory: pytest.TempPathFactory) -> None:
    location = str(tmp_path_factory.mktemp("changing") / "index")
    late = SearchRequest(QUERY, filters=Filters(year_from=2020), top=99)
    with EmbeddedIndex.open(location, create=made.IDENTITY) as index:
        for year, hits in ((2019, 0), (2021, 2), (2018, 0)):
            with index.writer() as writer:
                writer.put(made.record(1, 2, article=made.article(1, year=year)))
            assert len(index.search(late).panels) == hits


@pytest.mark.parametrize("numbers", [[], [7], [3, -1, 2**62], list(range(0, 5000, 7))])
def test_a_column_of_numbers_is_read_as_it_is(numbers: list[int]) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE numbers (number INTEGER)")
        connection.executemany("INSERT INTO numbers VALUES (?)", [(number,) for number in numbers])
        read = read_numbers(connection, "number", "FROM numbers WHERE number <> ?", (5,))
    assert sorted(read.tolist()) == sorted(numbers)
    assert read.dtype == np.int64
