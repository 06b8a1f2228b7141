"""Scale bars by runs of even pixels: masks at several levels, ends at half-level crossings, a score for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from mirsearch.analysis.base import BarCandidate, Pixels
from mirsearch.analysis.panels.boxes import transpose_box
from mirsearch.analysis.scalebars.candidates import Gray, find_rectangles, ink_chroma
from mirsearch.analysis.scalebars.compound import SEGMENTED_SCORE, find_compound_bars
from mirsearch.analysis.scalebars.end_caps import drop_end_caps
from mirsearch.analysis.scalebars.hollow import find_hollow_bars, lies_within
from mirsearch.analysis.scalebars.measure import Measure, measure_rectangle
from mirsearch.analysis.scalebars.segments import drop_segment_pieces
from mirsearch.analysis.scalebars.ticks import CompoundBar
from mirsearch.corpus import Box

_MAX_LENGTH_SHARE = 0.98
"""Longest bar, as a part of the image's width."""

_MAX_THICKNESS = 60
_MAX_CANDIDATES = 40
_MIN_SCORE = 0.02
_VERTICAL_WEIGHT = 0.5
"""Vertical bars are rare, and frames and columns many."""

_JOINED_WEIGHT = 0.8
_FAINT_CONTRAST, _FAINT_WEIGHT = 30.0, 0.6
"""Contrast below which a bar may as well be the margin of a box, and what the score of one with none counts."""

_MARGIN_WEIGHT = 0.4
_MAX_GROUND_DIFFERENCE, _MIN_FAR_SIDE_SHARE = 30, 0.3
"""Gray levels by which two pieces of ground may differ, and the share of a bar's far side that must be of it."""

_MIN_MARGIN_EXCESS = 4.0
"""Px by which a margin is longer at least than the bar it is around, where the picture has the tone of either."""

_SURE_COMPOUND_SCORE, _MAX_TOUCH_GAP, _MIN_SHARED_LENGTH = 0.8, 1, 0.8
"""Score of a bar of pieces beside which ground is none, px between the two, and the share of its length beside it."""

_MAX_PIXELS = 40_000_000
"""Images above this many pixels are looked at at half size or less."""


class RunLengthDetector:
    """Finds bars of any polarity and thickness, lying or upright, whole or broken by their label; holds no state."""

    name = "runs"

    def detect(self, pixels: Pixels) -> list[BarCandidate]:
        """Candidates, best first: boxes in px of `pixels` (RGB, uint8, (h, w, 3)), lengths to a fraction of a px."""
        if pixels.ndim != 3 or min(pixels.shape[:2]) < 8:
            return []
        gray = np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY), np.uint8)
        tint = ink_chroma(pixels)
        factor = 1
        while gray.size > _MAX_PIXELS:
            gray, factor, tint = (
                np.asarray(cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)),
                factor * 2,
                None,
            )
        found: list[BarCandidate] = []
        for seen in (gray,) if tint is None else (gray, tint):
            found += _find_horizontal_bars(seen, vertical=False)
            found += _find_horizontal_bars(np.ascontiguousarray(seen.T), vertical=True)
        found = _add_compound_bars(gray, drop_end_caps(found), find_compound_bars(gray))
        found.sort(key=lambda candidate: -candidate.score)
        return [_scale_up(candidate, factor) for candidate in found[:_MAX_CANDIDATES]]


def _add_compound_bars(gray: Gray, found: list[BarCandidate], wholes: Sequence[CompoundBar]) -> list[BarCandidate]:
    """Bars of several pieces beside the others; a piece of one is no bar of its own, and its ground hardly one."""
    added: list[BarCandidate] = []
    for x0, y0, x1, y1, score in sorted(wholes, key=lambda whole: (-whole[4], whole[0] - whole[2])):
        box: Box = (round(x0), round(y0), round(x1), max(round(y1), round(y0) + 1))
        if not any(_is_part_of(box, other.box) for other in added):
            added.append(BarCandidate(box, x1 - x0, score, broken=score < SEGMENTED_SCORE))
    others = [each for each in found if not any(_is_part_of(each.box, whole.box) for whole in added)]
    sure = [whole.box for whole in added if whole.score >= _SURE_COMPOUND_SCORE]
    return added + [_lower_score_of_ground(gray, each, sure) for each in others]


