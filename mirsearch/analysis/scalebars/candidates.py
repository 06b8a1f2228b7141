"""First look for scale bars: rectangles of horizontal runs in masks of bright or dark pixels at several levels."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]
"""Brightness, uint8 (h, w)."""

_THRESHOLDS = (250, 238, 218, 190, 160, 130, 100, 70)
"""Brightness levels; dark bars are looked for in the negative with the same levels."""

_FEW_THRESHOLDS = (250, 236, 190, 130)
"""The levels of a less thorough look."""

_TOPHAT_HEIGHTS = (7, 19, 45)
"""Heights in px: what is thinner stands out from a background of its own brightness (white top-hat)."""

_TOPHAT_CONTRASTS = (24, 60, 110)
"""How much brighter than what lies above and below a thin structure must be."""

MIN_LENGTH = 14
"""Shortest bar in px that can be measured to a few percent."""

MAX_MEASURED = 160
"""Rectangles that get a second look."""

_TINT_CHROMA, _INK_CHROMA, _MAX_INK_SHARE = 40, 100, 0.06
"""Chroma of what has some color and of colored ink, and the largest share of a gray picture that ink fills."""

_MIN_HEIGHT_FOR_LABEL = 16
"""Rows from which on a bar may hold its label: how even it is then shows along its edges."""

_MIN_FILL = 0.55
_MIN_ASPECT = 2.0
_MAX_RECTANGLES = 4000
"""Rectangles a mask may hold; more means texture, and only the longest are kept."""


Rectangle = tuple[int, int, int, int, bool]
"""x0, y0, x1, y1 in px and whether it is brighter than what is around it."""


def ink_chroma(pixels: NDArray[np.uint8]) -> Gray | None:
    """How colored each pixel is, 0 to 255, where a little strong color lies on a gray picture; else None.

    Ink of a color is as dark as grays around it, but nothing else there is as colored.
    """
    red, green, blue = cv2.split(pixels)
    chroma = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
    strong = float(np.mean(chroma >= _INK_CHROMA))
    if not 0 < strong <= _MAX_INK_SHARE or float(np.mean(chroma >= _TINT_CHROMA)) > 3 * _MAX_INK_SHARE:
        return None
    return np.asarray(cv2.convertScaleAbs(chroma, alpha=1.15), np.uint8)


def find_rectangles(gray: Gray, longest: int, thorough: bool = True) -> list[Rectangle]:
    """Solid horizontal structures that stand out, likeliest first; `longest` in px, fewer levels if not `thorough`."""
    found: dict[Rectangle, None] = {}
    for bright in (True, False):
        seen = gray if bright else np.asarray(255 - gray, np.uint8)
        for mask in _threshold_masks(seen, thorough):
            for box in _find_solid_boxes(mask, longest):
                found[(*box, bright)] = None
    return _drop_near_duplicates(_rank_by_contrast(gray, list(found)))[:MAX_MEASURED]


def _threshold_masks(seen: Gray, thorough: bool) -> Iterator[Gray]:
    """Masks (0 or 255) of what is bright, and of what is brighter than the things above and below it."""
    for level in _THRESHOLDS if thorough else _FEW_THRESHOLDS:
        yield np.asarray(cv2.threshold(seen, level - 1, 255, cv2.THRESH_BINARY)[1], np.uint8)
    for height in _TOPHAT_HEIGHTS if thorough else _TOPHAT_HEIGHTS[:2]:
        if height * 2 >= seen.shape[0]:
            continue
        kernel = np.ones((height, 1), np.uint8)
        raised = cv2.morphologyEx(seen, cv2.MORPH_TOPHAT, kernel, borderType=cv2.BORDER_REPLICATE)
        for step in _TOPHAT_CONTRASTS if thorough else _TOPHAT_CONTRASTS[1:2]:
            yield np.asarray(cv2.threshold(raised, step - 1, 255, cv2.THRESH_BINARY)[1], np.uint8)


def _find_solid_boxes(mask: Gray, longest: int) -> list[tuple[int, int, int, int]]:
    """Boxes of components that are left when runs shorter than the least length are taken away."""
    runs = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((1, MIN_LENGTH), np.uint8), borderType=cv2.BORDER_CONSTANT)
    found = []
    for x, y, w, h in outer_boxes(runs):
        if MIN_LENGTH <= w <= longest and w >= _MIN_ASPECT * h:
            found.append((x, y, x + w, y + h))
    if len(found) > _MAX_RECTANGLES:
        found = sorted(found, key=lambda box: box[0] - box[2])[:_MAX_RECTANGLES]
    return [box for box in found if _fill_share(runs, box) >= _MIN_FILL]


def outer_boxes(mask: Gray) -> Iterator[tuple[int, int, int, int]]:
    """x, y, w, h of each component of a mask, those that another encloses (a frame, a white margin) included."""
    outlines, tree = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    for outline, (_, _, _, parent) in zip(outlines, tree[0] if tree is not None else (), strict=True):
        if parent < 0:
            x, y, w, h = cv2.boundingRect(outline)
            yield x, y, w, h


def _fill_share(runs: Gray, box: tuple[int, int, int, int]) -> float:
    x0, y0, x1, y1 = box
    return float(cv2.countNonZero(runs[y0:y1, x0:x1])) / ((x1 - x0) * (y1 - y0))


def _rank_by_contrast(gray: Gray, boxes: list[Rectangle]) -> list[Rectangle]:
    """The boxes that stand out most from the rows above and below them for their unevenness, best first."""
    if not boxes:
        return []
    table, squares = cv2.integral2(gray, sdepth=cv2.CV_64F, sqdepth=cv2.CV_64F)
    x0, y0, x1, y1, bright = (np.array(column) for column in zip(*boxes, strict=True))
    height = gray.shape[0]

    def mean(of: NDArray[np.float64], top: NDArray[np.int64], bottom: NDArray[np.int64]) -> NDArray[np.float64]:
        area = np.maximum(1, (bottom - top) * (x1 - x0))
        return np.asarray((of[bottom, x1] - of[top, x1] - of[bottom, x0] + of[top, x0]) / area, np.float64)

    def deviation(top: NDArray[np.int64], bottom: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.sqrt(np.maximum(0.0, mean(squares, top, bottom) - mean(table, top, bottom) ** 2))

    inside = mean(table, y0, y1)
    rim = np.where(y1 - y0 >= _MIN_HEIGHT_FOR_LABEL, (y1 - y0) // 8, y1 - y0)
    spread = np.minimum(deviation(y0, y1), np.maximum(deviation(y0, y0 + rim), deviation(y1 - rim, y1)))
    above = mean(table, np.maximum(0, y0 - 4), np.maximum(1, y0 - 1))
    below = mean(table, np.minimum(height - 1, y1 + 1), np.minimum(height, y1 + 4))
    sign = np.where(bright, 1.0, -1.0)
    contrast = np.minimum(sign * (inside - above), sign * (inside - below))
    merit = np.maximum(contrast, 0.0) / (12.0 + spread) * np.sqrt(np.minimum(x1 - x0, 120))
    order = np.argsort(-merit, kind="stable")
    return [boxes[index] for index in order if contrast[index] > 0]


def _drop_near_duplicates(boxes: list[Rectangle]) -> list[Rectangle]:
    """The best box of each set that differs by a pixel or two, in the order they come."""
    kept: dict[tuple[int, int, int, bool], Rectangle] = {}
    for box in boxes:
        x0, y0, x1, y1, bright = box
        kept.setdefault(((x0 + 1) // 3, (y0 + y1) // 6, (x1 + 1) // 3, bright), box)
    return list(kept.values())
