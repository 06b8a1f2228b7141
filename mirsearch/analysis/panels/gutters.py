"""Find where a figure can be cut: what a straight cut would cross, and which tiles clean gutters leave.

Cutting at blank rows and columns in turn is the XY-cut of Nagy and Seth (1984). Here a gutter may have any color.
Where no gutter runs, a seam counts by the share of its length on which brightness steps more than nearby.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.panels.masks import brightest_channel
from mirsearch.corpus import Box

_COLOR_TOLERANCE = 16
"""Largest difference per channel, in levels of 0 to 255, at which a pixel still has a gutter's color."""

_UNIFORM_TOLERANCE, _MAX_UNLIKE_SHARE = _COLOR_TOLERANCE // 2, 0.01
"""Levels by which px of a line of one color differ at most from its median, and share of px that may differ more."""

_MAX_DEPTH = 8
"""Most cuts within each other; a bound on time that real layouts don't reach."""

_CHANCE_SHARE, _SEAM_SHARE = 0.25, 0.3
"""Share of a line that steps suddenly by chance within a picture, and the share above it that makes a seam sure."""

Profile = NDArray[np.float32]
"""One value for each column or row of a box, float32 (n,)."""


@dataclass(frozen=True, slots=True)
class Run:
    """A gutter: from `start` to `stop` (exclusive) along an axis, in px."""

    start: int
    stop: int

    @property
    def width(self) -> int:
        """Return the width in px."""
        return self.stop - self.start


class Canvas:
    """A figure prepared for cutting.

    It holds integral images of ink against each gutter color, and of sudden steps in brightness along both axes. A
    pixel is ink if it differs from the gutter color by more than `tolerance` levels in any channel. With `white_only`,
    no other gutter colors are looked for.
    """

    def __init__(self, pixels: Pixels, tolerance: int = _COLOR_TOLERANCE, white_only: bool = False) -> None:
        self.height, self.width = pixels.shape[:2]
        self.pixels = pixels
        self.colors = _find_gutter_colors(pixels) if not white_only else [np.array([255, 255, 255], np.int16)]
        self._ink = [_integral_image(_ink_mask(pixels, color, tolerance)) for color in self.colors]

    @cached_property
    def _step_x(self) -> NDArray[np.int32]:
        """Return the integral image of sudden steps from the pixel on the left."""
        return _integral_image(_step_mask(self.pixels, 0))

    @cached_property
    def _step_y(self) -> NDArray[np.int32]:
        """Return the integral image of sudden steps from the pixel above."""
        return _integral_image(_step_mask(self.pixels, 1))

    @property
    def box(self) -> Box:
        """Return the box of the whole figure."""
        return (0, 0, self.width, self.height)

    def ink(self, box: Box, axis: int, color: int = 0) -> Profile:
        """Return the share of ink in each column (`axis` 0) or row (1) of `box` against a gutter color, in [0, 1]."""
        return _line_means(self._ink[color], box, axis)

    def crossed_ink(self, box: Box, axis: int) -> Profile:
        """Return how much ink a cut at each column (row) would cross: the least over all gutter colors, in [0, 1]."""
        least: Profile = np.min([self.ink(box, axis, color) for color in range(len(self.colors))], axis=0)
        return least

    def step_shares(self, box: Box, axis: int) -> Profile:
        """Return the share of each column (row) of `box` that steps suddenly from the one before, in [0, 1]."""
        return _line_means(self._step_x if axis == 0 else self._step_y, box, axis)

    def seam_scores(self, box: Box, axis: int) -> Profile:
        """Return how seam-like each column (row) is, in [0, 1]: 1 where a sudden step runs along most of it."""
        return np.asarray(np.clip((self.step_shares(box, axis) - _CHANCE_SHARE) / _SEAM_SHARE, 0.0, 1.0), np.float32)

    def trim(self, box: Box, color: int = 0, ink_share: float = 0.002) -> Box:
        """Return `box` without blank margins of a gutter color, or `box` itself if it holds nothing else.

        A row or column is blank if at most `ink_share` of it is ink.
        """
        x0, y0 = box[:2]
        columns = np.flatnonzero(self.ink(box, 0, color) > ink_share)
        rows = np.flatnonzero(self.ink(box, 1, color) > ink_share)
        if not len(columns) or not len(rows):
            return box
        return (x0 + int(columns[0]), y0 + int(rows[0]), x0 + int(columns[-1]) + 1, y0 + int(rows[-1]) + 1)


