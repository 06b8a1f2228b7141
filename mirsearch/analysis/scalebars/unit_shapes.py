"""A unit told by the shape of its letters: µ reaches below the line, n stands on two strokes and m on three."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels
from mirsearch.corpus import Box

_ENLARGED_HEIGHT = 72
"""Height in px that a label is enlarged to."""

_MIN_LOWER_TOP, _MIN_DESCENT, _MAX_DESCENT = 0.13, 0.10, 0.5
"""How much lower than digits small letters begin, and how far below them µ ends at least and at most, in parts of a
digit's height."""

_MIN_FULL_INK, _FULL_INK_PERCENTILE = 0.4, 96
"""Nearness and percentile taken for full ink: thin strokes are paler than the bar."""

_REACH_SHARE, _MIN_REACH_DISTANCE = 0.8, 60.0
"""Distance in color at which a pixel is no ink: this part of the way to the bar's ground, or of so many levels."""

_UNIT_BY_STROKES = {5: "nm", 6: "mm"}
_MAX_ENLARGEMENT = 6.0


def ink_view(panel: Pixels, box: Box, bar: Box) -> Pixels:
    """The pixels of a box as dark on white where they are of a bar's color, the bar itself left out: (h, w, 3)."""
    color, ground = bar_colors(panel, bar)
    x0, y0, x1, y1 = box
    crop = panel[y0:y1, x0:x1].astype(np.float32)
    reach = _REACH_SHARE * max(_MIN_REACH_DISTANCE, float(np.linalg.norm(ground - color)))
    near = np.clip(1 - np.linalg.norm(crop - color, axis=2) / reach, 0, 1)
    near[max(0, bar[1] - y0) : max(0, bar[3] - y0), max(0, bar[0] - x0) : max(0, bar[2] - x0)] = 0
    near = np.clip(near / max(_MIN_FULL_INK, float(np.percentile(near, _FULL_INK_PERCENTILE))), 0, 1)
    return np.asarray(cv2.cvtColor((255 - 255 * near).astype(np.uint8), cv2.COLOR_GRAY2RGB), np.uint8)


def bar_colors(panel: Pixels, bar: Box) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Median color (3,) of a bar, lying or upright, and of what lies along its long sides."""
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
    """`nm`, `mm` or `µm` as the letters of a label are shaped; None where that cannot be told.

    `label` is its crop (h, w, 3), dark on white as :func:`ink_view` makes it.
    """
    if min(label.shape[:2]) < 5:
        return None
    factor = min(_MAX_ENLARGEMENT, _ENLARGED_HEIGHT / label.shape[0])
    large = cv2.resize(255 - label[:, :, 0], None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    ink = np.asarray(cv2.threshold(large, 127, 255, cv2.THRESH_BINARY)[1], np.uint8)
    parts = _find_letters(ink)
    if len(parts) < 2:
        return None
    top = parts[:, 1].min()
    height = float(np.median((parts[:, 3] - parts[:, 1])[parts[:, 1] <= top + 4]))
    tall = parts[:, 1] <= top + _MIN_LOWER_TOP * height
    baseline = float(np.median(parts[tall, 3]))
    unit = parts[(parts[:, 0] >= parts[tall, 2].max() - 2) & ~tall]
    unit = unit[(unit[:, 3] - unit[:, 1]) >= 0.45 * height]
    if not len(unit):
        return None
    depths = (unit[:, 3] - baseline) / height
    if not _is_one_line(parts, tall, height):
        return None
    if depths[0] > _MIN_DESCENT:
        return "µm" if depths[0] <= _MAX_DESCENT else None
    return _UNIT_BY_STROKES.get(_count_strokes(ink, unit, baseline)) if np.abs(depths).max() <= _MIN_DESCENT / 2 else None


def _is_one_line(parts: NDArray[np.int64], tall: NDArray[np.bool_], height: float) -> bool:
    """Whether what is taken for digits ends on one line, and nothing else stands above or below: texture does."""
    ends, lowest = parts[tall, 3], parts[:, 3].max()
    return bool(np.ptp(ends) <= 2 * _MIN_DESCENT * height and lowest - np.median(ends) <= _MAX_DESCENT * height)


def _find_letters(ink: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Boxes (n, 4) of letters, left to right; what touches the border or is a speck is left out."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    x, y, w, h = (stats[1:, column].astype(np.int64) for column in range(4))
    height, width = ink.shape
    whole = (x > 0) & (y > 0) & (x + w < width) & (y + h < height) & (h >= 0.25 * height)
    boxes = np.stack([x, y, x + w, y + h], axis=1)[whole]
    return np.asarray(boxes[np.argsort(boxes[:, 0])], np.int64)


def _count_strokes(ink: NDArray[np.uint8], unit: NDArray[np.int64], baseline: float) -> int:
    """Upright strokes that the unit's letters stand on: runs of ink in the rows a little above the line."""
    x0, x1 = int(unit[:, 0].min()), int(unit[:, 2].max())
    height = baseline - float(np.median(unit[:, 1]))
    rows = [round(baseline - part * height) for part in (0.15, 0.25, 0.35)]
    counts = [int(np.count_nonzero(np.diff(np.r_[0, ink[row, x0:x1] > 0, 0].astype(np.int8)) > 0)) for row in rows]
    return int(np.median(counts))
