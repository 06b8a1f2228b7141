"""Reading a doubtful label again: other crops of it vote, and the shape of its unit's letters is asked."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from mirsearch.analysis.base import OcrEngine, Pixels
from mirsearch.analysis.scalebars.label_completion import is_upright
from mirsearch.analysis.scalebars.pairing import Pair, pair_score
from mirsearch.analysis.scalebars.unit_shapes import ink_view, unit_shape
from mirsearch.corpus import Box
from mirsearch.text.lengths import Length, normalize, parse_length

_CLEAR_CONFIDENCE = 0.80
"""Confidence of OCR from which a label that needed no repair is taken as it is."""

_REPAIRED_WEIGHT, _MILLIMETER_WEIGHT, _MIN_PLAUSIBILITY = 0.7, 0.5, 0.3
"""What the votes of a repaired reading and of millimeters count, and the plausibility a reading needs to vote."""

_TRIMMED_SHARE = 0.2
"""Part of a label's height cut off above and below: text detectors leave wide margins around small letters."""

_UNCONFIRMED_UNIT_WEIGHT, _UNCONFIRMED_MM_WEIGHT = 0.7, 0.4
"""What the confidence of a repaired reading, and of millimeters, counts where the letters' shape confirms nothing."""

_AMBIGUOUS_UNIT = re.compile(r"[\d ](?:m|mm|[avfwg4MA]m|0m|[rn]m|mn)[.)]?$")
"""Readings of units that leave open which one was printed."""

_MICROMETERS = re.compile(r"μ|\du|\bu|micro")
"""What tells micrometers: 100 µm and more are no misread nanometers."""

_SHAPE_AGREES_WEIGHT, _SHAPE_DIFFERS_WEIGHT = 1.6, 0.3
_UNIT_RANGE_NM = {"nm": (0.1, 1e3), "µm": (1e2, 1e6), "mm": (1e5, 1e8)}
"""Lengths in nm that are written in a unit."""


def check_label(pair: Pair, panel: Pixels, ocr: OcrEngine) -> Pair:
    """The pair with its label read again where it is doubtful: what most readings say, as sure as they agree."""
    label = pair.label
    if not (label.length.repaired or label.confidence < _CLEAR_CONFIDENCE or _is_millimeters(label.length) or is_upright(label.box)):
        return pair
    answers = [(label.length, label.confidence)]
    for text, confidence in ocr.recognize(_crop_variants(panel, label.box, pair.bar.box)):
        length = parse_length(text)
        if length is not None and length.plausibility >= _MIN_PLAUSIBILITY:
            answers.append((length, confidence))
    shape = unit_shape(ink_view(panel, _grow_box(panel, label.box, 0.12), pair.bar.box))
    length, share = _elect_reading(answers, shape)
    sure = max((confidence for each, confidence in answers if each == length), default=label.confidence) * share
    checked = replace(label, length=length, confidence=sure * _shape_weight(length, shape))
    return replace(pair, label=checked, score=pair_score(pair.bar, checked))


def _shape_weight(length: Length, shape: str | None) -> float:
    """What a reading counts that its letters' shape does not confirm: a lost unit, or millimeters, which nm become."""
    if shape is not None:
        return 1.0
    return _UNCONFIRMED_MM_WEIGHT if _is_millimeters(length) else _UNCONFIRMED_UNIT_WEIGHT if _is_ambiguous(length) else 1.0


def _is_ambiguous(length: Length) -> bool:
    """Whether a unit was repaired that could have been another as well: `m` is left of µm, nm and mm alike."""
    return length.repaired and _AMBIGUOUS_UNIT.search(normalize(length.text)) is not None


def _is_millimeters(length: Length) -> bool:
    """Whether a label says millimeters: OCR makes them of nanometers, and few micrographs are so wide."""
    return length.nm >= _UNIT_RANGE_NM["mm"][0] and not _MICROMETERS.search(normalize(length.text))


def _grow_box(panel: Pixels, box: Box, part: float) -> Box:
    """A box grown on all sides by a part of its height, within the panel."""
    by = round(part * (box[3] - box[1]))
    height, width = panel.shape[:2]
    return max(0, box[0] - by), max(0, box[1] - by), min(width, box[2] + by), min(height, box[3] + by)


def _crop_variants(panel: Pixels, box: Box, bar: Box) -> list[Pixels]:
    """Crops of a label: tighter, wider, twice as large, and dark on white by the bar's color."""
    if is_upright(box):
        x0, y0, x1, y1 = _grow_box(panel, box, 0.0)
        return [np.ascontiguousarray(np.rot90(panel[y0:y1, x0:x1], times)) for times in (1, -1)]
    low = round(_TRIMMED_SHARE * (box[3] - box[1]))
    crops = []
    for x0, y0, x1, y1 in (
        (box[0], box[1] + low, box[2], box[3] - low), _grow_box(panel, box, -0.06), _grow_box(panel, box, 0.15),
    ):  # fmt: skip
        crops.append(np.ascontiguousarray(panel[y0:y1, x0:x1]))
    crops.append(np.asarray(cv2.resize(crops[-1], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8))
    crops.append(ink_view(panel, _grow_box(panel, box, 0.15), bar))
    return crops


def _elect_reading(answers: Sequence[tuple[Length, float]], shape: str | None) -> tuple[Length, float]:
    """The reading with most votes and its share of them; the first of those that say the same."""
    votes: dict[float, float] = defaultdict(float)
    for length, confidence in answers:
        vote = confidence * length.plausibility * (_REPAIRED_WEIGHT if length.repaired else 1.0)
        vote *= _MILLIMETER_WEIGHT if _is_millimeters(length) else 1.0
        if shape is not None:
            low, high = _UNIT_RANGE_NM[shape]
            vote *= _SHAPE_AGREES_WEIGHT if low <= length.nm <= high else _SHAPE_DIFFERS_WEIGHT
        votes[length.nm] += vote
    best = max(votes, key=lambda nm: votes[nm])
    share = votes[best] / max(sum(votes.values()), 1e-9)
    first = max((each for each, _ in answers if each.nm == best), key=lambda each: each.plausibility)
    return first, share
