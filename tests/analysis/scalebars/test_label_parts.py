"""Test labels that are read again, completed, or recognized by their unit's shape, and insets apart from panels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mirsearch.analysis.base import BarCandidate, TextBox
from mirsearch.analysis.ocr.rapid import RapidOcrEngine
from mirsearch.analysis.scalebars.detector import RunLengthDetector
from mirsearch.analysis.scalebars.insets import find_insets, lies_in_any
from mirsearch.analysis.scalebars.label_checks import check_label
from mirsearch.analysis.scalebars.label_completion import complete_line, join_number_and_unit
from mirsearch.analysis.scalebars.label_ground import is_label_ground
from mirsearch.analysis.scalebars.label_guesses import guess_label
from mirsearch.analysis.scalebars.label_lines import find_label_lines
from mirsearch.analysis.scalebars.pairing import Label, Pair, closeness, find_labels
from mirsearch.analysis.scalebars.unit_shapes import ink_view, unit_shape
from mirsearch.synthetic.text_masks import paint_mask, text_mask
from mirsearch.text.lengths import parse_length
from tests.support import bar_drawings as drawn

BAR = (300, 320, 420, 326)


@pytest.fixture(scope="module")
def ocr():
    return RapidOcrEngine()


def print_label(
    text: str, height: float, face: str = "sans", ink: int = 255
) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """Return a panel with a bar and a label, and the label's box."""
    panel = np.asarray(drawn.draw_ground(2, 60, 120)).copy()
    panel[BAR[1] : BAR[3], BAR[0] : BAR[2]] = ink
    mask = text_mask(text, height, face)
    paint_mask(panel, mask, 310, 280, (ink, ink, ink))
    return panel, (310, 280, 310 + mask.shape[1], 280 + mask.shape[0])


@pytest.mark.parametrize("face", ["sans", "bold", "narrow"])
@pytest.mark.parametrize("unit", ["nm", "µm", "mm"])
@pytest.mark.parametrize("ink", [255, 0])
def test_the_shape_of_a_unit(face, unit, ink):
    panel, (x0, y0, x1, y1) = print_label(f"20 {unit}", 20, face, ink)
    assert unit_shape(ink_view(panel, (x0 - 4, y0 - 4, x1 + 4, y1 + 4), BAR)) == unit


def test_no_shape_where_nothing_is_printed():
    panel = np.asarray(drawn.draw_ground(1)).copy()
    panel[BAR[1] : BAR[3], BAR[0] : BAR[2]] = 255
    assert unit_shape(ink_view(panel, (50, 50, 120, 80), BAR)) is None
    assert unit_shape(np.full((3, 3, 3), 255, np.uint8)) is None


def test_no_shape_of_letters_among_texture():
    panel, (x0, y0, x1, y1) = print_label("20 nm", 20)
    panel[y1 - 4 : y1 + 14, x1 - 24 : x1 - 18] = 255
    assert unit_shape(ink_view(panel, (x0 - 4, y0 - 4, x1 + 4, y1 + 18), BAR)) is None


def test_the_ground_of_a_label_is_not_its_bar():
    panel, label = print_label("500 nm", 20)
    box = (label[0] - 8, label[1] - 9, label[2] + 8, BAR[3] + 6)
    panel[box[1] : box[3], box[0] : box[2]] = 0
    panel[BAR[1] : BAR[3], BAR[0] : BAR[2]] = 255
    paint_mask(panel, text_mask("500 nm", 20), label[0], label[1], (255, 255, 255))
    assert is_label_ground(panel, BarCandidate((box[0], box[1], box[2], label[1] - 1), 100.0, 0.9), label)
    wide = (label[0] - 84, label[1], label[2], label[3])
    assert is_label_ground(panel, BarCandidate((box[0], label[3] + 1, box[2], BAR[1] - 1), 100.0, 0.9), wide)
    assert not is_label_ground(panel, BarCandidate(BAR, 120.0, 0.9), label)
    assert not is_label_ground(panel, BarCandidate(box, 100.0, 0.9), label)
    assert not is_label_ground(
        panel, BarCandidate((box[0], box[1], box[2], label[1] - 1), 100.0, 0.9, broken=True), label
    )


