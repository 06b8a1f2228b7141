"""Detect scale bars as runs of even pixels: threshold at several levels, measure the rectangles found, score them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from mirsearch.analysis.base import BarCandidate, Pixels
from mirsearch.analysis.panels.boxes import transpose_box
from mirsearch.analysis.panels.masks import Gray
from mirsearch.analysis.scalebars.candidates import find_rectangles, ink_chroma
from mirsearch.analysis.scalebars.compound import SEGMENTED_SCORE, find_colored_arrows, find_compound_bars
from mirsearch.analysis.scalebars.end_caps import drop_end_caps
from mirsearch.analysis.scalebars.hollow import find_hollow_bars, lies_within, outlines, raise_outlined, touches
from mirsearch.analysis.scalebars.measure import Measure, measure_rectangle
from mirsearch.analysis.scalebars.segments import drop_segment_pieces, join_split_bars
from mirsearch.analysis.scalebars.ticks import CompoundBar
from mirsearch.corpus import Box

_MAX_LENGTH_SHARE = 0.98
"""Greatest length of a bar as a share of the image's width."""

_LONG_SHARE, _LONG_SHARE_IN_TILE, _SHORT_BAR = 0.55, 0.7, 120
"""Shares of the image's width up to which bars are usual: any, and those of small tiles, up to so many px."""

_MAX_THICKNESS = 60
"""Greatest thickness of a bar in px."""

_MAX_CANDIDATES = 40
"""Greatest number of candidates that are returned."""

_MIN_SCORE = 0.02
"""Score below which a candidate is dropped."""

_VERTICAL_WEIGHT = 0.5
"""Weight of a vertical bar's score: vertical bars are rare, frames and columns are frequent."""

_JOINED_WEIGHT = 0.8
"""Weight of the score of a bar that two pieces form."""

_FAINT_CONTRAST = 30.0
"""Contrast in gray levels below which a bar may as well be the margin of a box."""

_FAINT_WEIGHT = 0.6
"""Weight of the score of a bar with no contrast. It rises to 1 at `_FAINT_CONTRAST`."""

_MARGIN_WEIGHT = 0.4
"""Weight of the score of a bar that seems to be the margin of a box around another bar."""

_MAX_GROUND_DIFFERENCE = 30
"""Greatest difference in gray levels between two pieces of one ground."""

_MIN_FAR_SIDE_SHARE = 0.3
"""Least share of the pixels on a bar's far side that must be of the same ground."""

_MIN_MARGIN_EXCESS = 4.0
"""Px by which a margin is at least longer than the bar inside it, if each could be the ground of the other."""

_SURE_COMPOUND_SCORE = 0.8
"""Least score of a bar in pieces for which the ground beside it is searched."""

_MAX_TOUCH_GAP = 1
"""Greatest distance in px between a bar in pieces and its ground."""

_MIN_SHARED_LENGTH = 0.8
"""Least share of the length of a bar in pieces along which its ground runs."""

_MAX_PIXELS = 40_000_000
"""Greatest number of pixels of an image. A larger one is halved until it fits: a bound on time and memory."""


