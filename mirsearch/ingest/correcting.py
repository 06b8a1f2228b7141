"""Correct a panel's readings by hand, and take corrections back. The panel keeps its vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mirsearch.corpus import Box, Panel, ScaleReading, to_json
from mirsearch.corrections import Correction, add_changes, uncorrected_panel
from mirsearch.errors import NotFoundError, UsageError
from mirsearch.indexes.base import FigureNotes, FigureRecord, Index
from mirsearch.query import StoredPanel
from mirsearch.search.naming import named_panel, named_panels
from mirsearch.search.query_image import ScaleOptions

_SAME_BAR_PX = 0.05
"""Px: difference below which two lengths are those of one bar."""
_CorrectionChange = Callable[[FigureNotes], tuple[Correction, ...]]


def correct_panel(index: Index, some_id: str, changes: dict[str, Any], scale: ScaleOptions) -> StoredPanel:
    """Correct a panel and return it as it is afterwards.

    `changes` has fields of corrections.FIELDS as plain JSON; `scale` has what the user gave for the scale.
    `some_id` is the id of a panel, or of a figure with one panel, or the name of its file. Raises UsageError where it
    names several panels.
    """
    panel = named_panel(index, some_id).panel

    def add_to(notes: FigureNotes) -> tuple[Correction, ...]:
        reading = uncorrected_panel(panel, notes.corrections)
        return add_changes(reading, notes.corrections, changes | scale_change(panel, scale))

    _rewrite_figure(index, panel.figure_id, add_to)
    return index.panels([panel.id])[0]


def reset_corrections(index: Index, some_id: str) -> int:
    """Remove all corrections of a panel, or of all panels of a figure or article. Return how many were removed.

    For a figure or article, corrections that fit none of its panels any more are removed too.
    """
    panels = named_panels(index, some_id)
    figures = dict.fromkeys(stored.figure.id for stored in panels)
    one_panel = some_id.strip() if panels[0].panel.id == some_id.strip() else None

    def remaining(notes: FigureNotes) -> tuple[Correction, ...]:
        if one_panel is None:
            return ()
        return tuple(correction for correction in notes.corrections if correction.panel != one_panel)

    removed = 0
    for figure, notes in index.figure_notes(list(figures)).items():
        count = len(notes.corrections) - len(remaining(notes))
        if count:
            _rewrite_figure(index, figure, remaining)
            removed += count
    return removed


def scale_change(panel: Panel, options: ScaleOptions) -> dict[str, Any]:
    """Return the change of the scale that the options ask for: empty, no scale, or a reading with the source "user".

    The panel's own bar keeps its place, also where its length in px is given. Raises UsageError if it has none, and no
    length in px is given.
    """
    if not options.read:
        return {"scale": None}
    if options.nm_per_px is not None:
        return {"scale": to_json(ScaleReading(options.nm_per_px, source="user"))}
    if options.length_nm is None:
        return {}
    length_px, bar, label_text = _found_bar(panel)
    if options.bar_px is not None and (length_px is None or abs(length_px - options.bar_px) > _SAME_BAR_PX):
        length_px, bar, label_text = options.bar_px, None, None
    if length_px is None:
        raise UsageError(f"no scale bar was found in {panel.id}", "give its length with --bar-px N")
    reading = ScaleReading(options.length_nm / length_px, options.length_nm, length_px, bar, label_text, "user")
    return {"scale": to_json(reading)}


def _found_bar(panel: Panel) -> tuple[float | None, Box | None, str | None]:
    """Return length (px), box and label of the panel's bar, whether or not its reading was sure; None: it has none."""
    for reading in (panel.scale, panel.doubtful_scale):
        if reading is not None and reading.length_px:
            return reading.length_px, reading.bar, reading.label_text
    if panel.bar is None or not panel.bar.length_px > 0:
        return None, None, None
    return panel.bar.length_px, panel.bar.box, None


def _rewrite_figure(index: Index, figure: str, change: _CorrectionChange) -> None:
    """Write a figure again as it was read, with the corrections that `change` returns for its notes."""
    with index.writer() as writer:
        stored = index.figure_panels(figure)
        notes = index.figure_notes([figure]).get(figure)
        if not stored or notes is None:
            raise NotFoundError(f"the figure {figure} was removed from {index.location} a moment ago")
        writer.put(figure_record(index, stored, notes, change(notes)))


def figure_record(
    index: Index, stored: Sequence[StoredPanel], notes: FigureNotes, corrections: tuple[Correction, ...]
) -> FigureRecord:
    """Return a figure of the index as it was read, with its vectors, thumbnails and the given corrections."""
    panels = tuple(uncorrected_panel(panel.panel, notes.corrections) for panel in stored)
    vectors = np.stack([index.vector(panel.id) for panel in panels])
    thumbnails = tuple(index.thumbnail(panel.id) or b"" for panel in panels)
    return FigureRecord(
        stored[0].figure, panels, vectors, thumbnails, notes.analysis_version, notes.source_panels, corrections
    )
