"""Scale bars in several pieces: rows of ticks, two ends around a label, chains of black and white segments."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.scalebars.candidates import Gray, outer_boxes
from mirsearch.analysis.scalebars.ticks import MAX_TICK_WIDTH, CompoundBar, find_tick_rows

Part = tuple[int, int, int, int]
"""x0, y0, x1, y1 of a piece in px."""

_THRESHOLDS = (225, 190, 90)
_SPLIT_SCORE, SEGMENTED_SCORE = 0.85, 0.95
_TEXTURE_SCORE = 0.3
_MIN_LINE_LEVEL, _MAX_LINE_SPREAD = 200.0, 25.0
"""Least mean and greatest standard deviation of a drawn line; two ends in a texture have others."""

_MIN_LINE_CONTRAST, _MIN_CONTRAST_SHARE = 60.0, 0.85
"""By how much a drawn line is brighter than what is beside it, and in what share of its columns."""

_MAX_PARTS = 3000
_MAX_ROW_OFFSET = 1
_MAX_FRAME_FADE, _MAX_FRAME_REACH = 60, 3
"""Gray levels by which the line around segments may fade, and px by which it may reach beyond them."""

_MAX_SEGMENT_SPREAD = 12.0
"""Greatest standard deviation inside a drawn segment."""


def find_compound_bars(gray: Gray) -> list[CompoundBar]:
    """Bars made of pieces, along the rows of an image."""
    found: list[CompoundBar] = []
    for bright in (True, False):
        seen = gray if bright else np.asarray(255 - gray, np.uint8)
        for level in _THRESHOLDS:
            mask = np.asarray(cv2.threshold(seen, level, 255, cv2.THRESH_BINARY)[1], np.uint8)
            parts = _find_small_parts(mask)
            found += find_tick_rows(seen, parts)
            found += _find_split_bars(mask, seen)
            found += _find_segmented_bars(seen, parts)
    return found


def _find_small_parts(mask: Gray) -> NDArray[np.int64]:
    """Small components (n, 4) as boxes."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    x, y, w, h, area = (stats[1:, column].astype(np.int64) for column in range(5))
    solid = (h >= 2) & (h <= 40) & (w <= mask.shape[1] // 2) & (area >= np.where(w <= MAX_TICK_WIDTH, 0.65, 0.85) * w * h)
    boxes = np.stack([x, y, x + w, y + h], axis=1)[solid]
    return np.asarray(boxes[:_MAX_PARTS], np.int64)


def _find_split_bars(mask: Gray, seen: Gray) -> Iterator[CompoundBar]:
    """Two thin lines of one length in one row, each with a cap at its outer end: a label stands between them."""
    runs = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((1, 5), np.uint8), borderType=cv2.BORDER_CONSTANT)
    lines = [(x, y, x + w, y + h) for x, y, w, h in outer_boxes(runs) if h <= 4]
    rows: dict[int, list[Part]] = {}
    for line in lines[:_MAX_PARTS]:
        rows.setdefault(line[1], []).append(line)
    for members in rows.values():
        members.sort()
        for one, other in [*pairwise(members), *zip(members, members[2:], strict=False)]:
            lengths = one[2] - one[0], other[2] - other[0]
            gap = other[0] - one[2]
            alike = abs(lengths[0] - lengths[1]) <= max(3, 0.2 * max(lengths)) and one[3] == other[3]
            if (
                alike
                and 12 <= gap <= 10 * max(lengths)
                and _has_end_cap(mask, one, one[0])
                and _has_end_cap(mask, other, other[2] - 1)
            ):
                drawn = _is_drawn(seen, one) and _is_drawn(seen, other)
                score = _SPLIT_SCORE if drawn else _TEXTURE_SCORE
                yield float(one[0]), float(one[1]), float(other[2]), float(one[3]), score


def _is_drawn(seen: Gray, line: Part) -> bool:
    """Whether a line is of one level that is extreme or stands on flat ground, as lines that are drawn are."""
    middle = seen[line[1] : line[3], line[0] + 1 : line[2] - 1].max(axis=0)
    if middle.std() > _MAX_LINE_SPREAD:
        return False
    columns = slice(line[0] + 2, max(line[0] + 3, line[2] - 2))
    beside = [seen[row, columns] for row in (line[1] - 2, line[3] + 1) if 0 <= row < len(seen)]
    flat = all(row.std() <= _MAX_SEGMENT_SPREAD for row in beside)
    apart = all(np.mean(row < middle.mean() - _MIN_LINE_CONTRAST) >= _MIN_CONTRAST_SHARE for row in beside)
    return bool(apart and (flat or middle.mean() >= _MIN_LINE_LEVEL))


