"""Correct a panel's readings by hand, and take corrections back. The panel keeps its vector."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from mirsearch.corpus import Box, Panel, ScaleReading, to_json
from mirsearch.corrections import Correction, add_changes, uncorrected_panel
from mirsearch.errors import NotFoundError, UsageError
from mirsearch.indexes.base import FigureNotes, FigureRecord, Index
from mirsearch.query import StoredPanel
from mirsearch.search.naming import named_panel, named_panels
from mirsearch.search.scale_options import ScaleOptions

_SAME_BAR_PX = 0.05
"""Px: difference below which two lengths are those of one bar."""
_FIGURES_PER_COMMIT = 200
"""Figures that are written before they are made durable and visible."""
CorrectionChange = Callable[[FigureNotes], tuple[Correction, ...]]


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

    if rewrite_figures(index, {panel.figure_id: add_to}):
        raise removed_error(index, panel.figure_id)
    return index.panels([panel.id])[0]


def undo_corrections(index: Index, names: Sequence[str] = ()) -> int:
    """Remove the corrections of panels, figures and articles, or (without names) all of the index. Return how many.

    Corrections that fit none of their figure's panels are removed where the figure or all is named.
    """
    wanted = _named_panels_by_figure(index, names) if names else dict.fromkeys(index.corrected_figures())
    removed, changes = 0, dict[str, CorrectionChange]()
    for figure, notes in index.figure_notes(list(wanted)).items():
        change = partial(_remaining_corrections, wanted[figure])
        count = len(notes.corrections) - len(change(notes))
        if count:
            changes[figure], removed = change, removed + count
    if changes:
        rewrite_figures(index, changes)
    return removed


def _named_panels_by_figure(index: Index, names: Sequence[str]) -> dict[str, set[str] | None]:
    """Return the ids of the panels that are named alone, by figure; None for a figure that is named as a whole."""
    by_figure: dict[str, set[str] | None] = {}
    for name in names:
        found = named_panels(index, name)
        is_panel = found[0].panel.id == name.strip()
        for stored in found:
            panels = by_figure.setdefault(stored.figure.id, set())
            if not is_panel:
                by_figure[stored.figure.id] = None
            elif panels is not None:
                panels.add(stored.panel.id)
    return by_figure


def _remaining_corrections(panels: set[str] | None, notes: FigureNotes) -> tuple[Correction, ...]:
    """Return a figure's corrections without those of some panels, or (None) none."""
    return tuple(each for each in notes.corrections if panels is not None and each.panel not in panels)


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


def rewrite_figures(index: Index, changes: Mapping[str, CorrectionChange]) -> list[str]:
    """Write figures again as they were read, each with the corrections that its change returns for its notes.

    Return the figures that are not in the index any more.
    """
    lost: list[str] = []
    with index.writer() as writer:
        for number, (figure, change) in enumerate(changes.items(), start=1):
            stored = index.figure_panels(figure)
            notes = index.figure_notes([figure]).get(figure)
            if not stored or notes is None:
                lost.append(figure)
                continue
            writer.put(stored_record(index, stored, notes, change(notes)))
            if number % _FIGURES_PER_COMMIT == 0:
                writer.commit()
    return lost


def removed_error(index: Index, figure: str) -> NotFoundError:
    """Return the error for a figure that was there a moment ago."""
    return NotFoundError(f"the figure {figure} was removed from {index.location} a moment ago")


def stored_record(
    index: Index, stored: Sequence[StoredPanel], notes: FigureNotes, corrections: tuple[Correction, ...] | None
) -> FigureRecord:
    """Return a figure of the index as it was read, with its vectors, thumbnails and these corrections (None: its own).

    `stored` are all its panels.
    """
    panels = tuple(uncorrected_panel(panel.panel, notes.corrections) for panel in stored)
    vectors = np.stack([index.vector(panel.id) for panel in panels])
    thumbnails = tuple(index.thumbnail(panel.id) or b"" for panel in panels)
    return FigureRecord(
        stored[0].figure, panels, vectors, thumbnails, notes.analysis_version, notes.source_panels, corrections
    )