def _lower_score_of_ground(gray: Gray, bar: BarCandidate, wholes: Sequence[Box]) -> BarCandidate:
    """A bar, its score less where it is the ground above or below a row of pieces: of the tone that is at its ends."""
    x0, y0, x1, y1 = bar.box
    for a0, b0, a1, b1 in wholes:
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
    """Whether a box lies within another, to 2 px."""
    return (
        piece[0] >= whole[0] - 2 and piece[2] <= whole[2] + 2 and piece[1] >= whole[1] - 2 and piece[3] <= whole[3] + 2
    )


def _find_horizontal_bars(gray: Gray, vertical: bool) -> list[BarCandidate]:
    """Candidates along the rows of an image; `vertical` says that it is a transposed one."""
    width = gray.shape[1]
    boxes = [
        box for box in find_rectangles(gray, int(width * _MAX_LENGTH_SHARE), thorough=not vertical) if box[3] - box[1] <= _MAX_THICKNESS
    ]
    measures = []
    for box in boxes:
        measured = measure_rectangle(gray, box[:4], box[4])
        if measured is not None and measured.length >= 1.6 * measured.thickness:
            measures.append(measured)
    raw = [(_bar_score(each, gray.shape), each) for each in drop_segment_pieces(_drop_duplicates(measures))]
    hollow = find_hollow_bars(gray, raw)
    scored = _lower_scores_of_margins(gray, raw)
    scored = hollow + [one for one in scored if not any(lies_within(one[1], frame) for _, frame in hollow)]
    scored += [(_JOINED_WEIGHT * score, whole) for score, whole in _join_split_bars(scored)]
    rated = [(score * (_vertical_weight(gray, each) if vertical else 1.0), each) for score, each in scored]
    return [_make_candidate(each, score, vertical) for score, each in rated if score >= _MIN_SCORE]


def _vertical_weight(turned: Gray, bar: Measure) -> float:
    """What the score of an upright bar counts; `turned` is the transposed image. End caps tell it from a frame."""
    y0, y1, slack = round(bar.y0), max(round(bar.y1), round(bar.y0) + 1), 0.4 * bar.contrast
    reach = max(2, min(4, y1 - y0))
    for at in (round(bar.x0), round(bar.x1) - 1):
        near = np.abs(turned[max(0, y0 - reach) : y1 + reach, max(0, at - 1) : at + 2] - bar.level).min(
            axis=1, initial=255
        )
        if len(near) < y1 - y0 + 2 * reach or max(near[:reach].max(), near[-reach:].max()) > slack:
            return _VERTICAL_WEIGHT
    return 1.0


def _bar_score(bar: Measure, shape: tuple[int, int]) -> float:
    """How bar-like a measured rectangle is, 0 to 1: contrast, evenness, straight edges, sudden ends, usual shape."""
    width = shape[1]
    extreme = max(bar.level, 255 - bar.level) if bar.bright == (bar.level > 127) else 127.0
    contrast = min(1.0, bar.contrast / 90)
    purity = np.clip((extreme - 150) / 100, 0.0, 1.0)
    aspect = bar.length / max(bar.thickness, 1.0)
    shape_weight = min(1.0, aspect / 4) * min(1.0, bar.length / 30)
    share = bar.length / width
    usual = 1.0 if 0.05 <= share <= 0.55 else 0.6
    core = 0.30 * contrast + 0.25 * bar.even + 0.15 * bar.sharp + 0.30 * float(purity)
    faint = _FAINT_WEIGHT + (1 - _FAINT_WEIGHT) * min(1.0, bar.contrast / _FAINT_CONTRAST)
    return float(core * bar.straight**2 * (0.5 + 0.5 * shape_weight) * usual * faint)


def _lower_scores_of_margins(gray: Gray, scored: list[tuple[float, Measure]]) -> list[tuple[float, Measure]]:
    """Scores less what is owed to a better bar that touches: outlines, and the margins of a box around a bar."""
    return [
        (one[0] * (_MARGIN_WEIGHT if any(_is_margin(gray, one, other) for other in scored) else 1.0), one[1])
        for one in scored
    ]


