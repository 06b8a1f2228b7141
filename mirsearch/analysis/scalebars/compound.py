"""Find scale bars that are no plain line: rows of ticks, two ends around a label, chains of segments, double arrows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.panels.masks import Gray, component_stats, outer_boxes
from mirsearch.analysis.scalebars.double_arrows import find_double_arrows
from mirsearch.analysis.scalebars.ticks import MAX_TICK_WIDTH, CompoundBar, find_tick_rows

Part = tuple[int, int, int, int]
"""x0, y0, x1, y1 of a piece in px."""

_THRESHOLDS = (225, 190, 90)
"""Least gray levels of bright pieces. Dark pieces are looked for in the negative with the same levels."""

_DIM_LEVEL = 60
"""Least gray level of double arrows of dim ink, as pure red or blue is, on a dark ground."""

_INK_CHROMA, _INK_SHARE = 115, 0.6
"""Least chroma (0 to 255) of double arrows of colored ink, and their least gray level as a share of the ink's."""

_SPLIT_SCORE = 0.85
"""Score of a bar in two ends."""

SEGMENTED_SCORE = 0.95
"""Score of a bar in black and white segments."""

_TEXTURE_SCORE = 0.3
"""Score of two ends that do not look drawn: they may be texture."""

_MIN_LINE_LEVEL = 200.0
"""Least mean gray level of a drawn line that stands on uneven ground."""

_MAX_LINE_SPREAD = 25.0
"""Greatest standard deviation, in gray levels, of a drawn line. Lines in a texture have more."""

_MIN_LINE_CONTRAST = 60.0
"""Least gray levels by which a drawn line is brighter than the rows beside it."""

_MIN_CONTRAST_SHARE = 0.85
"""Least share of a drawn line's columns that have this contrast."""

_MIN_END_LENGTH = 5
"""Least length in px of the lines at both ends of a bar."""

_MAX_PARTS = 3000
"""Greatest number of pieces of one mask that are looked at. A bound on time."""

_MAX_ROW_OFFSET = 1
"""Greatest difference in px between the rows of two segments of one bar."""

_MAX_FRAME_FADE = 60
"""Greatest gray levels by which the line around segments may fade."""

_MAX_FRAME_REACH = 3
"""Greatest distance in px by which the line around segments may reach beyond them."""

_MAX_SEGMENT_SPREAD = 12.0
"""Greatest standard deviation, in gray levels, inside a drawn segment."""


def find_compound_bars(gray: Gray) -> list[CompoundBar]:
    """Return the bars in several pieces, and the double arrows, along the rows of an image."""
    bars: list[CompoundBar] = []
    for bright in (True, False):
        image = gray if bright else np.asarray(cv2.bitwise_not(gray), np.uint8)
        kernel = np.ones((1, _MIN_END_LENGTH), np.uint8)
        lines = cv2.morphologyEx(image, cv2.MORPH_OPEN, kernel, borderType=cv2.BORDER_CONSTANT)
        if bright:
            dim = _brighter_than(image, _DIM_LEVEL)
            bars += find_double_arrows(image, dim, component_stats(dim))
        for level in _THRESHOLDS:
            mask = _brighter_than(image, level)
            stats = component_stats(mask)
            bars += find_double_arrows(image, mask, stats)
            parts = _find_small_parts(stats, mask.shape[1])
            bars += find_tick_rows(image, parts)
            runs = _brighter_than(lines, level)
            bars += _find_split_bars(mask, runs, image)
            bars += _find_segmented_bars(image, parts)
    return bars


def _brighter_than(image: Gray, level: float) -> Gray:
    """Return the mask of the pixels above a gray level, 255 in them."""
    return np.asarray(cv2.threshold(image, level, 255, cv2.THRESH_BINARY)[1], np.uint8)


