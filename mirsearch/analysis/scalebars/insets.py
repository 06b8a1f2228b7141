"""Find the framed insets of a panel. A bar in an inset scales only the inset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from mirsearch.analysis.base import BarCandidate
from mirsearch.analysis.panels.boxes import lies_in, sides
from mirsearch.analysis.panels.masks import Gray, outer_boxes
from mirsearch.analysis.scalebars.line_shapes import LineShape
from mirsearch.corpus import Box

_MIN_SIDE = 50
"""Least side of an inset in px that two lines of the detector frame."""

_MIN_FRAMED_SIDE = 24
"""Least side in px of an inset whose frame has a corner."""

_MAX_SIDE_SHARE = 0.75
"""Greatest side of an inset as a share of the panel's side."""

_MIN_CORNER_SHARE = 0.18
"""Least side of an inset in a corner as a share of the panel's side."""

_MAX_OFFSET = 4
"""Greatest distance in px between the ends of a frame's lines."""

_MAX_FLAT_SHARE = 0.6
"""Greatest share of an inset that has one brightness. A box behind a label has more."""

_MIN_GROUND_SHARE, _MAX_TWO_SHARE, _MIN_INK_CONTRAST = 0.4, 0.8, 60
"""Least share of a box behind a label that is its ground, share from which on ground and ink are all that it holds, and
gray levels by which they differ at least."""

_MIN_INK_SHARE = 0.05
"""Least share of such a box that is ink."""

_FLAT_SLACK = 10
"""Gray levels above and below a level that count as one brightness."""

_FILL_SLACK = 4
"""Gray levels above and below a level that count as the brightness of an evenly filled box."""

_MIN_FILL_SHARE = 0.5
"""Least share of a filled box that has its brightness. Noise in a dark picture spreads over more levels."""

_LINE_HEIGHT, _MIN_LINE_CONTRAST = 9, 20
"""Height in px of what is no thin line, and least gray levels by which a thin line stands out."""

_MAX_LINE_THICKNESS, _MIN_LINE_LEVEL, _LINE_SLACK, _MIN_EVEN_SHARE = 4, 140.0, 45.0, 0.85
"""Greatest thickness in px of such a line, its least level, and the least share of it near that level (± the slack)."""

_MAX_LINE_GAP = 7
"""Greatest gap in px of such a line, where what lies beside it is as bright."""

_MAX_CORNER_GAP = 9
"""Greatest distance in px between two lines that meet: near their corner neither is thin."""


def find_insets(gray: Gray, bars: Sequence[BarCandidate], shapes: Sequence[LineShape] = ()) -> list[Box]:
    """Return the boxes of framed insets.

    A frame has two horizontal lines of equal length, one above the other, and a vertical line at one end. It may also
    be one of the `shapes`, or two lines that cut off a corner of the panel.
    """
    height, width = gray.shape
    framed = [shape.frame for shape in shapes if shape.frame is not None]
    insets = [*_find_line_pairs(gray, bars)]
    corners = [
        box
        for box in _find_corners(gray)
        if box[2] - box[0] >= _MIN_CORNER_SHARE * width and box[3] - box[1] >= _MIN_CORNER_SHARE * height
    ]
    for box in (*framed, *corners):
        box_width, box_height = sides(box)
        has_size = min(box_width, box_height) >= _MIN_FRAMED_SIDE
        if has_size and box_width <= _MAX_SIDE_SHARE * width and box_height <= _MAX_SIDE_SHARE * height:
            insets += [box] if _holds_picture(gray, box) else []
    return insets


def find_frame_sides(bars: Sequence[BarCandidate]) -> list[Box]:
    """Return the boxes of horizontal lines that are the top or bottom of a frame: with an equal line, and a side."""
    horizontal = [
        bar.box
        for bar in bars
        if not bar.vertical and bar.box[2] - bar.box[0] >= _MIN_SIDE and bar.box[3] - bar.box[1] <= _MAX_LINE_THICKNESS
    ]
    vertical = [bar.box for bar in bars if bar.vertical]
    sides: list[Box] = []
    for top in horizontal:
        for bottom in horizontal:
            box = (min(top[0], bottom[0]), top[1], max(top[2], bottom[2]), bottom[3])
            is_equal = abs(top[0] - bottom[0]) <= _MAX_OFFSET and abs(top[2] - bottom[2]) <= _MAX_OFFSET
            if is_equal and box[3] - box[1] >= _MIN_FRAMED_SIDE and any(_is_side(box, line) for line in vertical):
                sides += [top, bottom]
    return sides


def _find_line_pairs(gray: Gray, bars: Sequence[BarCandidate]) -> Iterator[Box]:
    """Yield the frames of two horizontal lines and a vertical one that the detector found."""
    height, width = gray.shape
    horizontal = [bar.box for bar in bars if not bar.vertical and bar.box[2] - bar.box[0] >= _MIN_SIDE]
    vertical = [bar.box for bar in bars if bar.vertical]
    for top in horizontal:
        for bottom in horizontal:
            box = (min(top[0], bottom[0]), top[1], max(top[2], bottom[2]), bottom[3])
            box_height, box_width = box[3] - box[1], box[2] - box[0]
            if abs(top[0] - bottom[0]) > _MAX_OFFSET or abs(top[2] - bottom[2]) > _MAX_OFFSET:
                continue
            has_inset_size = (
                _MIN_SIDE <= box_height <= _MAX_SIDE_SHARE * height and box_width <= _MAX_SIDE_SHARE * width
            )
            if has_inset_size and any(_is_side(box, line) for line in vertical) and _holds_picture(gray, box):
                yield box