def _is_margin(gray: Gray, one: tuple[float, Measure], other: tuple[float, Measure]) -> bool:
    """Whether a bar is the ground of another that touches: the one whose tone is on the other's far side too."""
    if not _touches(one[1], other[1]):
        return False
    around, within = _continues_beyond(gray, one[1], other[1]), _continues_beyond(gray, other[1], one[1])
    if around and within and abs(one[1].length - other[1].length) > _MIN_MARGIN_EXCESS:
        return one[1].length > other[1].length
    return around if around != within else other[0] > one[0]


def _continues_beyond(gray: Gray, ground: Measure, bar: Measure) -> bool:
    """Whether a touching rectangle's tone is found beyond both ends of a bar and on its far side, too."""
    y0, y1, x0, x1 = round(bar.y0), max(round(bar.y1), round(bar.y0) + 1), round(bar.x0), round(bar.x1)
    rows = slice(y1 + 1, y1 + 4) if ground.y0 < bar.y0 else slice(max(0, y0 - 4), max(0, y0 - 1))
    ends = gray[y0:y1, max(0, x0 - 5) : max(1, x0 - 1)], gray[y0:y1, x1 + 1 : x1 + 5]
    shares = [float((np.abs(each - ground.level) <= _MAX_GROUND_DIFFERENCE).mean(axis=0).max()) for each in ends if each.size]
    far = gray[rows, x0:x1].astype(np.float32)
    around = len(shares) == len(ends) and min(shares) > 0.5
    return bool(around and far.size and np.mean(np.abs(far - ground.level) <= _MAX_GROUND_DIFFERENCE) >= _MIN_FAR_SIDE_SHARE)


def _touches(margin: Measure, bar: Measure) -> bool:
    """Whether two rectangles of opposite brightness lie directly above each other."""
    if margin.bright == bar.bright or bar.x1 <= margin.x0 or margin.x1 <= bar.x0:
        return False
    gap = max(margin.y0 - bar.y1, bar.y0 - margin.y1)
    shared = min(margin.x1, bar.x1) - max(margin.x0, bar.x0)
    return abs(gap) <= 1.5 and shared >= 0.8 * min(margin.length, bar.length)


def _drop_duplicates(measures: Sequence[Measure]) -> list[Measure]:
    """One measure of each rectangle: of those that cover each other, the one with the most contrast and evenness."""
    kept: list[Measure] = []
    for each in sorted(measures, key=lambda bar: -(bar.contrast / 255 + bar.even + bar.straight)):
        if not any(_is_same_bar(each, other) for other in kept):
            kept.append(each)
    return kept


def _is_same_bar(one: Measure, other: Measure) -> bool:
    tolerance = 2 + 0.02 * max(one.length, other.length)
    return (
        one.bright == other.bright
        and abs(one.x0 - other.x0) <= tolerance
        and abs(one.x1 - other.x1) <= tolerance
        and min(one.y1, other.y1) > max(one.y0, other.y0) - 1
    )


def _join_split_bars(scored: Sequence[tuple[float, Measure]]) -> list[tuple[float, Measure]]:
    """Bars broken by a label in their middle: two thin pieces in one row, alike in length, thickness and level."""
    wholes = []
    thin = [(score, bar) for score, bar in scored if bar.thickness <= 8]
    for score, one in thin:
        for other_score, other in thin:
            gap = other.x0 - one.x1
            mean = (one.length + other.length) / 2
            if not (10 <= gap <= 8 * mean) or one.bright != other.bright:
                continue
            level = abs(one.y0 - other.y0) <= 1.5 and abs(one.y1 - other.y1) <= 1.5
            alike = abs(one.length - other.length) <= max(3.0, 0.25 * mean) and abs(one.level - other.level) <= 30
            if level and alike:
                wholes.append((min(score, other_score), _span(one, other)))
    return wholes


def _span(one: Measure, other: Measure) -> Measure:
    return Measure(
        x0=one.x0, y0=min(one.y0, other.y0), x1=other.x1, y1=max(one.y1, other.y1), bright=one.bright, level=one.level,
        contrast=min(one.contrast, other.contrast), even=min(one.even, other.even),
        straight=min(one.straight, other.straight), sharp=min(one.sharp, other.sharp),
    )  # fmt: skip


def _make_candidate(bar: Measure, score: float, vertical: bool) -> BarCandidate:
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
    if factor == 1:
        return candidate
    x0, y0, x1, y1 = candidate.box
    box = (x0 * factor, y0 * factor, x1 * factor, y1 * factor)
    return replace(candidate, box=box, length_px=candidate.length_px * factor)
