"""Putting a panel right, and taking that back: the panel is written anew with the vector it has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mirsearch.corpus import Panel, ScaleReading, to_json
from mirsearch.corrections import Correction, machine_panel, merged
from mirsearch.errors import NotFoundError, UsageError
from mirsearch.indexes.base import FigureNotes, FigureRecord, Index
from mirsearch.query import StoredPanel
from mirsearch.search.query_image import ScaleOptions

_Change = Callable[[FigureNotes], tuple[Correction, ...]]


def correct(index: Index, some_id: str, changes: dict[str, Any], scale: ScaleOptions) -> StoredPanel:
    """Lay changes (fields of corrections.FIELDS as plain JSON, and the scale) over a panel; the panel as it is then.

    `some_id` is a panel's id, or one of a figure with a single panel. UsageError where several panels are meant.
    """
    panel = _only(index, some_id).panel

    def add(notes: FigureNotes) -> tuple[Correction, ...]:
        read = machine_panel(panel, notes.corrections)
        return merged(read, notes.corrections, changes | _scale_change(panel, scale))

    _rewrite(index, panel.figure_id, add)
    return index.panels([panel.id])[0]


def reset(index: Index, some_id: str) -> int:
    """Take back every correction of a panel, or of all panels of figures or articles; how many panels had one.

    Corrections of a figure that no panel of it fits any more go with those of the whole figure.
    """
    wanted = _found(index, some_id)
    figures = dict.fromkeys(each.figure.id for each in wanted)
    ids = None if wanted[0].panel.id != some_id.strip() else {some_id.strip()}

    def kept(notes: FigureNotes) -> tuple[Correction, ...]:
        return tuple(each for each in notes.corrections if ids is not None and each.panel not in ids)

    gone = 0
    for figure, notes in index.notes(list(figures)).items():
        taken = len(notes.corrections) - len(kept(notes))
        if taken:
            _rewrite(index, figure, kept)
            gone += taken
    return gone


def _found(index: Index, some_id: str) -> list[StoredPanel]:
    found = index.find(some_id)
    if not found:
        raise NotFoundError(f"nothing in {index.location} has the id {some_id!r}", "`mirsearch export` lists all ids")
    return found


def _only(index: Index, some_id: str) -> StoredPanel:
    found = _found(index, some_id)
    if len(found) > 1:
        names = ", ".join(each.panel.id for each in found[:12])
        raise UsageError(f"{some_id} has {len(found)} panels, and one is corrected at a time", f"give one of {names}")
    return found[0]


def _scale_change(panel: Panel, told: ScaleOptions) -> dict[str, Any]:
    """What the options say of the scale: nothing, none, or a reading of a user's."""
    if not told.read:
        return {"scale": None}
    if told.nm_per_px is not None:
        return {"scale": to_json(ScaleReading(told.nm_per_px, source="user"))}
    if told.length_nm is None:
        return {}
    if told.bar_px is not None:
        reading = ScaleReading(told.length_nm / told.bar_px, told.length_nm, told.bar_px, source="user")
        return {"scale": to_json(reading)}
    there = panel.scale
    if there is None or not there.length_px:
        raise UsageError(f"no scale bar was found in {panel.id}", "say how long it is with --bar-px N")
    reading = ScaleReading(
        told.length_nm / there.length_px, told.length_nm, there.length_px, there.bar, there.label_text, "user"
    )
    return {"scale": to_json(reading)}


def _rewrite(index: Index, figure: str, change: _Change) -> None:
    """Write a figure again, as it was read, with the corrections that `change` makes of its notes."""
    with index.writer() as writer:
        stored = index.figure_panels(figure)
        notes = index.notes([figure]).get(figure)
        if not stored or notes is None:
            raise NotFoundError(f"the figure {figure} has just been removed from {index.location}")
        writer.put(record_of(index, stored, notes, change(notes)))


def record_of(
    index: Index, stored: Sequence[StoredPanel], notes: FigureNotes, corrections: tuple[Correction, ...]
) -> FigureRecord:
    """A figure of the index as it was read, with its vectors and pictures, and these corrections."""
    panels = tuple(machine_panel(each.panel, notes.corrections) for each in stored)
    vectors = np.stack([index.vector(panel.id) for panel in panels])
    thumbnails = tuple(index.thumbnail(panel.id) or b"" for panel in panels)
    return FigureRecord(stored[0].figure, panels, vectors, thumbnails, notes.analysis, notes.given, corrections)
