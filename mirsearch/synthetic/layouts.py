"""Arrangements of panels in a figure: trees of rows and columns, gutters, backgrounds, and panels of other kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mirsearch.corpus import Box
from mirsearch.synthetic.fields import Random

Node = float | tuple[Literal["row", "column"], tuple["Node", ...]]
"""A panel of an aspect ratio (width/height), or parts side by side (row) or stacked (column)."""

Color = tuple[int, int, int]


def row(*parts: Node) -> Node:
    """Return a node with parts side by side, of equal height."""
    return ("row", parts)


def column(*parts: Node) -> Node:
    """Return a node with stacked parts, of equal width."""
    return ("column", parts)


def aspect_ratio(node: Node) -> float:
    """Return the width/height of a tree, without gutters."""
    if isinstance(node, int | float):
        return float(node)
    kind, parts = node
    if kind == "row":
        return sum(aspect_ratio(part) for part in parts)
    return 1 / sum(1 / aspect_ratio(part) for part in parts)


def panel_boxes(node: Node, box: Box, gutter: int) -> list[Box]:
    """Return the boxes of a tree's panels in reading order. They fill `box` except for gutters of `gutter` px."""
    if isinstance(node, int | float):
        return [box]
    kind, parts = node
    shares = np.array([aspect_ratio(part) if kind == "row" else 1 / aspect_ratio(part) for part in parts])
    low, high = (box[0], box[2]) if kind == "row" else (box[1], box[3])
    room = high - low - gutter * (len(parts) - 1)
    edges = low + np.round(np.cumsum([0, *(shares / shares.sum())]) * room).astype(int)
    boxes = []
    for number, part in enumerate(parts):
        start, end = int(edges[number]) + number * gutter, int(edges[number + 1]) + number * gutter
        inner = (start, box[1], end, box[3]) if kind == "row" else (box[0], start, box[2], end)
        boxes += panel_boxes(part, inner, gutter)
    return boxes


def _random_aspect(rng: Random) -> float:
    return float(rng.choice((1.0, 1.15, 1.33, 1.5)))


def _grid(columns: int, rows: int) -> Callable[[Random], Node]:
    def tree(rng: Random) -> Node:
        shape = _random_aspect(rng)
        return column(*[row(*[shape] * columns) for _ in range(rows)])

    return tree


def _strips(rng: Random) -> Node:
    return column(*[float(rng.uniform(2.0, 3.0))] * int(rng.integers(2, 5)))


def _uneven(rng: Random) -> Node:
    shape = _random_aspect(rng)
    counts = [(2, 3), (3, 2), (3, 4), (1, 2), (3, 2, 3)][int(rng.integers(5))]
    return column(*[row(*[shape * max(counts) / count if count > 1 else shape * 1.9] * count) for count in counts])


def _big_left(rng: Random) -> Node:
    small = _random_aspect(rng)
    return row(_random_aspect(rng), column(small, small))


def _big_top(rng: Random) -> Node:
    return column(float(rng.uniform(1.6, 2.2)), row(*[1.0] * int(rng.integers(2, 4))))


@dataclass(frozen=True, slots=True)
class LayoutStyle:
    """An arrangement with the ranges of its gutters and margins in px, its background, and panels of other kinds.

    `extras` fill the last places: plot, schematic, diffraction, map. `letters_outside` puts letters above the panels.
    A layout that is not `common` is drawn only on request, and all its letters have one size.
    """

    name: str
    tree: Callable[[Random], Node]
    gutter: tuple[int, int] = (6, 16)
    background: Color = (255, 255, 255)
    margin: tuple[int, int] = (0, 12)
    extras: tuple[str, ...] = ()
    insets: bool = False
    letters_outside: bool = False
    has_letters: bool = True
    common: bool = True


