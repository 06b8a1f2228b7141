"""Average precision of detections, compared with values worked out by hand, and samples fitted to the network."""

from __future__ import annotations

import numpy as np
import pytest

from mirsearch.analysis.scalebars.faster_rcnn import BAR, LABEL, MIN_BOX_SIDE, Detections
from mirsearch.training.detection_data import (
    FIRST_TEST_SEED,
    AnnotatedPictures,
    CombinedSources,
    DrawnFigures,
    Sample,
    augment,
    draw_panel_samples,
    fit_sample,
    make_sample,
    random_window,
)  # fmt: skip
from mirsearch.training.detection_metrics import average_precision, box_ious, measure_detections


def sample(*boxes: tuple[float, ...], kind: int = BAR) -> Sample:
    return make_sample(np.zeros((100, 100, 3), np.uint8), boxes, [kind] * len(boxes), [b[2] - b[0] for b in boxes])


def found(*boxes: tuple[float, ...], kind: int = BAR) -> Detections:
    """Return detections from boxes with their scores as last numbers."""
    rows = np.array(boxes, np.float32).reshape(-1, 5)
    return Detections(rows[:, :4], rows[:, 4], np.full(len(rows), kind))


def test_overlaps_by_hand() -> None:
    shared = box_ious(np.array([[0, 0, 10, 10]], np.float32), np.array([[5, 0, 15, 10], [20, 20, 30, 30]], np.float32))
    assert shared.tolist() == [[pytest.approx(1 / 3), 0.0]]


def test_average_precision_by_hand() -> None:
    truth = [sample((0, 0, 10, 10), (50, 50, 60, 60)), sample()]
    told = [found((0, 0, 10, 10, 0.9), (0, 0, 10, 10, 0.8), (50, 50, 60, 60, 0.3)), found((1, 1, 5, 5, 0.5))]
    # right, twice (wrong), elsewhere (wrong), right: precision 1 and 2/4 at the two that are right
    assert average_precision(told, truth, BAR, 0.5) == pytest.approx((1 + 2 / 4) / 2)
    assert np.isnan(average_precision(told, truth, LABEL, 0.5))
    assert average_precision([found(), found()], truth, BAR, 0.5) == 0
    near = [found((0, 0, 10, 14, 0.9)), found()]
    assert average_precision(near, truth, BAR, 0.5) == pytest.approx(0.5)
    assert average_precision(near, truth, BAR, 0.75) == 0


def test_lengths_are_judged_on_the_best_bar_of_a_picture() -> None:
    truth = [sample((0, 0, 50, 10)), sample((0, 0, 50, 10)), sample((0, 0, 50, 10)), sample()]
    told = [found((0, 0, 51, 10, 0.9)), found((0, 0, 60, 10, 0.9), (0, 0, 50, 10, 0.1)), found(), found()]
    got = measure_detections(told, truth)
    assert got.found == pytest.approx(2 / 3)
    assert got.right == pytest.approx(1 / 3)
    assert got.length_error == pytest.approx(0.11)
    assert measure_detections([found()] * 4, truth).as_json()["length_error"] is None


def test_a_thin_bar_is_grown_on_the_canvas_and_scaled_with_its_picture() -> None:
    wide = make_sample(np.zeros((100, 400, 3), np.uint8), [(100, 50, 200, 54), (0, 0, 40, 40)], [BAR, LABEL], [100, 0])
    seen = fit_sample(wide, 200)
    assert seen.pixels.shape == (200, 200, 3)
    assert seen.boxes.tolist() == [[50, 26 - MIN_BOX_SIDE / 2, 100, 26 + MIN_BOX_SIDE / 2], [0, 0, 20, 20]]
    assert seen.lengths[0] == 50


def test_boxes_follow_their_ink_through_every_change() -> None:
    rng = np.random.default_rng(2)
    pixels = np.full((200, 240, 3), 90, np.uint8)
    pixels[150:156, 60:140] = 250
    start = make_sample(pixels, [(60, 150, 140, 156)], [BAR], [80.0])
    for _ in range(20):
        seen = random_window(fit_sample(augment(start, rng), 256), 160, rng)
        assert seen.pixels.shape == (160, 160, 3)
        for (x0, y0, x1, y1), length in zip(seen.boxes, seen.lengths, strict=True):
            inside = seen.pixels[round(y0) + 2 : round(y1) - 2, round(x0) + 3 : round(x1) - 3].astype(int)
            rim = seen.pixels[max(0, round(y0) - 6) : max(1, round(y0) - 3), round(x0) + 3 : round(x1) - 3]
            assert inside.max() > 150
            assert length >= x1 - x0 - 1.5
            if rim.size:
                assert rim.mean() < inside.max() - 40


def test_drawn_panels_have_their_bars_where_the_ink_is() -> None:
    panels = [each for seed in range(4) for each in draw_panel_samples(seed)]
    bars = [each for each in panels if (each.classes == BAR).any()]
    assert len(bars) >= 4
    for each in bars:
        x0, y0, x1, y1 = each.boxes[each.classes == BAR][0]
        height, width = each.pixels.shape[:2]
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
        assert max(x1 - x0, y1 - y0) == pytest.approx(each.lengths[each.classes == BAR][0], abs=2)


def test_what_is_tested_on_is_never_learned_from() -> None:
    drawn = DrawnFigures(2, 1)
    learned = {each.pixels.tobytes() for number in range(3) for each in drawn.training_samples(number)}
    assert not learned & {each.pixels.tobytes() for each in drawn.test_samples()}
    assert {e.pixels.tobytes() for e in drawn.training_samples(1)} == {
        e.pixels.tobytes() for e in drawn.training_samples(1)
    }
    assert FIRST_TEST_SEED > 1_000_000
    mine = AnnotatedPictures(tuple(sample((0, 0, 10 + n, 10)) for n in range(10)))
    learned = {id(each) for each in mine.training_samples(0)}
    assert len(learned) == 8
    assert not learned & {id(each) for each in mine.test_samples()}
    assert CombinedSources((drawn, mine)).test_samples() == mine.test_samples()
