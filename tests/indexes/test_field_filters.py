"""Conditions on single fields: parsing, results on both indexes, and the same fields on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mirsearch.corpus import LoneBar, Panel
from mirsearch.errors import UsageError
from mirsearch.field_filters import FIELDS, FieldFilter, parse_field_filters
from mirsearch.imaging.images import thumbnail
from mirsearch.indexes import open_index
from mirsearch.indexes.base import Index
from mirsearch.licenses import canonical_license
from mirsearch.query import Filters, Order, SearchRequest, StoredPanel
from mirsearch.report.sentences import filter_phrases
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.conftest import REPOSITORY
from tests.support.cli_runner import run
from tests.support.index_corpus import EXTRACTOR, MadeCorpus

CORPUS = MadeCorpus(seed=31)
PICTURE = thumbnail(np.zeros((20, 30, 3), dtype=np.uint8))


def as_parts(number: int, panel: Panel) -> Panel:
    """Return the panel as one of several images under a letter, with a doubtful scale or a bar without a length."""
    return replace(
        panel, part=number % 3 + 1, heading=("DAPI", "0 h", "")[number % 3], inset_of=("b1", None)[number % 2],
        scale=None, doubtful_scale=panel.scale, bar=None if panel.scale else LoneBar((1, 2, 30, 5), 29.0),
    )  # fmt: skip


RECORDS = [
    replace(
        each, thumbnails=(PICTURE,) * len(each.panels),
        panels=tuple(as_parts(at, panel) if number % 4 == 0 else panel for at, panel in enumerate(each.panels)),
    )
    for number, each in enumerate(CORPUS.records(40))
]  # fmt: skip


@pytest.fixture(scope="module", params=BACKENDS)
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    opened = open_index(new_location(request.param, request, tmp_path_factory), create=EXTRACTOR)
    with opened.writer() as writer:
        for record in RECORDS:
            writer.put(record)
    yield opened
    opened.close()


def nm(text: str) -> float:
    return {"1 um": 1e3, "1 mm": 1e6}[text]


def value(stored: StoredPanel, name: str) -> Any:
    """Return the value of a field, from the panel itself."""
    panel, figure = stored.panel, stored.figure
    group, _, own = name.partition(".")
    if name in ("panel.width_px", "panel.height_px"):
        return getattr(panel, own.removesuffix("_px"))
    if name == "panel.number":
        ids = [each.id for record in RECORDS if record.figure.id == figure.id for each in record.panels]
        return ids.index(panel.id)
    if name == "scale.known":
        return panel.scale is not None
    if name == "scale.field_of_view_nm":
        return panel.field_of_view_nm
    if name == "scale.doubtful_field_of_view_nm":
        return panel.doubtful_scale and panel.width * panel.doubtful_scale.nm_per_px
    if name in ("scale.doubtful", "scale.lone_bar"):
        return (panel.doubtful_scale if name == "scale.doubtful" else panel.bar) is not None
    if name == "panel.heading":
        return panel.heading or None
    if name == "article.license_code":
        return canonical_license(figure.article.license) if figure.article else None
    if name == "source":
        return tuple(origin.source for origin in figure.origins)
    return getattr(
        {"panel": panel, "scale": panel.scale, "figure": figure, "article": figure.article}[group], own, None
    )


def matches(asked: FieldFilter) -> Callable[[StoredPanel], bool]:
    def test(stored: StoredPanel) -> bool:
        found = value(stored, asked.name)
        many = found if isinstance(found, tuple) else () if found is None else (found,)
        if asked.ranges:
            return any((low is None or each >= low) and (high is None or each <= high)
                       for each in many for low, high in asked.ranges)  # fmt: skip
        words = [str(each).lower() for each in many]
        return bool(words) if "*" in asked.values else any(each.lower() in words for each in asked.values)

    return test


def filters_for(name: str, everything: list[StoredPanel]) -> list[FieldFilter]:
    """Return conditions on a field: with values that some panels have, and with one that none has."""
    values = [each for each in (value(stored, name) for stored in everything) if each not in (None, ())]
    if not values:
        return [FieldFilter(name, ("*",))]
    if FIELDS[name] == "number":
        middle = sorted(values)[len(values) // 2]
        spans = [(None, middle), (middle, None), (middle, middle), (-5.0, -1.0)]
        return [FieldFilter(name, ranges=(each,)) for each in spans] + [FieldFilter(name, ranges=tuple(spans[2:]))]
    words = [str(each[0] if isinstance(each, tuple) else each) for each in values]
    if FIELDS[name] == "flag":
        return [FieldFilter(name, (each,)) for each in ("true", "false")]
    return [
        FieldFilter(name, (words[0].upper(),)), FieldFilter(name, (words[0], words[-1])), FieldFilter(name, ("*",)),
        FieldFilter(name, ("nothing like it",)),
    ]  # fmt: skip


def test_panels_are_sorted_by_each_field_with_unknown_values_last(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mirsearch.indexes.elasticsearch.index.PAGE_SIZE", 50)  # so that pages end among unknown values
    everything = list(index.select_panels(Filters()))
    for name in FIELDS:
        keys = {stored.panel.id: sort_key(stored, name) for stored in everything}
        known = sorted(name for name, key in keys.items() if key is not None)
        unknown = sorted(name for name, key in keys.items() if key is None)
        for descending in (False, True):
            known.sort(key=keys.__getitem__, reverse=descending)  # ties stay in the order of their ids
            found = [stored.panel.id for stored in index.select_panels(Filters(), Order(name, descending))]
            assert found == [*known, *unknown], (name, descending)
            known.sort()


def sort_key(stored: StoredPanel, name: str) -> Any:
    found = value(stored, name)
    return min(found, default=None) if isinstance(found, tuple) else found


def test_a_filtered_listing_is_sorted_and_read_as_without_an_order(index: Index) -> None:
    some = Filters(kinds=("micrograph",), year_from=2012)
    plain = {stored.panel.id: stored for stored in index.select_panels(some)}
    by_title = list(index.select_panels(some, Order("article.journal", descending=True)))
    assert {stored.panel.id: stored for stored in by_title} == plain
    assert len(by_title) == len(plain) > 10
    with pytest.raises(UsageError, match=r"did you mean article.journal"):
        Order("articel.journal")
    with pytest.raises(UsageError, match=r"did you mean article.year"):
        Order("year")


def test_each_field_filter_selects_the_matching_panels(index: Index) -> None:
    everything = list(index.select_panels(Filters()))
    query = RECORDS[0].vectors[0]
    some = 0
    for name in FIELDS:
        for asked in filters_for(name, everything):
            expected = [each.panel.id for each in everything if matches(asked)(each)]
            assert [each.panel.id for each in index.select_panels(Filters(fields=(asked,)))] == expected, asked
            some += 0 < len(expected) < len(everything)
        answer = index.search(SearchRequest(query, filters=Filters(fields=(asked,)), top=1000, exact=True))
        assert {each.panel_id for each in answer.panels} == set(expected)
    assert some > 40


def test_all_of_several_fields_must_be_met(index: Index) -> None:
    both = parse_field_filters(
        ["scale.known=yes", "article.year=2005..2015", "panel.technique=sem", "panel.technique=TEM"], nm
    )
    assert [(each.name, len(each.values)) for each in both] == [
        ("scale.known", 1), ("article.year", 0), ("panel.technique", 2)
    ]  # fmt: skip
    expected = [each.panel.id for each in index.select_panels(Filters()) if all(matches(one)(each) for one in both)]
    assert expected
    assert [each.panel.id for each in index.select_panels(Filters(fields=both))] == expected
    mixed = Filters(fields=both[:1], techniques=("SEM",))
    assert all(each.panel.scale and each.panel.technique == "SEM" for each in index.select_panels(mixed))


def test_the_command_line_accepts_filters_and_suggests_fields(index: Index) -> None:
    like = RECORDS[0].panels[0].id
    ran = run("query", "--like", like, "--filter", "scale.length_nm=1um..1mm", "--top", 500, "--all-kinds",
              "--index", index.location, "--format", "json").json()  # fmt: skip
    lengths = [hit["scale"]["length_nm"] for hit in ran["hits"]]
    assert lengths
    assert all(1e3 <= each <= 1e6 for each in lengths)
    assert ran["query"]["filters"]["fields"] == [{"name": "scale.length_nm", "values": [], "ranges": [[1e3, 1e6]]}]
    refused = run("query", "--text", "gold", "--filter", "scale.sorce=caption", "--index", index.location, code=2)
    assert "no field is named 'scale.sorce' (did you mean scale.source?" in refused.err
    assert "article.journal" in refused.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "FIELD=VALUE"),
        ("=x", "FIELD=VALUE"),
        ("source=", "FIELD=VALUE"),
        ("vector=1", "no field is named"),
        ("article.year=soon", "is no number"),
        ("article.year=nan", "is no number"),
        ("article.year=..", "has no number"),
        ("article.year=2020..2010", "the range is reversed"),
        ("scale.known=perhaps", "neither true nor false"),
    ],
)
def test_invalid_filters_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        parse_field_filters([text], nm)
    assert raised.value.remedy


def test_filters_are_described_in_words() -> None:
    fields = parse_field_filters(
        ["scale.source=caption", "scale.source=*", "figure.width=500..", "scale.length_nm=1 um"], nm
    )
    assert filter_phrases(Filters(fields=fields)) == [
        "only scale source caption or any", "only figure width from 500", "only scale length nm 1000 to 1000"
    ]  # fmt: skip


def test_every_field_is_in_the_mapping_with_a_fitting_type() -> None:
    pytest.importorskip("elasticsearch")
    from mirsearch.indexes.elasticsearch import mapping

    types = {"word": {"keyword"}, "number": {"integer", "double"}, "flag": {"boolean"}}
    types_in_mapping = mapping.field_types()
    assert {name: types_in_mapping.get(name) in types[kind] for name, kind in FIELDS.items()} == dict.fromkeys(
        FIELDS, True
    )


def test_every_field_is_documented() -> None:
    page = (REPOSITORY / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [name for name in FIELDS if f"`{name}`" not in page] == []