def find_colored_arrows(gray: Gray, chroma: Gray) -> list[CompoundBar]:
    """Return the double arrows of colored ink along the rows of an image; `chroma` is how colored each pixel is.

    Pure red, blue, or magenta may be too dark a gray to stand out from a dark ground as one piece. JPEG stores color
    more coarsely than brightness, so that on a darker ground the gray of the ink is looked at.
    """
    sure = chroma >= _INK_CHROMA
    around = cv2.dilate(sure.view(np.uint8), np.ones((3, 3), np.uint8))
    beside = gray[(around > 0) & ~sure]
    if not len(beside):
        return []
    image, level = chroma, float(_INK_CHROMA)
    level_of_gray = _INK_SHARE * float(np.median(gray[sure]))
    if np.median(beside) < level_of_gray:
        image, level = np.asarray(cv2.multiply(gray, around), np.uint8), level_of_gray
    mask = _brighter_than(image, level)
    return list(find_double_arrows(image, mask, component_stats(mask)))


def _find_small_parts(stats: NDArray[np.int32], width: int) -> NDArray[np.int64]:
    """Return the boxes (n, 4) of small solid components of a mask of a width; `stats` are all its components."""
    is_small = (stats[:, 3] >= 2) & (stats[:, 3] <= 40) & (stats[:, 2] <= width // 2)
    x, y, w, h, area = stats[is_small].T.astype(np.int64)
    solid = area >= np.where(w <= MAX_TICK_WIDTH, 0.65, 0.85) * w * h
    boxes = np.stack([x, y, x + w, y + h], axis=1)[solid]
    return np.asarray(boxes[:_MAX_PARTS], np.int64)


def _find_split_bars(mask: Gray, runs: Gray, image: Gray) -> Iterator[CompoundBar]:
    """Yield bars whose label stands between their two ends; `runs` are the mask's runs that may be such ends.

    The ends are two thin lines of equal length in one row. Each has a cap at its outer end.
    """
    lines = [(x, y, x + w, y + h) for x, y, w, h in outer_boxes(runs) if h <= 4]
    rows: dict[int, list[Part]] = {}
    for line in lines[:_MAX_PARTS]:
        rows.setdefault(line[1], []).append(line)
    for members in rows.values():
        members.sort()
        for left, right in [*pairwise(members), *zip(members, members[2:], strict=False)]:
            lengths = left[2] - left[0], right[2] - right[0]
            gap = right[0] - left[2]
            same_shape = abs(lengths[0] - lengths[1]) <= max(3, 0.2 * max(lengths)) and left[3] == right[3]
            if (
                same_shape
                and 12 <= gap <= 10 * max(lengths)
                and _has_end_cap(mask, left, left[0])
                and _has_end_cap(mask, right, right[2] - 1)
            ):
                both_drawn = _is_drawn(image, left) and _is_drawn(image, right)
                score = _SPLIT_SCORE if both_drawn else _TEXTURE_SCORE
                yield float(left[0]), float(left[1]), float(right[2]), float(left[3]), score


def _is_drawn(image: Gray, line: Part) -> bool:
    """Return whether a line is drawn: of one level, and brighter than what is beside it.

    It must also be very bright or stand on even ground.
    """
    middle = image[line[1] : line[3], line[0] + 1 : line[2] - 1].max(axis=0)
    if middle.std() > _MAX_LINE_SPREAD:
        return False
    columns = slice(line[0] + 2, max(line[0] + 3, line[2] - 2))
    rows_beside = [image[row, columns] for row in (line[1] - 2, line[3] + 1) if 0 <= row < len(image)]
    on_flat_ground = all(row.std() <= _MAX_SEGMENT_SPREAD for row in rows_beside)
    stands_out = all(np.mean(row < middle.mean() - _MIN_LINE_CONTRAST) >= _MIN_CONTRAST_SHARE for row in rows_beside)
    return bool(stands_out and (on_flat_ground or middle.mean() >= _MIN_LINE_LEVEL))


def _has_end_cap(mask: Gray, line: Part, column: int) -> bool:
    """Return whether a stroke crosses the end of a line and reaches at least 2 px above and below it."""
    height = mask.shape[0]
    above, below = line[1] - 2, line[3] + 1
    if above < 0 or below >= height:
        return False
    near = mask[:, max(0, column - 1) : column + 2]
    return bool(near[above : line[1]].any(axis=1).all() and near[line[3] : below + 1].any(axis=1).all())


def _find_segmented_bars(image: Gray, parts: NDArray[np.int64]) -> Iterator[CompoundBar]:
    """Yield bars of at least two equal bright pieces with equal dark gaps between them.

    A dark segment may also stand at either end.
    """
    widths, heights = parts[:, 2] - parts[:, 0], parts[:, 3] - parts[:, 1]
    blocks = parts[(widths >= 6) & (widths >= 1.2 * heights)]
    for first in blocks:
        width = first[2] - first[0]
        same_rows = (np.abs(blocks[:, 1] - first[1]) <= _MAX_ROW_OFFSET) & (
            np.abs(blocks[:, 3] - first[3]) <= _MAX_ROW_OFFSET
        )
        row = blocks[same_rows & (np.abs(blocks[:, 2] - blocks[:, 0] - width) <= 2)]
        chain = [first]
        while (next_piece := _find_next_piece(row, chain[-1], width)) is not None:
            chain.append(next_piece)
        if len(chain) < 2 or _find_next_piece(row, first, -width) is not None:
            continue
        x0, x1 = int(first[0]), int(chain[-1][2])
        y0, y1 = int(first[1]), int(first[3])
        if not all(_is_dark_segment(image, (int(a[2]), y0, int(b[0]), y1)) for a, b in pairwise(chain)):
            continue
        step = int(width)
        pieces = (x0 - step, y0, x0, y1), (x1, y0, x1 + step, y1)
        ends = [_contrast_to_rows_beside(image, piece) if _is_dark_segment(image, piece) else -1.0 for piece in pieces]
        if min(ends) >= 0 and abs(ends[0] - ends[1]) > _MAX_SEGMENT_SPREAD:
            # Only one of them is a segment. The other, with less contrast, is ground that looks like one.
            ends[int(np.argmin(ends))] = -1.0
        start, end = x0 - width * (ends[0] >= 0), x1 + width * (ends[1] >= 0)
        start, end = _extend_to_frame(image, (int(start), y0 - 1, int(end), y1))
        yield float(start), float(y0), float(end), float(y1), SEGMENTED_SCORE


def _extend_to_frame(image: Gray, box: Part) -> tuple[int, int]:
    """Return start and end of a chain of segments, extended to the line drawn around it, if there is one."""
    x0, y0, x1, y1 = box
    for y in (y0, y1):
        row = image[y].astype(np.float32) if 0 <= y < len(image) else np.empty(0, np.float32)
        line = row[x0 + 2 : x1 - 2]
        if not line.size or line.std() > _MAX_SEGMENT_SPREAD:
            continue
        on_line = np.abs(row - np.median(line)) <= _MAX_FRAME_FADE
        ends = [int(np.argmin(on_line[x0 + 2 :: -1])), int(np.argmin(on_line[x1 - 2 :]))]
        start, end = x0 + 3 - ends[0], x1 - 2 + ends[1]
        if ends[0] > 0 and ends[1] > 0 and max(x0 - start, end - x1) <= _MAX_FRAME_REACH:
            return min(x0, start), max(x1, end)
    return x0, x1


def _contrast_to_rows_beside(image: Gray, box: Part) -> float:
    """Return by how many gray levels the rows above and below a box differ from it."""
    x0, y0, x1, y1 = box
    inside = float(image[y0:y1, x0 + 1 : x1 - 1].mean())
    beside = [image[max(0, y0 - 4) : max(1, y0 - 1), x0 + 1 : x1 - 1], image[y1 + 1 : y1 + 4, x0 + 1 : x1 - 1]]
    return float(np.mean([abs(float(rows.mean()) - inside) for rows in beside if rows.size] or [0.0]))


def _find_next_piece(row: NDArray[np.int64], piece: NDArray[np.int64], width: int) -> NDArray[np.int64] | None:
    """Return the piece two widths further on (back, if `width` is negative), or None."""
    hits = np.flatnonzero(np.abs(row[:, 0] - piece[0] - 2 * width) <= 2)
    return row[hits[0]] if len(hits) else None


def _is_dark_segment(image: Gray, box: Part) -> bool:
    """Return whether a box is evenly dark, as a drawn segment of the other color is."""
    x0, y0, x1, y1 = box
    if x0 < 0 or x1 > image.shape[1] or x1 - x0 < 4:
        return False
    inside = image[y0 : max(y0 + 1, y1), x0 + 1 : x1 - 1]
    return bool(inside.mean() < 60 and inside.std() < _MAX_SEGMENT_SPREAD + 10)
