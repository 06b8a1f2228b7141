"""Test reading scales from pixels, panels, and captions with the real detector and the real OCR."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from mirsearch.analysis.ocr.rapid import RapidOcrEngine
from mirsearch.analysis.scalebars.detector import RunLengthDetector
from mirsearch.analysis.scalebars.images import grow_by_margin
from mirsearch.analysis.scalebars.pairing import horizontal_closeness
from mirsearch.analysis.scalebars.panel_scales import read_panel_scales
from mirsearch.corpus import Panel
from tests.support import bar_drawings as drawn


@pytest.fixture(scope="module")
def parts():
    return RunLengthDetector(), RapidOcrEngine()


def whole_box(pixels):
    return (0, 0, pixels.shape[1], pixels.shape[0])


def read_one(pixels, parts, caption="", **options):
    return read_panel_scales(pixels, [Panel(box=whole_box(pixels))], *parts, caption=caption, **options)[0].scale


@pytest.mark.parametrize(
    ("text", "nm", "fill", "above"),
    [
        ("500 nm", 500, "white", True),
        ("2 µm", 2000, "black", True),
        ("0.5 µm", 500, "white", False),
        ("20nm", 20, (255, 235, 40), True),
    ],
)
def test_labelled_bars(parts, text, nm, fill, above):
    reading = read_one(drawn.draw_labeled_bar(text, (300, 300, 420, 306), fill, above=above), parts)
    assert reading.length_nm == nm
    assert reading.nm_per_px == pytest.approx(nm / 120, rel=0.015)
    assert reading.source == "label"
    assert reading.confidence > 0.6
    assert reading.bar == pytest.approx((300, 300, 420, 306), abs=1)


def test_boxes_are_in_pixels_of_the_figure_and_each_panel_has_its_own(parts):
    left, right = drawn.draw_labeled_bar("500 nm"), drawn.draw_labeled_bar("2 µm", (280, 320, 440, 326), seed=1)
    gap = np.full((360, 20, 3), 255, np.uint8)
    figure = np.concatenate([left, gap, right], axis=1)
    panels = [Panel(box=(0, 0, 480, 360)), Panel(box=(500, 0, 980, 360))]
    first, second = (each.scale for each in read_panel_scales(figure, panels, *parts))
    assert first.nm_per_px == pytest.approx(500 / 120, rel=0.015)
    assert second.nm_per_px == pytest.approx(2000 / 160, rel=0.015)
    assert second.bar == pytest.approx((780, 320, 940, 326), abs=1)


def draw_bare_bar(seed=0, bar=(300, 320, 420, 326)):
    return drawn.draw_panel(lambda draw: draw.rectangle((bar[0], bar[1], bar[2] - 1, bar[3] - 1), fill="white"), seed)


def test_the_caption_tells_a_bar_without_label_its_length(parts):
    reading = read_one(draw_bare_bar(), parts, "SEM of the film. Scale bar: 2 µm.")
    assert (reading.length_nm, reading.source, reading.label_text) == (2000, "caption", None)
    assert reading.nm_per_px == pytest.approx(2000 / 120, rel=0.015)


def test_the_letter_chooses_the_value(parts):
    caption = "Scale bars: (a) 200 nm; (b, c) 1 µm."
    pixels = draw_bare_bar()
    panels = [Panel(box=whole_box(pixels), label=label) for label in ("a", "C")]
    found = read_panel_scales(pixels, panels, *parts, caption=caption)
    assert [each.scale.length_nm for each in found] == [200, 1000]


def test_a_caption_that_disagrees_lowers_the_confidence(parts):
    pixels = drawn.draw_labeled_bar("500 nm")
    alone, agreed, other = (read_one(pixels, parts, text) for text in ("", "Scale bar: 500 nm.", "Scale bar: 2 µm."))
    assert agreed.confidence >= alone.confidence > other.confidence
    assert other.length_nm == 500


def test_width_of_the_field_without_a_bar(parts):
    reading = read_one(np.asarray(drawn.draw_ground(3)), parts, "AFM topography, image width 2 µm.")
    assert reading.nm_per_px == pytest.approx(2000 / 480)
    assert (reading.bar, reading.source) == (None, "caption")


def test_no_bar_no_caption_no_scale(parts):
    assert read_one(np.asarray(drawn.draw_ground(4)), parts) is None
    assert read_one(draw_bare_bar(), parts) is None


def test_a_bar_without_a_length_is_told(parts):
    pixels = draw_bare_bar()
    found = read_panel_scales(pixels, [Panel(box=whole_box(pixels))], *parts)[0]
    assert (found.scale, found.doubtful) == (None, None)
    assert found.bar.length_px == pytest.approx(120, abs=1)
    assert found.bar.box == pytest.approx((300, 320, 420, 326), abs=1)


@pytest.mark.parametrize("text", ["5 1/nm", "30 s", "5 kV", "x 5000", "d = 0.24 nm"])
def test_other_quantities_beside_a_bar_are_no_scale(parts, text):
    assert read_one(drawn.draw_labeled_bar(text), parts) is None


def test_the_inset_does_not_speak_for_the_panel(parts):
    image = Image.fromarray(drawn.draw_labeled_bar("50 µm", (330, 335, 460, 341)))
    draw = ImageDraw.Draw(image)
    draw.rectangle((60, 60, 240, 240), fill=(60, 60, 60), outline="white", width=2)
    draw.rectangle((100, 220, 199, 225), fill="white")
    drawn.write_text(image, "2 µm", (150, 204))
    reading = read_one(np.asarray(image), parts)
    assert reading.length_nm == 50_000
    with_caption = read_one(np.asarray(image), parts, "Scale bar: 2 µm.")
    assert with_caption.length_nm == 2000


def test_metadata_confirms_replaces_or_doubts(parts):
    pixels = drawn.draw_labeled_bar("500 nm")
    confirmed = read_one(pixels, parts, nm_per_px=500 / 120)
    assert (confirmed.source, confirmed.nm_per_px) == ("metadata", 500 / 120)
    assert confirmed.bar is not None
    doubted = read_one(pixels, parts, nm_per_px=1.0)
    assert doubted.source == "label"
    assert doubted.confidence < read_one(pixels, parts).confidence
    (told,) = read_panel_scales(pixels, [Panel(box=whole_box(pixels))], *parts, nm_per_px=1.0)
    assert told.scale == doubted
    assert (told.doubtful.source, told.doubtful.nm_per_px, told.doubtful.bar) == ("metadata", 1.0, None)
    assert told.doubtful.confidence == pytest.approx(1 - doubted.confidence)
    alone = read_one(np.asarray(drawn.draw_ground(5)), parts, nm_per_px=3.0)
    assert (alone.source, alone.nm_per_px, alone.bar) == ("metadata", 3.0, None)


@pytest.mark.parametrize("nonsense", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_metadata_is_left_out(parts, nonsense):
    assert read_one(np.asarray(drawn.draw_ground(5)), parts, nm_per_px=nonsense) is None


def test_odd_boxes_give_one_answer_each(parts):
    pixels = drawn.draw_labeled_bar()
    boxes = [(0, 0, 0, 0), (-50, -50, 10, 10), (400, 300, 9999, 9999), (700, 700, 800, 800), (100, 100, 50, 50)]
    found = read_panel_scales(pixels, [Panel(box=box) for box in boxes], *parts)
    assert len(found) == len(boxes)
    assert found[0].scale is found[3].scale is found[4].scale is None


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32 - 1), st.text(max_size=40))
def test_any_image_and_caption_are_accepted(height, width, seed, caption):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    panels = [Panel(box=whole_box(pixels), label="a")]
    assert len(read_panel_scales(pixels, panels, RunLengthDetector(), _SilentOcr(), caption=caption)) == 1


class _SilentOcr:
    """An engine that reads nothing: noise of any size must be accepted before OCR matters."""

    name = "silent"

    def read(self, pixels, side_limit=None, longest=None):
        return []

    def recognize(self, crops):
        return [("", 0.0) for _ in crops]


def test_labels_near_a_bar_belong_to_it():
    bar = (100, 100, 200, 106)
    above, far, beside, alien = (120, 76, 180, 96), (120, 20, 180, 40), (206, 93, 266, 113), (400, 76, 460, 96)
    assert horizontal_closeness(bar, above) > horizontal_closeness(bar, beside) > horizontal_closeness(bar, alien)
    assert horizontal_closeness(bar, far) == horizontal_closeness(bar, alien) == 0


@pytest.mark.data
@pytest.mark.slow
def test_real_bars(parts, shared_data):
    import csv

    with (shared_data / "scale_truth.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if not row["panel_bbox"]][::4]
    right = answered = 0
    for row in rows:
        with Image.open(shared_data / row["file"]) as image:
            reading = read_one(np.asarray(image.convert("RGB")), parts)
        answered += reading is not None
        tolerance = max(0.05, 2 / float(row["bar_length_px"]))
        right += reading is not None and abs(reading.nm_per_px / float(row["nm_per_px"]) - 1) <= tolerance
    assert right >= 0.9 * len(rows)
    assert right >= 0.95 * answered


@pytest.mark.parametrize(("edge", "expected"), [(90, (20, 20, 220, 120)), (255, (12, 12, 228, 128))])
def test_a_panel_is_grown_where_its_ground_goes_on_not_into_gutters(edge, expected):
    figure = np.full((160, 260, 3), 255, np.uint8)
    figure[20:120, 20:220] = edge
    figure[60:80, 60:120] = 30
    assert grow_by_margin(figure, (20, 20, 220, 120)) == expected
