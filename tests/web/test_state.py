"""The addresses of a search's state: each link adds, changes or takes back what it says, and nothing else."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

pytest.importorskip("fastapi", reason="the extra web is not installed")

from mirsearch.web.fields import SearchFields
from mirsearch.web.state import PageState, parse_state

IMAGE = "0123456789abcdef0123456789abcdef"
STATES = [
    PageState(SearchFields()),
    PageState(SearchFields(technique=["SEM"]), start=25),
    PageState(
        SearchFields(text="gold & silver", like="a-b", technique=["sem", "TEM"], year="2020", filter=["source=x y"]),
        IMAGE,
    ),
]


def state_at(address: str) -> PageState:
    return parse_state(parse_qsl(urlsplit(address).query))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    ("field", "value"), [("technique", "SEM"), ("journal", "J. of A & B"), ("filter", "source=x y")]
)
def test_a_facet_adds_a_value_and_takes_it_back(state: PageState, field: str, value: str) -> None:
    had = [one.lower() for one in getattr(state.fields, field)]
    address = state.toggle_address(field, value)
    toggled = state_at(address)
    assert (value.lower() in [one.lower() for one in getattr(toggled.fields, field)]) is (value.lower() not in had)
    others = toggled.changed(**{field: None})
    assert others.pairs() == state.at(1).changed(**{field: None}).pairs()
    assert toggled.address() == address, "in the order of all addresses"
    if value.lower() not in had:
        assert toggled.toggle_address(field, value) == state.at(1).address()


def test_a_change_of_one_state_leaves_the_other_as_it_was() -> None:
    state = STATES[2]
    before = state.address()
    changed = state.changed(text=None, year="2021", alike=["p"])
    assert state.address() == before
    assert state_at(changed.address()).fields == changed.fields.model_copy()
    assert (changed.fields.text, changed.fields.year, changed.fields.alike) == (None, "2021", ["p"])
    assert "text" not in changed.fields.model_fields_set
    assert "text" in state.fields.model_fields_set
    assert SearchFields().alike == [], "defaults are nobody's to change"
