"""Show a label's letters as dark on white, and recognize its unit by their shape.

µ reaches below the line, n has two vertical strokes, m has three.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import BarCandidate, Pixels
from mirsearch.analysis.panels.masks import Gray
from mirsearch.corpus import Box
from mirsearch.imaging.percentiles import percentiles

_ENLARGED_HEIGHT = 72
"""Height in px to which a label is enlarged."""

_MIN_LOWER_TOP = 0.13
"""Least distance from the top of the digits to the top of small letters, as a share of a digit's height."""

_MIN_DESCENT = 0.10
"""Least depth of µ below the digits, as a share of a digit's height."""

_MAX_DESCENT = 0.5
"""Greatest depth of µ below the digits, as a share of a digit's height."""

_MIN_FULL_INK = 0.4
"""Least nearness to the bar's color (0 to 1) that may count as full ink."""

_FULL_INK_PERCENTILE = 96
"""Percentile of the nearness that counts as full ink: thin strokes are paler than the bar."""

_REACH_SHARE = 0.8
"""Distance in color at which a pixel is not ink, as a share of the distance from the bar to its ground."""

_MIN_REACH_DISTANCE = 60.0
"""Least distance in color, in levels, from the bar to its ground that is assumed for that."""

_INK_CHROMA = 100
"""Chroma (0 to 255) above which a bar is drawn in a color."""

_UNIT_BY_STROKES = {5: "nm", 6: "mm"}
"""Units by the number of vertical strokes of both letters."""

_MAX_ENLARGEMENT = 6.0
"""Greatest factor by which a label is enlarged."""


def label_view(panel: Pixels, chroma: Gray | None, bar: BarCandidate) -> Pixels:
    """Return the panel as a bar's label is best read in it: dark on white if the bar is colored on a gray picture."""
    if chroma is None or not is_colored(chroma, bar):
        return panel
    return np.asarray(cv2.cvtColor(np.asarray(255 - chroma, np.uint8), cv2.COLOR_GRAY2RGB), np.uint8)


def is_colored(chroma: Gray, bar: BarCandidate) -> bool:
    """Return whether a bar is drawn in a color on a gray picture."""
    x0, y0, x1, y1 = bar.box
    inside = chroma[y0:y1, x0:x1]
    return bool(inside.size and np.median(inside) > _INK_CHROMA)


def ink_view(panel: Pixels, box: Box, bar: Box) -> Pixels:
    """Return the pixels of a box as dark on white where they have a bar's color, without the bar itself: (h, w, 3)."""
    color, ground = bar_colors(panel, bar)
    x0, y0, x1, y1 = box
    crop = panel[y0:y1, x0:x1].astype(np.float32)
    reach = _REACH_SHARE * max(_MIN_REACH_DISTANCE, float(np.linalg.norm(ground - color)))
    inkness = np.clip(1 - np.linalg.norm(crop - color, axis=2) / reach, 0, 1)
    inkness[max(0, bar[1] - y0) : max(0, bar[3] - y0), max(0, bar[0] - x0) : max(0, bar[2] - x0)] = 0
    inkness = np.clip(
        inkness / max(_MIN_FULL_INK, float(percentiles(inkness.reshape(-1), [_FULL_INK_PERCENTILE])[0])), 0, 1
    )
    return np.asarray(cv2.cvtColor((255 - 255 * inkness).astype(np.uint8), cv2.COLOR_GRAY2RGB), np.uint8)


def bar_colors(panel: Pixels, bar: Box) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the median color (3,) of a bar, horizontal or vertical, and of what lies along its long sides."""
    x0, y0, x1, y1 = bar
    if y1 - y0 > x1 - x0:
        panel, (x0, y0, x1, y1) = panel.transpose(1, 0, 2), (y0, x0, y1, x1)
    trim = max(1, (x1 - x0) // 8)
    inner = panel[y0:y1, x0 + trim : x1 - trim].reshape(-1, 3)
    beside = np.concatenate([panel[max(0, y0 - 5) : max(1, y0 - 1), x0:x1], panel[y1 + 1 : y1 + 5, x0:x1]])
    color = np.median(inner, axis=0) if inner.size else np.full(3, 255.0)
    ground = np.median(beside.reshape(-1, 3), axis=0) if beside.size else 255 - color
    return np.asarray(color, np.float32), np.asarray(ground, np.float32)


def unit_shape(label: Pixels) -> str | None:
    """Return the unit (`nm`, `mm`, or `µm`) that the letters of a label have the shape of; None if it is unclear.

    `label` is its crop (h, w, 3), dark on white as :func:`ink_view` makes it.
    """
    if min(label.shape[:2]) < 5:
        return None
    factor = min(_MAX_ENLARGEMENT, _ENLARGED_HEIGHT / label.shape[0])
    large = cv2.resize(255 - label[:, :, 0], None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    ink = np.asarray(cv2.threshold(large, 127, 255, cv2.THRESH_BINARY)[1], np.uint8)
    letters = _find_letters(ink)
    if len(letters) < 2:
        return None
    top = letters[:, 1].min()
    height = float(np.median((letters[:, 3] - letters[:, 1])[letters[:, 1] <= top + 4]))
    is_digit = letters[:, 1] <= top + _MIN_LOWER_TOP * height
    baseline = float(np.median(letters[is_digit, 3]))
    unit = letters[(letters[:, 0] >= letters[is_digit, 2].max() - 2) & ~is_digit]
    unit = unit[(unit[:, 3] - unit[:, 1]) >= 0.45 * height]
    if not len(unit):
        return None
    depths = (unit[:, 3] - baseline) / height
    if not _is_one_line(letters, is_digit, height):
        return None
    if depths[0] > _MIN_DESCENT:
        return "µm" if depths[0] <= _MAX_DESCENT else None
    return (
        _UNIT_BY_STROKES.get(_count_strokes(ink, unit, baseline)) if np.abs(depths).max() <= _MIN_DESCENT / 2 else None
    )


def _is_one_line(letters: NDArray[np.int64], is_digit: NDArray[np.bool_], height: float) -> bool:
    """Return whether what is taken for digits ends on one line and nothing else reaches far below: texture does."""
    ends, lowest = letters[is_digit, 3], letters[:, 3].max()
    return bool(np.ptp(ends) <= 2 * _MIN_DESCENT * height and lowest - np.median(ends) <= _MAX_DESCENT * height)


def _find_letters(ink: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the boxes (n, 4) of letters, left to right, without specks and what touches the border."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    x, y, w, h = (stats[1:, column].astype(np.int64) for column in range(4))
    height, width = ink.shape
    is_letter = (x > 0) & (y > 0) & (x + w < width) & (y + h < height) & (h >= 0.25 * height)
    boxes = np.stack([x, y, x + w, y + h], axis=1)[is_letter]
    return np.asarray(boxes[np.argsort(boxes[:, 0])], np.int64)


def _count_strokes(ink: NDArray[np.uint8], unit: NDArray[np.int64], baseline: float) -> int:
    """Return the number of vertical strokes of the unit's letters: runs of ink in rows a little above the baseline."""
    x0, x1 = int(unit[:, 0].min()), int(unit[:, 2].max())
    height = baseline - float(np.median(unit[:, 1]))
    rows = [round(baseline - part * height) for part in (0.15, 0.25, 0.35)]
    counts = [int(np.count_nonzero(np.diff(np.r_[0, ink[row, x0:x1] > 0, 0].astype(np.int8)) > 0)) for row in rows]
    return int(np.median(counts))
