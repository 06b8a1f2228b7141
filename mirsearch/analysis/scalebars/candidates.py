"""Find rectangles that may be scale bars: horizontal runs in masks of bright or dark pixels at several levels."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.panels.masks import Gray, outer_boxes

_THRESHOLDS = (250, 238, 218, 190, 160, 130, 100, 70)
"""Least gray levels of bright bars. Dark bars are looked for in the negative with the same levels."""

_FEW_THRESHOLDS = (250, 236, 190, 130)
"""The gray levels that are used if the search is not thorough."""

_TOPHAT_HEIGHTS = (7, 19, 45)
"""Heights in px. A white top-hat keeps what is brighter than its surroundings and less high than this.

It finds bars on a ground that is locally about as bright as the bar.
"""

_TOPHAT_CONTRASTS = (24, 60, 110)
"""Gray levels by which a thin structure must at least be brighter than what lies above and below it."""

MIN_LENGTH = 14
"""Shortest bar in px that can be measured to a few percent."""

MAX_MEASURED = 160
"""Greatest number of rectangles of an image that are measured. A bound on time."""

_MIN_MEASURED, _PX_PER_MEASURED = 32, 800
"""Number of rectangles that are measured in a tile of any size, and pixels of an image for each of them."""

_TINT_CHROMA = 40
"""Least chroma (0 to 255) of a pixel that has some color."""

_INK_CHROMA = 100
"""Least chroma (0 to 255) of colored ink."""

_MAX_INK_SHARE = 0.06
"""Greatest share of a gray picture's pixels that colored ink fills."""

_MIN_HEIGHT_FOR_LABEL = 16
"""Least height in px of a bar that can hold its own label. How even such a bar is shows only along its long edges."""

_MIN_FILL = 0.55
"""Least share of a rectangle that its mask must fill."""

_MIN_ASPECT = 2.0
"""Least ratio of a rectangle's length to its height."""

_MAX_RECTANGLES = 4000
"""Greatest number of rectangles of one mask. More of them are texture, and only the longest are kept."""


Rectangle = tuple[int, int, int, int, bool]
"""x0, y0, x1, y1 in px, and whether it is brighter than its surroundings."""


def ink_chroma(pixels: NDArray[np.uint8]) -> Gray | None:
    """Return how colored each pixel is (0 to 255) if the picture is gray with a little colored ink, else None.

    Colored ink can be as dark as the grays around it, but nothing else in a gray picture is as colored.
    """
    red, green, blue = cv2.split(pixels)
    chroma = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
    strong = float(np.mean(chroma >= _INK_CHROMA))
    if not 0 < strong <= _MAX_INK_SHARE or float(np.mean(chroma >= _TINT_CHROMA)) > 3 * _MAX_INK_SHARE:
        return None
    return np.asarray(cv2.convertScaleAbs(chroma, alpha=1.15), np.uint8)


