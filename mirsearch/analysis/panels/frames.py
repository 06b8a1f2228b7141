"""Find closed rectangular frames of dark lines, as around plots and gels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.panels.boxes import area, lies_in
from mirsearch.analysis.panels.masks import outer_boxes
from mirsearch.corpus import Box

_DARK = 190
"""Gray level below which a pixel may be part of a line."""

_MIN_SIDE_SHARE, _MIN_SIDE = 0.02, 16
"""Least side of a frame: as a share of the figure's longer side, and in px."""

_MIN_AREA = 0.003
"""Least area of a frame, as a share of the figure's longer side squared. Letters have smaller closed shapes."""

_MAX_THICKNESS = 10
"""Greatest thickness of a frame's line in px; thicker ones are filled bars."""

_MAX_OFFSET = 4
"""Greatest distance in px between the ends of a frame's lines."""

_MAX_LINES = 200
"""Most level lines that are paired. A bound on time."""


def find_frames(pixels: Pixels, figure_side: int) -> list[Box]:
    """Return the outermost closed frames in RGB pixels, uint8 (h, w, 3)."""
    side = max(_MIN_SIDE, round(_MIN_SIDE_SHARE * figure_side))
    dark = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) < _DARK, np.uint8)
    level = _lines(dark, (side, 1))
    upright = _lines(dark, (1, side))
    ends = {edge: _by_place(upright, edge) for edge in (0, 2)}
    frames: list[Box] = []
    for number, top in enumerate(level):
        rivals = [line for line in level[number + 1 :] if _have_same_ends(top, line)]
        for bottom in rivals:
            box = (top[0], top[1], top[2], bottom[3])
            if (
                box[3] - box[1] >= side
                and area(box) >= _MIN_AREA * figure_side**2
                and all(_has_side(ends[edge], box, edge) for edge in (0, 2))
            ):
                frames.append(box)
                break
    frames.sort(key=area, reverse=True)
    return [frame for n, frame in enumerate(frames) if not any(lies_in(frame, other, 2) for other in frames[:n])]


def _lines(dark: NDArray[np.uint8], kernel: tuple[int, int]) -> list[Box]:
    """Return the boxes of thin dark lines at least as long as a kernel (width, height), from the top."""
    lines = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones(kernel[::-1], np.uint8))
    boxes = [(x, y, x + w, y + h) for x, y, w, h in outer_boxes(lines) if min(w, h) <= _MAX_THICKNESS]
    return sorted(boxes, key=lambda box: (box[1], box[0]))[:_MAX_LINES]


def _have_same_ends(top: Box, bottom: Box) -> bool:
    """Return whether two level lines begin and end below each other."""
    return abs(top[0] - bottom[0]) <= _MAX_OFFSET and abs(top[2] - bottom[2]) <= _MAX_OFFSET


def _by_place(lines: Sequence[Box], edge: int) -> dict[int, list[Box]]:
    """Return upright lines by the place of their left (`edge` 0) or right (2) end."""
    places: dict[int, list[Box]] = {}
    for line in lines:
        places.setdefault(line[edge], []).append(line)
    return places


def _has_side(lines: Mapping[int, Sequence[Box]], box: Box, edge: int) -> bool:
    """Return whether one of the upright lines at each place closes a frame at its left (`edge` 0) or right (2)."""
    return any(
        line[1] <= box[1] + _MAX_OFFSET and line[3] >= box[3] - _MAX_OFFSET
        for place in range(box[edge] - _MAX_OFFSET, box[edge] + _MAX_OFFSET + 1)
        for line in lines.get(place, ())
    )
