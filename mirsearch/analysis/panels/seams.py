"""Whether a straight step across a picture is the seam of two pictures, or part of what one picture shows.

Two pictures that touch have nothing to do with each other: their brightness along the seam is uncorrelated. Across a
line of the microscope's scan, or a fiber that happens to stand upright, the same picture goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels
from mirsearch.corpus import Box

_DETAIL_CORRELATION, _SHADING_CORRELATION = 0.65, 0.85
"""Least correlation across a step within one picture: of its details, of its shading."""

_GUTTER_SPREAD, _GUTTER_CONTRAST = 24, 8.0
"""Most by which 90 % of a gutter's length differ in brightness, and least by which it differs from its sides."""

_SHORTEST_STRETCH_PX, _STRETCH_CORRELATION = 40, 0.5
"""Shortest part of a step that tells anything, and least correlation of details across one within one picture."""

_REACH_PX = 16
_LINE_CONTRAST, _ONE_SIGN_SHARE = 8.0, 0.9
_SURE_STRENGTH = 0.9


def continues_across(pixels: Pixels, box: Box, axis: int, place: int, strength: float) -> bool:
    """Whether one picture goes on across a step at `place` px from the box's left (`axis` 0) or top (1) edge.

    `strength` is how sure the step is a seam by itself, in [0, 1]; a line that stands out from equal sides is one then.
    """
    x0, y0, x1, y1 = box
    crop = pixels[y0:y1, x0:x1] if axis == 0 else pixels[y0:y1, x0:x1].transpose(1, 0, 2)
    first = max(0, place - 2 * _REACH_PX)
    near = crop[:, first : place + 2 * _REACH_PX].astype(np.float32).mean(axis=2)
    at = place - first
    if at < 6 or near.shape[1] - at < 6:
        return False
    before, behind = near[:, at - 5 : at - 2].mean(axis=1), near[:, at + 3 : at + 6].mean(axis=1)
    if _is_gutter(near[:, at - 2 : at + 3], float(np.median(before)), float(np.median(behind))):
        return False
    same = _correlation(_details(before), _details(behind)) > _DETAIL_CORRELATION
    return (
        same or _correlation(_shading(before), _shading(behind)) > _SHADING_CORRELATION or (strength < _SURE_STRENGTH and _is_line(near, at))
    )


def continues_across_unseen_part(pixels: Pixels, box: Box, axis: int, place: int, seen: Sequence[bool]) -> bool:
    """Whether one picture goes on across a step on any part of its length where the step cannot be seen.

    `seen` tells it for parts of one length each. So it is where two pictures end at the middle of a third beside them.
    """
    x0, y0, x1, y1 = box
    crop = pixels[y0:y1, x0:x1] if axis == 0 else pixels[y0:y1, x0:x1].transpose(1, 0, 2)
    if place < 6 or crop.shape[1] - place < 6:
        return False
    before, behind = (crop[:, place + off : place + off + 3].astype(np.float32).mean(axis=(1, 2)) for off in (-5, 3))
    edges = np.linspace(0, len(before), len(seen) + 1).astype(int)
    return any(
        high - low >= _SHORTEST_STRETCH_PX and _correlation(_details(before[low:high]), _details(behind[low:high])) > _STRETCH_CORRELATION
        for (low, high), visible in zip(pairwise(edges), seen, strict=True)
        if not visible
    )


def _is_gutter(columns: NDArray[np.float32], before: float, behind: float) -> bool:
    """Whether one of the columns at a step is of one brightness, other than the levels before and behind it."""
    low, middle, high = np.percentile(columns, [5, 50, 95], axis=0)
    off = np.minimum(np.abs(middle - before), np.abs(middle - behind))
    return bool(((off >= max(_GUTTER_CONTRAST, 0.5 * float(off.max()))) & (high - low < _GUTTER_SPREAD)).any())


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Correlation of values around 0; near 0 for strangers, and where nothing changes."""
    return float((first * second).mean() / (first.std() * second.std() + 1e-3))


def _details(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values smoothed over 5 px, without the mean of a sixth of the whole around each."""
    fine = _smooth(values, 5)
    return fine - _smooth(fine, max(9, len(values) // 6))


def _shading(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values smoothed over a fortieth of the whole, without the straight line through them."""
    smooth, places = _smooth(values, max(5, len(values) // 40)), np.arange(len(values))
    return np.asarray(smooth - np.polyval(np.polyfit(places, smooth, 1), places), np.float32)


def _smooth(values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    width |= 1
    padded = np.pad(values, width // 2, mode="reflect") if len(values) > width else np.pad(values, width // 2)
    return np.convolve(padded, np.full(width, 1 / width, np.float32), "valid").astype(np.float32)


def _is_line(near: NDArray[np.float32], at: int) -> bool:
    """Whether what stands at the step is a line, all of it lighter or darker than the sides, which are alike."""
    profile = near.mean(axis=0)
    low, high = float(profile[: max(1, at - _REACH_PX)].mean()), float(profile[at + _REACH_PX :].mean())
    middle = profile[max(0, at - _REACH_PX) : at + _REACH_PX]
    if at + _REACH_PX >= len(profile):
        return False
    step = near[:, at] - near[:, at - 1]
    strong = step[np.abs(step) > 0.5 * np.percentile(np.abs(step), 90)]
    one_sign = bool(len(strong)) and abs(float(np.sign(strong).mean())) > _ONE_SIGN_SHARE
    return one_sign and float(np.abs(middle - (low + high) / 2).max()) > _LINE_CONTRAST * max(1.0, abs(low - high))
