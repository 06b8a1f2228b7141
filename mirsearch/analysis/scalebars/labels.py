"""Reading the label of a scale bar: OCR on a few small crops around the likeliest bars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from mirsearch.analysis.base import BarCandidate, OcrEngine, Pixels, TextBox
from mirsearch.analysis.scalebars.candidates import Gray, ink_chroma
from mirsearch.analysis.scalebars.label_checks import check_label
from mirsearch.analysis.scalebars.label_completion import complete_line, complete_lines, join_number_and_unit
from mirsearch.analysis.scalebars.label_ground import is_label_ground
from mirsearch.analysis.scalebars.label_guesses import guess_label
from mirsearch.analysis.scalebars.label_lines import crop_boxes, find_label_lines
from mirsearch.analysis.scalebars.pairing import Label, Pair, best_pair, closeness, find_labels, pair_score
from mirsearch.analysis.scalebars.unit_shapes import ink_view
from mirsearch.corpus import Box

_SURE_PAIR_SCORE = 0.62
"""Pair score from which no further crop is read."""

_MIN_SETTLED_READING = 0.5
"""Plausibility times confidence that a label must have to end the search."""

_MIN_SCORE_RATIO = 0.7
"""Score a bar must have beside the likeliest one's to end the search."""

_MAX_LIKELY_BARS, _MIN_LIKELY_SCORE = 12, 0.4
"""Bars whose surroundings are looked at without a text detector, and the score they need."""

_MAX_QUICK_LINES, _MIN_CLOSENESS, _CLEAR_CONFIDENCE = 5, 0.2, 0.6
"""Lines read so, how near to a bar they must be, and the confidence OCR must have."""

_MIN_QUICK_SCORE = 0.5
_INK_CHROMA = 100
"""Chroma of a bar drawn in a color."""

_GOOD_CLOSENESS = 0.55
"""How near to a bar a further line must be, once a label has been read."""

_INSIDE_COST, _CAPTION_GAIN, _MAX_LENGTH_ERROR = 0.3, 1.2, 0.01
_MIN_CHECKED_SCORE = 0.25
"""Pair score below which a label is not read again."""

_MIN_WIDENED_PLAUSIBILITY, _WIDENING = 0.45, 3
"""Plausibility of a label cut by a window for which a wider one is read, and by how many of its heights wider."""

_MAX_CROPS = 3
_GOOD_BAR_SCORE = 0.7
"""Score of a bar whose surroundings are read once more by its color."""

_GOOD_VERTICAL_SCORE, _MAX_GUESSED_BARS = 0.45, 2
"""The same of upright ones, and how many bars' labels are guessed at."""

_MIN_CROP_SCORE = 0.3
"""Score below which a bar is not worth a crop of its own."""

_GOOD_PANEL_SIDE = 560
"""Shorter side, in px, of a panel in which labels are about as high as the text detector likes them."""


def find_labelled_bar(
    panel: Pixels, bars: Sequence[BarCandidate], ocr: OcrEngine, expected: float | None = None
) -> Pair | None:
    """The best bar with a label, reading as little as possible; `expected` is the length in nm a caption tells."""
    pairs = [check_label(pair, panel, ocr) for pair in _read_nearby_lines(panel, bars, ocr)]
    best = _choose_pair(pairs, panel, expected)
    tint = ink_chroma(panel)
    for seen, window, upwards in _reading_views(panel, tint, bars):
        if _is_settled(best, expected, bars):
            break
        labels = read_upward_labels(seen, window, ocr) if upwards else _read_window_labels(seen, window, ocr)
        fitting = [pair for label in labels if (pair := _find_bar_for(panel, bars, label)) is not None]
        pairs += [check_label(pair, panel, ocr) for pair in fitting if pair.score >= _MIN_CHECKED_SCORE]
        best = _choose_pair(pairs, panel, expected)
    if expected is None and (
        best is None or best.score < _MIN_QUICK_SCORE or best.bar.score < _MIN_SCORE_RATIO * bars[0].score
    ):
        pairs += _guess_labels(panel, bars, ocr)
    return _choose_pair(pairs, panel, expected)


def _guess_labels(panel: Pixels, bars: Sequence[BarCandidate], ocr: OcrEngine) -> list[Pair]:
    """The likeliest bar with the label that is read where labels stand, though nothing was seen there."""
    good = [bar for bar in bars if bar.score >= (_GOOD_VERTICAL_SCORE if bar.vertical else _GOOD_BAR_SCORE)]
    for bar in good[:_MAX_GUESSED_BARS]:
        pair = guess_label(panel, bar, ocr)
        if pair is not None:
            return [check_label(pair, panel, ocr)]
    return []