def _integral_image(values: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the integral image (h + 1, w + 1)."""
    return np.asarray(cv2.integral(values, sdepth=cv2.CV_32S), dtype=np.int32)


def _line_means(integral: NDArray[np.int32], box: Box, axis: int) -> Profile:
    """Return the mean of each column (`axis` 0) or row (1) of `box`, from the integral image."""
    x0, y0, x1, y1 = box
    if axis == 0:
        sums = integral[y1, x0 : x1 + 1] - integral[y0, x0 : x1 + 1]
        return (np.diff(sums) / max(1, y1 - y0)).astype(np.float32)
    sums = integral[y0 : y1 + 1, x1] - integral[y0 : y1 + 1, x0]
    return (np.diff(sums) / max(1, x1 - x0)).astype(np.float32)


def _step_mask(pixels: Pixels, axis: int) -> NDArray[np.uint8]:
    """Return 1 where the step from the pixel on the left (`axis` 0) or above (1) is far above those nearby, else 0.

    Steps are smoothed over 5 px along the column (row). A step counts if it exceeds twice the mean of the 15 × 3 px
    around it, 15 of them across, by more than 3 gray levels.
    """
    along, around, border = ((1, 5), (15, 3), (0, 0, 1, 0)) if axis == 0 else ((5, 1), (3, 15), (1, 0, 0, 0))
    smoothed = cv2.copyMakeBorder(cv2.blur(pixels, along), *border, cv2.BORDER_REPLICATE)
    before = smoothed[:, :-1] if axis == 0 else smoothed[:-1]
    step = brightest_channel(np.asarray(cv2.absdiff(smoothed[border[0] :, border[2] :], before), np.uint8))
    nearby = cv2.blur(step, around)
    return np.asarray(cv2.compare(step, cv2.add(cv2.add(nearby, nearby), 3), cv2.CMP_GT) // 255, np.uint8)


def _ink_mask(pixels: Pixels, color: NDArray[np.int16], tolerance: int) -> NDArray[np.uint8]:
    """Return 1 where a pixel differs from a gutter color by more than the tolerance in any channel, else 0."""
    low = np.clip(color - tolerance, 0, 255).astype(np.uint8)
    high = np.clip(color + tolerance, 0, 255).astype(np.uint8)
    return np.asarray(cv2.inRange(pixels, low, high) == 0, dtype=np.uint8)


def _find_gutter_colors(pixels: Pixels) -> list[NDArray[np.int16]]:
    """Return white, black, and up to two more colors that fill a whole row or column of the figure."""
    colors = [np.array([255, 255, 255], np.int16), np.array([0, 0, 0], np.int16)]
    line_colors: list[NDArray[np.int16]] = []
    for axis in (0, 1):
        step = max(1, pixels.shape[axis] // 200)
        sample = _may_be_uniform(pixels[::step] if axis == 0 else pixels[:, ::step], axis)
        if not sample.size:
            continue
        median = np.median(sample, axis=axis).astype(np.int16)
        level = np.broadcast_to(np.expand_dims(median.astype(np.uint8), axis), sample.shape)
        difference = brightest_channel(np.asarray(cv2.absdiff(sample, np.ascontiguousarray(level)), np.uint8))
        is_uniform = np.mean(difference > _UNIFORM_TOLERANCE, axis=axis) < _MAX_UNLIKE_SHARE
        line_colors.extend(median[is_uniform])
    for color in line_colors:
        if len(colors) >= 4:
            break
        if all(int(np.abs(color - other).max()) > _COLOR_TOLERANCE for other in colors):
            colors.append(color)
    return colors


def _may_be_uniform(sample: Pixels, axis: int) -> Pixels:
    """Return the columns (`axis` 0) or rows (1) whose variance lets them have one color; medians take long to find."""
    sample, count = np.ascontiguousarray(sample), sample.shape[axis]
    mean, power = (
        cv2.reduce(sample, axis, kind, dtype=cv2.CV_64F).reshape(-1, 3) / count
        for kind in (cv2.REDUCE_SUM, cv2.REDUCE_SUM2)
    )
    most = _UNIFORM_TOLERANCE**2 + _MAX_UNLIKE_SHARE * 255**2
    return np.ascontiguousarray(np.compress((power - mean**2 <= most).all(axis=1), sample, axis=1 - axis))


def find_runs(mask: NDArray[np.bool_], min_length: int) -> list[Run]:
    """Return the runs of True that are at least `min_length` long."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [Run(int(start), int(stop)) for start, stop in pairs if stop - start >= min_length]


def cut_at_gutters(canvas: Canvas, box: Box, min_width: int, depth: int = 0) -> list[Box]:
    """Return the tiles that clean gutters at least `min_width` px wide leave of `box`; the widest is cut first."""
    for color in range(len(canvas.colors)):
        inner = canvas.trim(box, color)
        gutter = _widest_gutter(canvas, inner, color, min_width)
        if gutter is not None and depth < _MAX_DEPTH:
            axis, run = gutter
            first, second = split_box(inner, axis, run)
            return cut_at_gutters(canvas, first, min_width, depth + 1) + cut_at_gutters(
                canvas, second, min_width, depth + 1
            )
    return [canvas.trim(box)]


def split_box(box: Box, axis: int, run: Run) -> tuple[Box, Box]:
    """Return the two parts of `box` beside a gutter whose place is counted from the box's own edge."""
    x0, y0, x1, y1 = box
    if axis == 0:
        return (x0, y0, x0 + run.start, y1), (x0 + run.stop, y0, x1, y1)
    return (x0, y0, x1, y0 + run.start), (x0, y0 + run.stop, x1, y1)


def _widest_gutter(canvas: Canvas, box: Box, color: int, min_width: int) -> tuple[int, Run] | None:
    """Return axis and run of the widest clean gutter of a color in `box` that leaves a tile on both sides, or None."""
    best: tuple[int, Run] | None = None
    for axis in (0, 1):
        profile = canvas.ink(box, axis, color)
        for run in find_runs(profile <= 0.002, min_width):
            min_side = max(8, len(profile) // 50)
            if run.start < min_side or run.stop > len(profile) - min_side:
                continue
            if best is None or run.width > best[1].width:
                best = (axis, run)
    return best


def is_picture(canvas: Canvas, box: Box) -> bool:
    """Return whether a tile is filled to its edges like a photograph, unlike a plot or a drawing on blank ground."""
    x0, y0, x1, y1 = box
    if x1 - x0 < 24 or y1 - y0 < 24:  # px: too small to tell
        return False
    dx, dy = max(2, (x1 - x0) // 25), max(2, (y1 - y0) // 25)
    edges = [(x0, y0, x0 + dx, y1), (x1 - dx, y0, x1, y1), (x0, y0, x1, y0 + dy), (x0, y1 - dy, x1, y1)]
    edge_ink = [float(canvas.ink(edge, 0).mean()) for edge in edges]
    return float(canvas.ink(box, 0).mean()) > 0.85 and min(edge_ink) > 0.6 and sum(edge_ink) > 3.2


def reading_order(boxes: Sequence[Box]) -> list[int]:
    """Return the indices of boxes in rows from the top, each row from the left.

    A row holds the boxes that begin above the middle of its topmost box.
    """
    remaining = sorted(range(len(boxes)), key=lambda n: boxes[n][1])
    ordered: list[int] = []
    while remaining:
        top = boxes[remaining[0]]
        middle = (top[1] + top[3]) / 2
        row = [n for n in remaining if boxes[n][1] < middle]
        ordered.extend(sorted(row, key=lambda n: boxes[n][0]))
        remaining = [n for n in remaining if boxes[n][1] >= middle]
    return ordered
