"""Read labels that neither their color nor a text detector finds in the texture, where labels usually stand.

The recognizer of lines needs no exact box. Crops a few letter heights wide are read beside a bar. If at least two give
the same length, it is the bar's length.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mirsearch.analysis.base import BarCandidate, OcrEngine, Pixels
from mirsearch.analysis.scalebars.lettering import may_hold_lettering
from mirsearch.analysis.scalebars.pairing import Label, Pair, pair_score
from mirsearch.corpus import Box
from mirsearch.text.lengths import Length, parse_length

_HEIGHT_SHARES = (0.06, 0.045, 0.09)
"""Heights of the crops, as shares of the panel's shorter side."""

_MIN_HEIGHT = 14
"""Least height of a crop in px."""

_MAX_HEIGHT = 60
"""Greatest height of a crop in px."""

_GAPS = (0.1, 0.5)
"""Distances between bar and crop, as shares of the crop's height."""

_WIDTH = 4.6
"""Width of a crop, as a multiple of its height."""

_WIDENING = 1.5
"""How far a crop is widened on both sides, in crop heights, to see whether it cuts its label."""

_MAX_SILENT_CROPS = 8
"""Number of crops after which a bar is given up if none gives a length. A bound on time."""

_MIN_CONFIDENCE = 0.8
"""Least confidence of OCR in a reading that counts."""

_MIN_PLAUSIBILITY = 0.8
"""Least plausibility of a reading that counts."""

_MIN_AGREEING = 2
"""Least number of crops that must give the same length."""

_ENOUGH_AGREEING = 3
"""Number of crops with the same length that ends the search, if no crop gives another length."""


def guess_label(panel: Pixels, bar: BarCandidate, ocr: OcrEngine) -> Pair | None:
    """Return a bar with the length that most crops around it give.

    Return None if fewer than two crops give it, if another length is given as often, or if the crop cuts its label.
    """
    votes: dict[float, list[tuple[Length, float, Box]]] = {}
    for number, box in enumerate(_label_places(bar, panel.shape[1], panel.shape[0])):
        if (not votes and number >= _MAX_SILENT_CROPS) or (
            len(votes) == 1 and len(next(iter(votes.values()))) == _ENOUGH_AGREEING
        ):
            break
        if not may_hold_lettering(panel, box, bar.box):
            continue
        text, confidence = ocr.recognize([np.ascontiguousarray(panel[box[1] : box[3], box[0] : box[2]])])[0]
        length = parse_length(text) if confidence >= _MIN_CONFIDENCE else None
        if length is not None and not length.repaired and length.plausibility >= _MIN_PLAUSIBILITY:
            votes.setdefault(length.nm, []).append((length, confidence, box))
    ranked = sorted(votes.values(), key=lambda readings: -len(readings))
    if not ranked or len(ranked[0]) < _MIN_AGREEING or (len(ranked) > 1 and len(ranked[1]) == len(ranked[0])):
        return None
    share = len(ranked[0]) / sum(map(len, ranked))
    length, confidence, box = max(ranked[0], key=lambda reading: reading[1])
    if _is_cut(panel, box, length, ocr):
        return None
    label = Label(length, box, confidence * share)
    return Pair(bar, label, pair_score(bar, label))


def _is_cut(panel: Pixels, box: Box, length: Length, ocr: OcrEngine) -> bool:
    """Return whether a wider crop gives another length: then the first crop began within the number."""
    x0, y0, x1, y1 = box
    margin = round(_WIDENING * (y1 - y0))
    wider_crop = panel[y0:y1, max(0, x0 - margin) : x1 + margin]
    wider_length = parse_length(ocr.recognize([np.ascontiguousarray(wider_crop)])[0][0])
    return wider_length is not None and wider_length.nm != length.nm


def _label_places(bar: BarCandidate, width: int, height: int) -> Iterator[Box]:
    """Yield boxes where labels usually stand.

    They are above and below the middle of a horizontal bar and at its ends, or beside a vertical bar.
    """
    x0, y0, x1, y1 = bar.box
    middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
    for share in _HEIGHT_SHARES:
        crop_height = min(_MAX_HEIGHT, max(_MIN_HEIGHT, round(share * min(width, height))))
        crop_width = _WIDTH * crop_height
        for gap in _GAPS:
            distance = gap * crop_height
            corners = [
                (x0 - distance - crop_width, middle_y - crop_height / 2),
                (x1 + distance, middle_y - crop_height / 2),
            ]
            if not bar.vertical:
                above_and_below = [
                    (middle_x - crop_width / 2, y0 - distance - crop_height),
                    (middle_x - crop_width / 2, y1 + distance),
                ]
                corners = above_and_below + (corners if gap == _GAPS[-1] else [])
            for x, y in corners:
                box = (
                    max(0, round(x)),
                    max(0, round(y)),
                    min(width, round(x + crop_width)),
                    min(height, round(y + crop_height)),
                )
                if box[2] - box[0] >= 1.5 * crop_height and box[3] - box[1] >= 0.8 * crop_height:
                    yield box
