"""Compares a trained scale-bar detector with the default one, both as they are used. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.scalebars.detector import RunLengthDetector
from mirsearch.analysis.scalebars.faster_rcnn import BAR, MIN_BOX_SIDE, Detections, FasterRcnnDetector, grow_boxes
from mirsearch.training.detection_data import Sample
from mirsearch.training.detection_metrics import DetectionScores, measure_detections


def compare_detectors(detector: FasterRcnnDetector, samples: Sequence[Sample]) -> dict[str, DetectionScores]:
    """Measure the network, the trained detector and the run-length detector on pictures of their original size."""
    side = detector.side
    truth = [_thicken_bars(sample, side) for sample in samples]
    trained = [_detect_bars(detector, each, side) for each in truth]
    runs = [_detect_bars(RunLengthDetector(), each, side) for each in truth]
    return {
        "network": measure_detections([detector.detect_all(each.pixels) for each in truth], truth),
        "trained": measure_detections([each for each, _ in trained], truth, [lengths for _, lengths in trained]),
        "runs": measure_detections([each for each, _ in runs], truth, [lengths for _, lengths in runs]),
    }


def _thicken_bars(sample: Sample, side: int) -> Sample:
    """Return the sample with its bars' boxes made as thick as they are at the network's scale."""
    boxes = sample.boxes.copy()
    bars = sample.classes == BAR
    boxes[bars] = grow_boxes(boxes[bars], _min_thickness(sample, side))
    return Sample(sample.pixels, boxes, sample.classes, sample.lengths)


def _min_thickness(sample: Sample, side: int) -> float:
    height, width = sample.pixels.shape[:2]
    return float(MIN_BOX_SIDE * max(max(height, width) / side, 0.5))


def _detect_bars(
    detector: FasterRcnnDetector | RunLengthDetector, sample: Sample, side: int
) -> tuple[Detections, NDArray[np.float64]]:
    """Return a detector's bars as boxes, grown like the true boxes, and their measured lengths."""
    bars = detector.detect(sample.pixels)
    boxes = np.array([bar.box for bar in bars], np.float32).reshape(-1, 4)
    found = Detections(
        grow_boxes(boxes, _min_thickness(sample, side)),
        np.array([bar.score for bar in bars], np.float32),
        np.full(len(bars), BAR),
    )
    return found, np.array([bar.length_px for bar in bars], np.float64)
