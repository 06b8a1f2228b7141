"""Read a doubtful label again: several crops of it vote, and the shape of its unit's letters is compared."""

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
"""Least confidence of OCR in a label that is accepted as it is, if it needed no repair."""

_REPAIRED_WEIGHT = 0.7
"""Weight of the vote of a reading that needed repair."""

_MILLIMETER_WEIGHT = 0.5
"""Weight of the vote of a reading in millimeters."""

_MIN_PLAUSIBILITY = 0.3
"""Least plausibility of a reading that may vote."""

_TRIMMED_SHARE = 0.2
"""Share of a label's height that is cut off above and below: text detectors leave wide margins around small letters."""

_UNCONFIRMED_UNIT_WEIGHT = 0.7
"""Weight of the confidence in a repaired unit that the letters' shape does not confirm."""

_UNCONFIRMED_MM_WEIGHT = 0.4
"""Weight of the confidence in millimeters that the letters' shape does not confirm."""

_AMBIGUOUS_UNIT = re.compile(r"[\d ](?:m|mm|[avfwg4MA]m|0m|[rn]m|mn)[.)]?$")
"""Readings of units that do not tell which unit was printed."""

_MICROMETERS = re.compile(r"μ|\du|\bu|micro")
"""Signs of micrometers. A label of 100 µm or more that has one is not a misread label in nanometers."""

_SHAPE_AGREES_WEIGHT = 1.6
"""Weight of the vote of a reading whose unit fits the letters' shape."""

_SHAPE_DIFFERS_WEIGHT = 0.3
"""Weight of the vote of a reading whose unit differs from the letters' shape."""

_UNIT_RANGE_NM = {"nm": (0.1, 1e3), "µm": (1e2, 1e6), "mm": (1e5, 1e8)}
"""Least and greatest length in nm that is written in a unit."""


def check_label(pair: Pair, panel: Pixels, ocr: OcrEngine) -> Pair:
    """Return the pair with its label read again if it is doubtful: its length becomes the one that wins the vote.

    The label's confidence falls with the share of the votes that differ.
    """
    label = pair.label
    if not (
        label.length.repaired
        or label.confidence < _CLEAR_CONFIDENCE
        or _is_millimeters(label.length)
        or is_upright(label.box)
    ):
        return pair
    readings = [(label.length, label.confidence)]
    for text, confidence in ocr.recognize(_crop_variants(panel, label.box, pair.bar.box)):
        length = parse_length(text)
        if length is not None and length.plausibility >= _MIN_PLAUSIBILITY:
            readings.append((length, confidence))
    shape = unit_shape(ink_view(panel, _grow_box(panel, label.box, 0.12), pair.bar.box))
    length, share = _elect_reading(readings, shape)
    confidence = max((conf for read_length, conf in readings if read_length == length), default=label.confidence)
    checked = replace(label, length=length, confidence=confidence * share * _shape_weight(length, shape))
    return replace(pair, label=checked, score=pair_score(pair.bar, checked))


def _shape_weight(length: Length, shape: str | None) -> float:
    """Return the weight of a reading's confidence: less if the letters' shape does not confirm an uncertain unit.

    A repaired unit that could be another one is uncertain. So are millimeters: OCR reads them in place of nanometers.
    """
    if shape is not None:
        return 1.0
    if _is_millimeters(length):
        return _UNCONFIRMED_MM_WEIGHT
    return _UNCONFIRMED_UNIT_WEIGHT if _is_ambiguous(length) else 1.0


def _is_ambiguous(length: Length) -> bool:
    """Return whether a unit was repaired that could also be another one: `m` may be left of µm, nm, and mm alike."""
    return length.repaired and _AMBIGUOUS_UNIT.search(normalize(length.text)) is not None


def _is_millimeters(length: Length) -> bool:
    """Return whether a length is in millimeters. OCR reads them in place of nanometers; few images are that wide."""
    return length.nm >= _UNIT_RANGE_NM["mm"][0] and not _MICROMETERS.search(normalize(length.text))


def _grow_box(panel: Pixels, box: Box, share: float) -> Box:
    """Return a box extended on all sides by a share of its height, within the panel."""
    margin = round(share * (box[3] - box[1]))
    height, width = panel.shape[:2]
    return max(0, box[0] - margin), max(0, box[1] - margin), min(width, box[2] + margin), min(height, box[3] + margin)


def _crop_variants(panel: Pixels, box: Box, bar: Box) -> list[Pixels]:
    """Return crops of a label: tighter, wider, twice as large, and dark on white by the bar's color.

    An upright label is turned both ways instead.
    """
    if is_upright(box):
        x0, y0, x1, y1 = _grow_box(panel, box, 0.0)
        return [np.ascontiguousarray(np.rot90(panel[y0:y1, x0:x1], quarter_turns)) for quarter_turns in (1, -1)]
    trim = round(_TRIMMED_SHARE * (box[3] - box[1]))
    crops = []
    for x0, y0, x1, y1 in (
        (box[0], box[1] + trim, box[2], box[3] - trim), _grow_box(panel, box, -0.06), _grow_box(panel, box, 0.15),
    ):  # fmt: skip
        crops.append(np.ascontiguousarray(panel[y0:y1, x0:x1]))
    crops.append(np.asarray(cv2.resize(crops[-1], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8))
    crops.append(ink_view(panel, _grow_box(panel, box, 0.15), bar))
    return crops


def _elect_reading(readings: Sequence[tuple[Length, float]], shape: str | None) -> tuple[Length, float]:
    """Return the reading with the most votes, and its share of the votes.

    Of several readings of that length, the most plausible one is returned.
    """
    votes: dict[float, float] = defaultdict(float)
    for length, confidence in readings:
        vote = confidence * length.plausibility * (_REPAIRED_WEIGHT if length.repaired else 1.0)
        vote *= _MILLIMETER_WEIGHT if _is_millimeters(length) else 1.0
        if shape is not None:
            low, high = _UNIT_RANGE_NM[shape]
            vote *= _SHAPE_AGREES_WEIGHT if low <= length.nm <= high else _SHAPE_DIFFERS_WEIGHT
        votes[length.nm] += vote
    best = max(votes, key=lambda nm: votes[nm])
    share = votes[best] / max(sum(votes.values()), 1e-9)
    elected = max((reading for reading, _ in readings if reading.nm == best), key=lambda reading: reading.plausibility)
    return elected, share
