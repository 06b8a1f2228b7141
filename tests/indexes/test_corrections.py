"""Tests of matching corrections to panels and of applying them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirsearch.corpus import LoneBar, Panel, ScaleReading, to_json
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
    doubtful = Panel(
        (0, 0, 9, 9), doubtful_scale=SCALE, bar=LoneBar((1, 2, 3, 4), 2.5), inset_of="b2", group=(0, 0, 9, 9)
    )
    for panel in (LEFT, RIGHT, *PARTS, doubtful):
        assert panel_from_json(json.loads(json.dumps(to_json(panel)))) == panel


WHOLE = (0, 0, 200, 100)
"""The box of letter b: two images and, below, a plot."""
PARTS = (
    Panel((0, 0, 100, 60), "b", "micrograph", 0.6, id="f-b1", part=1, group=WHOLE, heading="DAPI"),
    Panel((100, 0, 200, 60), "b", "micrograph", 0.6, id="f-b2", part=2, group=WHOLE, scale=SCALE),
    Panel((0, 60, 200, 100), "b", "plot", 0.9, id="f-b3", part=3, group=WHOLE),
)
AFTER = Panel((0, 100, 200, 200), "c", "micrograph", 0.9, id="f-c")


def test_a_correction_of_a_letter_that_is_cut_now_goes_to_all_of_its_images() -> None:
    scale = ScaleReading(4.0, 200.0, 50.0, (110, 50, 160, 54), source="user")
    changes = {"caption": "mine", "technique": "TEM", "scale": to_json(scale)}
    panels, matched = apply_corrections([*PARTS, AFTER], [Correction((0, 0, 200, 98), "b", changes)])
    assert [panel.caption for panel in panels] == ["mine", "mine", "mine", ""]
    assert [panel.technique for panel in panels] == ["TEM", "TEM", None, None]  # the plot is none
    assert [panel.scale and panel.scale.nm_per_px for panel in panels] == [4.0, 4.0, None, None]
    assert [panel.scale and panel.scale.bar for panel in panels] == [None, (110, 50, 160, 54), None, None]
    assert [each.panel for each in matched] == ["f-b1", "f-b2", "f-b3"]
    assert corrected_fields("f-b3", matched) == ("caption",)
    assert [uncorrected_panel(panel, matched) for panel in panels] == [*PARTS, AFTER]
    assert apply_corrections([*PARTS, AFTER], matched) == (panels, matched)
    again, _ = apply_corrections([*PARTS, AFTER], add_changes(PARTS[1], matched, {"caption": "other"}))
    assert [panel.caption for panel in again] == ["mine", "other", "mine", ""]


def test_a_correction_of_one_image_stays_with_it() -> None:
    corrections = [Correction(PARTS[0].box, "b", {"kind": "map"}), Correction((0, 0, 200, 98), "b", {"kind": "photo"})]
    panels, matched = apply_corrections([*PARTS, AFTER], corrections)
    assert [panel.kind for panel in panels] == ["map", "photo", "plot", "micrograph"]
    assert [each.panel for each in matched] == ["f-b1", "f-b2"]
    drawn, _ = apply_corrections([*PARTS, AFTER], [Correction(WHOLE, "b", {"kind": "schematic"})])
    assert [panel.kind for panel in drawn] == ["schematic"] * 3 + ["micrograph"]


INSET = (
    Panel((0, 0, 200, 100), "b", "micrograph", 0.6, id="f-b1", part=1, group=WHOLE),
    Panel((150, 60, 195, 95), "b", "micrograph", 0.6, id="f-b2", part=2, group=WHOLE, inset_of="b1", scale=SCALE),
)


@pytest.mark.parametrize(
    ("bar", "scales"), [((10, 90, 60, 94), (4.0, 2.0)), ((160, 90, 180, 94), (None, 4.0)), (None, (4.0, 2.0))]
)
def test_an_inset_gets_letter_and_caption_of_a_correction_and_the_scale_if_the_bar_is_in_it(bar, scales) -> None:
    changes = {"caption": "mine", "technique": "TEM", "scale": to_json(ScaleReading(4.0, bar=bar, source="user"))}
    panels, matched = apply_corrections(INSET, [Correction((0, 0, 200, 100), "b", changes)])
    assert [panel.caption for panel in panels] == ["mine", "mine"]
    assert [panel.technique for panel in panels] == ["TEM", None]
    assert tuple(panel.scale and panel.scale.nm_per_px for panel in panels) == scales
    assert apply_corrections(INSET, matched) == (panels, matched)


def test_a_correction_of_an_image_is_not_one_of_its_letter() -> None:
    matched = add_changes(INSET[0], (), {"caption": "mine"})
    assert matched[0].part == 1
    panels, _ = apply_corrections(INSET, matched)
    assert [panel.caption for panel in panels] == ["mine", ""]


def test_a_figure_without_letters_that_is_cut_now_keeps_its_correction() -> None:
    tiles = [Panel((at, 0, at + 48, 50), id=f"f-{number}") for number, at in enumerate((0, 50, 100), start=1)]
    panels, matched = apply_corrections(tiles, [Correction((0, 0, 150, 50), None, {"technique": "AFM"})])
    assert [panel.technique for panel in panels] == ["AFM"] * 3
    whole = [Panel((0, 0, 148, 50), id="f-1"), Panel((0, 50, 10, 60), id="f-2")]
    assert [panel.technique for panel in apply_corrections(whole, matched)[0]].count("AFM") == 0  # none fits well
    assert {each.changes["technique"] for each in apply_corrections(whole, matched)[1]} == {"AFM"}  # none is lost


def test_a_corrected_scale_leaves_nothing_in_doubt() -> None:
    bar = LoneBar((5, 6, 55, 10), 50.0)
    for doubt in (Panel(LEFT.box, "a", id="f-a", doubtful_scale=SCALE), Panel(LEFT.box, "a", id="f-a", bar=bar)):
        for scale in (None, to_json(ScaleReading(4.0, source="user"))):
            panels, matched = apply_corrections([doubt], [Correction(LEFT.box, "a", {"scale": scale})])
            assert (panels[0].doubtful_scale, panels[0].bar) == (None, None)
            assert (panels[0].scale is None) == (scale is None)
            assert uncorrected_panel(panels[0], matched) == doubt
        panels, _ = apply_corrections([doubt], [Correction(LEFT.box, "a", {"label": "q"})])
        assert (panels[0].doubtful_scale, panels[0].bar) == (doubt.doubtful_scale, doubt.bar)


def test_corrections_of_earlier_versions_are_undone() -> None:
    _, (matched,) = apply_corrections([LEFT], [Correction(LEFT.box, "a", OWN)])
    machine = {name: value for name, value in (matched.machine or {}).items() if name not in ("doubtful_scale", "bar")}
    earlier = correction_from_json({**correction_to_json(matched), "machine": machine})
    assert uncorrected_panel(apply_corrections([LEFT], [earlier])[0][0], [earlier]) == LEFT


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
    assert {each.changes["caption"] for each in matched} == {each.changes["caption"] for each in corrections}
    found = [each.panel for each in matched if each.panel is not None]
    assert len(found) == len(set(found))
    assert [uncorrected_panel(panel, matched) for panel in corrected] == panels
    assert apply_corrections(panels, matched) == (corrected, matched)
