"""Where a figure can be cut: how much a straight line across a region would cross, and the tiles clean gutters leave.

Cutting at blank rows and columns in turn is the XY-cut of Nagy and Seth (1984); here a gutter may have any color,
and a seam without a gutter counts by the share of its length on which the step across it stands out from others near.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels
from mirsearch.corpus import Box

_COLOR_TOLERANCE = 16
_MAX_DEPTH = 8
_CHANCE_SHARE, _SEAM_SHARE = 0.25, 0.3
"""Share of a line on which the steps inside a picture stand out by chance, and what more makes a sure seam."""


Profile = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Run:
    """A gutter: from `start` to `stop` (exclusive) along an axis."""

    start: int
    stop: int

    @property
    def width(self) -> int:
        """Width in px."""
        return self.stop - self.start


class Canvas:
    """A figure prepared for cutting: integral images of ink against each gutter color, and of steps in gray."""

    def __init__(self, pixels: Pixels) -> None:
        self.height, self.width = pixels.shape[:2]
        self.pixels = pixels
        self.colors = _find_gutter_colors(pixels)
        self._ink = [_integral_image(_ink_mask(pixels, color)) for color in self.colors]
        self._step_x = _integral_image(_step_mask(pixels))
        self._step_y = _integral_image(np.ascontiguousarray(_step_mask(np.ascontiguousarray(pixels.transpose(1, 0, 2))).T))

    @property
    def box(self) -> Box:
        """The whole figure."""
        return (0, 0, self.width, self.height)

    def ink(self, box: Box, axis: int, color: int = 0) -> Profile:
        """Share of ink in each column (`axis` 0) or row (1) of `box`, against one gutter color; in [0, 1]."""
        return _line_means(self._ink[color], box, axis)

    def crossing(self, box: Box, axis: int) -> Profile:
        """What a cut at each column (row) would cross: the least ink over all gutter colors."""
        least: Profile = np.min([self.ink(box, axis, color) for color in range(len(self.colors))], axis=0)
        return least

    def steps(self, box: Box, axis: int) -> Profile:
        """Share of each column (row) of `box` where the step from the one before stands out, in [0, 1]."""
        return _line_means(self._step_x if axis == 0 else self._step_y, box, axis)

    def seams(self, box: Box, axis: int) -> Profile:
        """How seam-like each column (row) is, in [0, 1]: 1 where a sudden step runs along most of it."""
        return np.asarray(np.clip((self.steps(box, axis) - _CHANCE_SHARE) / _SEAM_SHARE, 0.0, 1.0), np.float32)

    def trimmed(self, box: Box, color: int = 0, share: float = 0.002) -> Box:
        """`box` without blank margins of a gutter color; `box` itself where nothing but margin is in it."""
        x0, y0 = box[:2]
        columns = np.flatnonzero(self.ink(box, 0, color) > share)
        rows = np.flatnonzero(self.ink(box, 1, color) > share)
        if not len(columns) or not len(rows):
            return box
        return (x0 + int(columns[0]), y0 + int(rows[0]), x0 + int(columns[-1]) + 1, y0 + int(rows[-1]) + 1)


def _integral_image(values: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Integral image (h + 1, w + 1)."""
    return np.asarray(cv2.integral(values, sdepth=cv2.CV_32S), dtype=np.int32)


def _line_means(integral: NDArray[np.int32], box: Box, axis: int) -> Profile:
    """Mean of each column (`axis` 0) or row (1) of `box`, from the integral image."""
    x0, y0, x1, y1 = box
    if axis == 0:
        line = integral[y1, x0 : x1 + 1] - integral[y0, x0 : x1 + 1]
        return (np.diff(line) / max(1, y1 - y0)).astype(np.float32)
    line = integral[y0 : y1 + 1, x1] - integral[y0 : y1 + 1, x0]
    return (np.diff(line) / max(1, x1 - x0)).astype(np.float32)


