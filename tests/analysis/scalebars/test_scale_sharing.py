"""Test one bar for several panels: what captions state about it, and which panels get its scale."""

from __future__ import annotations

import pytest

from mirsearch.analysis.scalebars.sharing import SharedBar, find_shared_bar, share_scale
from mirsearch.corpus import ScaleReading

LABELS = ["a", "b", "c", "d"]
BOXES = [(0, 0, 300, 200), (310, 0, 610, 200), (0, 210, 300, 410), (310, 210, 700, 410)]


@pytest.mark.parametrize(
    ("caption", "labels", "same"),
    [
        ("SEM images. The scale bar in (d) applies to all panels.", "", True),
        ("Scale bar, 5 µm, applies to a–c.", "abc", True),
        ("(a–d) TEM of rods. Scale bar in (a) holds for (a), (b) and (c).", "abc", True),
        ("All images are at the same magnification. Scale bar: 200 nm.", "", True),
        ("Panels (a, b) were taken at the same scale.", "ab", True),
        ("Scale bar = 5 µm in all panels.", "", False),
        ("Scale bar: 100 nm for all images", "", False),
    ],
)
def test_statements_that_a_bar_is_shared(caption, labels, same):
    assert find_shared_bar(caption, LABELS) == SharedBar(frozenset(labels), same)


@pytest.mark.parametrize(
    "caption",
    [
        "Scale bars: (a) 200 nm; (b, c) 1 µm.",
        "Scale bar: 200 nm.",
        "Scale bars, 5 µm in all panels.",
        "(a) SEM at low magnification, (b) of the same area. Scale bar: 1 µm.",
        "All samples were annealed at the same temperature. Scale bar: 1 µm.",
        "",
    ],
)
def test_statements_that_no_bar_is_shared(caption):
    assert find_shared_bar(caption, LABELS) is None


def make_reading(nm_per_px: float, confidence: float = 0.9, source: str = "label") -> ScaleReading:
    return ScaleReading(nm_per_px, 500.0, 500 / nm_per_px, (10, 180, 60, 184), "500 nm", source, confidence)


def test_panels_without_a_bar_get_the_scale_of_the_one_that_has_one():
    source = make_reading(5.0)
    found = share_scale([source, None, None, None], BOXES, LABELS, "The scale bar in (a) applies to all panels.")
    assert found[0] is source
    assert [each.nm_per_px for each in found] == [5.0] * 4
    assert all(each.bar is None and each.source == "caption" for each in found[1:])
    assert found[3].confidence < found[1].confidence < source.confidence, "one of another width may have been rescaled"


def test_only_named_panels_get_the_scale():
    found = share_scale([make_reading(5.0), None, None, None], BOXES, LABELS, "Scale bar, 500 nm, applies to a and c.")
    assert [each is not None for each in found] == [True, False, True, False]


def test_a_doubtful_bar_gives_way_where_all_are_of_one_scale():
    readings = [make_reading(5.0), make_reading(17.0, 0.5, "caption"), make_reading(5.1), None]
    found = share_scale(readings, BOXES, LABELS, "Scale bar, 500 nm, applies to all panels.")
    assert [round(each.nm_per_px) for each in found] == [5, 5, 5, 5]
    assert found[2] is readings[2]


def test_bars_of_their_own_keep_their_scale_where_only_the_length_is_one():
    readings = [make_reading(5.0), make_reading(17.0), None, None]
    assert share_scale(readings, BOXES, LABELS, "Scale bar = 500 nm in all panels.") == readings


def test_no_scale_is_invented():
    assert share_scale([None, None], BOXES[:2], LABELS[:2], "Scale bar applies to all panels.") == [None, None]
    assert share_scale([make_reading(5.0), None], BOXES[:2], LABELS[:2], "Scale bar: 500 nm.")[1] is None
