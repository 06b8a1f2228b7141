"""Find the connected parts of pictures on a page, from its ink.

The code looks at the ink, not at the file's objects: images in strips, drawings with ten thousand lines, clipped
pictures and scanned pages all look the same. All limits were chosen by hand on drawn figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.sources.pdf.captions import PdfCaption
from mirsearch.sources.pdf.text import Line, Rect, is_in_margin

_MIN_INK_CONTRAST = 10
"""Smallest difference of ink from the paper, in gray levels."""
_MAX_PART_GAP = 9
"""Size of the dilation that joins the parts of one picture, in points."""
_MIN_INK_PIXELS = 30
"""Fewest pixels of ink in a part, at one pixel per point."""
MARGIN_SHARE = 0.055
"""Share of the page's height at its top and bottom without pictures."""
_PAGE_FRAME_SHARE = 0.9
"""A part of at least this share of the page's width and height is the page's frame."""
_MAX_RULE_GAP = 8.0
"""Largest distance, in points, of a rule from the running head that it belongs to."""
_MIN_EMPTY_STRIP = 4
"""Smallest width, in points, of the empty strip between pictures in neighboring columns."""
_RULE_SHARE = 0.4
"""Share of the page's width that a rule covers."""


@dataclass(slots=True)
class PageLayout:
    """The content of a page: captions, barriers (running text, heads, captions), other lines, the parts of pictures.

    `gutters` are the left and right edges of the strips between columns; `heads` the boxes of running heads.
    """

    size: tuple[float, float]
    captions: list[PdfCaption]
    barriers: list[Rect]
    other_lines: list[Line]
    parts: list[Rect] = field(default_factory=list)
    gutters: Sequence[tuple[float, float]] = ()
    heads: Sequence[Rect] = ()


def find_picture_parts(gray: NDArray[np.uint8], layout: PageLayout, repeated_images: Sequence[Rect]) -> list[Rect]:
    """Return the connected parts of pictures, without text, rules and repeated images.

    `gray` is the page at one pixel per point, (height, width).
    """
    paper = int(np.bincount(gray.ravel(), minlength=256).argmax())
    ink = (np.abs(gray.astype(np.int16) - paper) > _MIN_INK_CONTRAST).astype(np.uint8)
    for box in (*layout.barriers, *repeated_images):
        _fill_box(ink, box, 1.5, 0)
    _clear_rules(ink, layout.heads)
    graphic = ink.copy()
    for line in layout.other_lines:
        _fill_box(graphic, line.box, 1.0, 0)
    dilated = cv2.dilate(ink, np.ones((_MAX_PART_GAP, _MAX_PART_GAP), np.uint8))
    count, part_numbers = cv2.connectedComponents(dilated, connectivity=8)
    boxes = []
    for number in range(1, count):
        rows, columns = (
            np.nonzero((part_numbers == number) & (ink > 0)) if count < 400 else _ink_pixels(part_numbers, ink, number)
        )
        for own_rows, own_columns in _split_at_gutters(rows, columns, layout.gutters):
            if len(own_rows) < _MIN_INK_PIXELS or int(graphic[own_rows, own_columns].sum()) < _MIN_INK_PIXELS:
                continue
            left, top, right, bottom = own_columns.min(), own_rows.min(), own_columns.max(), own_rows.max()
            box = (float(left), float(top), float(right) + 1, float(bottom) + 1)
            if _can_be_picture(box, layout.size):
                boxes.append(box)
    return boxes


def _clear_rules(ink: NDArray[np.uint8], heads: Sequence[Rect]) -> None:
    """Clear the rules that stand above or below running heads, in place."""
    height, width = ink.shape
    for head in heads:
        for row in range(max(0, int(head[1] - _MAX_RULE_GAP)), min(height, int(head[3] + _MAX_RULE_GAP) + 1)):
            if np.count_nonzero(ink[row]) >= _RULE_SHARE * width:
                ink[row] = 0


def _split_at_gutters(
    rows: NDArray[np.intp], columns: NDArray[np.intp], gutters: Sequence[tuple[float, float]]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield the ink of a part; in several pieces if it stands in several columns and nowhere crosses their gutters.

    A picture may reach into a gutter, but somewhere in the gutter is a strip without its ink.
    """
    for left, right in gutters:
        if columns.min() >= left or columns.max() <= right:
            continue
        has_ink = np.zeros(int(right) - int(left) + 1, bool)
        inside = (columns >= int(left)) & (columns <= int(right))
        has_ink[columns[inside] - int(left)] = True
        empty = _longest_empty_run(has_ink)
        if empty is not None:
            middle = int(left) + (empty[0] + empty[1]) // 2
            is_left = columns < middle
            yield rows[is_left], columns[is_left]
            rows, columns = rows[~is_left], columns[~is_left]
    yield rows, columns


def _longest_empty_run(has_ink: NDArray[np.bool_]) -> tuple[int, int] | None:
    """Return where the longest run without ink begins and ends; None if none is as wide as _MIN_EMPTY_STRIP."""
    edges = np.flatnonzero(np.diff(np.concatenate(([True], has_ink, [True])).astype(np.int8)))
    runs = [(int(end) - int(start), int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
    length, start, end = max(runs, default=(0, 0, 0))
    return (start, end) if length >= _MIN_EMPTY_STRIP else None


def _ink_pixels(part_numbers: NDArray[np.int32], ink: NDArray[np.uint8], number: int) -> tuple[NDArray[np.intp], ...]:
    """Return the rows and columns of one part's ink, as np.nonzero does, from a search in the part's rows only."""
    rows = np.flatnonzero((part_numbers == number).any(axis=1))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    pixels = np.nonzero((part_numbers[top:bottom] == number) & (ink[top:bottom] > 0))
    return pixels[0] + top, pixels[1]


def _fill_box(mask: NDArray[np.uint8], box: Rect, pad: float, value: int) -> None:
    height, width = mask.shape
    x0, y0 = max(0, int(box[0] - pad)), max(0, int(box[1] - pad))
    x1, y1 = min(width, int(box[2] + pad + 1)), min(height, int(box[3] + pad + 1))
    mask[y0:y1, x0:x1] = value


def _can_be_picture(box: Rect, size: tuple[float, float]) -> bool:
    """Return whether a part may belong to a picture: it is no rule, no page frame, and not in a margin."""
    width, height = box[2] - box[0], box[3] - box[1]
    if min(width, height) <= 3 and max(width, height) >= 40:
        return False
    if width >= _PAGE_FRAME_SHARE * size[0] and height >= _PAGE_FRAME_SHARE * size[1]:
        return False
    is_at_side = box[2] < 0.04 * size[0] or box[0] > 0.96 * size[0]
    return not (is_in_margin(box, size[1], MARGIN_SHARE) or is_at_side)
