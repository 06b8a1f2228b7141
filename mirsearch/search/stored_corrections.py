"""The corrections that an index has, and the cells of a table that ask for them again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mirsearch.corpus import Figure
from mirsearch.corrections import Correction
from mirsearch.indexes.base import Index
from mirsearch.query import StoredPanel
from mirsearch.search.naming import named_panels

COLUMNS = ("id", "panel", "scale", "bar_px", "nm_per_px", "no_scale", "label", "kind", "technique", "caption", "reset")
"""Columns that a table of corrections may have. Others are for the reader, and are not read."""
NONE = "none"
"""What stands in a cell for "there is none": no scale, no letter. An empty cell changes nothing."""
_FIGURES_PER_LOOKUP = 500
"""Figures whose notes are read at once."""


@dataclass(frozen=True, slots=True)
class StoredCorrection:
    """A correction of the index with its figure's panels, and the panel that it applies to (None: it fits none now)."""

    correction: Correction
    panel: StoredPanel | None
    figure_panels: tuple[StoredPanel, ...]

    @property
    def figure(self) -> Figure | None:
        """Return the figure, None if the index no longer has it."""
        return self.figure_panels[0].figure if self.figure_panels else None


def list_corrections(index: Index, names: Sequence[str] = ()) -> Iterator[StoredCorrection]:
    """Yield the corrections of the index, by figure; with `names`, of these panels, figures and articles alone."""
    panels: set[str] | None = None
    if names:
        found = [stored for name in names for stored in named_panels(index, name)]
        figures = list(dict.fromkeys(stored.figure.id for stored in found))
        panels = {stored.panel.id for stored in found}
    else:
        figures = index.corrected_figures()
    for start in range(0, len(figures), _FIGURES_PER_LOOKUP):
        for figure, notes in index.figure_notes(figures[start : start + _FIGURES_PER_LOOKUP]).items():
            if not notes.corrections:
                continue
            stored = tuple(index.figure_panels(figure))
            by_id = {each.panel.id: each for each in stored}
            for correction in notes.corrections:
                if panels is None or correction.panel is None or correction.panel in panels:
                    yield StoredCorrection(correction, by_id.get(correction.panel or ""), stored)


def correction_cells(correction: Correction) -> dict[str, str]:
    """Return the cells of COLUMNS that ask for a correction again, without those that stay empty."""
    changes = correction.changes
    cells = {"id": correction.panel or ""}
    if "scale" in changes:
        cells |= _scale_cells(changes["scale"])
    if "label" in changes:
        cells["label"] = changes["label"] or NONE
    cells |= {name: changes[name] for name in ("kind", "technique", "caption") if changes.get(name)}
    return cells


def _scale_cells(scale: dict[str, Any] | None) -> dict[str, str]:
    if scale is None:
        return {"no_scale": "yes"}
    if scale.get("length_nm") is None or scale.get("length_px") is None:
        return {"nm_per_px": f"{scale['nm_per_px']:.12g}"}
    return {"scale": f"{scale['length_nm']:.12g} nm", "bar_px": f"{scale['length_px']:.12g}"}
