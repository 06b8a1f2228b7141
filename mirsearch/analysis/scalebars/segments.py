"""Find measured lines that are pieces of one bar: of black and white segments, or two ends around a label."""

from __future__ import annotations

from collections.abc import Sequence

from mirsearch.analysis.scalebars.measure import Measure

_MAX_OFFSET = 1.5
"""Px by which the lengths of two pieces may differ, and the gap between them from their length."""

_MAX_THICKNESS = 8.0
"""Greatest thickness in px of a piece. The search for chains of segments finds thicker ones."""


def drop_segment_pieces(lines: Sequence[Measure]) -> list[Measure]:
    """Return the lines that are not pieces of a segmented bar: a single piece would be taken for the whole bar."""
    thin = sorted((line for line in lines if line.thickness <= _MAX_THICKNESS), key=lambda line: line.x0)
    pieces: list[Measure] = []
    for number, left in enumerate(thin):
        for right in thin[number + 1 :]:
            if _are_neighbors(left, right):
                pieces += [left, right]
    return [line for line in lines if not any(line is piece for piece in pieces)]


def _are_neighbors(left: Measure, right: Measure) -> bool:
    """Return whether two lines are neighboring pieces of one color."""
    length, gap = (left.length + right.length) / 2, right.x0 - left.x1
    row_offset = max(abs(left.y0 - right.y0), abs(left.y1 - right.y1))
    same_look = left.bright == right.bright and abs(left.length - right.length) <= _MAX_OFFSET + 0.05 * length
    return same_look and row_offset <= 1 and abs(gap - length) <= _MAX_OFFSET + 0.05 * length


def join_split_bars(scored: Sequence[tuple[float, Measure]]) -> list[tuple[float, Measure]]:
    """Return scored bars that two thin pieces in one row form, with a label between them.

    The pieces have about the same length, thickness, and gray level.
    """
    joined = []
    thin = [(score, bar) for score, bar in scored if bar.thickness <= _MAX_THICKNESS]
    for score, left in thin:
        for right_score, right in thin:
            gap = right.x0 - left.x1
            mean = (left.length + right.length) / 2
            if not (10 <= gap <= 8 * mean) or left.bright != right.bright:
                continue
            same_rows = abs(left.y0 - right.y0) <= 1.5 and abs(left.y1 - right.y1) <= 1.5
            same_look = abs(left.length - right.length) <= max(3.0, 0.25 * mean) and abs(left.level - right.level) <= 30
            if same_rows and same_look:
                joined.append((min(score, right_score), _span(left, right)))
    return joined


def _span(left: Measure, right: Measure) -> Measure:
    """Return the measure of a bar from the left piece's start to the right piece's end."""
    return Measure(
        x0=left.x0, y0=min(left.y0, right.y0), x1=right.x1, y1=max(left.y1, right.y1),
        bright=left.bright, level=left.level, contrast=min(left.contrast, right.contrast),
        evenness=min(left.evenness, right.evenness), straightness=min(left.straightness, right.straightness),
        sharpness=min(left.sharpness, right.sharpness),
    )  # fmt: skip
