"""Cut a part of a figure into pieces: drawings at white gutters, pictures at gutters of any color.

A gutter counts in a picture only where pictures begin along both its sides: the dark ground of a picture has dark
columns too, but nothing begins there. Such a gutter may be thin, and arrows or brackets may cross it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from mirsearch.analysis.panels.boxes import sides
from mirsearch.analysis.panels.gutters import Canvas, Profile, Run, find_runs, split_box
from mirsearch.analysis.panels.thin_lines import find_thin_line
from mirsearch.corpus import Box
from mirsearch.imaging.percentiles import percentiles

WHITE = 0
"""Index of white among a canvas' gutter colors."""

_CLEAN_SHARE = 0.004
"""Greatest share of ink in a line of a clean gutter. Noise of JPEG leaves some."""

_NOISE_PX = 1.5
"""Px of ink in a line of a drawing's gutter that may be noise. The axis of a plot is thicker."""

_CROSSED_SHARE = 0.12
"""Greatest share of ink in a line of a gutter that arrows or brackets cross."""

_FLANK_SHARE, _SURE_FLANK_SHARE = 0.55, 0.75
"""Least share of ink on both sides of a gutter between pictures: of a clean one, and of one that something crosses."""

_FLANK_REACH = 4
"""Distance in px from a gutter within which the pictures beside it begin. JPEG blurs their edges."""

_MIN_SIDE = 6
"""Least side of a piece of a drawing in px; thinner pieces are lines."""

_MIN_PICTURE_SIDE = 20
"""Least side of a piece of a picture in px."""

_MARGIN_SHARE = 0.05
"""Width of a margin, as a share of the picture's side, above which it is no frame. Chosen on drawn pictures."""

_MIN_CROPPED_SHARE = 0.15
"""Least side of a picture that has such a margin, as a share of the region's longer side. The tags of letters are
smaller."""

_MIN_NOISY_WIDTH, _MIN_NOISE = 6, 2
"""Least width in px of a gutter whose noise is measured, and the median difference in levels of neighboring px from
which it has noise. Printed ground has none, and JPEG leaves hardly any in the middle of a gutter."""

_WIDE_GUTTER, _GROUND_RANGE = 16, 3
"""Width in px from which a gutter's middle is free of what JPEG leaves beside pictures, and greatest difference in
levels there: between the 15th and the 85th percentile, so that marks may cross it. The ground of gels and of dark
pictures differs more."""

_LIGHT_GROUND = (200, 247)
"""Levels of light ground that is not white. If it is printed, it has one level."""

_MAX_DEPTH = 24
"""Most cuts within each other. A bound on time that real layouts don't reach."""


@dataclass(frozen=True, slots=True)
class _Gutter:
    """A gutter across a box: along axis 0 (a column) or 1 (a row), its place from the box's edge."""

    axis: int
    run: Run


def cut_drawing(canvas: Canvas, box: Box, min_gutter: int = 3, depth: int = 0) -> list[Box]:
    """Return the pieces that white gutters at least `min_gutter` px wide leave of a box, without blank margins."""
    box = canvas.trim(box, WHITE, _CLEAN_SHARE)
    if not canvas.ink(box, 0, WHITE).any():
        return []
    gutters = [gutter for axis in (0, 1) for gutter in _clean_gutters(canvas, box, axis, min_gutter)]
    if not gutters or depth >= _MAX_DEPTH:
        return [box]
    gutter = max(gutters, key=lambda each: each.run.width)
    parts = split_box(box, gutter.axis, gutter.run)
    return [piece for part in parts for piece in cut_drawing(canvas, part, min_gutter, depth + 1)]


def cut_picture(canvas: Canvas, box: Box, depth: int = 0) -> list[Box]:
    """Return the pictures into which gutters of any color, clean or crossed, and thin lines divide a filled box.

    A wide margin that is not white belongs to a picture where nothing else can be cut off: a cropped specimen on black.
    """
    whole = _trim_picture(canvas, box, [WHITE])
    box = _trim_picture(canvas, whole, range(WHITE + 1, len(canvas.colors)))
    if depth >= _MAX_DEPTH:
        return [box]
    gutters = [
        gutter
        for color in range(len(canvas.colors))
        for axis in (0, 1)
        for gutter in _gutters_between_pictures(canvas.ink(box, axis, color), axis)
        if not _has_noise(canvas, box, gutter.axis, gutter.run)
    ]
    gutter = max(gutters, key=lambda each: each.run.width, default=None) or _thin_line(canvas, box)
    if gutter is None:
        is_large = min(sides(whole)) >= _MIN_CROPPED_SHARE * max(canvas.width, canvas.height)
        return [whole if depth == 0 and is_large and _has_wide_margin(whole, box) else box]
    parts = split_box(box, gutter.axis, gutter.run)
    return [piece for part in parts for piece in cut_picture(canvas, part, depth + 1)]


