"""Tests of matching corrections to panels and of applying them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirsearch.corpus import Panel, ScaleReading, to_json
from mirsearch.corrections import (
    Correction,
    add_changes,
    apply_corrections,
    corrected_fields,
    correction_from_json,
    correction_to_json,
    intersection_over_union,
    panel_from_json,
    uncorrected_panel,
)

SCALE = ScaleReading(2.0, 500.0, 250.0, (5, 6, 255, 10), "500 nm", "label", 0.8)
LEFT = Panel((0, 0, 100, 80), "a", "micrograph", 0.7, "SEM", 0.6, "left", "500 nm", SCALE, "f-a", "f")
RIGHT = Panel((100, 0, 200, 80), "b", "plot", 0.9, None, 0.0, "right", "", None, "f-b", "f")
OWN = {"label": "c", "kind": "map", "scale": to_json(ScaleReading(4.0, source="user"))}


def test_changes_apply_to_their_panel_only_and_can_be_undone() -> None:
    panels, matched = apply_corrections([LEFT, RIGHT], [Correction(LEFT.box, "a", OWN)])
    assert panels[1] == RIGHT
    assert (panels[0].id, panels[0].label, panels[0].kind, panels[0].kind_confidence) == ("f-a", "c", "map", 1.0)
    assert panels[0].scale == ScaleReading(4.0, source="user")
    assert (panels[0].technique, panels[0].caption) == ("SEM", "left")
    assert matched[0].panel == "f-a"
    assert uncorrected_panel(panels[0], matched) == LEFT
    assert corrected_fields("f-a", matched) == ("label", "kind", "scale")
    assert corrected_fields("f-b", matched) == ()


@pytest.mark.parametrize(
    ("box", "label", "found"),
    [
        ((4, 2, 104, 82), "z", "f-a"),  # moved a little, another letter
        ((60, 0, 160, 80), "b", "f-b"),  # shares more with b than with a, and the letter
        ((0, 0, 20, 80), "a", "f-a"),  # was a fifth of it, the same letter
        ((0, 0, 20, 80), None, None),  # was a fifth of it, without a letter
        ((0, 200, 100, 280), "a", None),  # somewhere else: the letter alone does not tell
    ],
)
def test_a_correction_finds_its_panel_by_box_and_letter(box, label, found) -> None:
    panels, matched = apply_corrections([LEFT, RIGHT], [Correction(box, label, {"caption": "mine"})])
    assert matched[0].panel == found
    assert [panel.id for panel in panels if panel.caption == "mine"] == ([found] if found else [])


def test_two_corrections_never_share_a_panel() -> None:
    good, worse = Correction(LEFT.box, None, {"kind": "map"}), Correction((0, 0, 60, 80), None, {"kind": "photo"})
    for order in ([good, worse], [worse, good]):
        panels, matched = apply_corrections([LEFT], order)
        assert panels[0].kind == "map"
        assert {each.changes["kind"]: each.panel for each in matched} == {"map": "f-a", "photo": None}
    cut = [Panel((0, 0, 60, 80), id="f-1"), Panel((60, 0, 100, 80), id="f-2")]
    assert [panel.kind for panel in apply_corrections(cut, [worse])[0]] == ["photo", "unknown"]


def test_later_changes_join_earlier_ones() -> None:
    _, first = apply_corrections([LEFT], [Correction(LEFT.box, "a", {"label": "x", "kind": "map"})])
    again = add_changes(LEFT, first, {"kind": "photo", "scale": None})
    assert len(again) == 1
    panels, matched = apply_corrections([LEFT], again)
    assert (panels[0].label, panels[0].kind, panels[0].scale) == ("x", "photo", None)
    assert uncorrected_panel(panels[0], matched) == LEFT


def test_json_round_trip() -> None:
    _, matched = apply_corrections([LEFT], [Correction(LEFT.box, "a", OWN)])
    assert correction_from_json(json.loads(json.dumps(correction_to_json(matched[0])))) == matched[0]
    for panel in (LEFT, RIGHT):
        assert panel_from_json(json.loads(json.dumps(to_json(panel)))) == panel


boxes = st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(1, 50), st.integers(1, 50)).map(
    lambda at: (at[0], at[1], at[0] + at[2], at[1] + at[3])
)


@given(boxes, boxes)
def test_intersection_over_union_is_symmetric_and_0_to_1(one, other) -> None:
    assert intersection_over_union(one, other) == intersection_over_union(other, one)
    assert 0 <= intersection_over_union(one, other) <= 1
    assert (intersection_over_union(one, other) == 1) == (one == other)


@given(st.lists(boxes, min_size=1, max_size=5), st.lists(boxes, max_size=5))
def test_corrections_are_never_lost_and_can_be_undone(now, before) -> None:
    panels = [Panel(box, id=f"f-{number}") for number, box in enumerate(now, start=1)]
    corrections = [Correction(box, None, {"caption": f"mine {number}"}) for number, box in enumerate(before)]
    corrected, matched = apply_corrections(panels, corrections)
    assert [each.changes for each in matched] == [each.changes for each in corrections]
    found = [each.panel for each in matched if each.panel is not None]
    assert len(found) == len(set(found))
    assert [uncorrected_panel(panel, matched) for panel in corrected] == panels
    assert apply_corrections(panels, matched) == (corrected, matched)