def _step_mask(pixels: Pixels) -> NDArray[np.uint8]:
    """1 where the step from the pixel to the left, smoothed along the column, is well above those around it; else 0."""
    smooth = cv2.copyMakeBorder(cv2.blur(pixels, (1, 5)), 0, 0, 1, 0, cv2.BORDER_REPLICATE)
    red, green, blue = cv2.split(cv2.absdiff(smooth[:, 1:], smooth[:, :-1]))
    step = cv2.max(cv2.max(red, green), blue)
    usual = cv2.blur(step, (15, 3))
    return np.asarray(cv2.compare(step, cv2.add(cv2.add(usual, usual), 3), cv2.CMP_GT) // 255, np.uint8)


def _ink_mask(pixels: Pixels, color: NDArray[np.int16]) -> NDArray[np.uint8]:
    """1 where a pixel differs from a gutter color by more than the tolerance in any channel, else 0."""
    low = np.clip(color - _COLOR_TOLERANCE, 0, 255).astype(np.uint8)
    high = np.clip(color + _COLOR_TOLERANCE, 0, 255).astype(np.uint8)
    return np.asarray(cv2.inRange(pixels, low, high) == 0, dtype=np.uint8)


def _find_gutter_colors(pixels: Pixels) -> list[NDArray[np.int16]]:
    """White, black, and up to two more colors that fill a whole row or column of the figure."""
    colors = [np.array([255, 255, 255], np.int16), np.array([0, 0, 0], np.int16)]
    lines: list[NDArray[np.int16]] = []
    for axis in (0, 1):
        step = max(1, pixels.shape[axis] // 200)
        sample = pixels[::step] if axis == 0 else pixels[:, ::step]
        middle = np.median(sample, axis=axis).astype(np.int16)
        off = np.abs(sample.astype(np.int16) - np.expand_dims(middle, axis)).max(axis=2)
        uniform = np.mean(off > _COLOR_TOLERANCE // 2, axis=axis) < 0.01
        lines.extend(middle[uniform])
    for color in lines:
        if len(colors) >= 4:
            break
        if all(int(np.abs(color - known).max()) > _COLOR_TOLERANCE for known in colors):
            colors.append(color)
    return colors


def find_runs(clean: NDArray[np.bool_], least: int) -> list[Run]:
    """Stretches of True at least `least` long."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], clean, [False])).astype(np.int8)))
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [Run(int(start), int(stop)) for start, stop in pairs if stop - start >= least]


def cut_at_gutters(canvas: Canvas, box: Box, least: int, depth: int = 0) -> list[Box]:
    """Tiles that clean gutters at least `least` px wide leave of `box`, by cutting the widest first."""
    for color in range(len(canvas.colors)):
        inner = canvas.trimmed(box, color)
        cut = _widest_gutter(canvas, inner, color, least)
        if cut is not None and depth < _MAX_DEPTH:
            axis, run = cut
            first, second = split_box(inner, axis, run)
            return cut_at_gutters(canvas, first, least, depth + 1) + cut_at_gutters(canvas, second, least, depth + 1)
    return [canvas.trimmed(box)]


def split_box(box: Box, axis: int, run: Run) -> tuple[Box, Box]:
    """The two parts of `box` on both sides of a gutter given from the box's own edge."""
    x0, y0, x1, y1 = box
    if axis == 0:
        return (x0, y0, x0 + run.start, y1), (x0 + run.stop, y0, x1, y1)
    return (x0, y0, x1, y0 + run.start), (x0, y0 + run.stop, x1, y1)


def _widest_gutter(canvas: Canvas, box: Box, color: int, least: int) -> tuple[int, Run] | None:
    """The widest clean gutter of a color inside `box`, if both sides stay large enough to be tiles."""
    best: tuple[int, Run] | None = None
    for axis in (0, 1):
        profile = canvas.ink(box, axis, color)
        for run in find_runs(profile <= 0.002, least):
            small = max(8, len(profile) // 50)
            if run.start < small or run.stop > len(profile) - small:
                continue
            if best is None or run.width > best[1].width:
                best = (axis, run)
    return best


def is_picture(canvas: Canvas, box: Box) -> bool:
    """Whether a tile is filled to its edges like a photograph, unlike a plot or a drawing on a blank ground."""
    x0, y0, x1, y1 = box
    if x1 - x0 < 24 or y1 - y0 < 24:
        return False
    dx, dy = max(2, (x1 - x0) // 25), max(2, (y1 - y0) // 25)
    edges = [(x0, y0, x0 + dx, y1), (x1 - dx, y0, x1, y1), (x0, y0, x1, y0 + dy), (x0, y1 - dy, x1, y1)]
    filled = [float(canvas.ink(edge, 0).mean()) for edge in edges]
    return float(canvas.ink(box, 0).mean()) > 0.85 and min(filled) > 0.6 and sum(filled) > 3.2


def reading_order(boxes: Sequence[Box]) -> list[int]:
    """Numbers of boxes in rows from the top, each row from the left; a row begins above its first one's middle."""
    rest = sorted(range(len(boxes)), key=lambda n: boxes[n][1])
    ordered: list[int] = []
    while rest:
        top = boxes[rest[0]]
        middle = (top[1] + top[3]) / 2
        row = [n for n in rest if boxes[n][1] < middle]
        ordered.extend(sorted(row, key=lambda n: boxes[n][0]))
        rest = [n for n in rest if boxes[n][1] >= middle]
    return ordered
