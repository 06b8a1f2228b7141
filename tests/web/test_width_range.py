"""The histogram of the fields of view with its two handles."""

from __future__ import annotations

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from mirsearch.web.facets import widths_facet
from mirsearch.web.fields import SearchFields
from mirsearch.web.problems import ProblemError
from mirsearch.web.state import PageState, parse_state

COUNTS = {"0": 3, "2": 10, "unknown": 4}


def fov_of(low: str, high: str, span: str = "0,3") -> str | None:
    return parse_state([("text", "gold"), ("fov_from", low), ("fov_to", high), ("fov_span", span)]).fields.fov


def test_handles_choose_a_range_and_an_end_leaves_it_open():
    assert fov_of("1", "2.5") == "10nm..316nm"
    assert fov_of("2.5", "1") == "10nm..316nm"
    assert fov_of("0", "2") == "..100nm"
    assert fov_of("2", "3") == "100nm.."
    assert fov_of("0", "3") is None
    assert fov_of("-2.3", "9", "-3,10") == "0.00501nm..1000000000nm"


@pytest.mark.parametrize("value", ["wide", "nan", "inf", "400", "1,2"])
def test_a_handle_that_is_no_number_is_told(value: str):
    with pytest.raises(ProblemError) as raised:
        fov_of(value, "2")
    assert raised.value.problem.status == 400
    assert raised.value.problem.detail.startswith("fov: ")


def test_the_histogram_has_a_bar_for_each_decade():
    widths = widths_facet(COUNTS, PageState(SearchFields(text="gold", fov="20nm.."))).widths
    assert widths is not None
    assert [bar.count for bar in widths.bars] == [3, 0, 10]
    assert [bar.chosen for bar in widths.bars] == [False, True, True]
    assert (widths.least, widths.most, widths.low, widths.high) == (0, 3, 1.3, 3)
    assert ("text", "gold") in widths.rest
    assert "fov" not in dict(widths.rest)
    assert widths.open_address == "/search?text=gold"
    assert fov_of(str(widths.low), str(widths.high)) == "20nm.."


def test_a_corpus_without_scales_has_none():
    assert widths_facet({"unknown": 2}, PageState(SearchFields())).widths is None
    wrong = widths_facet(COUNTS, PageState(SearchFields(fov="soon"))).widths
    assert wrong is not None
    assert (wrong.low, wrong.high) == (0, 3)
