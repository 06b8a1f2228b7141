"""Correct many panels at once from a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from mirsearch.corpus import Panel, panel_keys
from mirsearch.corrections import Correction, add_changes, uncorrected_panel
from mirsearch.errors import MirsearchError, UsageError
from mirsearch.indexes.base import FigureNotes, Index
from mirsearch.ingest.correcting import removed_error, rewrite_figures, scale_change
from mirsearch.ingest.correction_table import BadRow, CorrectionRow
from mirsearch.query import StoredPanel
from mirsearch.search.naming import list_panels, named_panels


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
    for figure in rewrite_figures(index, {figure: partial(_add_rows, asked) for figure, asked in by_figure.items()}):
        reason = str(removed_error(index, figure))
        summary.bad += [BadRow(row.line, row.name, reason) for _, row in by_figure[figure]]


def _add_rows(asked: Sequence[tuple[Panel, CorrectionRow]], notes: FigureNotes) -> tuple[Correction, ...]:
    """Return the figure's corrections with those of the rows."""
    corrections = notes.corrections
    for panel, row in asked:
        if row.reset:
            corrections = tuple(correction for correction in corrections if correction.panel != panel.id)
            continue
        reading = uncorrected_panel(panel, notes.corrections)
        corrections = add_changes(reading, corrections, row.changes | scale_change(panel, row.scale))
    return corrections