def _reading_views(panel: Pixels, tint: Gray | None, bars: Sequence[BarCandidate]) -> Iterator[tuple[Pixels, Box, bool]]:
    """Views of a panel and windows around its likeliest bars to be read in turn, and whether they are read upwards.

    Colored lettering is read as it is, too, and the likeliest bar's by its color.
    """
    windows: list[Box] = []
    for bar in bars:
        if len(windows) >= _MAX_CROPS or bar.score < _MIN_CROP_SCORE:
            return
        if any(_lies_inside(bar.box, other) for other in windows):
            continue
        window = _label_window(bar, panel.shape[1], panel.shape[0])
        windows.append(window)
        view = _label_view(panel, tint, bar)
        yield view, window, False
        if bar.vertical:
            yield view, window, True
        elif view is not panel:
            yield panel, window, False
        elif len(windows) == 1 and bar.score >= _GOOD_BAR_SCORE and not bar.broken:
            yield _with_ink_window(panel, window, bar), window, False


def _with_ink_window(panel: Pixels, window: Box, bar: BarCandidate) -> Pixels:
    """The panel with what has a bar's color in a window dark on white: lettering among texture as bright as it."""
    x0, y0, x1, y1 = window
    seen = panel.copy()
    seen[y0:y1, x0:x1] = ink_view(panel, window, bar.box)
    return seen


def _is_settled(best: Pair | None, expected: float | None, bars: Sequence[BarCandidate]) -> bool:
    """Whether nothing further need be read: a sure pair that no caption contradicts, and no bar is far likelier."""
    if best is None or best.score < _SURE_PAIR_SCORE or best.bar.score < _MIN_SCORE_RATIO * bars[0].score:
        return False
    if best.label.length.plausibility * best.label.confidence < _MIN_SETTLED_READING:
        return False
    return expected is None or _matches_length(best, expected)


def _matches_length(pair: Pair, expected: float) -> bool:
    return abs(pair.label.length.nm / expected - 1) < _MAX_LENGTH_ERROR


def _read_window_labels(seen: Pixels, window: Box, ocr: OcrEngine) -> list[Label]:
    """Labels in a window; where all that there are reach its side, those of a wider one."""
    found = find_labels(read_window(seen, window, ocr))
    whole = _drop_cut_labels(found, window, seen.shape[1])
    if whole or not any(label.length.plausibility >= _MIN_WIDENED_PLAUSIBILITY for label in found):
        return whole
    by = _WIDENING * max(label.box[3] - label.box[1] for label in found)
    wider = (max(0, window[0] - by), window[1], min(seen.shape[1], window[2] + by), window[3])
    return _drop_cut_labels(find_labels(read_window(seen, wider, ocr)), wider, seen.shape[1])


def read_upward_labels(seen: Pixels, window: Box, ocr: OcrEngine) -> list[Label]:
    """Labels written upwards in a window, boxes in px of the panel."""
    x0, y0, x1, y1 = window
    lying = np.ascontiguousarray(np.rot90(seen[y0:y1, x0:x1], -1))
    found = find_labels(read_window(lying, (0, 0, y1 - y0, x1 - x0), ocr))
    return [
        replace(label, box=(x0 + a1, y1 - b1, x0 + c1, y1 - b0)) for label in found for b0, a1, b1, c1 in [label.box]
    ]


def _drop_cut_labels(labels: Sequence[Label], window: Box, width: int) -> list[Label]:
    """The labels that the window's sides do not cut: what is missing there are digits, `d =`, or the `in` of `min`."""
    x0, x1 = window[0], window[2]
    return [label for label in labels if (x0 == 0 or label.box[0] > x0 + 2) and (x1 >= width or label.box[2] < x1 - 2)]


def _choose_pair(pairs: Sequence[Pair], panel: Pixels, expected: float | None) -> Pair | None:
    """The best pair; of several good ones that which the caption tells, or the one nearest to a corner.

    A panel with an inset has two: the inset's lies further inside.
    """

    def merit(pair: Pair) -> float:
        told = expected is not None and _matches_length(pair, expected)
        return pair.score * (1 - _INSIDE_COST * _distance_from_corner(pair.bar.box, panel)) * (_CAPTION_GAIN if told else 1.0)

    return max(pairs, key=merit, default=None)


def _distance_from_corner(box: Box, panel: Pixels) -> float:
    """Distance of a box from the nearest corner of a panel, 0 to 1 in parts of its sides."""
    height, width = panel.shape[:2]
    across = min(box[0], width - box[2]) / width
    down = min(box[1], height - box[3]) / height
    return float(max(0.0, across, down))


