"""Read the label of a scale bar: OCR on a few small crops around the likeliest bars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from mirsearch.analysis.base import BarCandidate, OcrEngine, Pixels, TextBox
from mirsearch.analysis.panels.boxes import distance_from_corner, lies_in, shift_text
from mirsearch.analysis.panels.masks import Gray
from mirsearch.analysis.scalebars.candidates import ink_chroma
from mirsearch.analysis.scalebars.label_checks import check_label
from mirsearch.analysis.scalebars.label_completion import complete_line, complete_lines, join_number_and_unit
from mirsearch.analysis.scalebars.label_ground import is_label_ground
from mirsearch.analysis.scalebars.label_lines import crop_boxes, find_label_lines
from mirsearch.analysis.scalebars.pairing import Label, Pair, best_pair, closeness, find_labels, pair_score
from mirsearch.analysis.scalebars.unit_shapes import ink_view, is_colored, label_view
from mirsearch.corpus import Box

_SURE_PAIR_SCORE = 0.62
"""Pair score from which on no further crop is read."""

_MIN_SETTLED_READING = 0.5
"""Least product of a label's plausibility and confidence that ends the search."""

_MIN_SCORE_RATIO = 0.7
"""Least score of a bar that ends the search, as a share of the likeliest bar's score."""

_MAX_LIKELY_BARS, _MIN_LIKELY_SCORE = 12, 0.4
"""Greatest number of bars whose label is looked for without a text detector, and the least score of such a bar."""

_MAX_QUICK_LINES, _MIN_CLOSENESS, _CLEAR_CONFIDENCE = 5, 0.2, 0.6
"""Greatest number of lines that are then read, their least closeness to a bar, and OCR's least confidence in them."""

_MIN_QUICK_SCORE = 0.5
"""Pair score from which on a label read without a text detector is kept."""

_GOOD_CLOSENESS = 0.55
"""Least closeness to a bar of a further line, after one label has been read."""

_INSIDE_COST, _CAPTION_GAIN, _MAX_LENGTH_ERROR = 0.3, 1.2, 0.01
"""Weights for choosing among pairs, and the error up to which a length equals the caption's.

`_INSIDE_COST` is the share of the score that a pair far from the panel's corners loses. `_CAPTION_GAIN` is the weight
of a pair with the caption's length. `_MAX_LENGTH_ERROR` is a relative error.
"""

_MIN_CHECKED_SCORE = 0.25
"""Pair score below which a label is not read again."""

_MIN_WIDENED_PLAUSIBILITY, _WIDENING = 0.45, 3
"""Least plausibility of a label cut by a window for which a wider one is read, and the widening in label heights."""

_MAX_CROPS = 2
"""Greatest number of windows of a panel that are read with the text detector. A bound on time: of 118 real labels, 13
are read in the first window, one in the second, and the others without a detector.

Where the caption gives the length, one window shows whether a label gives it too.
"""

_MIN_CHECKED_BAR_SCORE, _SURE_BAR_SCORE = 0.55, 0.9
"""Scores of the best bar between which that window is read. From the second on, the bar needs no label to be one, and
the lettering in its color beside it was read already: the window is then read only if a label contradicts the
caption."""

_GOOD_BAR_SCORE = 0.7
"""Least score of a bar whose window is read once more by the bar's color, or whose label is guessed."""

_GOOD_VERTICAL_SCORE, _MAX_GUESSED_BARS = 0.45, 2
"""Least score of a vertical bar whose label is read upwards or guessed, and the greatest number of bars for which that
is tried."""

_MIN_CROP_SCORE = 0.35
"""Score below which a bar gets no window of its own."""

_GOOD_PANEL_SIDE = 560
"""Shorter side in px of a panel whose labels have about the height that suits the text detector."""


def find_labelled_bar(
    panel: Pixels,
    bars: Sequence[BarCandidate],
    ocr: OcrEngine,
    expected_nm: float | None = None,
    thorough: bool = True,
) -> Pair | None:
    """Return the best bar with a label. It reads no more crops than needed.

    `expected_nm` is the length that the caption gives. Without `thorough`, only the lines nearest the likeliest bars
    are read: in a drawing, many lines look like bars and many texts like labels.
    """
    pairs = [check_label(pair, panel, ocr) for pair in _read_nearby_lines(panel, bars, ocr)]
    best = _choose_pair(pairs, panel, expected_nm)
    if not thorough:
        return best
    chroma = ink_chroma(panel)
    for view, window, upward in _reading_views(panel, chroma, bars, _most_windows(best, bars, expected_nm)):
        if _is_settled(best, expected_nm, bars):
            break
        labels = read_upward_labels(view, window, ocr) if upward else _read_window_labels(view, window, ocr)
        found = [pair for label in labels if (pair := _find_bar_for(panel, bars, label)) is not None]
        pairs += [check_label(pair, panel, ocr) for pair in found if pair.score >= _MIN_CHECKED_SCORE]
        best = _choose_pair(pairs, panel, expected_nm)
    if expected_nm is None and (
        best is None or best.score < _MIN_QUICK_SCORE or best.bar.score < _MIN_SCORE_RATIO * bars[0].score
    ):
        pairs += _guess_labels(panel, bars, ocr)
    return _choose_pair(pairs, panel, expected_nm)


