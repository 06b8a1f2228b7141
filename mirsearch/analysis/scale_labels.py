"""Reading the label of a scale bar: OCR on a few small crops around the likeliest bars."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from mirsearch.analysis.bars_masks import Gray, tinted
from mirsearch.analysis.base import BarCandidate, OcrEngine, Pixels, TextBox
from mirsearch.analysis.label_lines import crops, lines_near
from mirsearch.analysis.lengths import normalize
from mirsearch.analysis.scale_pairs import Label, Pair, best_pair, closeness, labels_of
from mirsearch.corpus import Box

_SURE = 0.62
"""Pair score from which no further crop is read."""

_LIKELY_BARS, _LIKELY_BAR = 8, 0.4
"""Bars whose surroundings are looked at without a text detector, and the score they need."""

_QUICK_LINES, _LEAST_NEAR, _CLEAR = 5, 0.2, 0.75
"""Lines read so, how near to a bar they must be, and the confidence OCR must have."""

_LEAST_QUICK = 0.5
_INK = 100
"""Chroma of a bar drawn in a color."""

_GOOD_NEAR = 0.55
"""How near to a bar a further line must be, once a label has been read."""

_INSIDE_COST, _TOLD_GAIN, _SAME = 0.3, 1.2, 0.01
_MOST_CROPS = 3
_LEAST_BAR = 0.3
"""Score below which a bar is not worth a crop of its own."""

_GOOD_PANEL_SIDE = 560
"""Shorter side, in px, of a panel in which labels are about as high as the text detector likes them."""

_UNIT_ALONE = re.compile(r"(?:μ ?[mMnr]?|u[mr]|nm|hm|[mun]m)[.)]?", re.IGNORECASE)
_DIGITS_ALONE = re.compile(r"[\d.,lIO]{1,5}")
_WHOLE = re.compile(r"[\d.,]+ ?[a-zA-Zμ]+")


def find_labelled_bar(
    panel: Pixels, bars: Sequence[BarCandidate], ocr: OcrEngine, expected: float | None = None
) -> Pair | None:
    """The best bar with a label, reading as little as possible; `expected` is the length in nm a caption tells."""
    pairs = _quickly(panel, bars, ocr)
    best = _choose(pairs, panel, expected)
    windows: list[Box] = []
    tint = tinted(panel)
    for bar in bars:
        if _settled(best, expected) or len(windows) >= _MOST_CROPS or bar.score < _LEAST_BAR:
            break
        if any(_inside(bar.box, other) for other in windows):
            continue
        window = _window(bar, panel.shape[1], panel.shape[0])
        windows.append(window)
        seen = _view(panel, tint, bar)
        labels = _uncut(labels_of(read_window(seen, window, ocr)), window, panel.shape[1])
        pairs += [pair for label in labels if (pair := best_pair(bars, [label])) is not None]
        best = _choose(pairs, panel, expected)
    return best


def _settled(best: Pair | None, expected: float | None) -> bool:
    """Whether nothing further need be read: a sure pair that no caption contradicts."""
    return best is not None and best.score >= _SURE and (expected is None or _says(best, expected))


def _says(pair: Pair, expected: float) -> bool:
    return abs(pair.label.length.nm / expected - 1) < _SAME


def _uncut(labels: Sequence[Label], window: Box, width: int) -> list[Label]:
    """The labels that the window's sides do not cut: what is missing there are digits, `d =`, or the `in` of `min`."""
    x0, x1 = window[0], window[2]
    return [label for label in labels if (x0 == 0 or label.box[0] > x0 + 2) and (x1 >= width or label.box[2] < x1 - 2)]


def _choose(pairs: Sequence[Pair], panel: Pixels, expected: float | None) -> Pair | None:
    """The best pair; of several good ones that which the caption tells, or the one nearest to a corner.

    A panel with an inset has two: the inset's lies further inside.
    """

    def merit(pair: Pair) -> float:
        told = expected is not None and _says(pair, expected)
        return pair.score * (1 - _INSIDE_COST * _from_corner(pair.bar.box, panel)) * (_TOLD_GAIN if told else 1.0)

    return max(pairs, key=merit, default=None)


def _from_corner(box: Box, panel: Pixels) -> float:
    """Distance of a box from the nearest corner of a panel, 0 to 1 in parts of its sides."""
    height, width = panel.shape[:2]
    across = min(box[0], width - box[2]) / width
    down = min(box[1], height - box[3]) / height
    return float(max(0.0, across, down))