def find_rectangles(gray: Gray, longest: int, thorough: bool = True) -> list[Rectangle]:
    """Return solid horizontal structures that stand out, most contrast first.

    `longest` is their greatest length in px. Fewer levels are tried if the search is not `thorough`.
    """
    found: dict[Rectangle, None] = {}
    for bright in (True, False):
        image = gray if bright else np.asarray(255 - gray, np.uint8)
        for mask in _threshold_masks(image, thorough):
            for box in _find_solid_boxes(mask, longest):
                found[(*box, bright)] = None
    most = min(MAX_MEASURED, max(_MIN_MEASURED, gray.size // _PX_PER_MEASURED)) // (1 if thorough else 2)
    return _drop_near_duplicates(_rank_by_contrast(gray, list(found)))[:most]


def _threshold_masks(image: Gray, thorough: bool) -> Iterator[Gray]:
    """Yield masks (0 or 255) of what is bright, and of what is brighter than the pixels above and below it."""
    for level in _THRESHOLDS if thorough else _FEW_THRESHOLDS:
        yield np.asarray(cv2.threshold(image, level - 1, 255, cv2.THRESH_BINARY)[1], np.uint8)
    for height in _TOPHAT_HEIGHTS if thorough else _TOPHAT_HEIGHTS[:2]:
        if height * 2 >= image.shape[0]:
            continue
        kernel = np.ones((height, 1), np.uint8)
        raised = cv2.morphologyEx(image, cv2.MORPH_TOPHAT, kernel, borderType=cv2.BORDER_REPLICATE)
        for step in _TOPHAT_CONTRASTS if thorough else _TOPHAT_CONTRASTS[1:2]:
            yield np.asarray(cv2.threshold(raised, step - 1, 255, cv2.THRESH_BINARY)[1], np.uint8)


def _find_solid_boxes(mask: Gray, longest: int) -> list[tuple[int, int, int, int]]:
    """Return the boxes of a mask's components after runs shorter than the least length are removed."""
    runs = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((1, MIN_LENGTH), np.uint8), borderType=cv2.BORDER_CONSTANT)
    found = []
    for x, y, w, h in outer_boxes(runs):
        if MIN_LENGTH <= w <= longest and w >= _MIN_ASPECT * h:
            found.append((x, y, x + w, y + h))
    if len(found) > _MAX_RECTANGLES:
        found = sorted(found, key=lambda box: box[0] - box[2])[:_MAX_RECTANGLES]
    return [box for box in found if _fill_share(runs, box) >= _MIN_FILL]


def _fill_share(runs: Gray, box: tuple[int, int, int, int]) -> float:
    """Return the share of a box that a mask fills."""
    x0, y0, x1, y1 = box
    return float(cv2.countNonZero(runs[y0:y1, x0:x1])) / ((x1 - x0) * (y1 - y0))


def _rank_by_contrast(gray: Gray, boxes: list[Rectangle]) -> list[Rectangle]:
    """Return the boxes that stand out from the rows above and below, best first.

    They are ranked by contrast relative to their unevenness, and by length.
    """
    if not boxes:
        return []
    sums, squares = cv2.integral2(gray, sdepth=cv2.CV_64F, sqdepth=cv2.CV_64F)
    x0, y0, x1, y1, bright = (np.array(column) for column in zip(*boxes, strict=True))
    height = gray.shape[0]

    def mean(integral: NDArray[np.float64], top: NDArray[np.int64], bottom: NDArray[np.int64]) -> NDArray[np.float64]:
        area = np.maximum(1, (bottom - top) * (x1 - x0))
        return np.asarray(
            (integral[bottom, x1] - integral[top, x1] - integral[bottom, x0] + integral[top, x0]) / area, np.float64
        )

    def deviation(top: NDArray[np.int64], bottom: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.sqrt(np.maximum(0.0, mean(squares, top, bottom) - mean(sums, top, bottom) ** 2))

    inside = mean(sums, y0, y1)
    rim = np.where(y1 - y0 >= _MIN_HEIGHT_FOR_LABEL, (y1 - y0) // 8, y1 - y0)
    spread = np.minimum(deviation(y0, y1), np.maximum(deviation(y0, y0 + rim), deviation(y1 - rim, y1)))
    above = mean(sums, np.maximum(0, y0 - 4), np.maximum(1, y0 - 1))
    below = mean(sums, np.minimum(height - 1, y1 + 1), np.minimum(height, y1 + 4))
    sign = np.where(bright, 1.0, -1.0)
    contrast = np.minimum(sign * (inside - above), sign * (inside - below))
    merit = np.maximum(contrast, 0.0) / (12.0 + spread) * np.sqrt(np.minimum(x1 - x0, 120))
    order = np.argsort(-merit, kind="stable")
    return [boxes[index] for index in order if contrast[index] > 0]


def _drop_near_duplicates(boxes: list[Rectangle]) -> list[Rectangle]:
    """Return the first of each set of boxes that differ by a pixel or two, in the given order."""
    kept: dict[tuple[int, int, int, bool], Rectangle] = {}
    for box in boxes:
        x0, y0, x1, y1, bright = box
        kept.setdefault(((x0 + 1) // 3, (y0 + y1) // 6, (x1 + 1) // 3, bright), box)
    return list(kept.values())