def _has_noise(canvas: Canvas, box: Box, axis: int, run: Run) -> bool:
    """Return whether a wide gutter has the noise or the shading of a picture: it is a part of one.

    A bar of a TEM grid and the ground of a gel look like gutters else.
    """
    start, stop = box[axis] + run.start, box[axis] + run.stop
    if stop - start < _MIN_NOISY_WIDTH:
        return False
    middle = slice(start + (stop - start) // 4, stop - (stop - start) // 4)
    along = slice(box[1 - axis], box[3 - axis])
    strip = canvas.pixels[along, middle, 1] if axis == 0 else canvas.pixels[middle, along, 1].T
    if np.median(np.abs(np.diff(strip.astype(np.int16), axis=0))) >= _MIN_NOISE:
        return True
    low, level, high = (float(value[0]) for value in percentiles(strip.reshape(-1, 1), [15, 50, 85]))
    if _LIGHT_GROUND[0] <= level <= _LIGHT_GROUND[1]:
        return high - low > 1
    return stop - start >= _WIDE_GUTTER and high - low > _GROUND_RANGE


def _has_wide_margin(whole: Box, inner: Box) -> bool:
    """Return whether what was trimmed off a picture is more than a line around it."""
    return any(abs(whole[n] - inner[n]) > _MARGIN_SHARE * (whole[n % 2 + 2] - whole[n % 2]) for n in range(4))


def _thin_line(canvas: Canvas, box: Box) -> _Gutter | None:
    """Return the clearest thin line that divides a picture, as a gutter."""
    line = find_thin_line(canvas.pixels, box)
    return None if line is None else _Gutter(*line)


def _trim_picture(canvas: Canvas, box: Box, colors: Iterable[int]) -> Box:
    """Return a box without margins of gutter colors behind which a picture begins."""
    for color in colors:
        edges = list(box)
        for axis in (0, 1):
            profile = canvas.ink(box, axis, color)
            inked = np.flatnonzero(profile > _CROSSED_SHARE)
            if not len(inked):
                continue
            first, last = Run(0, int(inked[0])), Run(int(inked[-1]) + 1, len(profile))
            before, behind = profile[first.stop :][:_FLANK_REACH], profile[: last.start][-_FLANK_REACH:]
            if first.width and before.max() >= _FLANK_SHARE and not _has_noise(canvas, box, axis, first):
                edges[axis] = box[axis] + first.stop
            if last.width and behind.max() >= _FLANK_SHARE and not _has_noise(canvas, box, axis, last):
                edges[axis + 2] = box[axis] + last.start
        box = (edges[0], edges[1], edges[2], edges[3])
    return box


def _clean_gutters(canvas: Canvas, box: Box, axis: int, min_width: int) -> Iterator[_Gutter]:
    """Yield the white gutters across a box that leave a piece on both sides."""
    profile = canvas.ink(box, axis, WHITE) * (box[3 - axis] - box[1 - axis])
    for run in find_runs(profile <= _NOISE_PX, min_width):
        if run.start >= _MIN_SIDE and run.stop <= len(profile) - _MIN_SIDE:
            yield _Gutter(axis, run)


def _gutters_between_pictures(profile: Profile, axis: int) -> Iterator[_Gutter]:
    """Yield the gutters in a profile of ink against one color along whose sides pictures begin."""
    for share, flank_share, min_width in (
        (_CLEAN_SHARE, _FLANK_SHARE, 1),
        (_CROSSED_SHARE, _SURE_FLANK_SHARE, 2),
    ):
        for run in find_runs(profile <= share, min_width):
            is_inside = run.start >= _MIN_PICTURE_SIDE and run.stop <= len(profile) - _MIN_PICTURE_SIDE
            if is_inside and _has_flanks(profile, run, flank_share):
                yield _Gutter(axis, run)


def _has_flanks(profile: Profile, run: Run, share: float) -> bool:
    """Return whether much ink begins on both sides of a gutter."""
    before, behind = profile[max(0, run.start - _FLANK_REACH) : run.start], profile[run.stop : run.stop + _FLANK_REACH]
    return bool(before.max(initial=0) >= share and behind.max(initial=0) >= share)
