"""Test which lengths of a caption may be those of another letter's bar."""

from __future__ import annotations

import pytest

from mirsearch.analysis.base import BarCandidate
from mirsearch.analysis.captions.scales import PlacedScale
from mirsearch.analysis.scalebars.caption_lengths import CaptionLength, caption_lengths
from mirsearch.analysis.scalebars.images import ImageBars
from mirsearch.analysis.scalebars.pairing import Label, Pair
from mirsearch.analysis.scalebars.readings import read_label
from mirsearch.analysis.scalebars.sharing import share_in_letters
from mirsearch.corpus import Panel, ScaleReading
from mirsearch.text.lengths import parse_length

CAPTION = "(a) Cells. Scale bar, 10 µm. (b) Nuclei. Scale bar, 50 µm. (c) Tissue. Scale bar, 50 µm."


def lengths(boxes, caption=CAPTION, places=None):
    """Return the lengths of panels given as (letter, box). The letters stand at the first image unless told."""
    panels = [Panel(box=box, label=letter) for letter, box in boxes]
    if places is None:
        places = {letter: (x + 2, y + 2, x + 12, y + 14) for letter, (x, y, _, _) in reversed(boxes)}
    return caption_lengths(panels, caption, [False] * len(panels), places)


ROW = [("a", (0, 0, 100, 100)), ("b", (110, 0, 210, 100)), ("c", (220, 0, 320, 100))]


def test_letters_in_order_give_their_lengths():
    found = lengths(ROW)
    assert [length.bar.nm for length in found] == [10_000, 50_000, 50_000]
    assert not any(length.misplaced or length.unsure_label for length in found)


def test_a_column_beside_a_column_is_in_order():
    boxes = [(0, 0, 100, 100), (0, 110, 100, 210), (110, 0, 210, 100)]
    found = lengths(list(zip("abc", boxes, strict=True)))
    assert not any(length.misplaced for length in found)


def test_beside_a_letter_that_no_panel_has_another_length_may_hold():
    found = lengths([*ROW[1:], ("b", (0, 110, 60, 170)), ("b", (110, 110, 210, 210))])
    # a has another length than b. The image of b that is as large as the one at its letter is b's, c is not beside a.
    assert [length.misplaced for length in found] == [False, False, True, False]


def test_where_several_letters_were_inferred_each_may_be_that_of_its_neighbor():
    one = lengths(ROW, places={"a": (2, 2, 12, 14), "c": (222, 2, 232, 14)})
    assert not any(length.misplaced or length.unsure_label for length in one)
    two = lengths(ROW, places={"c": (222, 2, 232, 14)})
    assert [length.misplaced for length in two] == [True, True, False]
    far = lengths(ROW, places={"a": (2, 2, 12, 14), "b": (110, 160, 120, 172), "c": (222, 2, 232, 14)})
    assert not any(length.misplaced for length in far)


def test_an_image_above_or_left_of_its_letter_is_of_another_one():
    boxes = [
        ("b", (110, 0, 210, 100)),
        ("b", (110, 110, 210, 210)),
        ("c", (0, 220, 100, 320)),
        ("c", (110, 220, 210, 320)),
    ]
    places = {"b": (112, 112, 122, 124), "c": (112, 222, 122, 234)}
    assert [length.misplaced for length in lengths(boxes, places=places)] == [True, False, True, False]


def test_a_missing_letter_of_the_same_length_does_no_harm():
    found = lengths([*ROW[:2], ("b", (220, 0, 300, 80))])
    assert [length.misplaced for length in found] == [False, False, False]
    assert [length.unsure_label for length in found] == [False, False, True]


def test_letters_in_the_wrong_order_may_be_swapped():
    boxes = [ROW[1][1], ROW[0][1], ROW[2][1]]
    found = lengths(list(zip("abc", boxes, strict=True)))
    assert [length.misplaced for length in found] == [True, True, False]


def test_a_letter_whose_images_lie_among_those_of_others_may_hold_those_of_a_missing_one():
    boxes = [("b", (0, 0, 100, 100)), ("b", (0, 220, 320, 320)), ("c", (0, 110, 320, 210))]
    found = lengths(boxes)
    assert [length.misplaced for length in found] == [True, True, True]


def test_a_length_said_of_a_letter_that_was_not_found_is_not_said_of_all():
    caption = "(a) Maps. (b) Sheets. Scale bars, 2 µm in a and 500 nm in b."
    found = lengths([ROW[0], ("a", (110, 0, 160, 50))], caption)
    assert [length.bar.nm for length in found] == [2_000, 2_000]
    assert [length.misplaced for length in found] == [False, True]


def test_what_is_said_of_a_letter_holds_for_its_primes_unless_they_have_their_own():
    boxes = [("c", (0, 0, 100, 100)), ("c'", (110, 0, 210, 100))]
    assert [length.bar.nm for length in lengths(boxes, "(c) DAPI and actin. Bar, 50 µm.")] == [50_000, 50_000]
    own = "(c) DAPI. Bar, 50 µm. (c') Enlarged. Bar, 5 µm."
    assert [length.bar.nm for length in lengths(boxes, own)] == [50_000, 5_000]


@pytest.mark.parametrize(
    ("caption", "length", "confidence"),
    [
        ("Cells.", CaptionLength(), 0.81),
        ("Cells.", CaptionLength(unsure_label=True), 0.405),
        ("Cells; boxed regions are magnified.", CaptionLength(), 0.405),
        ("Cells with magnified insets.", CaptionLength(), 0.81),
    ],
)
def test_a_shared_scale_is_doubtful_where_the_other_image_may_be_of_another_letter_or_magnified(
    caption, length, confidence
):
    panels = [Panel(box=box, label="a", caption=caption) for _, box in ROW[:2]]
    reading = ScaleReading(
        100.0, length_nm=5000.0, length_px=50.0, bar=(40, 90, 90, 94), source="label", confidence=0.9
    )
    shared = share_in_letters([reading, None], panels, [True, True], [CaptionLength(), length], [False, False])
    assert shared[1].confidence == pytest.approx(confidence)


@pytest.mark.parametrize(
    ("text", "caption_nm", "believable"), [("50 µm", None, True), ("50 pm", None, False), ("50 pm", 0.05, True)]
)
def test_a_label_in_picometers_is_doubtful_unless_the_caption_says_so(text, caption_nm, believable):
    length = parse_length(text)
    bar = BarCandidate((200, 220, 280, 224), 80.0, 1.0)
    pair = Pair(bar, Label(length, (210, 195, 270, 212), 0.99), 0.95)
    told = CaptionLength() if caption_nm is None else CaptionLength(PlacedScale(None, caption_nm, "bar", "", 1.0))
    seen = read_label(ImageBars((0, 0, 300, 240), pair), told)
    assert seen.believable is believable
    assert (seen.reading.confidence >= 0.5) is believable


def test_an_image_before_its_letter_is_not_doubted_where_the_letter_has_primes():
    caption = "(a–a′) Cells. Scale bar, 10 µm. (b) Nuclei. Scale bar, 50 µm."
    places = {"a": (112, 2, 122, 14), "b": (222, 2, 232, 14)}
    boxes = [box for _, box in ROW]
    found = lengths(list(zip(("a", "a'", "b"), boxes, strict=True)), caption, places)
    assert not any(length.misplaced for length in found)
    plain = lengths(list(zip("aab", boxes, strict=True)), caption, places)
    assert plain[0].misplaced