class RunLengthDetector:
    """Finds bars, bright or dark, thin or thick, horizontal or vertical, in one piece or broken by their label.

    It holds no state.
    """

    name = "runs"

    def detect(self, pixels: Pixels) -> list[BarCandidate]:
        """Return candidates, best first, with boxes in px of `pixels` and lengths to a fraction of a px.

        `pixels` are RGB, uint8, (h, w, 3).
        """
        if pixels.ndim != 3 or min(pixels.shape[:2]) < 8:
            return []
        gray = np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY), np.uint8)
        chroma = ink_chroma(pixels)
        factor = 1
        while gray.size > _MAX_PIXELS:
            gray = np.asarray(cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
            factor, chroma = factor * 2, None
        bars: list[BarCandidate] = []
        for image in (gray,) if chroma is None else (gray, chroma):
            colors = pixels if image is gray and factor == 1 else image[:, :, None]
            bars += _find_horizontal_bars(image, colors, vertical=False)
            bars += _find_horizontal_bars(np.ascontiguousarray(image.T), colors.transpose(1, 0, 2), vertical=True)
        compound_bars = find_compound_bars(gray) + ([] if chroma is None else find_colored_arrows(gray, chroma))
        bars = _add_compound_bars(gray, drop_end_caps(bars), compound_bars)
        bars.sort(key=lambda candidate: -candidate.score)
        return [_scale_up(candidate, factor) for candidate in bars[:_MAX_CANDIDATES]]


def _add_compound_bars(
    gray: Gray, bars: list[BarCandidate], compound_bars: Sequence[CompoundBar]
) -> list[BarCandidate]:
    """Return the bars in several pieces and the other bars.

    A single piece of such a bar is dropped, and the score of its ground is lowered.
    """
    added: list[BarCandidate] = []
    for x0, y0, x1, y1, score in sorted(compound_bars, key=lambda compound: (-compound[4], compound[0] - compound[2])):
        box: Box = (round(x0), round(y0), round(x1), max(round(y1), round(y0) + 1))
        if not any(_is_part_of(box, other.box) for other in added):
            added.append(BarCandidate(box, x1 - x0, score, broken=score < SEGMENTED_SCORE))
    others = [bar for bar in bars if not any(_is_part_of(bar.box, compound.box) for compound in added)]
    sure = [compound.box for compound in added if compound.score >= _SURE_COMPOUND_SCORE]
    return added + [_lower_score_of_ground(gray, bar, sure) for bar in others]


def _lower_score_of_ground(gray: Gray, bar: BarCandidate, compound_boxes: Sequence[Box]) -> BarCandidate:
    """Return a bar, with a lower score if it is the ground above or below a row of pieces.

    It is their ground if it has the gray level found at both ends of the row.
    """
    x0, y0, x1, y1 = bar.box
    for a0, b0, a1, b1 in compound_boxes:
        touches = -_MAX_TOUCH_GAP <= max(b0 - y1, y0 - b1) <= _MAX_TOUCH_GAP
        if bar.vertical or not touches or min(x1, a1) - max(x0, a0) < _MIN_SHARED_LENGTH * (a1 - a0):
            continue
        ends = np.concatenate(
            [gray[b0:b1, max(0, a0 - 5) : max(1, a0 - 2)].ravel(), gray[b0:b1, a1 + 2 : a1 + 5].ravel()]
        )
        inside = float(np.median(gray[y0:y1, x0:x1]))
        if ends.size and abs(float(np.median(ends)) - inside) <= _MAX_GROUND_DIFFERENCE:
            return replace(bar, score=bar.score * _MARGIN_WEIGHT)
    return bar


def _is_part_of(piece: Box, whole: Box) -> bool:
    """Return whether a box lies within another one, to 2 px."""
    return (
        piece[0] >= whole[0] - 2 and piece[2] <= whole[2] + 2 and piece[1] >= whole[1] - 2 and piece[3] <= whole[3] + 2
    )


def _find_horizontal_bars(gray: Gray, colors: Pixels, vertical: bool) -> list[BarCandidate]:
    """Return the candidates along the rows of an image with its `colors`; if `vertical`, both are transposed."""
    width = gray.shape[1]
    boxes = [
        box
        for box in find_rectangles(gray, int(width * _MAX_LENGTH_SHARE), thorough=not vertical)
        if box[3] - box[1] <= _MAX_THICKNESS
    ]
    measures = []
    for box in boxes:
        measured = measure_rectangle(gray, box[:4], box[4])
        if measured is not None and measured.length >= 1.6 * measured.thickness:
            measures.append(measured)
    unadjusted = [(_bar_score(bar, gray.shape), bar) for bar in drop_segment_pieces(_drop_duplicates(measures))]
    hollow, filled = find_hollow_bars(gray, colors, unadjusted)
    scored = raise_outlined(_lower_scores_of_margins(gray, unadjusted), filled)
    scored = hollow + [
        scored_bar for scored_bar in scored if not any(lies_within(scored_bar[1], frame) for _, frame in hollow)
    ]
    scored += [(_JOINED_WEIGHT * score, bar) for score, bar in join_split_bars(scored)]
    rated = [(score * (_vertical_weight(gray, bar) if vertical else 1.0), bar) for score, bar in scored]
    return [_make_candidate(bar, score, vertical) for score, bar in rated if score >= _MIN_SCORE]


def _vertical_weight(transposed: Gray, bar: Measure) -> float:
    """Return the weight of a vertical bar's score: 1 if it has end caps, which a frame or column does not have.

    `transposed` is the transposed image.
    """
    y0, y1, slack = round(bar.y0), max(round(bar.y1), round(bar.y0) + 1), 0.4 * bar.contrast
    reach = max(2, min(4, y1 - y0))
    for end in (round(bar.x0), round(bar.x1) - 1):
        nearest = np.abs(transposed[max(0, y0 - reach) : y1 + reach, max(0, end - 1) : end + 2] - bar.level).min(
            axis=1, initial=255
        )
        if len(nearest) < y1 - y0 + 2 * reach or max(nearest[:reach].max(), nearest[-reach:].max()) > slack:
            return _VERTICAL_WEIGHT
    return 1.0


def _bar_score(bar: Measure, shape: tuple[int, int]) -> float:
    """Return how much a measured rectangle looks like a bar, 0 to 1.

    It depends on contrast, nearness to black or white, evenness, straight edges, sharp ends, aspect, and length.
    """
    width = shape[1]
    extreme = max(bar.level, 255 - bar.level) if bar.bright == (bar.level > 127) else 127.0
    contrast = min(1.0, bar.contrast / 90)
    purity = np.clip((extreme - 150) / 100, 0.0, 1.0)
    aspect = bar.length / max(bar.thickness, 1.0)
    shape_weight = min(1.0, aspect / 4) * min(1.0, bar.length / 30)
    share = bar.length / width
    longest = _LONG_SHARE if bar.length > _SHORT_BAR else _LONG_SHARE_IN_TILE
    length_weight = 1.0 if 0.05 <= share <= longest else 0.6
    core = 0.30 * contrast + 0.25 * bar.evenness + 0.15 * bar.sharpness + 0.30 * float(purity)
    contrast_weight = _FAINT_WEIGHT + (1 - _FAINT_WEIGHT) * min(1.0, bar.contrast / _FAINT_CONTRAST)
    return float(core * bar.straightness**2 * (0.5 + 0.5 * shape_weight) * length_weight * contrast_weight)


def _lower_scores_of_margins(gray: Gray, scored: list[tuple[float, Measure]]) -> list[tuple[float, Measure]]:
    """Return the scored bars. Outlines of a bar, and margins of a box around a bar, get a lower score."""
    return [
        (bar[0] * (_MARGIN_WEIGHT if any(_is_margin(gray, bar, other) for other in scored) else 1.0), bar[1])
        for bar in scored
    ]


def _is_margin(gray: Gray, scored_bar: tuple[float, Measure], other: tuple[float, Measure]) -> bool:
    """Return whether a bar is the ground of another one that it touches.

    The ground is the one whose gray level is also found beyond the other's ends and on its far side.
    """
    if not touches(scored_bar[1], other[1]):
        return False
    bar_surrounds = _continues_beyond(gray, scored_bar[1], other[1])
    other_surrounds = _continues_beyond(gray, other[1], scored_bar[1])
    if bar_surrounds and other_surrounds and abs(scored_bar[1].length - other[1].length) > _MIN_MARGIN_EXCESS:
        return scored_bar[1].length > other[1].length
    if bar_surrounds != other_surrounds:
        return bar_surrounds
    if outlines(scored_bar[1], other[1]) != outlines(other[1], scored_bar[1]):
        return outlines(scored_bar[1], other[1])
    return other[0] > scored_bar[0]


def _continues_beyond(gray: Gray, ground: Measure, bar: Measure) -> bool:
    """Return whether the gray level of a touching rectangle is found beyond both ends of a bar and on its far side."""
    y0, y1, x0, x1 = round(bar.y0), max(round(bar.y1), round(bar.y0) + 1), round(bar.x0), round(bar.x1)
    rows = slice(y1 + 1, y1 + 4) if ground.y0 < bar.y0 else slice(max(0, y0 - 4), max(0, y0 - 1))
    ends = gray[y0:y1, max(0, x0 - 5) : max(1, x0 - 1)], gray[y0:y1, x1 + 1 : x1 + 5]
    shares = [
        float((np.abs(end - ground.level) <= _MAX_GROUND_DIFFERENCE).mean(axis=0).max()) for end in ends if end.size
    ]
    far_side = gray[rows, x0:x1].astype(np.float32)
    at_both_ends = len(shares) == len(ends) and min(shares) > 0.5
    return bool(
        at_both_ends
        and far_side.size
        and np.mean(np.abs(far_side - ground.level) <= _MAX_GROUND_DIFFERENCE) >= _MIN_FAR_SIDE_SHARE
    )


def _drop_duplicates(measures: Sequence[Measure]) -> list[Measure]:
    """Return one measure of each rectangle: the one with the most contrast, evenness, and straightness."""
    kept: list[Measure] = []
    for measure in sorted(measures, key=lambda bar: -(bar.contrast / 255 + bar.evenness + bar.straightness)):
        if not any(_is_same_bar(measure, other) for other in kept):
            kept.append(measure)
    return kept


def _is_same_bar(one: Measure, other: Measure) -> bool:
    """Return whether two measures are of one bar."""
    tolerance = 2 + 0.02 * max(one.length, other.length)
    return (
        one.bright == other.bright
        and abs(one.x0 - other.x0) <= tolerance
        and abs(one.x1 - other.x1) <= tolerance
        and min(one.y1, other.y1) > max(one.y0, other.y0) - 1
    )


def _make_candidate(bar: Measure, score: float, vertical: bool) -> BarCandidate:
    """Return a measured bar as a candidate; `vertical` means that it was measured in the transposed image."""
    x0, y0, x1, y1 = (
        math.floor(bar.x0 + 0.5),
        math.floor(bar.y0 + 0.5),
        math.ceil(bar.x1 - 0.5),
        math.ceil(bar.y1 - 0.5),
    )
    box: Box = (x0, y0, x1, max(y1, y0 + 1))
    if vertical:
        box = transpose_box(box)
    return BarCandidate(box=box, length_px=bar.length, score=score, vertical=vertical)


def _scale_up(candidate: BarCandidate, factor: int) -> BarCandidate:
    """Return a candidate in px of an image that is larger by `factor`."""
    if factor == 1:
        return candidate
    x0, y0, x1, y1 = candidate.box
    box = (x0 * factor, y0 * factor, x1 * factor, y1 * factor)
    return replace(candidate, box=box, length_px=candidate.length_px * factor)