def _quickly(panel: Pixels, bars: Sequence[BarCandidate], ocr: OcrEngine) -> list[Pair]:
    """Bars with labels that are lettering of their own color, found without the text detector."""
    likely = [bar for bar in bars if bar.score >= _LIKELY_BAR][:_LIKELY_BARS]
    if not likely:
        return []
    gray = np.asarray(cv2.cvtColor(panel, cv2.COLOR_RGB2GRAY), np.uint8)
    tint = tinted(panel)
    near = [
        (closeness(bar, box) * bar.score, box, bar)
        for bar in likely
        for box in lines_near(gray if tint is None or not _is_colored(tint, bar) else tint, bar)
    ]
    near.sort(key=lambda scored: -scored[0])
    read: dict[Box, TextBox] = {}
    pairs: list[Pair] = []
    for score, box, bar in near:
        if score < (_LEAST_NEAR if not pairs else _GOOD_NEAR):
            break
        if box not in read:
            if len(read) >= _QUICK_LINES:
                break
            text, sure = ocr.recognize(crops(_view(panel, tint, bar), [box]))[0]
            read[box] = TextBox(text, box, sure)
        own = {line for _, line, other in near if other is bar}
        clear = [line for line in read.values() if line.confidence >= _CLEAR and line.box in own]
        pair = best_pair([bar], labels_of([*clear, *_put_together(clear)]))
        if pair is not None and pair.score >= _LEAST_QUICK:
            pairs.append(pair)
    return pairs


def _is_colored(tint: Gray, bar: BarCandidate) -> bool:
    """Whether a bar is drawn in a color on a gray picture."""
    x0, y0, x1, y1 = bar.box
    inside = tint[y0:y1, x0:x1]
    return bool(inside.size and np.median(inside) > _INK)


def _view(panel: Pixels, tint: Gray | None, bar: BarCandidate) -> Pixels:
    """The panel as a bar's label is best read in it: dark on white where it is the only color."""
    if tint is None or not _is_colored(tint, bar):
        return panel
    return np.asarray(cv2.cvtColor(np.asarray(255 - tint, np.uint8), cv2.COLOR_GRAY2RGB), np.uint8)


def _window(bar: BarCandidate, width: int, height: int) -> Box:
    """The part of a panel in which a bar's label would lie."""
    x0, y0, x1, y1 = bar.box
    along = max(100.0, 0.5 * bar.length_px, 0.1 * width)
    across = min(max(36.0, 0.3 * bar.length_px, 0.06 * height), 110.0)
    if bar.vertical:
        along, across = max(80.0, 0.12 * width), max(30.0, 0.2 * bar.length_px)
    return (
        max(0, int(x0 - along)), max(0, int(y0 - across)), min(width, int(x1 + along)), min(height, int(y1 + across))
    )  # fmt: skip


def _inside(box: Box, window: Box) -> bool:
    return window[0] <= box[0] and window[1] <= box[1] and box[2] <= window[2] and box[3] <= window[3]


def read_window(panel: Pixels, window: Box, ocr: OcrEngine) -> list[TextBox]:
    """Text lines of a window, boxes in px of the panel, pieces of a label put together."""
    x0, y0, x1, y1 = window
    crop = np.ascontiguousarray(panel[y0:y1, x0:x1])
    scale = float(np.clip(_GOOD_PANEL_SIDE / min(panel.shape[:2]), 0.5, 2.5))
    short, long = min(crop.shape[:2]), max(crop.shape[:2])
    lines = ocr.read(crop, max(48, round(short * scale)), max(64, round(long * scale)))
    lines += _put_together(lines)
    lines += _completed(crop, lines, ocr)
    return [
        replace(line, box=(line.box[0] + x0, line.box[1] + y0, line.box[2] + x0, line.box[3] + y0)) for line in lines
    ]


def _put_together(lines: Sequence[TextBox]) -> list[TextBox]:
    """`200` and `nm` found apart, as one line."""
    whole = []
    for number in lines:
        for unit in lines:
            if not _DIGITS_ALONE.fullmatch(normalize(number.text)) or not _UNIT_ALONE.fullmatch(normalize(unit.text)):
                continue
            (a0, b0, a1, b1), (c0, d0, c1, d1) = number.box, unit.box
            height = max(b1 - b0, d1 - d0)
            if -0.6 * height <= c0 - a1 <= 1.2 * height and min(b1, d1) - max(b0, d0) >= 0.4 * height:
                box = (a0, min(b0, d0), c1, max(b1, d1))
                whole.append(TextBox(f"{number.text} {unit.text}", box, min(number.confidence, unit.confidence)))
    return whole


def _completed(crop: Pixels, lines: Sequence[TextBox], ocr: OcrEngine) -> list[TextBox]:
    """Units whose number was not found, read again with what stands before them."""
    if any(_WHOLE.fullmatch(normalize(line.text)) for line in lines):
        return []
    wider = []
    for line in lines:
        if _UNIT_ALONE.fullmatch(normalize(line.text)):
            x0, y0, x1, y1 = line.box
            box = (max(0, x0 - 2 * (y1 - y0)), y0, x1, y1)
            wider.append(box)
    texts = ocr.recognize([np.ascontiguousarray(crop[y0:y1, x0:x1]) for x0, y0, x1, y1 in wider])
    return [TextBox(text, box, confidence) for (text, confidence), box in zip(texts, wider, strict=True)]
