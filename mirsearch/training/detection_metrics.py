"""Measures of a detector: average precision at IoU 0.5 and 0.75, and errors of the bars' lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.scalebars.faster_rcnn import BAR, LABEL, Detections
from mirsearch.training.detection_data import Sample

Floats = NDArray[np.float64]

LENGTH_TOLERANCE = 0.03, 2.0
"""A length is correct within this share of the true length or this many px, whichever is larger."""


@dataclass(frozen=True, slots=True)
class DetectionScores:
    """Measures of bars: AP50 and AP75; AP50 of labels; and measures of the best bar of each picture that has a bar.

    `found`: share of pictures where it matches (IoU ≥ 0.5). `right`: share where its length is correct.
    `length_error`: median relative error of the length where it matches.
    """

    ap50: float
    ap75: float
    label_ap50: float
    found: float
    right: float
    length_error: float
    pictures: int

    def as_json(self) -> dict[str, Any]:
        """Return the measures rounded to four places; undefined ones are null."""
        return {name: None if np.isnan(value) else round(value, 4) for name, value in asdict(self).items()}


def box_ious(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> Floats:
    """Return the intersection over union of boxes (n, 4) and (m, 4), shape (n, m)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2]).astype(np.float64)
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:]).astype(np.float64)
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(corners[:, 2:] - corners[:, :2]).astype(np.float64).prod(axis=1) for corners in (boxes, others)]
    return np.asarray(shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9))


def average_precision(found: Sequence[Detections], truth: Sequence[Sample], kind: int, min_iou: float) -> float:
    """Return the area under the precision-recall curve of one class over all pictures; NaN without true boxes.

    Precision is made monotone. A found box is correct if its IoU with a true box of the class is `min_iou` or more, and
    no box with a higher score matches that true box.
    """
    matches: list[tuple[float, bool]] = []
    total = 0
    for detected, sample in zip(found, truth, strict=True):
        true_boxes = sample.boxes[sample.classes == kind]
        total += len(true_boxes)
        of_kind = detected.classes == kind
        matches += _match_boxes(detected.boxes[of_kind], detected.scores[of_kind], true_boxes, min_iou)
    if not total:
        return float("nan")
    matches.sort(key=lambda match: (-match[0], match[1]))
    hits = np.cumsum([hit for _, hit in matches]) if matches else np.zeros(0)
    precision = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
    is_hit = np.array([hit for _, hit in matches], bool)
    return float(precision[is_hit].sum() / total)


def _match_boxes(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], true_boxes: NDArray[np.float32], min_iou: float
) -> list[tuple[float, bool]]:
    """Return each box's score and whether the box is correct, the highest score first."""
    ious = box_ious(boxes, true_boxes)
    taken = np.zeros(len(true_boxes), bool)
    matches = []
    for row in np.argsort(-scores, kind="stable"):
        free = np.where(taken, -1.0, ious[row]) if len(true_boxes) else np.zeros(0)
        best = int(free.argmax()) if len(free) else -1
        hit = best >= 0 and free[best] >= min_iou
        if hit:
            taken[best] = True
        matches.append((float(scores[row]), bool(hit)))
    return matches


def measure_detections(
    found: Sequence[Detections], truth: Sequence[Sample], lengths: Sequence[Floats] | None = None
) -> DetectionScores:
    """Return all measures. `lengths` are those of the found boxes in px, (n,) a picture; None: their longer sides."""
    with_bar, errors, right = 0, [], 0
    for number, (detected, sample) in enumerate(zip(found, truth, strict=True)):
        true_bars = np.flatnonzero(sample.classes == BAR)
        if not len(true_bars):
            continue
        with_bar += 1
        bars = np.flatnonzero(detected.classes == BAR)
        if not len(bars):
            continue
        best = bars[detected.scores[bars].argmax()]
        ious = box_ious(detected.boxes[[best]], sample.boxes[true_bars])[0]
        if ious.max() < 0.5:
            continue
        true_length = float(sample.lengths[true_bars[ious.argmax()]])
        length = (
            float(lengths[number][best])
            if lengths is not None
            else float((detected.boxes[best, 2:] - detected.boxes[best, :2]).max())
        )
        error = abs(length - true_length)
        errors.append(error / true_length)
        right += error <= max(LENGTH_TOLERANCE[0] * true_length, LENGTH_TOLERANCE[1])
    return DetectionScores(
        ap50=average_precision(found, truth, BAR, 0.5),
        ap75=average_precision(found, truth, BAR, 0.75),
        label_ap50=average_precision(found, truth, LABEL, 0.5),
        found=len(errors) / with_bar if with_bar else float("nan"),
        right=right / with_bar if with_bar else float("nan"),
        length_error=float(np.median(errors)) if errors else float("nan"),
        pictures=len(truth),
    )
