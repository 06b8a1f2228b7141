"""Tell whether a straight step across a picture is the seam of two pictures or belongs to one picture.

Two pictures that touch are unrelated: their brightness along the seam is uncorrelated. Across a line of the
microscope's scan, or along a fiber that happens to stand upright, the same picture continues.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels
from mirsearch.corpus import Box
from mirsearch.imaging.percentiles import percentiles

_DETAIL_CORRELATION, _SHADING_CORRELATION = 0.65, 0.85
"""Correlations above which one picture continues across a step: of its details, of its shading."""

_GUTTER_SPREAD, _GUTTER_CONTRAST = 24, 8.0
"""Gray levels (of 255): largest spread of 90 % of a gutter's length, and least difference from both its sides."""

_SHORTEST_STRETCH_PX, _STRETCH_CORRELATION = 40, 0.5
"""Shortest part of a step that is judged (px), and correlation of details above which one picture continues there."""

_REACH_PX = 16
"""Distance in px from a step up to which a line's own brightness reaches; its sides lie beyond."""

_LINE_CONTRAST = 8.0
"""Least contrast of a line, as a multiple of the difference of its two sides (1 gray level at least)."""

_ONE_SIGN_SHARE = 0.9
"""Least excess of a line's strong steps of one sign over those of the other, as a share of all strong steps."""

_SURE_STRENGTH = 0.9
"""Strength in [0, 1] from which a seam is so sure that no line is looked for at it."""


def continues_across(pixels: Pixels, box: Box, axis: int, place: int, strength: float) -> bool:
    """Return whether one picture continues across a step, `place` px from the box's left (`axis` 0) or top (1).

    `strength` in [0, 1] is how sure the step is a seam by itself. A line that stands out from similar sides counts as
    part of a picture unless `strength` is at least 0.9.
    """
    x0, y0, x1, y1 = box
    crop = pixels[y0:y1, x0:x1] if axis == 0 else pixels[y0:y1, x0:x1].transpose(1, 0, 2)
    first = max(0, place - 2 * _REACH_PX)
    window = crop[:, first : place + 2 * _REACH_PX].astype(np.float32).mean(axis=2)
    step = place - first
    if step < 6 or window.shape[1] - step < 6:
        return False
    left, right = window[:, step - 5 : step - 2].mean(axis=1), window[:, step + 3 : step + 6].mean(axis=1)
    if _is_gutter(window[:, step - 2 : step + 3], float(np.median(left)), float(np.median(right))):
        return False
    details_agree = _correlation(_details(left), _details(right)) > _DETAIL_CORRELATION
    return (
        details_agree
        or _correlation(_shading(left), _shading(right)) > _SHADING_CORRELATION
        or (strength < _SURE_STRENGTH and _is_line(window, step))
    )


def continues_across_unseen_part(pixels: Pixels, box: Box, axis: int, place: int, visible: Sequence[bool]) -> bool:
    """Return whether one picture continues across a step on any part of its length where the step is invisible.

    `visible` tells for parts of equal length whether the step shows there. A picture continues, for example, where the
    seam of two pictures ends at the middle of a third beside them.
    """
    x0, y0, x1, y1 = box
    crop = pixels[y0:y1, x0:x1] if axis == 0 else pixels[y0:y1, x0:x1].transpose(1, 0, 2)
    if place < 6 or crop.shape[1] - place < 6:
        return False
    left, right = (
        crop[:, place + offset : place + offset + 3].astype(np.float32).mean(axis=(1, 2)) for offset in (-5, 3)
    )
    edges = np.linspace(0, len(left), len(visible) + 1).astype(int)
    return any(
        high - low >= _SHORTEST_STRETCH_PX
        and _correlation(_details(left[low:high]), _details(right[low:high])) > _STRETCH_CORRELATION
        for (low, high), is_visible in zip(pairwise(edges), visible, strict=True)
        if not is_visible
    )


def _is_gutter(columns: NDArray[np.float32], left_level: float, right_level: float) -> bool:
    """Return whether a column at the step has one brightness that differs from the levels on both sides."""
    low, middle, high = percentiles(columns, [5, 50, 95])
    contrast = np.minimum(np.abs(middle - left_level), np.abs(middle - right_level))
    return bool(
        ((contrast >= max(_GUTTER_CONTRAST, 0.5 * float(contrast.max()))) & (high - low < _GUTTER_SPREAD)).any()
    )


def details_correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return the correlation of the details of two lines of pixels, float32 (n,), that lie near each other."""
    return _correlation(_details(first), _details(second))


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return the correlation of values around 0; near 0 for unrelated values and where nothing changes."""
    return float((first * second).mean() / (first.std() * second.std() + 1e-3))


def _details(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values smoothed over 5 px, less their mean over a sixth of the length."""
    smoothed = _smooth(values, 5)
    return smoothed - _smooth(smoothed, max(9, len(values) // 6))


def _shading(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values smoothed over a fortieth of the length, less the straight line fitted to them."""
    smoothed, places = _smooth(values, max(5, len(values) // 40)), np.arange(len(values))
    return np.asarray(smoothed - np.polyval(np.polyfit(places, smoothed, 1), places), np.float32)


def _smooth(values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Return the running mean of values over `width` values (made odd)."""
    width |= 1
    padded = np.pad(values, width // 2, mode="reflect") if len(values) > width else np.pad(values, width // 2)
    return np.convolve(padded, np.full(width, 1 / width, np.float32), "valid").astype(np.float32)


def _is_line(window: NDArray[np.float32], place: int) -> bool:
    """Return whether a line stands at the step: all of it lighter or darker than its two similar sides."""
    profile = window.mean(axis=0)
    low, high = float(profile[: max(1, place - _REACH_PX)].mean()), float(profile[place + _REACH_PX :].mean())
    middle = profile[max(0, place - _REACH_PX) : place + _REACH_PX]
    if place + _REACH_PX >= len(profile):
        return False
    step = window[:, place] - window[:, place - 1]
    strong_steps = step[np.abs(step) > 0.5 * percentiles(np.abs(step), [90])[0]]
    has_one_sign = bool(len(strong_steps)) and abs(float(np.sign(strong_steps).mean())) > _ONE_SIGN_SHARE
    return has_one_sign and float(np.abs(middle - (low + high) / 2).max()) > _LINE_CONTRAST * max(1.0, abs(low - high))
