"""Resizes and compresses drawn figures as a journal does, and scales their truth."""

from __future__ import annotations

from dataclasses import replace

from mirsearch.corpus import Box, Panel
from mirsearch.synthetic.figures import SyntheticFigure
from mirsearch.synthetic.scalebars.bars import DrawnBar
from mirsearch.synthetic.scalebars.samples import publish_pixels


def publish_figure(figure: SyntheticFigure, factor: float, quality: int | None) -> SyntheticFigure:
    """Return the figure, with its truth, resized by `factor` and compressed as JPEG of `quality` (None: not)."""
    panels = tuple(_scale_panel(panel, factor) for panel in figure.panels)
    return replace(
        figure,
        pixels=publish_pixels(figure.pixels, factor, quality),
        panels=panels,
        bars=tuple(None if bar is None else _scale_bar(bar, factor) for bar in figure.bars),
        letters=tuple(None if box is None else _scale_box(box, factor) for box in figure.letters),
        insets=tuple(_scale_box(box, factor) for box in figure.insets),
    )


def _scale_panel(panel: Panel, factor: float) -> Panel:
    scale = panel.scale
    if scale is not None:
        bar = None if scale.bar is None else _scale_box(scale.bar, factor)
        length = None if scale.length_px is None else scale.length_px * factor
        scale = replace(scale, nm_per_px=scale.nm_per_px / factor, length_px=length, bar=bar)
    return replace(panel, box=_scale_box(panel.box, factor), scale=scale)


def _scale_bar(bar: DrawnBar, factor: float) -> DrawnBar:
    return replace(
        bar,
        box=_scale_box(bar.box, factor),
        label_box=None if bar.label_box is None else _scale_box(bar.label_box, factor),
        length_px=bar.length_px * factor,
        nm_per_px=bar.nm_per_px / factor,
    )


def _scale_box(box: Box, factor: float) -> Box:
    x0, y0, x1, y1 = (round(edge * factor) for edge in box)
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)
