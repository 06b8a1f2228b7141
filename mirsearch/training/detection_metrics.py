"""How good a detector is: average precision at IoU 0.5 and 0.75, and by how much the lengths of bars are off."""

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
"""A length is right within this share of it or this many px, whichever is more."""


@dataclass(frozen=True, slots=True)
class DetectionScores:
    """Of bars unless said otherwise: AP50, AP75, AP50 of labels; of the best bar of each picture with one, how often it
    is found (IoU ≥ 0.5), how often its length is right, and the median relative error of the lengths of those found."""

    ap50: float
    ap75: float
    label_ap50: float
    found: float
    right: float
    length_error: float
    pictures: int

    def as_json(self) -> dict[str, Any]:
        """Rounded to four places; what can't be told is null."""
        return {name: None if np.isnan(value) else round(value, 4) for name, value in asdict(self).items()}


def box_ious(ones: NDArray[np.float32], others: NDArray[np.float32]) -> Floats:
    """Intersection over union of boxes (n, 4) and (m, 4): (n, m)."""
    low = np.maximum(ones[:, None, :2], others[None, :, :2]).astype(np.float64)
    high = np.minimum(ones[:, None, 2:], others[None, :, 2:]).astype(np.float64)
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(each[:, 2:] - each[:, :2]).astype(np.float64).prod(axis=1) for each in (ones, others)]
    return np.asarray(shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9))


def average_precision(found: Sequence[Detections], truth: Sequence[Sample], kind: int, least: float) -> float:
    """Area under the precision-recall curve of one class over all pictures, precision made monotone; NaN without truth.

    A found box is right where it overlaps one of the class by `least` or more that no better one has taken.
    """
    marks: list[tuple[float, bool]] = []
    total = 0
    for mine, theirs in zip(found, truth, strict=True):
        wanted = theirs.boxes[theirs.classes == kind]
        total += len(wanted)
        chosen = mine.classes == kind
        marks += _match_boxes(mine.boxes[chosen], mine.scores[chosen], wanted, least)
    if not total:
        return float("nan")
    marks.sort(key=lambda mark: (-mark[0], mark[1]))
    hits = np.cumsum([hit for _, hit in marks]) if marks else np.zeros(0)
    precision = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
    gained = np.array([hit for _, hit in marks], bool)
    return float(precision[gained].sum() / total)


def _match_boxes(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], wanted: NDArray[np.float32], least: float
) -> list[tuple[float, bool]]:
    """Each box's score, and whether it is right."""
    shared = box_ious(boxes, wanted)
    taken = np.zeros(len(wanted), bool)
    marks = []
    for row in np.argsort(-scores, kind="stable"):
        free = np.where(taken, -1.0, shared[row]) if len(wanted) else np.zeros(0)
        best = int(free.argmax()) if len(free) else -1
        hit = best >= 0 and free[best] >= least
        if hit:
            taken[best] = True
        marks.append((float(scores[row]), bool(hit)))
    return marks


def measure_detections(
    found: Sequence[Detections], truth: Sequence[Sample], lengths: Sequence[Floats] | None = None
) -> DetectionScores:
    """All measures; `lengths` are those of the found boxes in px, (n,) a picture, else their longer sides are taken."""
    there, errors, right = 0, [], 0
    for number, (mine, theirs) in enumerate(zip(found, truth, strict=True)):
        wanted = np.flatnonzero(theirs.classes == BAR)
        if not len(wanted):
            continue
        there += 1
        bars = np.flatnonzero(mine.classes == BAR)
        if not len(bars):
            continue
        top = bars[mine.scores[bars].argmax()]
        shared = box_ious(mine.boxes[[top]], theirs.boxes[wanted])[0]
        if shared.max() < 0.5:
            continue
        length = float(theirs.lengths[wanted[shared.argmax()]])
        told = (
            float(lengths[number][top])
            if lengths is not None
            else float((mine.boxes[top, 2:] - mine.boxes[top, :2]).max())
        )
        errors.append(abs(told - length) / length)
        right += abs(told - length) <= max(LENGTH_TOLERANCE[0] * length, LENGTH_TOLERANCE[1])
    return DetectionScores(
        ap50=average_precision(found, truth, BAR, 0.5),
        ap75=average_precision(found, truth, BAR, 0.75),
        label_ap50=average_precision(found, truth, LABEL, 0.5),
        found=len(errors) / there if there else float("nan"),
        right=right / there if there else float("nan"),
        length_error=float(np.median(errors)) if errors else float("nan"),
        pictures=len(truth),
    )