def _read_nearby_lines(panel: Pixels, bars: Sequence[BarCandidate], ocr: OcrEngine) -> list[Pair]:
    """Bars with labels that are lettering of their own color, found without the text detector."""
    likely = [bar for bar in bars if bar.score >= _MIN_LIKELY_SCORE][:_MAX_LIKELY_BARS]
    if not likely:
        return []
    gray = np.asarray(cv2.cvtColor(panel, cv2.COLOR_RGB2GRAY), np.uint8)
    tint = ink_chroma(panel)
    near = [
        (closeness(bar, box) * bar.score, box, bar)
        for bar in likely
        for box in find_label_lines(gray if tint is None or not _is_colored(tint, bar) else tint, bar)
    ]
    near.sort(key=lambda scored: -scored[0])
    read: dict[Box, TextBox] = {}
    pairs: list[Pair] = []
    for score, box, bar in near:
        if score < (_MIN_CLOSENESS if not pairs else _GOOD_CLOSENESS):
            break
        if box not in read:
            if len(read) >= _MAX_QUICK_LINES:
                break
            read[box] = _read_line(_label_view(panel, tint, bar), box, ocr)
        own = {line for _, line, other in near if other is bar}
        clear = [line for found, line in read.items() if line.confidence >= _CLEAR_CONFIDENCE and found in own]
        pair = best_pair([bar], find_labels([*clear, *join_number_and_unit(clear)]))
        if pair is not None and pair.score >= _MIN_QUICK_SCORE:
            best = _find_bar_for(panel, bars, pair.label)
            pairs += [] if best is None else [best]
    return pairs


def _find_bar_for(panel: Pixels, bars: Sequence[BarCandidate], label: Label) -> Pair | None:
    """The bar that fits a label best and is not the ground it stands on."""
    pairs = sorted((Pair(bar, label, pair_score(bar, label)) for bar in bars), key=lambda pair: -pair.score)
    return next((pair for pair in pairs if pair.score == 0 or not is_label_ground(panel, pair.bar, label.box)), None)


def _read_line(view: Pixels, box: Box, ocr: OcrEngine) -> TextBox:
    """One line, with the number or unit that was not seen to belong to it."""
    text, sure = ocr.recognize(crop_boxes(view, [box]))[0]
    line = TextBox(text, box, sure)
    return complete_line(view, line, ocr) or line


def _is_colored(tint: Gray, bar: BarCandidate) -> bool:
    """Whether a bar is drawn in a color on a gray picture."""
    x0, y0, x1, y1 = bar.box
    inside = tint[y0:y1, x0:x1]
    return bool(inside.size and np.median(inside) > _INK_CHROMA)


def _label_view(panel: Pixels, tint: Gray | None, bar: BarCandidate) -> Pixels:
    """The panel as a bar's label is best read in it: dark on white where it is the only color."""
    if tint is None or not _is_colored(tint, bar):
        return panel
    return np.asarray(cv2.cvtColor(np.asarray(255 - tint, np.uint8), cv2.COLOR_GRAY2RGB), np.uint8)


def _label_window(bar: BarCandidate, width: int, height: int) -> Box:
    """The part of a panel in which a bar's label would lie."""
    x0, y0, x1, y1 = bar.box
    along = max(100.0, 0.5 * bar.length_px, 0.1 * width)
    across = min(max(36.0, 0.3 * bar.length_px, 0.06 * height), 110.0)
    if bar.vertical:
        along, across = max(80.0, 0.3 * width), max(30.0, 0.1 * bar.length_px)
    return (
        max(0, int(x0 - along)), max(0, int(y0 - across)), min(width, int(x1 + along)), min(height, int(y1 + across))
    )  # fmt: skip


def _lies_inside(box: Box, window: Box) -> bool:
    return window[0] <= box[0] and window[1] <= box[1] and box[2] <= window[2] and box[3] <= window[3]


def read_window(panel: Pixels, window: Box, ocr: OcrEngine) -> list[TextBox]:
    """Text lines of a window, boxes in px of the panel, pieces of a label put together."""
    x0, y0, x1, y1 = window
    crop = np.ascontiguousarray(panel[y0:y1, x0:x1])
    scale = float(np.clip(_GOOD_PANEL_SIDE / min(panel.shape[:2]), 0.5, 2.5))
    short, long = min(crop.shape[:2]), max(crop.shape[:2])
    lines = ocr.read(crop, max(48, round(short * scale)), max(64, round(long * scale)))
    lines += join_number_and_unit(lines)
    lines += complete_lines(crop, lines, ocr)
    return [
        replace(line, box=(line.box[0] + x0, line.box[1] + y0, line.box[2] + x0, line.box[3] + y0)) for line in lines
    ]