_BLACK, _GRAY, _PALE = (0, 0, 0), (128, 128, 128), (236, 236, 236)
_BLUE, _BEIGE = (44, 74, 140), (238, 228, 204)
_STYLES = (
    LayoutStyle("single", _random_aspect, margin=(0, 0), has_letters=False),
    LayoutStyle("single-inset", _random_aspect, margin=(0, 0), insets=True, has_letters=False),
    LayoutStyle("row", lambda rng: row(*[_random_aspect(rng)] * int(rng.integers(2, 4)))),
    LayoutStyle("strips", _strips),
    LayoutStyle("grid-2x2", _grid(2, 2)),
    LayoutStyle("grid-3x2", _grid(3, 2)),
    LayoutStyle("grid-3x3", _grid(3, 3)),
    LayoutStyle("uneven-rows", _uneven),
    LayoutStyle("big-left", _big_left),
    LayoutStyle("big-top", _big_top),
    LayoutStyle("hairline", _grid(2, 2), gutter=(2, 3), margin=(0, 0)),
    LayoutStyle("wide-gutters", _grid(3, 2), gutter=(24, 48), margin=(12, 40)),
    LayoutStyle("black-gutters", _grid(2, 2), gutter=(3, 8), background=_BLACK, margin=(0, 6)),
    LayoutStyle("gray-gutters", _grid(3, 2), gutter=(4, 10), background=_GRAY, margin=(0, 8)),
    LayoutStyle("mosaic", _grid(2, 2), gutter=(0, 0), margin=(0, 0)),
    LayoutStyle("mosaic-row", lambda rng: row(*[_random_aspect(rng)] * 3), gutter=(0, 0), margin=(0, 0)),
    LayoutStyle("mosaic-uneven", _big_left, gutter=(0, 0), margin=(0, 0)),
    LayoutStyle("insets", _grid(2, 2), insets=True),
    LayoutStyle("letters-outside", _grid(2, 2), gutter=(26, 40), margin=(24, 34), letters_outside=True),
    LayoutStyle(
        "letters-outside-row",
        lambda rng: row(*[_random_aspect(rng)] * 3),
        gutter=(26, 40),
        margin=(24, 34),
        letters_outside=True,
    ),
    LayoutStyle("with-plot", _grid(2, 2), gutter=(14, 26), margin=(8, 20), extras=("plot",)),
    LayoutStyle("with-plots", _grid(3, 2), gutter=(14, 26), margin=(8, 20), extras=("plot", "plot")),
    LayoutStyle("with-schematic", _grid(2, 2), gutter=(14, 26), margin=(8, 20), extras=("schematic",)),
    LayoutStyle("with-diffraction", _grid(2, 2), extras=("diffraction",)),
    LayoutStyle("with-maps", _grid(3, 2), gutter=(4, 10), extras=("map", "map")),
    LayoutStyle("one-pixel", _grid(3, 2), gutter=(1, 1), margin=(0, 0), common=False),
    LayoutStyle("black-lines", _grid(3, 2), gutter=(1, 2), background=_BLACK, margin=(0, 0), common=False),
    LayoutStyle("uneven-tight", _uneven, gutter=(1, 3), margin=(0, 0), common=False),
    LayoutStyle("pale-gutters", _grid(3, 2), gutter=(3, 8), background=_PALE, margin=(0, 8), common=False),
    LayoutStyle("blue-gutters", _uneven, gutter=(3, 8), background=_BLUE, margin=(2, 8), common=False),
    LayoutStyle("beige-gutters", _big_left, gutter=(3, 8), background=_BEIGE, margin=(2, 8), common=False),
    LayoutStyle("mosaic-grid", _grid(3, 2), gutter=(0, 0), margin=(0, 0), common=False),
    LayoutStyle("mosaic-rows", _uneven, gutter=(0, 0), margin=(0, 0), common=False),
    LayoutStyle("strip-plots", _strips, gutter=(8, 16), margin=(4, 12), extras=("plot",), common=False),
    LayoutStyle("mixed", _uneven, gutter=(8, 20), margin=(4, 16), extras=("plot", "schematic"), common=False),
    LayoutStyle(
        "mixed-outside",
        _uneven,
        gutter=(26, 36),
        margin=(24, 34),
        extras=("diffraction", "plot"),
        letters_outside=True,
        common=False,
    ),
)

LAYOUT_STYLES: dict[str, LayoutStyle] = {style.name: style for style in _STYLES}
"""Every layout by name."""

COMMON_LAYOUTS = tuple(sorted(style.name for style in _STYLES if style.common))
"""Layouts that a seed chooses from."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The arrangement of a figure: its size and gutter in px, and its panels' boxes in reading order."""

    width: int
    height: int
    gutter: int
    boxes: tuple[Box, ...]


def _panels_across(node: Node) -> int:
    """Return the largest number of panels side by side."""
    if isinstance(node, int | float):
        return 1
    counts = [_panels_across(part) for part in node[1]]
    return sum(counts) if node[0] == "row" else max(counts)


def lay_out(style: LayoutStyle, rng: Random) -> Sheet:
    """Lay a style out: panels of about 240 to 380 px width in a figure of 440 to 1300 px width."""
    node = style.tree(rng)
    across = _panels_across(node)
    gutter = int(rng.integers(style.gutter[0], style.gutter[1] + 1))
    margin = int(rng.integers(style.margin[0], style.margin[1] + 1))
    width = int(np.clip(across * rng.uniform(250, 380), 440, 1300)) + 2 * margin + gutter * (across - 1)
    height = round((width - 2 * margin) / aspect_ratio(node)) + 2 * margin
    inner = (margin, margin, width - margin, height - margin)
    return Sheet(width, height, gutter, tuple(panel_boxes(node, inner, gutter)))