@pytest.mark.parametrize(("misread", "true"), [("200 mm", "200 nm"), ("5 m", "5 µm"), ("20m", "20 nm")])
def test_a_misread_label_is_corrected(ocr, misread, true):
    panel, box = print_label(true, 18)
    bar = BarCandidate(BAR, 120.0, 0.9)
    wide = (box[0] - 4, box[1] - 4, box[2] + 4, box[3] + 4)
    pair = check_label(Pair(bar, Label(parse_length(misread), wide, 0.9), 0.8), panel, ocr)
    assert pair.label.length.nm == parse_length(true).nm
    assert pair.label.confidence < 1


def test_a_clear_label_is_not_read_again():
    pair = Pair(BarCandidate(BAR, 120.0, 0.9), Label(parse_length("500 nm"), (310, 280, 370, 300), 0.95), 0.8)
    assert check_label(pair, np.zeros((400, 480, 3), np.uint8), None) is pair


def test_a_unit_or_number_alone_is_completed(ocr):
    panel, (x0, y0, x1, y1) = print_label("500 nm", 20)
    middle = x0 + round(0.57 * (x1 - x0))
    unit, number = (middle, y0 - 3, x1 + 3, y1 + 3), (x0 - 3, y0 - 3, middle - 4, y1 + 3)
    for text, box in (("nm", unit), ("500", number)):
        completed = complete_line(panel, TextBox(text, box, 0.7), ocr)
        assert completed is not None
        assert parse_length(completed.text).nm == 500
    assert complete_line(panel, TextBox("SEI", unit, 0.9), ocr) is None


def test_number_and_unit_apart_are_put_together():
    lines = [TextBox("200", (10, 10, 40, 30), 0.9), TextBox("nm", (46, 12, 70, 30), 0.8)]
    assert [(line.text, line.box) for line in join_number_and_unit(lines)] == [("200 nm", (10, 10, 70, 30))]
    assert join_number_and_unit([lines[0], TextBox("nm", (146, 12, 170, 30), 0.8)]) == []


def test_strokes_of_letters_are_no_bars_and_upright_labels_need_upright_bars():
    label = (100, 100, 160, 120)
    assert closeness(BarCandidate((110, 108, 130, 110), 20.0, 0.9), label) == 0
    assert closeness(BarCandidate((95, 124, 165, 128), 70.0, 0.9), label) > 0.8
    tall = (100, 100, 120, 160)
    assert closeness(BarCandidate((95, 166, 165, 170), 70.0, 0.9), tall) == 0
    assert closeness(BarCandidate((126, 95, 130, 165), 70.0, 0.9, vertical=True), tall) > 0.4


def test_dashes_beside_a_label_belong_to_a_broken_bar():
    found = find_labels([TextBox("-50 μm", (100, 100, 160, 120), 0.9)])
    assert [(label.length.nm, label.dashed) for label in found] == [(50_000, True)]


def draw_framed(fill) -> np.ndarray:
    image = drawn.draw_ground(3, 20, 120)
    patch = drawn.draw_ground(4, 20, 120, (140, 180)) if fill is None else Image.new("RGB", (180, 140), fill)
    image.paste(patch, (250, 30))
    ImageDraw.Draw(image).rectangle((249, 29, 430, 170), outline="white", width=2)
    return np.asarray(image)


def test_insets_are_pictures_in_a_frame():
    panel = draw_framed(None)
    frames = find_insets(panel[..., 0], RunLengthDetector().detect(panel))
    assert any(box == pytest.approx((249, 29, 431, 171), abs=4) for box in frames)
    assert lies_in_any((300, 150, 340, 154), frames)
    assert not lies_in_any((300, 320, 420, 326), frames)


def test_a_dark_picture_in_a_frame_is_an_inset():
    panel = draw_framed(None).copy()
    inside = panel[34:166, 254:426]
    inside[:] = np.clip(np.random.default_rng(0).normal(40, 8, inside.shape[:2]), 0, 255).astype(np.uint8)[..., None]
    assert find_insets(panel[..., 0], RunLengthDetector().detect(panel))


