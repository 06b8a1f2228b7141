"""Counts of the panels that pass filters, on both indexes: each is that of the panels themselves."""

from __future__ import annotations

import dataclasses
import math
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from mirsearch.field_filters import FieldFilter
from mirsearch.indexes import open_index
from mirsearch.indexes.base import Index
from mirsearch.indexes.comparison import known_technique
from mirsearch.licenses import canonical_license
from mirsearch.query import Filters, StoredPanel
from mirsearch.settings import NEWEST_FIGURES
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support import index_records

KINDS, TECHNIQUES = ("micrograph", "plot", "map"), ("SEM", "TEM", None)


@pytest.fixture(scope="module", params=BACKENDS)
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    opened = open_index(new_location(request.param, request, tmp_path_factory), create=index_records.IDENTITY)
    with opened.writer() as writer:
        for number in range(12):
            record = index_records.record(number)
            panels = tuple(
                dataclasses.replace(
                    panel, kind=KINDS[number % 3], technique=TECHNIQUES[(number + at) % 3], technique_confidence=0.9
                )
                for at, panel in enumerate(record.panels)
            )
            writer.put(dataclasses.replace(record, panels=panels))
    yield opened
    opened.close()


def expected(panels: list[StoredPanel]) -> dict[str, Counter[str]]:
    def count(values: list[object]) -> Counter[str]:
        return Counter("unknown" if value is None else str(value) for value in values)

    articles = [stored.figure.article for stored in panels]
    widths = [stored.panel.field_of_view_nm for stored in panels]
    sources = {(origin.source, stored.figure.id) for stored in panels for origin in stored.figure.origins}
    return {
        "kinds": count([stored.panel.kind for stored in panels]),
        "techniques": count([known_technique(stored.panel) for stored in panels]),
        "years": count([article and article.year for article in articles]),
        "journals": count([article and article.journal for article in articles]),
        "licenses": count([article and canonical_license(article.license) for article in articles]),
        "fields_of_view": Counter(str(math.floor(math.log10(width))) for width in widths if width),
        "sources": Counter(source for source, _ in sources),
    }


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(kinds=("micrograph",)),
        Filters(techniques=("SEM", "TEM"), retracted=False),
        Filters(has_scale=True, year_from=2001),
        Filters(fields=(FieldFilter("source", ("nowhere",)),)),
    ],
)
def test_counts_are_those_of_the_panels(index: Index, filters: Filters) -> None:
    panels = list(index.select_panels(filters))
    assert bool(panels) == (not filters.fields)
    assert {name: dict(counts) for name, counts in index.count_values(filters).items()} == {
        name: dict(counts) for name, counts in expected(panels).items()
    }


def test_counts_without_filters_are_those_of_the_whole_index(index: Index) -> None:
    stats = index.stats()
    for name, counts in index.count_values(Filters()).items():
        assert dict(counts) == dict(stats[name]), name


def test_the_newest_figures_are_named_the_last_first(index: Index) -> None:
    assert len(set(index.stats()["newest_figures"])) == NEWEST_FIGURES
    if "://" in index.location:
        time.sleep(1.1)  # the server notes whole seconds
    late = index_records.record(90)
    with index.writer() as writer:
        writer.put(late)
    assert index.stats()["newest_figures"][0] == late.figure.id
    with index.writer() as writer:
        assert writer.delete_figures([late.figure.id])
    assert late.figure.id not in index.stats()["newest_figures"]
