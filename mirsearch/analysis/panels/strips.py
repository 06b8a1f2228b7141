"""Find strips that belong to a picture as images of their own: blots below a blot, side views of a volume."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.kinds.features import flatness
from mirsearch.analysis.panels.boxes import distance_between, overlaps
from mirsearch.corpus import Box

_TOLERANCE, _TOLERANCE_PX = 0.02, 3
"""Difference up to which the ends of a strip and of its picture are the same: as a share of the side, and in px."""

_REACH = 0.12
"""Greatest distance of a strip from its picture, as a share of the strip's longer side."""

_PIECE_SHARE, _FILLED_SHARE = 0.5, 0.75
"""Least share of a strip's length that one piece of it fills, and least share of the strip that is not white."""

_WIDEST = 0.5
"""Greatest width of a strip, as a share of its length."""

_MIN_SPREAD = 3.0
"""Least standard deviation in levels across most of a strip; a color bar is even across."""

_FRAME_SHARE = 0.2
"""Share of a strip's width on each side where the frame of a color bar, and what JPEG or scaling makes of it, lie."""

_MAX_FLATNESS = 0.6
"""Greatest share of a strip that is flat; the databar of a microscope is mostly flat."""


def find_strips(pixels: Pixels, mask: NDArray[np.bool_], boxes: Sequence[Box], pictures: Sequence[Box]) -> list[Box]:
    """Return the strips of a region, RGB uint8 (h, w, 3), as long as the picture or strip beside them.

    `mask` (h, w) tells what is not white. `boxes` are filled; those that are no pictures may be pieces of a strip.
    """
    found: list[Box] = []
    left = [box for box in boxes if not any(overlaps(box, picture) for picture in pictures)]
    queue = list(pictures) if left else []
    while queue:
        picture = queue.pop(0)
        for axis in (0, 1):
            for strip in _strips_along(picture, left, axis):
                x0, y0, x1, y1 = strip
                is_free = not any(overlaps(strip, other) for other in (*pictures, *found))
                if is_free and mask[y0:y1, x0:x1].mean() >= _FILLED_SHARE and _is_image(pixels, strip):
                    found.append(strip)
                    queue.append(strip)
    return found


def _strips_along(picture: Box, boxes: Sequence[Box], axis: int) -> list[Box]:
    """Return the strips along a picture's side (`axis` 0: below or above it) whose pieces are among the boxes."""
    length = picture[axis + 2] - picture[axis]
    tolerance = max(_TOLERANCE_PX, round(_TOLERANCE * length))
    pieces = [
        box
        for box in boxes
        if box[axis] >= picture[axis] - tolerance
        and box[axis + 2] <= picture[axis + 2] + tolerance
        and box[3 - axis] - box[1 - axis] <= _WIDEST * length
        and distance_between(box, picture) <= _REACH * length
    ]
    strips: list[Box] = []
    for piece in sorted(pieces, key=lambda box: box[axis] - box[axis + 2]):
        if piece[axis + 2] - piece[axis] >= _PIECE_SHARE * length:
            strip = list(piece)
            strip[axis], strip[axis + 2] = picture[axis], picture[axis + 2]
            strips.append((strip[0], strip[1], strip[2], strip[3]))
    return strips


def _is_image(pixels: Pixels, box: Box) -> bool:
    """Return whether a strip is no color bar, no databar."""
    x0, y0, x1, y1 = box
    crop = np.ascontiguousarray(pixels[y0:y1, x0:x1])
    return not is_color_bar(crop) and flatness(crop) <= _MAX_FLATNESS


def is_color_bar(strip: Pixels) -> bool:
    """Return whether a strip, RGB uint8 (h, w, 3), is even across and much longer than wide, as a color bar is."""
    levels = strip.mean(axis=2, dtype=np.float32)
    lines = levels if levels.shape[1] < levels.shape[0] else levels.T  # one for each place along the strip
    edge = max(1, round(_FRAME_SHARE * lines.shape[1]))
    inside = lines[:, edge:-edge]
    is_long = lines.shape[1] <= _WIDEST * lines.shape[0]
    return is_long and inside.size > 0 and float(np.median(inside.std(axis=1))) < _MIN_SPREAD
