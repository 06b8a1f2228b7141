"""Give each of several images under one letter its own words, and keep the insets that show something of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.captions.split import CaptionParts
from mirsearch.analysis.kinds.kind import classify_panel
from mirsearch.corpus import Box, Panel, panel_keys

_MIN_INSET_CONFIDENCE = 0.8
"""Least confidence of an inset's kind (0 to 1) with which it is a panel of its own."""

_OUTER_KINDS = {"diffraction": ("micrograph", "map"), "micrograph": ("plot",)}
"""Kinds of insets that are panels of their own, each with the kinds of the panels around them.

An enlarged detail of the image around it is no panel of its own.
"""

_LOW, _HIGH = 0.4, 0.6
"""Shares of a group's sides below and above which an image is at its left (top) and right (bottom)."""


def add_captions(panels: Sequence[Panel], parts: CaptionParts, pixels: Pixels) -> list[Panel]:
    """Give each panel without a caption its part of the figure's caption."""
    height, width = pixels.shape[:2]
    counts = [sum(other.label == panel.label for other in panels) for panel in panels]
    return [
        panel
        if panel.caption
        else dataclasses.replace(panel, caption=_find_caption(panel, number, counts[number], parts, (width, height)))
        for number, panel in enumerate(panels)
    ]


def _find_caption(panel: Panel, number: int, count: int, parts: CaptionParts, figure_size: tuple[int, int]) -> str:
    """Return the part of the caption that describes a panel; its place among the images may decide."""
    if count == 1:
        return parts.caption if panel.label is None else parts.words_for(panel.label)
    place = place_in(panel.box, panel.group or (0, 0, *figure_size))
    if panel.label is None and parts.places:
        for name, text in parts.places.items():
            if name in place.split():
                return text
    ordinal = panel.part if panel.part is not None else number + 1
    return parts.words_for_part(panel.label, place, ordinal, panel.heading, count=count)


def place_in(box: Box, group: Box) -> str:
    """Return where a box lies in a group: "top left", "bottom", "right", "middle"."""
    x = ((box[0] + box[2]) / 2 - group[0]) / max(1, group[2] - group[0])
    y = ((box[1] + box[3]) / 2 - group[1]) / max(1, group[3] - group[1])
    row = "top" if y < _LOW else "bottom" if y > _HIGH else ""
    column = "left" if x < _LOW else "right" if x > _HIGH else ""
    return f"{row} {column}".strip() or "middle"


def add_insets(
    pixels: Pixels, panels: list[Panel], insets: Sequence[tuple[Box, int]], parts: CaptionParts
) -> tuple[list[Panel], int]:
    """Return the panels and, behind them, the insets that are panels of their own, with the number of these.

    `insets` are boxes in px with the place of the panel around each.
    """
    keys = panel_keys(panels)
    added = []
    for box, owner in insets:
        around = panels[owner]
        words = parts.words_for_part(around.label, inset=True)
        x0, y0, x1, y1 = box
        judgment = classify_panel(np.ascontiguousarray(pixels[y0:y1, x0:x1]), words)
        is_own = around.kind in _OUTER_KINDS.get(judgment.kind, ())
        if is_own and judgment.kind_confidence >= _MIN_INSET_CONFIDENCE:
            added.append(
                Panel(
                    box=box,
                    kind=judgment.kind,
                    kind_confidence=judgment.kind_confidence,
                    technique=judgment.technique,
                    technique_confidence=judgment.technique_confidence,
                    caption=words,
                    inset_of=keys[owner],
                )
            )
    return [*panels, *added], len(added)
