"""Labels that neither their color nor a text detector sets apart from the texture: read where labels stand by custom.

The recognizer of lines needs no box that fits: crops of a few heights beside a bar are read, and where at least two say
the same length it is the bar's.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mirsearch.analysis.base import BarCandidate, OcrEngine, Pixels
from mirsearch.analysis.scalebars.pairing import Label, Pair, pair_score
from mirsearch.corpus import Box
from mirsearch.text.lengths import Length, parse_length

_HEIGHT_SHARES = (0.06, 0.045, 0.09)
_MIN_HEIGHT, _MAX_HEIGHT = 14, 60
"""Heights of crops as parts of a panel's shorter side, and their limits in px."""

_GAPS = (0.1, 0.5)
_WIDTH = 4.6
"""Distances between bar and crop, and a crop's width, in parts of its height."""

_WIDENING = 1.5
"""By how many of its heights a crop is widened on both sides to see whether it has cut its label."""

_MAX_SILENT_CROPS = 12
"""Crops after which a bar is given up where none says a length."""

_MIN_CONFIDENCE, _MIN_PLAUSIBILITY, _MIN_AGREEING, _ENOUGH_AGREEING = 0.8, 0.8, 2, 3
"""Confidence and plausibility a reading needs to count, how many must say the same, and how many end the search."""


def guess_label(panel: Pixels, bar: BarCandidate, ocr: OcrEngine) -> Pair | None:
    """A bar with the length that most crops around it say; None where fewer than two say it or others as often."""
    votes: dict[float, list[tuple[Length, float, Box]]] = {}
    for number, box in enumerate(_label_places(bar, panel.shape[1], panel.shape[0])):
        if (not votes and number >= _MAX_SILENT_CROPS) or (len(votes) == 1 and len(next(iter(votes.values()))) == _ENOUGH_AGREEING):
            break
        text, sure = ocr.recognize([np.ascontiguousarray(panel[box[1] : box[3], box[0] : box[2]])])[0]
        length = parse_length(text) if sure >= _MIN_CONFIDENCE else None
        if length is not None and not length.repaired and length.plausibility >= _MIN_PLAUSIBILITY:
            votes.setdefault(length.nm, []).append((length, sure, box))
    ranked = sorted(votes.values(), key=lambda each: -len(each))
    if not ranked or len(ranked[0]) < _MIN_AGREEING or (len(ranked) > 1 and len(ranked[1]) == len(ranked[0])):
        return None
    share = len(ranked[0]) / sum(map(len, ranked))
    length, sure, box = max(ranked[0], key=lambda each: each[1])
    if _is_cut(panel, box, length, ocr):
        return None
    label = Label(length, box, sure * share)
    return Pair(bar, label, pair_score(bar, label))


def _is_cut(panel: Pixels, box: Box, length: Length, ocr: OcrEngine) -> bool:
    """Whether a wider crop says another length: the first one began within the number."""
    x0, y0, x1, y1 = box
    by = round(_WIDENING * (y1 - y0))
    wider = panel[y0:y1, max(0, x0 - by) : x1 + by]
    whole = parse_length(ocr.recognize([np.ascontiguousarray(wider)])[0][0])
    return whole is not None and whole.nm != length.nm


def _label_places(bar: BarCandidate, width: int, height: int) -> Iterator[Box]:
    """Where labels stand: above and below the middle of a lying bar and at its ends, beside an upright one."""
    x0, y0, x1, y1 = bar.box
    middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
    for part in _HEIGHT_SHARES:
        tall = min(_MAX_HEIGHT, max(_MIN_HEIGHT, round(part * min(width, height))))
        wide = _WIDTH * tall
        for gap in _GAPS:
            by = gap * tall
            corners = [(x0 - by - wide, middle_y - tall / 2), (x1 + by, middle_y - tall / 2)]
            if not bar.vertical:
                stacked = [(middle_x - wide / 2, y0 - by - tall), (middle_x - wide / 2, y1 + by)]
                corners = stacked + (corners if gap == _GAPS[-1] else [])
            for x, y in corners:
                box = (max(0, round(x)), max(0, round(y)), min(width, round(x + wide)), min(height, round(y + tall)))
                if box[2] - box[0] >= 1.5 * tall and box[3] - box[1] >= 0.8 * tall:
                    yield box