def _has_end_cap(mask: Gray, line: Part, column: int) -> bool:
    """Whether a stroke stands on the end of a line, reaching at least 2 px above and below it."""
    height = mask.shape[0]
    above, below = line[1] - 2, line[3] + 1
    if above < 0 or below >= height:
        return False
    near = mask[:, max(0, column - 1) : column + 2]
    return bool(near[above : line[1]].any(axis=1).all() and near[line[3] : below + 1].any(axis=1).all())


def _find_segmented_bars(seen: Gray, parts: NDArray[np.int64]) -> Iterator[CompoundBar]:
    """Equal pieces with equal gaps of the opposite color between them, at least two, with a last gap at an end."""
    widths, heights = parts[:, 2] - parts[:, 0], parts[:, 3] - parts[:, 1]
    blocks = parts[(widths >= 6) & (widths >= 1.2 * heights)]
    for first in blocks:
        width = first[2] - first[0]
        same = (np.abs(blocks[:, 1] - first[1]) <= _MAX_ROW_OFFSET) & (np.abs(blocks[:, 3] - first[3]) <= _MAX_ROW_OFFSET)
        row = blocks[same & (np.abs(blocks[:, 2] - blocks[:, 0] - width) <= 2)]
        chain = [first]
        while (after := _find_next_piece(row, chain[-1], width)) is not None:
            chain.append(after)
        if len(chain) < 2 or _find_next_piece(row, first, -width) is not None:
            continue
        x0, x1 = int(first[0]), int(chain[-1][2])
        y0, y1 = int(first[1]), int(first[3])
        if not all(_is_dark_segment(seen, (int(a[2]), y0, int(b[0]), y1)) for a, b in pairwise(chain)):
            continue
        step = int(width)
        pieces = (x0 - step, y0, x0, y1), (x1, y0, x1 + step, y1)
        ends = [_contrast_to_rows_beside(seen, piece) if _is_dark_segment(seen, piece) else -1.0 for piece in pieces]
        if min(ends) >= 0 and abs(ends[0] - ends[1]) > _MAX_SEGMENT_SPREAD:  # one of them is ground that looks like a segment
            ends[int(np.argmin(ends))] = -1.0
        start, end = x0 - width * (ends[0] >= 0), x1 + width * (ends[1] >= 0)
        start, end = _extend_to_frame(seen, (int(start), y0 - 1, int(end), y1))
        yield float(start), float(y0), float(end), float(y1), SEGMENTED_SCORE


def _extend_to_frame(seen: Gray, box: Part) -> tuple[int, int]:
    """Start and end of a chain of segments, as the line above or below it has them where one is drawn around it."""
    x0, y0, x1, y1 = box
    for y in (y0, y1):
        row = seen[y].astype(np.float32) if 0 <= y < len(seen) else np.empty(0, np.float32)
        line = row[x0 + 2 : x1 - 2]
        if not line.size or line.std() > _MAX_SEGMENT_SPREAD:
            continue
        on = np.abs(row - np.median(line)) <= _MAX_FRAME_FADE
        ends = [int(np.argmin(on[x0 + 2 :: -1])), int(np.argmin(on[x1 - 2 :]))]
        start, end = x0 + 3 - ends[0], x1 - 2 + ends[1]
        if ends[0] > 0 and ends[1] > 0 and max(x0 - start, end - x1) <= _MAX_FRAME_REACH:
            return min(x0, start), max(x1, end)
    return x0, x1


def _contrast_to_rows_beside(seen: Gray, box: Part) -> float:
    """By how many gray levels the rows above and below a box differ from it."""
    x0, y0, x1, y1 = box
    inside = float(seen[y0:y1, x0 + 1 : x1 - 1].mean())
    beside = [seen[max(0, y0 - 4) : max(1, y0 - 1), x0 + 1 : x1 - 1], seen[y1 + 1 : y1 + 4, x0 + 1 : x1 - 1]]
    return float(np.mean([abs(float(rows.mean()) - inside) for rows in beside if rows.size] or [0.0]))


def _find_next_piece(row: NDArray[np.int64], piece: NDArray[np.int64], width: int) -> NDArray[np.int64] | None:
    """The piece two widths further on (back, where `width` is negative)."""
    hits = np.flatnonzero(np.abs(row[:, 0] - piece[0] - 2 * width) <= 2)
    return row[hits[0]] if len(hits) else None


def _is_dark_segment(seen: Gray, box: Part) -> bool:
    """Whether a box is evenly dark, as a drawn segment of the other color is."""
    x0, y0, x1, y1 = box
    if x0 < 0 or x1 > seen.shape[1] or x1 - x0 < 4:
        return False
    inside = seen[y0 : max(y0 + 1, y1), x0 + 1 : x1 - 1]
    return bool(inside.mean() < 60 and inside.std() < _MAX_SEGMENT_SPREAD + 10)
