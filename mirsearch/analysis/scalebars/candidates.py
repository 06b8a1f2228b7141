"""Find rectangles that may be scale bars: horizontal runs in masks of bright or dark pixels at several levels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

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

MIN_LENGTH = 12
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

_MOST_WHOLE_SUMS = 2**31 // 256
"""Number of px of an image up to which the sum of all its bytes fits into 32 bits."""

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
    strong, tinted = (_share_from(np.asarray(chroma), level) for level in (_INK_CHROMA, _TINT_CHROMA))
    if not 0 < strong <= _MAX_INK_SHARE or tinted > 3 * _MAX_INK_SHARE:
        return None
    return np.asarray(cv2.convertScaleAbs(chroma, alpha=1.15), np.uint8)


def _share_from(channel: Gray, level: int) -> float:
    """Return the share of a channel's pixels from a level on."""
    return cv2.countNonZero(cv2.threshold(channel, level - 1, 255, cv2.THRESH_BINARY)[1]) / channel.size


def find_rectangles(gray: Gray, longest: int, thorough: bool = True) -> list[Rectangle]:
    """Return solid horizontal structures that stand out, most contrast first.

    `longest` is their greatest length in px. Fewer levels are tried if the search is not `thorough`.
    """
    found: dict[Rectangle, None] = {}
    for bright in (True, False):
        image = gray if bright else np.asarray(cv2.bitwise_not(gray), np.uint8)
        for runs in _run_masks(image, thorough):
            for box in _find_solid_boxes(runs, longest):
                found[(*box, bright)] = None
    most = min(MAX_MEASURED, max(_MIN_MEASURED, gray.size // _PX_PER_MEASURED)) // (1 if thorough else 2)
    return _drop_near_duplicates(_rank_by_contrast(gray, list(found)))[:most]


def _run_masks(image: Gray, thorough: bool) -> Iterator[Gray]:
    """Yield masks (0 or 255) of runs of bright pixels, and of pixels brighter than those above and below them."""
    yield from _level_sets(_keep_runs(image), _THRESHOLDS if thorough else _FEW_THRESHOLDS)
    for height in _TOPHAT_HEIGHTS if thorough else _TOPHAT_HEIGHTS[:2]:
        if height * 2 >= image.shape[0]:
            continue
        kernel = np.ones((height, 1), np.uint8)
        raised = cv2.morphologyEx(image, cv2.MORPH_TOPHAT, kernel, borderType=cv2.BORDER_REPLICATE)
        steps = _TOPHAT_CONTRASTS if thorough else _TOPHAT_CONTRASTS[1:2]
        yield from _level_sets(_keep_runs(np.asarray(raised, np.uint8)), steps)


def _keep_runs(image: Gray) -> Gray:
    """Return the image without what is brighter than its row over less than the least length.

    An opening of all levels at once: its level sets are the openings of the image's level sets (Serra 1982).
    """
    kernel = np.ones((1, MIN_LENGTH), np.uint8)
    return np.asarray(cv2.morphologyEx(image, cv2.MORPH_OPEN, kernel, borderType=cv2.BORDER_CONSTANT), np.uint8)


def _level_sets(image: Gray, levels: Iterable[int]) -> Iterator[Gray]:
    """Yield masks (0 or 255) of the pixels from each level on, without a mask that is empty or the one before."""
    last = 0
    for level in levels:
        mask = np.asarray(cv2.threshold(image, level - 1, 255, cv2.THRESH_BINARY)[1], np.uint8)
        count = cv2.countNonZero(mask)
        if count not in (0, last):
            yield mask
        last = count


def _find_solid_boxes(runs: Gray, longest: int) -> list[tuple[int, int, int, int]]:
    """Return the boxes of the components of a mask of runs."""
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
    depth = cv2.CV_32S if gray.size <= _MOST_WHOLE_SUMS else cv2.CV_64F
    sums, squares = cv2.integral2(gray, sdepth=depth, sqdepth=cv2.CV_64F)
    x0, y0, x1, y1, bright = (np.array(column) for column in zip(*boxes, strict=True))
    height = gray.shape[0]

    def mean(integral: NDArray[Any], top: NDArray[np.int64], bottom: NDArray[np.int64]) -> NDArray[np.float64]:
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