def _find_corners(gray: Gray) -> Iterator[Box]:
    """Yield the boxes that a horizontal and a vertical line cut off a corner of the panel.

    A line may seem to go on behind the corner, where the picture is bright.
    """
    for image in (gray, np.asarray(255 - gray, np.uint8)):
        turned = np.ascontiguousarray(image.T)
        across = _find_border_lines(image)
        down = _find_border_lines(turned) if across else []
        for line in across:
            for other in down:
                at_left, at_top = line[0] <= _MAX_OFFSET, other[0] <= _MAX_OFFSET
                side, top = _cut_at(line, other, at_left), _cut_at(other, line, at_top)
                if side is None or top is None or not (_is_drawn(image, side) and _is_drawn(turned, top)):
                    continue
                left, right = (0, other[3]) if at_left else (other[1], gray.shape[1])
                yield left, (0 if at_top else line[1]), right, (line[3] if at_top else gray.shape[0])


def _cut_at(line: Box, other: Box, from_start: bool) -> Box | None:
    """Return a horizontal line from its border up to where a line across it runs, or None if it does not get there.

    `other` is given in the transposed image.
    """
    if from_start:
        reaches = line[2] >= other[1] - _MAX_CORNER_GAP
        return (line[0], line[1], min(line[2], other[3]), line[3]) if reaches else None
    reaches = line[0] <= other[3] + _MAX_CORNER_GAP
    return (max(line[0], other[1]), line[1], line[2], line[3]) if reaches else None


def _find_border_lines(image: Gray) -> list[Box]:
    """Return the thin bright horizontal lines that begin at the left or right border, but not those along a border."""
    height, width = image.shape
    if height < 3 * _LINE_HEIGHT:
        return []
    kernel = np.ones((_LINE_HEIGHT, 1), np.uint8)
    raised = cv2.morphologyEx(image, cv2.MORPH_TOPHAT, kernel, borderType=cv2.BORDER_REPLICATE)
    mask = cv2.threshold(raised, _MIN_LINE_CONTRAST - 1, 255, cv2.THRESH_BINARY)[1]
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((1, _MAX_LINE_GAP), np.uint8))
    run = np.ones((1, _MIN_FRAMED_SIDE), np.uint8)
    lines = np.asarray(cv2.morphologyEx(joined, cv2.MORPH_OPEN, run, borderType=cv2.BORDER_CONSTANT), np.uint8)
    boxes = [(x, y, x + w, y + h) for x, y, w, h in outer_boxes(lines)]
    return [
        box
        for box in boxes
        if (box[0] <= _MAX_OFFSET) != (box[2] >= width - _MAX_OFFSET)
        and box[3] - box[1] <= _MAX_LINE_THICKNESS
        and box[1] > _LINE_HEIGHT
        and box[3] < height - _LINE_HEIGHT
    ]


def _is_drawn(image: Gray, line: Box) -> bool:
    """Return whether a bright line is of one level, near white, as far as what lies beside it lets one see."""
    levels = image[line[1] : line[3], line[0] : line[2]].max(axis=0, initial=0)
    if levels.size < _MIN_FRAMED_SIDE - _MAX_CORNER_GAP:
        return False
    level = float(np.median(levels))
    return level >= _MIN_LINE_LEVEL and float(np.mean(np.abs(levels - level) <= _LINE_SLACK)) >= _MIN_EVEN_SHARE


def _is_side(box: Box, line: Box) -> bool:
    """Return whether a vertical line runs along the left or right side of a box."""
    along_side = min(abs(line[0] - box[0]), abs(line[2] - box[2])) <= _MAX_OFFSET
    return along_side and abs(line[1] - box[1]) <= 2 * _MAX_OFFSET and abs(line[3] - box[3]) <= 2 * _MAX_OFFSET


def _holds_picture(gray: Gray, box: Box) -> bool:
    """Return whether a frame holds a picture. A box drawn behind a label is mostly of one brightness."""
    inside = gray[box[1] + _MAX_OFFSET : box[3] - _MAX_OFFSET, box[0] + _MAX_OFFSET : box[2] - _MAX_OFFSET]
    if not inside.size:
        return False
    counts = np.bincount(inside.ravel(), minlength=256)
    near = np.convolve(counts, np.ones(2 * _FLAT_SLACK + 1), mode="same")
    fill_pixels = np.convolve(counts, np.ones(2 * _FILL_SLACK + 1), mode="same").max()
    level, flat_pixels = int(near.argmax()), near.max()
    counts[max(0, level - _MIN_INK_CONTRAST) : level + _MIN_INK_CONTRAST + 1] = 0
    ink_pixels = np.convolve(counts, np.ones(2 * _FLAT_SLACK + 1), mode="same").max()
    ground_share, ink_share = flat_pixels / inside.size, ink_pixels / inside.size
    if ground_share >= _MIN_GROUND_SHARE and ink_share >= max(_MIN_INK_SHARE, _MAX_TWO_SHARE - ground_share):
        return False
    return bool(flat_pixels < _MAX_FLAT_SHARE * inside.size or fill_pixels < _MIN_FILL_SHARE * inside.size)


def lies_in_any(box: Box, frames: Sequence[Box]) -> bool:
    """Return whether a box lies within one of the frames or on its lines."""
    return any(lies_in(box, frame, 1) for frame in frames)