def test_a_box_behind_a_label_is_no_inset():
    panel = draw_framed("white")
    assert find_insets(panel[..., 0], RunLengthDetector().detect(panel)) == []


def test_a_box_that_a_label_is_written_in_is_no_stroke_of_it():
    inside = (20, 300, 110, 330)
    assert closeness(BarCandidate((24, 305, 106, 325), 82.0, 0.9), inside) > 0.5
    assert closeness(BarCandidate((40, 313, 60, 316), 20.0, 0.9), inside) == 0


@pytest.mark.parametrize(("text", "is_believed"), [("500 µm", True), ("500um", True), ("500 mm", False)])
def test_long_micrometers_are_no_misread_nanometers(text, is_believed):
    """Labels in µm are believed from 100 µm on as below; millimeters need their letters' shape."""
    panel, box = print_label("5", 14)
    label = Label(parse_length(text), box, 0.79)
    checked = check_label(Pair(BarCandidate(BAR, 120.0, 0.9), label, 0.8), panel, FakeOcr([(text, 0.79)] * 8))
    assert (checked.label.confidence > 0.7) == is_believed


class FakeOcr:
    """OCR that gives prepared answers, one for each crop, and repeats the last one."""

    name = "says"

    def __init__(self, answers):
        self.answers = list(answers)

    def recognize(self, crops):
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0] for _ in crops]

    def read(self, pixels, side_limit=0, longest=None):
        return []


GROUND = np.random.default_rng(1).integers(60, 120, (360, 480, 1), np.uint8).repeat(3, axis=2)


def test_a_label_is_read_where_labels_stand(ocr):
    """No text detector tells where the label is."""
    pair = guess_label(drawn.draw_labeled_bar("500 nm", BAR), BarCandidate(BAR, 120.0, 0.9), ocr)
    assert pair is not None
    assert pair.label.length.nm == 500
    assert guess_label(GROUND, BarCandidate(BAR, 120.0, 0.9), ocr) is None


@pytest.mark.parametrize(
    ("answers", "nm"),
    [
        ([("5 nm", 0.9)], 5),
        ([("5 nm", 0.9), ("", 0.0)], None),
        ([("5 nm", 0.9), ("5 nm", 0.9), ("5 nm", 0.9), ("0.5 nm", 0.9)], None),
        ([("5 nm", 0.7)], None),
    ],
    ids=["agreed", "once", "cut", "unclear"],
)
def test_guesses_must_agree_and_be_clear_and_uncut(answers, nm):
    pair = guess_label(GROUND, BarCandidate(BAR, 120.0, 0.9), FakeOcr(answers))
    assert (None if pair is None else pair.label.length.nm) == nm


def test_the_ticks_of_a_ruler_are_none_of_its_label_s_letters():
    panel = GROUND.copy()
    panel[300:302, 300:421] = 255
    for x in range(300, 421, 12):
        panel[302:309, x : x + 2] = 255
    mask = text_mask("500 nm", 14)
    paint_mask(panel, mask, 330, 312, (255, 255, 255))
    lines = find_label_lines(panel[..., 0], BarCandidate((300, 300, 421, 302), 121.0, 0.9))
    assert lines
    assert lines[0][1] >= 308


def test_of_lines_that_overlap_the_whole_one_is_read():
    """`nm` in small letters alone would lack the number before it."""
    gray = np.full((60, 140), 20, np.uint8)
    gray[50:53, 40:100] = 255
    for x0, y0, x1 in ((42, 34, 46), (53, 34, 57), (64, 36, 76)):
        gray[y0:41, x0:x1] = 255
    for x in (66, 69, 72):
        gray[37:41, x : x + 2] = 20
    lines = find_label_lines(gray, BarCandidate((40, 50, 100, 53), 60.0, 0.9))
    assert lines[0][0] <= 42
    assert lines[0][2] >= 76
