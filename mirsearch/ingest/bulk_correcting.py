"""Correct many panels at once from a table, and take corrections back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mirsearch.corpus import Panel, panel_keys
from mirsearch.corrections import Correction, add_changes, uncorrected_panel
from mirsearch.errors import MirsearchError, NotFoundError, UsageError
from mirsearch.indexes.base import FigureNotes, Index
from mirsearch.ingest.correcting import figure_record, scale_change
from mirsearch.ingest.correction_table import BadRow, CorrectionRow
from mirsearch.query import StoredPanel
from mirsearch.search.naming import list_panels, named_panels

_FIGURES_PER_COMMIT = 200
"""Figures that are written before they are made durable and visible."""


@dataclass(slots=True)
class TableSummary:
    """The outcome of a table: ids of the corrected and reset panels, and the rows that could not be used."""

    corrected: list[str] = field(default_factory=list)
    reset: list[str] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)


def correct_rows(index: Index, rows: Iterable[CorrectionRow | BadRow], dry_run: bool = False) -> TableSummary:
    """Correct what the rows of a table ask for; a later row of a panel wins. Rows that can't be used are left out.

    `dry_run`: only find out what would be done.
    """
    summary = TableSummary()
    by_figure: dict[str, list[tuple[Panel, CorrectionRow]]] = {}
    for row in rows:
        if isinstance(row, BadRow):
            summary.bad.append(row)
            continue
        try:
            panel = _find_panel(index, row).panel
            scale_change(panel, row.scale)
        except MirsearchError as error:
            summary.bad.append(BadRow(row.line, row.name, str(error).replace("--", "")))
            continue
        by_figure.setdefault(panel.figure_id, []).append((panel, row))
        (summary.reset if row.reset else summary.corrected).append(panel.id)
    summary.corrected, summary.reset = list(dict.fromkeys(summary.corrected)), list(dict.fromkeys(summary.reset))
    if by_figure and not dry_run:
        _write_figures(index, by_figure, summary)
    return summary


def _find_panel(index: Index, row: CorrectionRow) -> StoredPanel:
    found = named_panels(index, row.name)
    if row.panel is not None:
        keys = panel_keys([stored.panel for stored in found])
        wanted = row.panel.strip().strip("()").lower()
        found_here = [stored for key, stored in zip(keys, found, strict=True) if key == wanted]
        if not found_here:
            raise UsageError(f"{row.name} has no panel {row.panel!r}", f"it has {', '.join(keys)}")
        found = found_here
    if len(found) > 1:
        raise UsageError(f"{row.name} has {len(found)} panels", f"give one of {list_panels(found)}, or its panel")
    return found[0]


def _write_figures(
    index: Index, by_figure: dict[str, list[tuple[Panel, CorrectionRow]]], summary: TableSummary
) -> None:
    with index.writer() as writer:
        for number, (figure, asked) in enumerate(by_figure.items(), start=1):
            stored = index.figure_panels(figure)
            notes = index.figure_notes([figure]).get(figure)
            if not stored or notes is None:
                lost = NotFoundError(f"the figure {figure} was removed from {index.location} a moment ago")
                summary.bad += [BadRow(row.line, row.name, str(lost)) for _, row in asked]
                continue
            writer.put(figure_record(index, stored, notes, _add_rows(notes, asked)))
            if number % _FIGURES_PER_COMMIT == 0:
                writer.commit()


def _add_rows(notes: FigureNotes, asked: Sequence[tuple[Panel, CorrectionRow]]) -> tuple[Correction, ...]:
    """Return the figure's corrections with those of the rows."""
    corrections = notes.corrections
    for panel, row in asked:
        if row.reset:
            corrections = tuple(correction for correction in corrections if correction.panel != panel.id)
            continue
        reading = uncorrected_panel(panel, notes.corrections)
        corrections = add_changes(reading, corrections, row.changes | scale_change(panel, row.scale))
    return corrections


def undo_corrections(index: Index, names: Sequence[str] = ()) -> int:
    """Remove the corrections of panels, figures and articles, or (without names) all of the index. Return how many.

    Corrections that fit none of their figure's panels are removed where the figure or all is named.
    """
    by_figure: dict[str, set[str] | None] = {}
    for name in names:
        found = named_panels(index, name)
        for stored in found:
            one_panel = len(found) == 1 and found[0].panel.id == name.strip()
            wanted = by_figure.setdefault(stored.figure.id, set())
            if not one_panel:
                by_figure[stored.figure.id] = None
            elif wanted is not None:
                wanted.add(stored.panel.id)
    if not names:
        by_figure = dict.fromkeys(index.corrected_figures())
    return _remove_corrections(index, by_figure)


def _remove_corrections(index: Index, by_figure: dict[str, set[str] | None]) -> int:
    """Remove the corrections of these panels (None: all) of figures, in one session. Return how many."""
    removed = 0
    with index.writer() as writer:
        for number, (figure, panels) in enumerate(by_figure.items(), start=1):
            stored, notes = index.figure_panels(figure), index.figure_notes([figure]).get(figure)
            if not stored or notes is None:
                continue
            kept = tuple(each for each in notes.corrections if panels is not None and each.panel not in panels)
            if len(kept) < len(notes.corrections):
                writer.put(figure_record(index, stored, notes, kept))
                removed += len(notes.corrections) - len(kept)
            if number % _FIGURES_PER_COMMIT == 0:
                writer.commit()
    return removed
