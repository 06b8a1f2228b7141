"""Find thin lines of one color that separate pictures: gutters too thin or too blurred to be clean."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.panels.gutters import Run
from mirsearch.analysis.panels.seams import details_correlation
from mirsearch.corpus import Box
from mirsearch.imaging.percentiles import percentiles

_REACH = 4
"""Distance in px from a line at which the pictures beside it are undisturbed."""

_MAX_SPREAD, _MAX_GRAY_SPREAD = 28, 8
"""Greatest difference in gray levels between the 4th and the 96th percentile along a line: white or black, and gray."""

_BLACK, _WHITE = 24, 225
"""Gray levels up to which a line is black, and from which it is white. Few gutters have another color."""

_MIN_CONTRAST = 20
"""Gray levels by which a line must differ from a picture beside it to be seen there."""

_MIN_CLEAN_CONTRAST, _MAX_CLEAN_SPREAD = 10, 12
"""The same of a line whose own levels differ so little: black beside the dark ground of fluorescence."""

_MIN_SEEN_SHARE = 0.6
"""Least share of a line's length on which it differs from the pictures on both sides."""

_MIN_RIDGE_SHARE = 0.9
"""Least share of the length of a blurred white line on which it is brighter than the pictures on both sides."""

_MIN_SIDE = 24
"""Least side in px of the pictures beside a line."""

_END = 6
"""Px at the ends of a line that are not compared: the edges of the pictures there look alike."""

_FAINT_CONTRAST, _FAINT_SHARE = 5, 0.97
"""Levels by which all of a black or white line differs from both sides, and least share of its length, if it is faint:
a gutter of a px or two beside the dark ground of fluorescence, in a figure that was reduced."""

_MAX_CORRELATION = 0.5
"""Correlation of the details on both sides above which one picture continues behind a line."""

_CROSSING_REACH, _MAX_CROSSED_SHARE = 7, 0.2
"""Px over which the crossing of another line is left out of the sides, since all gutters look alike, and greatest share
of a line that crossings make up."""

_EVEN_GROUND, _EVEN_LEVEL = 2.5, 40
"""Standard deviation in levels up to which both sides are even ground, which tells nothing, and levels by which it then
differs at most from black or white: the dark ground of fluorescence. The stripes of other images are even, too."""


def find_thin_line(pixels: Pixels, box: Box) -> tuple[int, Run] | None:
    """Return axis and place (px from the box's edge) of the clearest thin line across a box, or None.

    Axis 0 is a line from top to bottom, axis 1 one from left to right. A line that one picture continues behind, as a
    line drawn over a picture, does not count.
    """
    x0, y0, x1, y1 = box
    gray = np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels[y0:y1, x0:x1]), cv2.COLOR_RGB2GRAY), np.int16)
    found: list[tuple[float, int, int]] = []
    for axis, image in ((0, gray), (1, np.ascontiguousarray(gray.T))):
        found.extend((share, axis, place) for share, place in _lines(image))
    for _, axis, place in sorted(found, reverse=True):
        image = gray if axis == 0 else gray.T
        if not _continues_behind(image, place):
            return axis, Run(max(0, place - 1), place + 2)
    return None


def _continues_behind(gray: NDArray[np.int16], place: int) -> bool:
    """Return whether one picture continues behind a line at a column. Even ground beside it tells nothing."""
    line, left, right = (gray[_END:-_END, place + offset].astype(np.float32) for offset in (0, -_REACH, _REACH))
    if len(line) < _MIN_SIDE:
        return True
    level = float(np.median(line))
    crossing = np.ones(len(line), np.uint8)
    for side in (left, right):
        crossing &= np.abs(side - level) < np.abs(side - np.median(side))
    is_clear = cv2.dilate(crossing, np.ones((_CROSSING_REACH, 1), np.uint8)).ravel() == 0
    low, high = percentiles(line[:, np.newaxis], [4, 96])[:, 0]
    is_even = high - low <= _MAX_CLEAN_SPREAD and is_clear.mean() >= 1 - _MAX_CROSSED_SHARE
    if is_even and _are_even_ground(left[is_clear], right[is_clear]):
        return False
    return details_correlation(left, right) > _MAX_CORRELATION


def _are_even_ground(*sides: NDArray[np.float32]) -> bool:
    """Return whether nothing shows on the dark ground along both sides of a line; its image may be inverted."""
    levels = [float(side.mean()) for side in sides]
    is_ground = max(levels) <= _EVEN_LEVEL or min(levels) >= 255 - _EVEN_LEVEL
    return is_ground and max(float(side.std()) for side in sides) <= _EVEN_GROUND


def _lines(gray: NDArray[np.int16]) -> list[tuple[float, int]]:
    """Return the columns of one gray level that differ from both sides, with the share of rows where they do."""
    width = gray.shape[1]
    if width < 2 * _MIN_SIDE or gray.shape[0] < _MIN_SIDE:
        return []
    candidates = np.flatnonzero(gray.std(axis=0, dtype=np.float32) <= _MAX_SPREAD)
    candidates = candidates[(candidates >= _MIN_SIDE) & (candidates < width - _MIN_SIDE)]
    low, middle, high = percentiles(gray[:, candidates], [4, 50, 96])
    lines = []
    for place, level, spread in zip(candidates.tolist(), middle.astype(int).tolist(), high - low, strict=True):
        is_even = spread <= (_MAX_SPREAD if level <= _BLACK or level >= _WHITE else _MAX_GRAY_SPREAD)
        if not is_even and not _is_ridge(gray, place):
            continue
        left, right = gray[:, place - _REACH] - level, gray[:, place + _REACH] - level
        contrast = _MIN_CLEAN_CONTRAST if spread <= _MAX_CLEAN_SPREAD else _MIN_CONTRAST
        is_seen = np.minimum(np.abs(left), np.abs(right)) >= contrast
        share = float(is_seen.mean())
        if share >= _MIN_SEEN_SHARE or _is_faint_line(gray, place, level):
            lines.append((share, place))
    return lines


def _is_faint_line(gray: NDArray[np.int16], place: int, level: int) -> bool:
    """Return whether a black (white) column is a little darker (lighter) than both sides nearly everywhere."""
    sides = gray[:, place - _REACH], gray[:, place + _REACH]
    if level >= _WHITE:
        contrast = gray[:, place] - np.maximum(*sides)
    elif level <= _BLACK:
        contrast = np.minimum(*sides) - gray[:, place]
    else:
        return False
    return bool((contrast >= _FAINT_CONTRAST).mean() >= _FAINT_SHARE)


def _is_ridge(gray: NDArray[np.int16], place: int) -> bool:
    """Return whether a column is brighter than both sides nearly everywhere: a white line blurred by shrinking."""
    sides = np.maximum(gray[:, place - _REACH], gray[:, place + _REACH])
    return bool((gray[:, place] - sides >= _MIN_CONTRAST).mean() >= _MIN_RIDGE_SHARE)