def _most_windows(best: Pair | None, bars: Sequence[BarCandidate], expected_nm: float | None) -> int:
    """Return how many windows may be read: with a caption, one where the bar is not sure or a label contradicts it."""
    if expected_nm is None:
        return _MAX_CROPS
    score = bars[0].score if bars else 0.0
    contradicts = best is not None and not _matches_length(best, expected_nm)
    return int(score >= _MIN_CHECKED_BAR_SCORE and (contradicts or score < _SURE_BAR_SCORE))


def _guess_labels(panel: Pixels, bars: Sequence[BarCandidate], ocr: OcrEngine) -> list[Pair]:
    """Return the likeliest bar with a label that is read where labels usually stand, although none was detected."""
    from mirsearch.analysis.scalebars.label_guesses import guess_label  # few images need it

    good = [bar for bar in bars if bar.score >= (_GOOD_VERTICAL_SCORE if bar.vertical else _GOOD_BAR_SCORE)]
    for bar in good[:_MAX_GUESSED_BARS]:
        pair = guess_label(panel, bar, ocr)
        if pair is not None:
            return [check_label(pair, panel, ocr)]
    return []


def _reading_views(
    panel: Pixels, chroma: Gray | None, bars: Sequence[BarCandidate], most: int
) -> Iterator[tuple[Pixels, Box, bool]]:
    """Yield views of a panel, at most `most` windows around its likeliest bars, and whether they are written upwards.

    Where a bar is colored, the view that shows its color comes first, then the panel. The likeliest bar's window is
    also shown by the bar's color.
    """
    windows: list[Box] = []
    for bar in bars:
        if len(windows) >= most or bar.score < _MIN_CROP_SCORE:
            return
        if any(lies_in(bar.box, other) for other in windows):
            continue
        window = _label_window(bar, panel.shape[1], panel.shape[0])
        windows.append(window)
        view = label_view(panel, chroma, bar)
        yield view, window, False
        if bar.vertical and bar.score >= _GOOD_VERTICAL_SCORE:
            yield view, window, True
        elif view is not panel and not bar.vertical:
            yield panel, window, False
        elif len(windows) == 1 and bar.score >= _GOOD_BAR_SCORE and not bar.broken and not bar.vertical:
            yield _with_ink_window(panel, window, bar), window, False


def _with_ink_window(panel: Pixels, window: Box, bar: BarCandidate) -> Pixels:
    """Return the panel with what has a bar's color in a window as dark on white.

    This shows lettering in texture that is as bright as the lettering.
    """
    x0, y0, x1, y1 = window
    view = panel.copy()
    view[y0:y1, x0:x1] = ink_view(panel, window, bar.box)
    return view


def _is_settled(best: Pair | None, expected_nm: float | None, bars: Sequence[BarCandidate]) -> bool:
    """Return whether no further crop need be read.

    The best pair is then sure and agrees with the caption, and no other bar is much likelier.
    """
    if best is None or best.score < _SURE_PAIR_SCORE or best.bar.score < _MIN_SCORE_RATIO * bars[0].score:
        return False
    if best.label.length.plausibility * best.label.confidence < _MIN_SETTLED_READING:
        return False
    return expected_nm is None or _matches_length(best, expected_nm)


def _matches_length(pair: Pair, expected_nm: float) -> bool:
    """Return whether a pair's label gives the expected length."""
    return abs(pair.label.length.nm / expected_nm - 1) < _MAX_LENGTH_ERROR


def _read_window_labels(view: Pixels, window: Box, ocr: OcrEngine) -> list[Label]:
    """Return the labels in a window. If its sides cut all plausible ones, a wider window is read."""
    labels = find_labels(read_window(view, window, ocr))
    uncut = _drop_cut_labels(labels, window, view.shape[1])
    if uncut or not any(label.length.plausibility >= _MIN_WIDENED_PLAUSIBILITY for label in labels):
        return uncut
    margin = _WIDENING * max(label.box[3] - label.box[1] for label in labels)
    wider = (max(0, window[0] - margin), window[1], min(view.shape[1], window[2] + margin), window[3])
    return _drop_cut_labels(find_labels(read_window(view, wider, ocr)), wider, view.shape[1])


def read_upward_labels(view: Pixels, window: Box, ocr: OcrEngine) -> list[Label]:
    """Return the labels written upwards in a window, with boxes in px of the panel."""
    x0, y0, x1, y1 = window
    rotated = np.ascontiguousarray(np.rot90(view[y0:y1, x0:x1], -1))
    labels = find_labels(read_window(rotated, (0, 0, y1 - y0, x1 - x0), ocr))
    return [
        replace(label, box=(x0 + a1, y1 - b1, x0 + c1, y1 - b0)) for label in labels for b0, a1, b1, c1 in [label.box]
    ]


def _drop_cut_labels(labels: Sequence[Label], window: Box, width: int) -> list[Label]:
    """Return the labels that the window's sides do not cut. A cut one may lack digits, `d =`, or the `in` of `min`."""
    x0, x1 = window[0], window[2]
    return [label for label in labels if (x0 == 0 or label.box[0] > x0 + 2) and (x1 >= width or label.box[2] < x1 - 2)]


def _choose_pair(pairs: Sequence[Pair], panel: Pixels, expected_nm: float | None) -> Pair | None:
    """Return the best pair. Of several good ones, prefer one with the caption's length or near a corner of the panel.

    A panel with an inset has two good pairs: the inset's one lies further inside.
    """

    def merit(pair: Pair) -> float:
        matches_caption = expected_nm is not None and _matches_length(pair, expected_nm)
        gain = _CAPTION_GAIN if matches_caption else 1.0
        return pair.score * (1 - _INSIDE_COST * distance_from_corner(pair.bar.box, panel.shape)) * gain

    return max(pairs, key=merit, default=None)


def _read_nearby_lines(panel: Pixels, bars: Sequence[BarCandidate], ocr: OcrEngine) -> list[Pair]:
    """Return bars with labels that stand beside them in the bar's color, found without the text detector."""
    likely = [bar for bar in bars if bar.score >= _MIN_LIKELY_SCORE][:_MAX_LIKELY_BARS]
    if not likely:
        return []
    gray = np.asarray(cv2.cvtColor(panel, cv2.COLOR_RGB2GRAY), np.uint8)
    chroma = ink_chroma(panel)
    nearest = [
        (closeness(bar, box) * bar.score, box, bar)
        for bar in likely
        for box in find_label_lines(gray if chroma is None or not is_colored(chroma, bar) else chroma, bar)
    ]
    nearest.sort(key=lambda scored: -scored[0])
    read: dict[Box, TextBox] = {}
    pairs: list[Pair] = []
    for score, box, bar in nearest:
        if score < (_MIN_CLOSENESS if not pairs else _GOOD_CLOSENESS):
            break
        if box not in read:
            if len(read) >= _MAX_QUICK_LINES:
                break
            read[box] = _read_line(label_view(panel, chroma, bar), box, ocr)
        own_lines = {line for _, line, other in nearest if other is bar}
        clear_lines = [
            line for line_box, line in read.items() if line.confidence >= _CLEAR_CONFIDENCE and line_box in own_lines
        ]
        pair = best_pair([bar], find_labels([*clear_lines, *join_number_and_unit(clear_lines)]))
        if pair is not None and pair.score >= _MIN_QUICK_SCORE:
            best = _find_bar_for(panel, bars, pair.label)
            pairs += [] if best is None else [best]
    return pairs


def _find_bar_for(panel: Pixels, bars: Sequence[BarCandidate], label: Label) -> Pair | None:
    """Return the bar that fits a label best and is not the label's ground."""
    pairs = sorted((Pair(bar, label, pair_score(bar, label)) for bar in bars), key=lambda pair: -pair.score)
    return next((pair for pair in pairs if pair.score == 0 or not is_label_ground(panel, pair.bar, label.box)), None)


def _read_line(view: Pixels, box: Box, ocr: OcrEngine) -> TextBox:
    """Read one line. If it is only a number or a unit, complete it."""
    text, confidence = ocr.recognize(crop_boxes(view, [box]))[0]
    line = TextBox(text, box, confidence)
    return complete_line(view, line, ocr) or line


def _label_window(bar: BarCandidate, width: int, height: int) -> Box:
    """Return the part of a panel in which a bar's label would lie."""
    x0, y0, x1, y1 = bar.box
    along = max(100.0, 0.5 * bar.length_px, 0.1 * width)
    across = min(max(36.0, 0.3 * bar.length_px, 0.06 * height), 110.0)
    if bar.vertical:
        along, across = max(80.0, 0.3 * width), max(30.0, 0.1 * bar.length_px)
    return (
        max(0, int(x0 - along)), max(0, int(y0 - across)), min(width, int(x1 + along)), min(height, int(y1 + across))
    )  # fmt: skip


def read_window(panel: Pixels, window: Box, ocr: OcrEngine) -> list[TextBox]:
    """Return the text lines of a window, boxes in px of the panel. Parts of a label are joined or completed."""
    x0, y0, x1, y1 = window
    crop = np.ascontiguousarray(panel[y0:y1, x0:x1])
    scale = float(np.clip(_GOOD_PANEL_SIDE / min(panel.shape[:2]), 0.5, 2.5))
    short, long = min(crop.shape[:2]), max(crop.shape[:2])
    lines = ocr.read(crop, max(48, round(short * scale)), max(64, round(long * scale)))
    lines += join_number_and_unit(lines)
    lines += complete_lines(crop, lines, ocr)
    return [shift_text(line, x0, y0) for line in lines]
